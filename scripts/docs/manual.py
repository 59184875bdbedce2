# SPDX-License-Identifier: MIT
#
# Makes the manual pages of section 3 from the public headers: a page for each header, and for each of
# its functions and macros a page that sends the reader there. Usage: manual.py INCLUDE SCDOC FOLDER
# VERSION [PAGE.scd...]; the pages named last are written by hand, and go into the folder as they are.
# With --source for SCDOC, the sources are written and not the pages.

import os
import re
import subprocess
import sys

import headers


def escaped(text):
    """Text that scdoc takes as it is: its marks are escaped, wherever they stand."""
    text = re.sub(r"([\\*_`#|\[\]~;.'!<>:-])", r"\\\1", text)
    return text.replace("++", "\\+\\+")


def literal(code):
    """Lines of code, as a block of their own."""
    return "```\n" + code.replace("\t", "    ") + "\n```\n"


def prose(comment):
    """A comment's paragraphs, lists and indented samples."""
    parts = []
    for paragraph in re.split(r"\n\s*\n", comment):
        lines = paragraph.split("\n")
        while lines:
            item = re.match(r" +- ", lines[0])
            if item:
                depth = len(item[0])
                end = 1
                while end < len(lines) and lines[end].startswith(" " * depth) and not re.match(r" +- ", lines[end]):
                    end += 1
                text = " ".join(line.strip() for line in lines[:end])[2:]
                parts.append(("item", "- " + escaped(text)))
            elif re.match(r" {2,}\S", lines[0]):
                end = 1
                while end < len(lines) and lines[end].startswith("  "):
                    end += 1
                indent = min(len(line) - len(line.lstrip()) for line in lines[:end])
                parts.append(("sample", literal("\n".join(line[indent:] for line in lines[:end])).rstrip()))
            else:
                end = 1
                while end < len(lines) and not lines[end].startswith("  "):
                    end += 1
                parts.append(("text", escaped(" ".join(lines[:end]))))
            lines = lines[end:]
    text, last = "", None
    for kind, part in parts:
        text += ("" if last is None else "\n" if last == kind == "item" else "\n\n") + part
        last = kind
    return text


def synopsis_of(one):
    """A declaration as code, at most 72 columns wide: continued below its first argument."""
    code = one.prototype
    if len(code) <= 72 or "(" not in code:
        return code
    head, _, rest = code.partition("(")
    lines, line = [], head + "("
    for part in re.split(r"(?<=,) (?![^()]*\)(?!;))", rest):
        if len(line) + len(part) > 72 and line.strip() and not line.endswith("("):
            lines.append(line.rstrip())
            line = "        "
        line += part + " "
    return "\n".join([*lines, line.rstrip()])


def code_of(one):
    """The code of a type, without attributes; if its fields are private, without them."""
    code = one.code if one.shows_fields else re.sub(r"\{.*\}", "{ ... }", one.code, flags=re.S)
    return re.sub(r"\s*__attribute__\(\(.*?\)\)\)?", "", code)


def page_of(header, page, about, version, others):
    out = [f'{page}(3) "" "Cairn {version}"', "", "# NAME", "", f"{page} - {escaped(about)}", "",
           "# SYNOPSIS", "", f"*#include <{header.name}>*", ""]
    shown = [synopsis_of(one) for one in header.declarations("function", "variable", "macro")]
    if shown:
        out += [literal("\n".join(shown))]
    out += ["Link with *-lcairn*.", "", "# DESCRIPTION", "", prose(header.head), ""]
    types, body = [], []
    for entry in header.entries:
        if entry.title:
            # scdoc takes a heading as it is; what follows a mark is said below it.
            title, _, more = re.sub(r"([;:]) ", r"\1", entry.title).partition(
                next((mark for mark in entry.title if mark in ";:"), "\n"))
            body += ["", f"# {title.upper()}", ""]
            if more:
                body += [escaped(more[0].upper() + more[1:] + "."), ""]
            continue
        visible = entry.shown
        if not visible and (entry.declarations or not entry.comment):
            continue
        if visible and all(one.kind == "type" for one in visible):
            # An opaque name by itself says nothing that the functions do not.
            if not entry.comment and all(one.is_opaque for one in visible):
                continue
            code = [code_of(one) for one in visible]
            types += [*([prose(entry.comment), ""] if entry.comment else []), literal("\n".join(code))]
            continue
        if visible:
            body += ["", literal("\n".join(code_of(one) if one.kind == "type" else synopsis_of(one) for one in visible))]
        if entry.comment:
            text = prose(entry.comment)
            body += ["\n".join("\t" + line if line and not line.startswith("```") else line
                               for line in text.split("\n")) if visible and "```" not in text else text, ""]
    if body and not body[1].startswith("# ") and not any(line.startswith("# ") for line in body[:3]):
        body = ["# FUNCTIONS", "", *body]
    if types:
        out += ["# TYPES", "", *types, ""]
    out += body
    out += ["", "# SEE ALSO", "", ", ".join(f"*{name}*({number})" for name, number in others), ""]
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(out))
    return text.rstrip() + "\n"


def related(header, page):
    """The pages of the headers that it includes or names, and the overview."""
    with open(os.path.join(sys.argv[1], header.name), encoding="utf-8") as file:
        text = file.read()
    named = set(re.findall(r"(?:cairn/)?([a-z_]+\.h)\b", text))
    pages = [name for path, name, _ in headers.PAGES
             if name != page and (os.path.basename(path) in named or path == "cairn/allocator.h")]
    return [("cairn", 3), *((name, 3) for name in pages)]


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def main(include, scdoc, folder, version, *by_hand):
    made = set()

    def make(name, source):
        if scdoc == "--source":
            write(os.path.join(folder, name + ".scd"), source)
            return
        done = subprocess.run([scdoc], input=source, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"manual.py: {name}: {done.stderr}")
        write(os.path.join(folder, name), done.stdout)
        made.add(name)

    os.makedirs(folder, exist_ok=True)
    found = headers.all_headers(include)
    for path in by_hand:
        with open(path, encoding="utf-8") as file:
            make(os.path.basename(path).removesuffix(".scd"), file.read())
    pages = {page for _, page, _ in found}
    for header, page, about in found:
        make(page + ".3", page_of(header, page, about, version, related(header, page)))
    if scdoc == "--source":
        return
    for header, page, _ in found:
        for one in header.declarations("function", "macro", "variable"):
            if one.name not in pages:
                write(os.path.join(folder, one.name + ".3"), f".so man3/{page}.3\n")
                made.add(one.name + ".3")
    # What an included header defines and its owner explains.
    for part, owner in headers.PARTS.items():
        page = next(page for name, page, _ in headers.PAGES if name == owner)
        for one in headers.Header(include, part).declarations("macro"):
            write(os.path.join(folder, one.name + ".3"), f".so man3/{page}.3\n")
            made.add(one.name + ".3")
    for name in os.listdir(folder):
        if name.endswith(".3") and name not in made:
            os.remove(os.path.join(folder, name))


if __name__ == "__main__":
    main(*sys.argv[1:])
