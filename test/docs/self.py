# SPDX-License-Identifier: MIT
#
# The checks of the documents find what is wrong: each row is a document with one fault, and what must be
# said of it; the first ones have none. Usage: self.py ROOT BUILD.

import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
NO_FAULT = None

ROWS = [
    ("links", "# One\n\n[a](README.md#one-two)\n\n## One, `two`\n", NO_FAULT),
    ("links", "[a](missing.md)\n", "README.md:1: missing.md: there is no such file"),
    ("links", "# One\n[a](#two)\n", "README.md:2: #two: no such heading in README.md"),
    ("links", "[a](README.md#one)\n[a](docs/x.md)\n", "README.md:1: README.md#one: no such heading in README.md"),
    ("compiled", "```c body\n#include <cairn.h>\ncairn_free(cairn_malloc(1));\n```\n", NO_FAULT),
    ("compiled", "```c body\n#include <cairn.h>\ncairn_freee(0);\n```\n", "implicit declaration"),
    ("compiled", "```c file\nint x\n```\n", "README.md:1: exit code 1"),
    ("compiled", "```c run\nint main(void) { return 3; }\n```\n", "README.md:1: exit code 3"),
    ("compiled", "```cpp body\nint x = missing;\n```\n", "'missing' was not declared"),
    ("compiled", "```json\n{\"a\": }\n```\n", "README.md:1: Expecting value"),
    ("compiled", "<!-- given: int x; -->\n```c body\nx = 1;\n```\n", NO_FAULT),
    ("run", "```sh run\n$ cairn version\ncairn 9.9.9\n```\n", NO_FAULT),
    ("run", "```sh run\n$ echo 12 of 0x7f00, 3.5 MiB\n7 of 0xabc, 12 KiB\n```\n", NO_FAULT),
    ("run", "```sh run\n$ echo a; echo b\na\n$ false || exit 0\n```\n", NO_FAULT),
    ("run", "```sh run status=3\n$ sh -c 'exit 3'\n```\n", NO_FAULT),
    ("run", "```text as=a.txt\none\n```\n\n```sh run\n$ cat a.txt\none\n```\n", NO_FAULT),
    ("run", "```sh run\n$ cairn nonsense\n```\n", "exit code 125"),
    ("run", "```sh run\n$ echo a; echo b\nb\na\n```\n", "not in its output: a"),
    ("run", "```sh run\n$ echo 12 stones\n12 pebbles\n```\n", "not in its output: 12 pebbles"),
    ("run", "<!-- given: false -->\n```sh run\n$ [ $given ]\n```\n", "exit code 1"),
    ("marks", "```text\n```\n", NO_FAULT),
    ("marks", "```sh norun: it takes long\n$ cairn bench --quick\n```\n", NO_FAULT),
    ("marks", "```\na\n```\n", "README.md:1: '' is no language of a sample"),
    ("marks", "```c\nint a;\n```\n", "README.md:1: `c` must be followed by one of file, body, run"),
    ("marks", "```sh norun:\n$ a\n```\n", "`norun:` without a reason"),
    ("marks", "```sh norun: it takes long\n$ cairn bench --quik\n```\n", "cairn bench has no option --quik"),
    ("marks", "```text\na\n", "README.md:1: a fence without end"),
    ("marks", "text\n\n    indented\n\n```text\n```\n", "README.md:3: an indented block"),
    ("marks", "<!-- given: a -->\ntext\n\n```text\n```\n", "must stand right before"),
]


def main(root, build):
    bad = 0
    for what, text, fault in ROWS:
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(os.path.join(folder, "scripts"))
            shutil.copy(os.path.join(root, "scripts/list-files.sh"), os.path.join(folder, "scripts"))
            os.symlink(os.path.join(root, "include"), os.path.join(folder, "include"))
            with open(os.path.join(folder, "README.md"), "w", encoding="utf-8") as file:
                file.write(text)
            command = [sys.executable, os.path.join(HERE, "links.py"), folder]
            if what != "links":
                command = [sys.executable, os.path.join(HERE, "samples.py"), folder, build, what]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        said = re.sub("[‘’]", "'", done.stdout + done.stderr)
        good = done.returncode == 0 if fault is NO_FAULT else done.returncode == 1 and fault in said
        if not good:
            bad += 1
            print(f"{what} of {text!r}\n  expected: {fault or 'nothing'}\n  exit code {done.returncode}: {said}")
    print(f"{len(ROWS)} documents, {bad} judged wrongly")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(os.path.realpath(sys.argv[1]), os.path.realpath(sys.argv[2])))
