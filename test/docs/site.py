# SPDX-License-Identifier: MIT
#
# The site can be made, all its links lead to pages and anchors of it, nothing is fetched from elsewhere,
# and a public function without documentation is an error. Usage: site.py ROOT. 77: no doxygen or cmark-gfm.

import glob
import html
import os
import re
import shutil
import subprocess
import sys
import tempfile


def make(root, folder):
    return subprocess.run([sys.executable, f"{root}/scripts/docs/site.py", root, folder], capture_output=True,
                          text=True, check=False)


def wrong_links(folder):
    pages = {}
    for path in glob.glob(folder + "/**/*.html", recursive=True):
        with open(path, encoding="utf-8") as file:
            pages[os.path.relpath(path, folder)] = file.read()
    count = 0
    for name, text in pages.items():
        text = re.sub(r"<!--.*?-->|<pre>.*?</pre>", "", text, flags=re.S) if not name.startswith("api/") else text
        for kind, tag, target in re.findall(r'<((?:a|link|img|script)\b)[^>]*?\b(href|src)="([^"]*)"', text):
            target = html.unescape(target)
            if "://" in target:
                if kind != "a":
                    yield f"{name}: fetches {target}"
                continue
            count += 1
            path, _, anchor = target.partition("#")
            path = os.path.normpath(os.path.join(os.path.dirname(name), path)) if path else name
            if path not in pages and not os.path.exists(os.path.join(folder, path)):
                yield f"{name}: {target}: there is no such page"
            elif anchor and path in pages and not re.search(rf'\b(?:id|name)="{re.escape(anchor)}"', pages[path]):
                yield f"{name}: {target}: no such anchor"
    if count < 1000:
        yield f"only {count} links were found"


def main(root):
    for tool in ("doxygen", "cmark-gfm"):
        if shutil.which(tool) is None:
            print(f"skip: there is no {tool}")
            return 77
    bad = []
    with tempfile.TemporaryDirectory() as folder:
        done = make(root, folder + "/site")
        if done.returncode != 0:
            bad.append(f"cannot be made: {done.stdout}{done.stderr}")
        else:
            bad += wrong_links(folder + "/site")
        # The same with one function that says nothing.
        other = folder + "/other"
        os.makedirs(other + "/docs")
        for name in ("scripts", "include"):
            shutil.copytree(f"{root}/{name}", f"{other}/{name}")
        shutil.copy(f"{root}/CMakeLists.txt", other)
        for name in ("README.md", "docs/README.md"):
            with open(f"{other}/{name}", "w", encoding="utf-8") as file:
                file.write("# A document\n")
        with open(other + "/include/cairn/system.h", encoding="utf-8") as file:
            text = file.read()
        with open(other + "/include/cairn/system.h", "w", encoding="utf-8") as file:
            file.write(text.replace("\n#ifdef __cplusplus\n}", "\nvoid cairn_system_silent(int x);\n\n#ifdef __cplusplus\n}"))
        done = make(other, folder + "/site")
        if done.returncode == 0 or "cairn_system_silent" not in done.stderr:
            bad.append(f"an undocumented function is no error: {done.stderr}")
    print("\n".join([*bad, f"{len(bad)} faults"]))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(os.path.realpath(sys.argv[1])))
