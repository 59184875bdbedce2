# SPDX-License-Identifier: MIT
#
# Makes pages of the documents (by cmark-gfm) and of the public headers (by Doxygen, through filter.py),
# which need no network and no script to be read. Usage: site.py ROOT FOLDER; the folder is made anew.
# Fails if a public function is not documented.

import html
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))

PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="{up}style.css">
<nav>{nav}</nav>
<main>
{body}
</main>
</html>
"""

STYLE = """:root { color-scheme: light dark; --line: #8884; --quiet: #8882; }
body { margin: 0; font: 16px/1.55 system-ui, sans-serif; display: grid; grid-template-columns: 15em 1fr; }
nav { padding: 1.5em 1em; border-right: 1px solid var(--line); font-size: 0.9em; }
nav b, nav a { display: block; margin: 0.25em 0; }
nav b { margin-top: 1.2em; }
main { padding: 1em 2em 4em; max-width: 58em; min-width: 0; }
pre { background: var(--quiet); padding: 0.8em 1em; overflow-x: auto; border-radius: 4px; }
code { font: 0.88em/1.45 ui-monospace, monospace; }
:not(pre) > code { background: var(--quiet); padding: 0.1em 0.25em; border-radius: 3px; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border: 1px solid var(--line); padding: 0.3em 0.6em; text-align: left; vertical-align: top; }
img { max-width: 100%; }
@media (max-width: 50em) { body { display: block; } nav { border: 0; border-bottom: 1px solid var(--line); } }
"""

DOXYFILE = """PROJECT_NAME = Cairn
PROJECT_NUMBER = {version}
INPUT = {root}/include
FILE_PATTERNS = *.h
RECURSIVE = YES
EXCLUDE_PATTERNS = */slots_inline.h
INPUT_FILTER = "{python} {here}/filter.py"
STRIP_FROM_PATH = {root}/include
OUTPUT_DIRECTORY = {out}
HTML_OUTPUT = api
GENERATE_LATEX = NO
OPTIMIZE_OUTPUT_FOR_C = YES
TYPEDEF_HIDES_STRUCT = YES
MARKDOWN_SUPPORT = NO
EXTRACT_ALL = NO
EXTRACT_STATIC = YES
SORT_MEMBER_DOCS = NO
SHOW_INCLUDE_FILES = NO
VERBATIM_HEADERS = NO
HTML_DYNAMIC_MENUS = NO
SEARCHENGINE = NO
HAVE_DOT = NO
QUIET = YES
WARN_IF_UNDOCUMENTED = YES
WARN_AS_ERROR = FAIL_ON_WARNINGS
"""


def files(root):
    return subprocess.run([os.path.join(root, "scripts/list-files.sh")], capture_output=True, text=True,
                          check=True).stdout.split("\n")[:-1]


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class Site:
    def __init__(self, root, out):
        self.root, self.out = root, out
        self.files = set(files(root))
        self.documents = [name for name in sorted(self.files) if name.endswith(".md")
                          and ("/" not in name or name.startswith("docs/"))]
        self.wanted = set()  # files and folders that a document leads to, to be shown as they are

    def page_of(self, name):
        """Where a file of the project, or a folder, is in the site."""
        if name in self.documents:
            return "index.html" if name == "README.md" else name[:-3] + ".html"
        if re.fullmatch(r"include/(cairn/)?\w+\.h", name) and not name.endswith("_inline.h"):
            return "api/" + os.path.basename(name)[:-2].replace("_", "__") + "_8h.html"
        self.wanted.add(name)
        if name.endswith((".svg", ".png")):
            return name
        return name.rstrip("/") + ("/index.html" if name not in self.files else ".html")

    def link(self, source, target):
        """A link of the document `source` as it is in the site."""
        if "://" in target or target.startswith(("#", "mailto:")):
            return target
        path, hash_sign, anchor = target.partition("#")
        name = os.path.normpath(os.path.join(os.path.dirname(source), path))
        here = os.path.dirname(self.page_of(source) if source in self.documents else source)
        return os.path.relpath(self.page_of(name), here or ".") + hash_sign + anchor

    def write(self, page, title, body):
        path = os.path.join(self.out, page)
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        up = "../" * page.count("/")
        # The menu is the index of the documents: its headings in bold, its links to documents.
        nav = f'<a href="{up}index.html">Cairn</a>'
        for heading, links in self.menu:
            nav += f"<b>{html.escape(heading)}</b>"
            nav += "".join(f'<a href="{up}{page}">{html.escape(text)}</a>' for page, text in links)
        nav += f'<b>Reference</b><a href="{up}api/files.html">the API, header by header</a>'
        with open(path, "w", encoding="utf-8") as file:
            file.write(PAGE.format(title=html.escape(title), up=up, nav=nav, body=body))

    def read_menu(self):
        self.menu = []
        for line in read(os.path.join(self.root, "docs/README.md")).split("\n"):
            heading = re.fullmatch(r"\*\*(.*)\*\*", line)
            if heading:
                self.menu.append((heading[1], []))
            for text, target in re.findall(r"\[([^\]]*)\]\(([^)#]*\.md)\)", line):
                name = os.path.normpath(os.path.join("docs", target))
                words = re.sub(r"\.md$", "", os.path.basename(text)).replace("-", " ")
                self.menu[-1][1].append((self.page_of(name), words))

    def document(self, name):
        text = read(os.path.join(self.root, name))
        body = subprocess.run(["cmark-gfm", "-e", "table", "-e", "autolink"], input=text, capture_output=True,
                              text=True, check=True).stdout
        body = body.replace("<!-- raw HTML omitted -->", "")
        used = set()

        def heading(found):
            words = html.unescape(re.sub(r"<[^>]*>", "", found[2]))
            anchor = unique = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
            count = 0
            while unique in used:
                count += 1
                unique = f"{anchor}-{count}"
            used.add(unique)
            return f'<h{found[1]} id="{unique}">{found[2]}</h{found[1]}>'

        body = re.sub(r"<h([1-6])>(.*?)</h\1>", heading, body)
        body = re.sub(r'(href|src)="([^"]*)"', lambda found: f'{found[1]}="{self.link(name, found[2])}"', body)
        title = re.search(r"^# (.*)$", text, re.M)
        self.write(self.page_of(name), title[1].replace("`", "") if title else name, body)

    def as_it_is(self, name):
        """A file that a document leads to, or a folder's list of files."""
        if name.endswith((".svg", ".png")):
            os.makedirs(os.path.dirname(os.path.join(self.out, name)), exist_ok=True)
            shutil.copy(os.path.join(self.root, name), os.path.join(self.out, name))
        elif name in self.files:
            text = html.escape(read(os.path.join(self.root, name)))
            self.write(name + ".html", name, f"<h1>{name}</h1>\n<pre><code>{text}</code></pre>")
        else:
            name = name.rstrip("/")
            inside = sorted({path[len(name) + 1:].split("/")[0] for path in self.files if path.startswith(name + "/")})
            items = "".join(f'<li><a href="{self.link(name + "/", name_of)}">{name_of}</a></li>' for name_of in inside)
            self.write(name + "/index.html", name, f"<h1>{name}</h1>\n<ul>{items}</ul>")

    def make(self):
        shutil.rmtree(self.out, ignore_errors=True)
        os.makedirs(self.out)
        with open(os.path.join(self.out, "style.css"), "w", encoding="utf-8") as file:
            file.write(STYLE)
        self.read_menu()
        for name in self.documents:
            self.document(name)
        done = set()
        while self.wanted - done:
            name = min(self.wanted - done)
            done.add(name)
            self.as_it_is(name)
        version = re.search(r"^project\(cairn VERSION (\S+)", read(os.path.join(self.root, "CMakeLists.txt")), re.M)[1]
        settings = DOXYFILE.format(root=self.root, out=self.out, here=HERE, python=sys.executable, version=version)
        return subprocess.run(["doxygen", "-"], input=settings, text=True, check=False,
                              env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1")).returncode


if __name__ == "__main__":
    code = Site(os.path.realpath(sys.argv[1]), os.path.abspath(sys.argv[2])).make()
    if code == 0:
        print(f"{sys.argv[2]}/index.html")
    sys.exit(1 if code else 0)
