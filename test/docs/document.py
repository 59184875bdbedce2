# SPDX-License-Identifier: MIT
#
# Reads the project's documents: Markdown, and manual pages written for scdoc. What is understood of
# them is what the checks need: headings, links, fenced blocks, and the comments before these.

import os
import re
import subprocess


def files(root, *patterns):
    """The project's files, as scripts/list-files.sh has them, that match one of the patterns."""
    command = [os.path.join(root, "scripts/list-files.sh"), *patterns]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")[:-1]


class Block:
    """A sample: its lines, the words of its info string, and what a comment before it gives."""

    def __init__(self, file, line, info, lines, given):
        self.file, self.line, self.lines, self.given = file, line, lines, given
        self.language, _, self.how = info.partition(" ")
        self.how, _, reason = self.how.partition("norun:")
        self.reason = reason.strip() or None
        self.how = self.how.split()
        if not reason and info.strip().endswith("norun:"):
            self.how = ["norun"]

    @property
    def place(self):
        return f"{self.file}:{self.line}"

    @property
    def text(self):
        return "\n".join(self.lines) + "\n"


class Document:
    """A Markdown file: `blocks`, `links` (line, target), `anchors`, and `wrong`, what cannot be read."""

    def __init__(self, root, file):
        self.file = file
        self.blocks, self.links, self.anchors, self.wrong = [], [], set(), []
        with open(os.path.join(root, file), encoding="utf-8") as lines:
            self._read(lines.read().split("\n"))

    def _read(self, lines):
        given, paragraph, index = None, False, 0
        while index < len(lines):
            line = lines[index]
            fence = re.match(r"( *)(```+|~~~+)(.*)", line)
            comment = re.match(r"<!-- given:(.*)", line)
            if fence:
                end = index + 1
                while end < len(lines) and lines[end].strip() != fence[2]:
                    end += 1
                if end == len(lines):
                    self.wrong.append((index + 1, "a fence without end"))
                indent = len(fence[1])
                self.blocks.append(Block(self.file, index + 1, fence[3].strip(),
                                         [text[indent:] for text in lines[index + 1:end]], given))
                given, index, paragraph = None, end, False
            elif comment:
                end = index
                while end < len(lines) and "-->" not in lines[end]:
                    end += 1
                text = "\n".join([comment[1], *lines[index + 1:end + 1]])
                given, index = text.partition("-->")[0].strip("\n"), end
            else:
                if line.strip() and given is not None:
                    self.wrong.append((index + 1, "`given:` must stand right before a fenced block"))
                    given = None
                if line.startswith("    ") and not paragraph:
                    self.wrong.append((index + 1, "an indented block: use a fence, which says what it is"))
                # Below a list's item, or within a paragraph, an indented line is text.
                paragraph = bool(line.strip()) or (paragraph and self._in_list(lines, index))
                self._read_text(index + 1, line)
            index += 1

    @staticmethod
    def _in_list(lines, index):
        while index >= 0 and (not lines[index].strip() or lines[index].startswith(" ")):
            index -= 1
        return index >= 0 and re.match(r"([-*+]|\d+\.) ", lines[index]) is not None

    def _read_text(self, number, line):
        heading = re.match(r"#+ +(.*?) *#*$", line)
        if heading:
            anchor = self.anchor(heading[1])
            repeated = anchor
            count = 0
            while repeated in self.anchors:
                count += 1
                repeated = f"{anchor}-{count}"
            self.anchors.add(repeated)
        self.anchors.update(re.findall(r'<a (?:id|name)="([^"]*)"', line))
        plain = re.sub(r"`+[^`]*`+", "", line)  # what stands in backticks is no link
        for target in re.findall(r"\]\(<?([^)\s>]*)>?(?: \"[^\"]*\")?\)", plain):
            self.links.append((number, target))
        for target in re.findall(r"^ *\[[^\]]+\]: +(\S+)", plain):
            self.links.append((number, target))
        for target in re.findall(r'(?:src|href)="([^"]*)"', plain):
            self.links.append((number, target))

    @staticmethod
    def anchor(heading):
        """What a reader on the web finds the heading by: its words in lower case, joined by hyphens."""
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")


class Manual:
    """A manual page for scdoc. Its samples are what is indented by tabs in EXAMPLES, and fences; the
    comment before one, `; sh run`, is its info string, and `; given: ...` gives commands."""

    def __init__(self, root, file):
        self.file, self.blocks, self.wrong = file, [], []
        with open(os.path.join(root, file), encoding="utf-8") as lines:
            lines = lines.read().split("\n")
        info, given, section, index = "", None, "", 0
        while index < len(lines):
            line = lines[index]
            if line.startswith("# "):
                section = line[2:]
            elif line.startswith("; given:"):
                given = line[8:].strip()
            elif line.startswith("; "):
                info = line[2:]
            elif line == "```" or (section == "EXAMPLES" and line.startswith("\t")):
                begin = index + (line == "```")
                end = begin
                while end < len(lines) and (lines[end] != "```" if line == "```" else
                                            lines[end].startswith("\t") or lines[end - 1].endswith("++")):
                    end += 1
                text = lines[begin:end]
                if line != "```":
                    text = ["$ " + re.sub(r"\\(.)", r"\1", re.sub(r"\+\+$", "", one.strip())) for one in text]
                self.blocks.append(Block(file, begin + 1, info, text, given))
                info, given, index = "", None, end - (line != "```")
            index += 1


def documents(root):
    """All Markdown that speaks to users and to those who work on Cairn."""
    names = files(root, "*.md")
    return [Document(root, name) for name in names
            if "/" not in name or name.startswith("docs/")]


def manuals(root):
    return [Manual(root, name) for name in files(root, "man/*.scd")]
