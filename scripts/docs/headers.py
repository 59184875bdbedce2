# SPDX-License-Identifier: MIT
#
# Reads the public C headers as they are written: a comment at the head that says what it is all about,
# then entries, each a comment and the declarations right below it. The manual pages (manual.py) and the
# reference (filter.py) are made of what is read here, so they say what the headers say.
#
# What is private has two underscores in its name, or ends in _slow or _refuse: the far half of an inline
# function.

import glob
import os
import re

# The families: a header, the page about it, and what it is in a line.
PAGES = [
    ("cairn.h", "cairn_malloc", "blocks of memory from Cairn's malloc"),
    ("cairn/heap.h", "cairn_heap", "heaps whose blocks can be freed together"),
    ("cairn/stats.h", "cairn_stats", "what the allocator holds, as figures and as text"),
    ("cairn/allocator.h", "cairn_allocator", "the interface of all allocators"),
    ("cairn/layout.h", "cairn_layout", "size and alignment of a block"),
    ("cairn/system.h", "cairn_system", "the process's malloc as an allocator"),
    ("cairn/foreign.h", "cairn_foreign", "the malloc of another library as an allocator"),
    ("cairn/bump.h", "cairn_bump", "blocks cut from a fixed region"),
    ("cairn/atomic_bump.h", "cairn_atomic_bump", "blocks cut from a fixed region by many threads"),
    ("cairn/arena.h", "cairn_arena", "blocks that end together, marks, limits"),
    ("cairn/arena_string.h", "cairn_arena_string", "text in an arena"),
    ("cairn/arena_tree.h", "cairn_arena_tree", "cleanups and children of an arena"),
    ("cairn/arena_vector.h", "cairn_arena_vector", "arrays that grow in an arena"),
    ("cairn/frame_arena.h", "cairn_frame_arena", "blocks that live until the end of the next frame"),
    ("cairn/pool.h", "cairn_pool", "blocks of one size"),
    ("cairn/object_pool.h", "cairn_object_pool", "objects that are made once and used many times"),
    ("cairn/atomic_pool.h", "cairn_atomic_pool", "blocks of one size for many threads, without a lock"),
    ("cairn/cached_pool.h", "cairn_cached_pool", "blocks of one size with a cache for each thread"),
    ("cairn/slab.h", "cairn_slab", "a cache of objects in slabs"),
    ("cairn/slab_set.h", "cairn_slab_set", "blocks of all sizes in slabs"),
    ("cairn/slots.h", "cairn_slots", "elements known by keys that are never used again"),
    ("cairn/fit.h", "cairn_fit", "a free list over a region: first, next, best, segregated fit"),
    ("cairn/buddy.h", "cairn_buddy", "blocks of powers of two, aligned to their size"),
    ("cairn/compact.h", "cairn_compact", "a heap of handles whose blocks can be moved together"),
    ("cairn/numa.h", "cairn_numa", "memory of chosen nodes"),
    ("cairn/counted.h", "cairn_counted", "counts what goes through an allocator, finds leaks"),
    ("cairn/timed.h", "cairn_timed", "measures how long an allocator's calls take"),
    ("cairn/traced.h", "cairn_traced", "logs an allocator's calls"),
    ("cairn/guarded.h", "cairn_guarded", "guards around an allocator's blocks"),
    ("cairn/checked.h", "cairn_checked", "holds an allocator and its callers to the contract"),
    ("cairn/limited.h", "cairn_limited", "a budget around an allocator"),
    ("cairn/failing.h", "cairn_failing", "makes an allocator fail on a schedule"),
    ("cairn/locked.h", "cairn_locked", "a lock around an allocator"),
    ("cairn/fallback.h", "cairn_fallback", "a second allocator where the first has no memory"),
    ("cairn/segregated.h", "cairn_segregated", "small blocks from one allocator, large ones from another"),
    ("cairn/stack.h", "cairn_stack", "stacks of allocators from a text"),
]
PARTS = {"cairn/slots_inline.h": "cairn/slots.h"}  # what others include and explain


class Declaration:
    """`kind`: function, macro, type or variable; `name`; `code` as it stands, without a body."""

    def __init__(self, kind, name, code):
        self.kind, self.name, self.code = kind, name, code
        self.said = ""  # of the entry that it is in

    @property
    def is_private(self):
        return "__" in self.name or self.name.endswith(("_slow", "_refuse"))

    @property
    def shows_fields(self):
        """Whether the fields of a type are the caller's business."""
        return "cairn__" not in self.code and "private" not in self.code + self.said

    @property
    def is_opaque(self):
        """Whether a type is a name and nothing else, as far as the caller is concerned."""
        return "struct" in self.code and not (self.shows_fields and re.search("[{(]", self.code))

    @property
    def prototype(self):
        """In one line, without attributes."""
        code = re.sub(r"__attribute__\(\(.*?\)\)\)? *", "", re.sub(r"/\*.*?\*/", "", self.code))
        code = re.sub(r"\b(static inline|CAIRN_(RE)?ALLOCATES\([^)]*\))", "", code)
        return re.sub(r" +;", ";", " ".join(code.split())).strip()


class Entry:
    """Declarations and what is said of them together; or a note (no declarations), or a `title`."""

    def __init__(self, comment, title=None):
        self.comment, self.title, self.declarations = comment, title, []
        self.is_behind = False  # the comment stands behind its declaration, which has it alone

    @property
    def shown(self):
        return [one for one in self.declarations if not one.is_private]


class Header:
    def __init__(self, include, name):
        self.name = name
        with open(os.path.join(include, name), encoding="utf-8") as file:
            text = file.read()
        text = re.sub(r"#ifdef __cplusplus\n(?:.*?\n)??(extern \"C\" \{|\})\n#endif\n", "", text)
        self.head, self.entries = None, []
        self._read(_without_cplusplus(text))

    def _read(self, text):
        at, entry, apart = text.index("*/") + 2, None, True
        while at < len(text):
            rest = text[at:]
            blank = re.match(r"\s+", rest)
            if blank:
                # An empty line ends an entry; the end of a line does not.
                apart = apart or blank[0].count("\n") > 1
                trailing = "\n" not in blank[0]
                at += len(blank[0])
                if trailing and text.startswith("/*", at) and entry and entry.declarations:
                    comment, at = _comment(text, at)
                    if entry.comment is None:
                        entry.comment, entry.is_behind = comment, True
                    else:
                        entry.comment += " " + comment
                continue
            if rest.startswith("/*"):
                comment, at = _comment(text, at)
                title = re.fullmatch(r"-+ (.*?) -+", comment, re.S)
                if self.head is None:
                    self.head = comment
                    continue
                entry = Entry(None if title else comment, title and title[1].replace("\n", " "))
                self.entries.append(entry)
                apart = title is not None
                continue
            if rest.startswith("#"):
                # What stands behind a number is said of it, as behind a function.
                end = re.match(r"(?:.*\\\n)*(?:(?! */\*).)*", rest).end()
                declaration = _macro(rest[:end])
            else:
                end, declaration = _declaration(rest)
            at += end
            if declaration is None:
                continue
            if entry is None or apart or entry.is_behind:
                commented = entry is not None and entry.comment is not None and not entry.declarations and not apart
                if not commented:
                    entry = Entry(None)
                    self.entries.append(entry)
            entry.declarations.append(declaration)
            declaration.said = entry.comment or ""
            apart = False

    def declarations(self, *kinds):
        return [one for entry in self.entries for one in entry.shown if one.kind in kinds]


def _without_cplusplus(text):
    """Drops what is for C++ alone, keeps the #else."""
    kept, stack = [], []
    for line in text.split("\n"):
        if re.match(r"#ifdef __cplusplus", line):
            stack.append("drop")
        elif line.startswith("#if"):
            stack.append("keep")
            kept.append(line)
        elif line.startswith("#else") and stack[-1] in ("drop", "other"):
            stack[-1] = "other"
        elif line.startswith("#endif"):
            if stack.pop() == "keep":
                kept.append(line)
        elif "drop" not in stack:
            kept.append(line)
    return "\n".join(kept)


def _comment(text, at):
    end = text.index("*/", at) + 2
    column = at - text.rfind("\n", 0, at) - 1
    lines = text[at + 2:end - 2].split("\n")
    lines = [lines[0].strip(), *(re.sub(r"^\s*\* ?", "", line[0 if column == 0 else 0:]) for line in lines[1:])]
    return "\n".join(line.rstrip() for line in lines).strip("\n "), end


def _macro(line):
    found = re.match(r"#define (\w+)(\([^)]*\))?", line)
    if not found or found[1].endswith("_H") or "_H " in line[:len(found[0]) + 1] or found[1] in (
            "CAIRN_ALLOCATES", "CAIRN_REALLOCATES"):
        return None
    # What a macro with arguments does is said in words; a number is its value.
    code = f"#define {found[1]}{found[2]}" if found[2] else re.sub(r"/\*.*?\*/", "", line).rstrip()
    return Declaration("macro", found[1], " ".join(code.split()))


def _declaration(text):
    """Its end in the text, and what it is."""
    depth, index = 0, 0
    while True:
        if text.startswith("/*", index):
            index = text.index("*/", index) + 2
            continue
        char = text[index]
        depth += (char in "({[") - (char in ")}]")
        index += 1
        if depth == 0 and char == ";":
            break
        if depth == 0 and char == "}" and re.match(r"[^={]*\)\s*\{", re.sub(r"/\*.*?\*/", "", text[:index], flags=re.S)):
            break  # a body
    code = text[:index]
    plain = re.sub(r"/\*.*?\*/", "", code, flags=re.S)
    plain = re.sub(r"__attribute__\(\((?:[^()]|\([^()]*\))*\)\)", "", plain)
    if plain.startswith("extern "):
        return index, Declaration("variable", re.search(r"(\w+)\s*;", plain)[1], code)
    if plain.startswith("typedef") or re.match(r"(struct|enum|union)\s+\w+\s*(\{|;)", plain):
        name = re.search(r"\(?\*?(\w+)\)?\s*\(", plain) if "{" not in plain and "(" in plain else None
        name = name or re.search(r"(\w+)\s*;\s*$", plain) or re.search(r"\w+\s+(\w+)", plain)
        return index, Declaration("type", name[1], code)
    name = re.search(r"(\w+)\s*\(", plain)
    if name is None:
        return index, None
    body = re.match(r"[^{;]*\)\s*(?=\{)", code)
    if body:
        code = body[0].rstrip() + ";"
    return index, Declaration("function", name[1], code)


def all_headers(include):
    """Every public C header, in the order of PAGES; one that PAGES does not know is an error."""
    found = [os.path.relpath(path, include) for path in
             glob.glob(include + "/*.h") + glob.glob(include + "/cairn/**/*.h", recursive=True)]
    unknown = set(found) - {name for name, _, _ in PAGES} - set(PARTS)
    if unknown:
        raise SystemExit(f"scripts/docs/headers.py: PAGES has no row for {', '.join(sorted(unknown))}")
    return [(Header(include, name), page, about) for name, page, about in PAGES]
