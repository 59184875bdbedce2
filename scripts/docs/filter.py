# SPDX-License-Identifier: MIT
#
# What Doxygen reads of a public header: each comment as one that it takes for documentation, in front of
# each declaration that it is about. A type is shown as it stands in the header, its fields with what is
# said of them. The headers themselves stay as they are. Usage: filter.py HEADER.

import os
import re
import sys

import headers
import manual


def plain(comment):
    """A comment as Doxygen takes it literally: samples as such, words in backticks as code."""
    out, verbatim = [], False
    for line in comment.split("\n"):
        is_sample = re.match(r" {2,}(?!- )\S", line) and not (out and out[-1].lstrip().startswith("- "))
        if is_sample and not verbatim and (not out or not out[-1].strip() or out[-1].endswith(":")):
            out.append("\\verbatim")
            verbatim = True
        elif verbatim and line.strip() and not line.startswith("  "):
            out.append("\\endverbatim")
            verbatim = False
        if not verbatim:
            line = re.sub(r"([\\@&$#<>%\"])", r"\\\1", line.strip() if not re.match(r" +- ", line) else line)
            line = re.sub(r"`([^`]*)`", r"<code>\1</code>", line)
        out.append(line)
    return "\n".join([*out, *(["\\endverbatim"] if verbatim else [])])


def line_comments(code):
    """Code whose comments end with their line, for within a comment."""
    def lines(comment):
        first, *others = comment[1].strip().removeprefix("* ").split("\n")
        return "\n".join(["// " + first, *(re.sub(r"^( *?) ?\* ?", r"\1// ", line) for line in others)]).rstrip("/ ")
    return re.sub(r"/\*(.*?)\*/", lines, code, flags=re.S)


def documentation(text):
    return "/**\n" + "\n".join(" * " + line for line in text.split("\n")) + "\n */"


def shown(header, title):
    out = [documentation(f"\\file {header.name}\n\\brief {title}\n\n{plain(header.head)}")]
    is_open = False
    for entry in header.entries:
        if entry.title:
            out += ["/**@}*/"] if is_open else []
            out += [documentation(f"\\name {plain(entry.title)}"), "/**@{*/"]
            is_open = True
            continue
        said = plain(entry.comment) if entry.comment else None
        if not entry.declarations and said:
            out.append(documentation(f"\\file {header.name}\n\n{said}"))
        for one in entry.shown:
            if one.kind == "type":
                if said is None and one.is_opaque:
                    continue
                code = manual.code_of(one)
                fields = f"\n\\code{{.c}}\n{line_comments(code)}\n\\endcode" if "{" in code or said is None else ""
                out.append(documentation((said or "") + fields))
                name = re.match(r"(?:typedef )?(struct|enum|union) (\w+)", code)
                if one.code.startswith("typedef") and "{" not in code:
                    out.append(code)
                else:
                    out.append(f"typedef {name[1]} {name[2]} {one.name};")
                continue
            if said is not None:
                out.append(documentation(said))
            out.append(one.code if one.kind == "macro" else one.prototype)
    out += ["/**@}*/"] if is_open else []
    if header.name == "cairn.h":
        out.append(documentation("\\mainpage The API\n\n<a href=\"files.html\">All headers</a>, "
                                 "<a href=\"../index.html\">the documents</a>."))
    return "\n\n".join(out) + "\n"


if __name__ == "__main__":
    include, _, name = os.path.realpath(sys.argv[1]).rpartition("/include/")
    include += "/include"
    title = next((about for path, _, about in headers.PAGES if path == name), "inline functions")
    print(shown(headers.Header(include, name), title[0].upper() + title[1:]), end="")
