# SPDX-License-Identifier: MIT
#
# The documents speak of what exists, and of all of it: functions and variables that they name are there,
# and take the values that are shown;
# docs/tuning.md has every option; docs/stats.md explains every number that the program prints; docs/README.md
# leads to every guide. Usage: names.py ROOT BUILD.

import glob
import json
import os
import re
import subprocess
import sys
import tempfile

import document


def read(root, name):
    with open(os.path.join(root, name), encoding="utf-8") as file:
        return file.read()


def unknown_names(root, names):
    """Functions and variables of the environment that a document names, and nothing has."""
    sources = ""
    for pattern in ("include/**/*", "src/**/*", "tools/**/*", "bindings/rust/**/*.rs", "cmake/*", "test/**/*", "CMakeLists.txt"):
        for path in glob.glob(os.path.join(root, pattern), recursive=True):
            if os.path.isfile(path) and not path.endswith((".czt", ".bin")):
                with open(path, encoding="utf-8", errors="replace") as file:
                    sources += file.read()
    words = set(re.findall(r"\w+", sources))
    # An option has no other place where its name is written as a whole.
    words |= {"CAIRN_" + name for name in re.findall(r"^OPTION\((\w+)", read(root, "src/base/option.def"), re.M)}
    for name in names:
        for number, line in enumerate(read(root, name).split("\n"), 1):
            line = line.replace("CAIRN_PURGE_DELY", "")  # a mistake that is shown
            for word in re.findall(r"\b(?:cairn_[a-z0-9_]+|CAIRN_[A-Z0-9_]+)\b", line):
                if word not in words and not re.match("cairn_(strip|_?noun_verb)", word) and not word.endswith("_"):
                    yield f"{name}:{number}: {word} does not exist"


def missing_options(root):
    tuning = read(root, "docs/tuning.md")
    for name in re.findall(r"^OPTION\((\w+)", read(root, "src/base/option.def"), re.M):
        if not re.search(rf"`[^`]*CAIRN_{name}\b", tuning):
            yield f"docs/tuning.md: CAIRN_{name} is not in it"


def bad_values(root, build, names):
    """Settings that a document shows and the library does not take."""
    options = re.findall(r"^OPTION\((\w+)", read(root, "src/base/option.def"), re.M)
    said = {}
    for name in names:
        for number, line in enumerate(read(root, name).split("\n"), 1):
            line = re.sub(r"CAIRN_PURGE_DELY=10s CAIRN_WINDOW=abc", "", line.replace("*", "").replace("\\", ""))
            for variable, value in re.findall(r"\b(CAIRN_[A-Z_]+)=([a-z0-9-][^\s`'|,;)]*(?:,[a-z_]+:\w+)*)", line):
                if variable[6:] not in [*options, "CONF"] or "FILE" in variable:
                    continue
                setting = (variable, value.rstrip(".,:"))
                if setting not in said:
                    environment = dict(os.environ, LD_PRELOAD=f"{build}/lib/libcairn-malloc.so")
                    environment[setting[0]] = setting[1]
                    said[setting] = subprocess.run(["/bin/true"], env=environment, capture_output=True, text=True,
                                                   check=False).stderr
                wrong = re.search(r"^cairn: (CAIRN_\w+: '.*|.*unknown option.*)", said[setting], re.M)
                if wrong:
                    yield f"{name}:{number}: {wrong[1]}"
    if len(said) < 15:
        yield f"only {len(said)} settings were found"


def keys_of(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_of(inner)


def missing_statistics(root, build):
    """Lines, columns and keys of what is printed, and fields of the struct, that docs/stats.md has not."""
    text = read(root, "docs/stats.md")
    ticked = set(re.findall(r"`(\w+)`", text))
    cells = {cell.strip() for line in text.split("\n") if line.startswith("|")
             for cell in [line.split("|")[1], *line.split("|")[1].split(",")]}
    folder = tempfile.mkdtemp()
    printed = {}
    for kind in ("txt", "json"):
        path = os.path.join(folder, "stats." + kind)
        environment = dict(os.environ, LD_PRELOAD=f"{build}/lib/libcairn-malloc.so", CAIRN_STATS_FILE=path)
        subprocess.run(["perl", "-e", '@a = map { "stone $_" } 1..2000'], env=environment, check=True)
        printed[kind] = read("", path)
    for line in re.findall(r"^  [-+=] .*? B +\S+ [KMG]?i?B  (.*)$", printed["txt"], re.M):
        label = re.sub(r"^of these |:.*", "", line)
        if label not in cells:
            yield f"docs/stats.md: the line '{line}' is not explained"
    for part in re.findall(r"(?:^|[;,.] |\n)([A-Za-z][A-Za-z ']*?)(?: about)? \d", printed["txt"].split("  =")[-1].split("\n\n")[0]):
        part = part.removeprefix("of large ones") or "from a thread's cache"
        if part not in ("outside", "in memory") and not any(part.lower() == cell.lower() for cell in cells | {
                "fragmentation inside blocks"}):
            yield f"docs/stats.md: '{part}' of the facts is not explained"
    for heading in re.findall(r"\n\n( +.*)\n", printed["txt"]):
        for column in re.split(r"  +", heading.strip()):
            if column not in cells:
                yield f"docs/stats.md: the column '{column}' is not explained"
    for key in set(keys_of(json.loads(printed["json"]))):
        if key not in ticked:
            yield f"docs/stats.md: the key '{key}' of the JSON is not explained"
    struct = re.search(r"struct cairn_stats \{(.*?)\};", read(root, "include/cairn/stats.h"), re.S)[1]
    for field in re.findall(r"^ +size_t (\w+);", struct, re.M):
        if field not in ticked:
            yield f"docs/stats.md: the field '{field}' is not explained"
    verdicts = re.sub(r'"\s+"', "", re.search(r"verdict_of.*?\n\}", read(root, "src/watch/stats_text.c"), re.S)[0])
    for verdict in re.findall(r'return "(.*?)";', verdicts):
        if verdict not in text:
            yield f"docs/stats.md: '{verdict}' is not explained"


def missing_guides(root):
    index = read(root, "docs/README.md")
    for name in document.files(root, "docs/*.md"):
        if name.count("/") == 1 and name != "docs/README.md" and f"({os.path.basename(name)})" not in index:
            yield f"docs/README.md: {name} is not in it"


def main(root, build):
    names = [name.file for name in document.documents(root)]
    manuals = [name.file for name in document.manuals(root)]
    wrong = [*unknown_names(root, names), *missing_options(root), *missing_statistics(root, build),
             *missing_guides(root), *bad_values(root, build, names + manuals)]
    print("\n".join([*wrong, f"{len(names)} documents, {len(wrong)} faults"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(os.path.realpath(sys.argv[1]), os.path.realpath(sys.argv[2])))
