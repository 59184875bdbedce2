# SPDX-License-Identifier: MIT
#
# Every relative link of the documents leads to a file of the project, and every anchor to a heading.
# Usage: links.py ROOT. Prints `file:line: what`. Links to other sites are not followed, but counted.

import os
import sys

import document


def check(root):
    known = {name.file: name for name in document.documents(root)}
    files = set(document.files(root))
    folders = {os.path.dirname(name) for name in files}
    folders |= {os.path.dirname(name) for name in folders} | {""}
    wrong, followed, outside = [], 0, 0
    for one in known.values():
        for line, target in one.links:
            if "://" in target or target.startswith("mailto:"):
                outside += 1
                continue
            followed += 1
            path, _, anchor = target.partition("#")
            path = os.path.normpath(os.path.join(os.path.dirname(one.file), path)) if path else one.file
            if path not in files and path.rstrip("/") not in folders:
                wrong.append(f"{one.file}:{line}: {target}: there is no such file")
            elif anchor and path in known and anchor not in known[path].anchors:
                wrong.append(f"{one.file}:{line}: {target}: no such heading in {path}")
    return wrong, len(known), followed, outside


if __name__ == "__main__":
    found, count, followed, outside = check(sys.argv[1])
    print("\n".join(found + [f"{count} documents: {followed} links, {len(found)} of them wrong; "
                             f"{outside} to other sites, not followed"]))
    sys.exit(1 if found or followed == 0 else 0)
