# SPDX-License-Identifier: MIT
"""
Opens an export in the viewer that owns its format, in a headless Chromium, and checks the figures
that are shown against those of the trace in export.sh.

    viewers.py dhat /usr/libexec/valgrind FILE
    viewers.py speedscope FOLDER-OF-THE-NPM-PACKAGE FILE    its own JSON, or pprof's *.gz

Exit code 1 after a message if something is not as it should be, 2 if there is no Chromium.
"""
import base64
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "report"))
from browser import Browser, Failure, find  # pylint: disable=wrong-import-position


def expect(text, words):
    for word in words:
        if word not in text:
            raise Failure(f"no {word!r} in:\n{text[:4000]}")


def dhat(browser, folder, path):
    """dh_view.html: its own code builds and shows the tree."""
    with open(path, encoding="utf-8") as file:
        data = file.read()
    browser.open("file://" + os.path.join(folder, "dh_view.html"))
    shown = browser.run(f"gFilename = 'x'; gData = JSON.parse({json.dumps(data)}); buildTree(); "
                        "displayTree(); gMainDiv.textContent")
    expect(shown, ["Command: prog", "At t-gmax: 3,300 bytes (100%) in 3 blocks",
                   "Total:     3,050 bytes", "in 3 blocks", "leaf_a", "At t-end:  300 bytes"])


IMPORTED = """new Promise((done, fail) => {
    const until = Date.now() + 15000;
    (function look() {
        const text = document.body.innerText;
        if (text.includes('leaf_a')) done(text);
        else if (Date.now() > until) fail(new Error('nothing is shown but: ' + text.slice(0, 2000)));
        else setTimeout(look, 100);
    })();
})"""


def speedscope(browser, folder, path):
    """Its importer, and the table of its "Sandwich" view, which is text."""
    with open(path, "rb") as file:
        data = base64.b64encode(file.read()).decode()
    script = os.path.abspath(path) + ".js"
    with open(script, "w", encoding="utf-8") as file:
        file.write(f"speedscope.loadFileFromBase64('prog.speedscope.json', '{data}')")
    page = "file://" + os.path.abspath(os.path.join(folder, "dist", "release", "index.html"))
    browser.open(f"{page}#localProfilePath={script}&view=sandwich")
    shown = browser.run(IMPORTED)
    if path.endswith(".gz"):  # pprof's: what is in use is shown
        expect(shown, ["leaf_a", "leaf_b", "2.93 KB", "300 B", "3.22 KB"])
    else:
        expect(shown, ["allocated, bytes", "leaf_a", "leaf_b", "2.98 KB", "300 B"])


def main():
    kind, folder, path = sys.argv[1:]
    program = find()
    if not program:
        return 2
    try:
        with Browser(program) as browser:
            {"dhat": dhat, "speedscope": speedscope}[kind](browser, folder, path)
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
