# SPDX-License-Identifier: MIT
#
# The manual pages in the build folder: each function that the library exports, or that a header has
# inline, can be looked up; pages refer to pages that exist; groff has nothing to say against them.
# Usage: manual.py ROOT BUILD.

import glob
import os
import re
import shutil
import subprocess
import sys

OF_THE_SYSTEM = {"malloc(3)"}


def functions(root, build):
    """Not read as the pages are made: the library's symbols, and what the headers define."""
    symbols = subprocess.run(["nm", "-D", "--defined-only", f"{build}/lib/libcairn.so"],
                             capture_output=True, text=True, check=True).stdout
    names = set(re.findall(r" [TD] (cairn_\w+)", symbols))
    for path in glob.glob(f"{root}/include/**/*.h", recursive=True):
        with open(path, encoding="utf-8") as file:
            names |= set(re.findall(r"^(?:static inline [\w *]*?|#define )((?:cairn_|CAIRN_(?!\w*ALLOCATES))\w+)\(",
                                    file.read(), re.M))
    # The far half of an inline function is nobody's to call.
    return {name for name in names if "__" not in name and not re.search(r"_(slow|refuse)$", name)}


def main(root, build):
    folder, wrong = f"{build}/man", []
    pages = {f"{os.path.basename(path)[:-2]}({path[-1]})": path for path in glob.glob(folder + "/man[137]/*.[137]")}
    if not any(path.endswith(".3") for path in pages.values()):
        print("skip: the pages were not made; that takes scdoc and python3")
        return 77

    wanted = functions(root, build)
    for name in sorted(wanted):
        if f"{name}(3)" not in pages:
            wrong.append(f"{name}: has no page")
    texts = {}
    for page, path in pages.items():
        with open(path, encoding="utf-8") as file:
            text = file.read()
        alias = re.fullmatch(r"\.so man3/(\w+)\.3\n", text)
        if alias is None:
            texts[page] = text
        elif f"{alias[1]}(3)" not in pages:
            wrong.append(f"{page}: sends the reader to {alias[1]}(3), which does not exist")

    # What a page shows is what was asked for.
    for page, path in pages.items():
        if page not in texts:
            with open(path, encoding="utf-8") as file:
                target = file.read().strip()[len(".so man3/"):-2] + "(3)"
            if not re.search(rf"\b{page[:-3]}\b", texts.get(target, "").replace("\\_", "_")):
                wrong.append(f"{page}: {target} does not speak of it")

    for page, text in texts.items():
        if not re.search(r"\.SH NAME\n(\.P\n)?" + re.escape(page[:-3]).replace("_", r"\\?_") + r" (\\?-) \S", text):
            wrong.append(f"{page}: has no NAME that an index could read")
        for name in re.findall(r"\\fB([\w\\-]+)\\fR\((\d)\)", text):
            reference = f"{name[0]}({name[1]})".replace("\\", "")
            if reference not in pages and reference not in OF_THE_SYSTEM:
                wrong.append(f"{page}: refers to {reference}, which does not exist")
        if page[-3:] == "(3)" and page != "cairn(3)" and page[:-3] not in texts["cairn(3)"].replace("\\", ""):
            wrong.append(f"cairn(3): does not name {page}")

    if shutil.which("man"):
        names = sorted(wanted)
        found = subprocess.run(["man", "-M", folder, "-S", "3", "-w", *names], capture_output=True, text=True,
                               env=dict(os.environ, LC_ALL="C"), check=False)
        missing = re.findall(r"No manual entry for (\w+)", found.stderr)
        wrong += [f"{name}: man does not find it" for name in missing]
        if found.stdout.count("\n") < len(names) - len(missing):
            wrong.append(f"man finds {found.stdout.count(chr(10))} pages of {len(names)}")
    if shutil.which("groff"):
        said = subprocess.run(["groff", "-K", "utf8", "-Tutf8", "-man", "-ww", "-z", *[pages[page] for page in texts]],
                              capture_output=True, text=True, check=False)
        wrong += said.stderr.split("\n")[:-1]

    print("\n".join(sorted(wrong) + [f"{len(wanted)} functions, {len(texts)} pages, {len(wrong)} faults"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(os.path.realpath(sys.argv[1]), os.path.realpath(sys.argv[2])))
