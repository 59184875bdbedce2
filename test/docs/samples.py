# SPDX-License-Identifier: MIT
#
# Every sample in README.md, docs/ and the manual pages does what it says. Usage:
#
#   samples.py ROOT BUILD compiled | rust | run | soak | marks | list
#
# What is to be done with a sample is said by the info string of its fence (CONTRIBUTING.md has the
# list); one that says nothing is an error. The kinds:
#   compiled   C and C++ by the compilers of this machine; whole programs are run; JSON and TOML are read
#   rust       by rustc, against the crate's interface
#   run        commands, in a folder that looks like the repository's root after `make`
#   soak       commands that take long
#   marks      nothing is done: each sample has a mark, and commands that are not run have known options
#   list       prints those that are not run, and why

import json
import os
import re
import subprocess
import sys
import tempfile

import document

LIMIT = 300  # seconds for a block
LANGUAGES = {"c": ("file", "body", "run"), "cpp": ("file", "body", "run"), "rust": ("file", "body"),
             "sh": ("run", "soak"), "json": (), "toml": (), "text": ()}


def mark_of(block):
    """What is wrong with a block's info string, or None."""
    ways = LANGUAGES.get(block.language)
    if ways is None:
        return f"'{block.language}' is no language of a sample: one of {', '.join(LANGUAGES)}"
    if block.how == ["norun"]:
        return "`norun:` without a reason"
    if block.reason:
        return None
    how = [word for word in block.how if not word.startswith(("status=", "as="))]
    if ways and (len(how) != 1 or how[0] not in ways):
        return f"`{block.language}` must be followed by one of {', '.join(ways)}, or `norun: why`"
    return f"`{block.language}` takes no words" if how and not ways else None


def way_of(block):
    return "norun" if block.reason else next(iter(block.how), block.language)


# ---- C, C++, Rust ----

def wrapped(block):
    """The source of a sample. Of a body: what it includes, what is given, and a function around it."""
    given = block.given or ""
    if "body" not in block.how:
        return f"{given}\n{block.text}"
    outer = r"\s*(#|use |extern crate)" if block.language != "rust" else r"\s*(use |#!?\[global)"
    head, body = [], []
    static = False
    for line in block.lines:
        if re.match(outer, line) or static:
            head.append(line)
            static = block.language == "rust" and line.startswith("#[global")
        else:
            body.append(line)
    function = "fn sample()" if block.language == "rust" else "void sample(void);\nvoid sample(void)"
    if block.language == "cpp":
        function = "void sample();\nvoid sample()"
    return "\n".join([*head, given, function, "{", *body, "}"]) + "\n"


def compiler_of(block, root):
    """The command without the file, or None where there is no such compiler."""
    common = ["-Wall", "-Wextra", "-Werror", "-Wno-unused-variable", "-Wno-unused-but-set-variable",
              f"-I{root}/include", "-pthread"]
    if block.language == "c":
        return [os.environ.get("CC", "cc"), "-std=gnu17", "-D_GNU_SOURCE", *common]
    return [os.environ.get("CXX", "c++"), "-std=c++17", *common]


def compile_one(block, root, build, work):
    source = os.path.join(work, "sample." + block.language)
    with open(source, "w", encoding="utf-8") as file:
        file.write(wrapped(block))
    command = compiler_of(block, root)
    if "run" not in block.how:
        return report([*command, "-fsyntax-only", source], work)
    program = os.path.join(work, "sample")
    wrong = report([*command, source, "-o", program, f"-L{build}/lib", "-lcairn", f"-Wl,-rpath,{build}/lib"], work)
    return wrong or report([program], work)


def report(command, folder, **more):
    """None if the command succeeds, else what it said."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace",
                              timeout=LIMIT, stdin=subprocess.DEVNULL, check=False, **more)
    except subprocess.TimeoutExpired:
        return f"not done after {LIMIT} s"
    if done.returncode == 0:
        return None
    return f"exit code {done.returncode}\n{done.stdout}{done.stderr}".rstrip()


def read_one(block):
    try:
        if block.language == "json":
            json.loads(block.text)
        else:
            import tomllib  # Python 3.11
            tomllib.loads(block.text)
    except ValueError as wrong:
        return str(wrong)
    return None


def compiled(root, build, blocks):
    for block in blocks:
        if block.reason or block.language not in ("c", "cpp", "json", "toml"):
            continue
        with tempfile.TemporaryDirectory() as work:
            if block.language in ("json", "toml"):
                yield block, read_one(block)
            else:
                yield block, compile_one(block, root, build, work)


def rust(root, build, blocks):
    blocks = [block for block in blocks if block.language == "rust" and not block.reason]
    environment = dict(os.environ, PATH=os.environ["PATH"] + ":" + os.path.expanduser("~/.cargo/bin"))
    if subprocess.run(["sh", "-c", "rustc --version"], env=environment, capture_output=True, check=False).returncode:
        print("skip: there is no rustc")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as work:
        rustc = ["rustc", "--edition", "2021", "--crate-type", "lib", "--emit", "metadata", "-L", work,
                 "--out-dir", work]
        # The interfaces of the two crates alone: nothing is linked.
        for crate in ("cairn-sys", "cairn"):
            features = ["--cfg", 'feature="std"', "--extern", "cairn_sys"] if crate == "cairn" else []
            wrong = report([*rustc, "--crate-name", crate.replace("-", "_"), "--cap-lints", "allow", *features,
                            f"{root}/bindings/rust/{crate}/src/lib.rs"], work, env=environment)
            if wrong:
                sys.exit(f"bindings/rust/{crate}: {wrong}")
        for block in blocks:
            source = os.path.join(work, "sample.rs")
            with open(source, "w", encoding="utf-8") as file:
                file.write("#![allow(unused, dead_code)]\n" + wrapped(block))
            yield block, report([*rustc, "--crate-name", "sample", "--extern", "cairn", "--extern", "cairn_sys",
                                 source], work, env=environment)


# ---- commands ----

def root_like(root, build, folder):
    """The folder gets what the repository's root has, with the build folder as build/."""
    for name in {file.split("/")[0] for file in document.files(root)} - {".git", "build"}:
        os.symlink(os.path.join(root, name), os.path.join(folder, name))
    os.symlink(build, os.path.join(folder, "build"))


def commands_of(block):
    """Pairs of a command and the output shown below it. Without a `$ `, all of it is one script."""
    if not any(line.startswith("$ ") for line in block.lines):
        return [(block.text, [])]
    found = []
    for line in block.lines:
        if found and found[-1][0].endswith("\\\n"):
            found[-1] = (found[-1][0] + line.removeprefix("> ") + "\n", [])
        elif line.startswith("$ "):
            found.append((line[2:] + "\n", []))
        elif found and line.strip():
            found[-1][1].append(line)
    return found


def canonical(line):
    """A line without what differs from run to run and from machine to machine: numbers, addresses,
    units that grow with them, the width of columns."""
    line = re.sub(r"0x[0-9a-f]+", "#", line)
    line = re.sub(r"(?<![\w#])[-−+]?\d+(?:[  ,.]\d+)*", "#", line)
    line = re.sub(r"# (?:[KMGT]i?B|B|bytes|[nµm]s|s|min)\b", "# u", line)
    return " ".join(line.split())


def compare(shown, seen):
    """What is shown and was not seen, in that order; `…` stands for anything."""
    seen = [canonical(line) for line in seen]
    at = 0
    for line in shown:
        if line.strip() == "…":
            continue
        pattern = ".*".join(re.escape(part) for part in canonical(line).split("…"))
        while at < len(seen) and not re.fullmatch(pattern, seen[at]):
            at += 1
        if at == len(seen):
            return line
        at += 1
    return None


def run_one(block, build, folder):
    """Runs a block's commands in one shell."""
    commands = commands_of(block)
    wanted = [0] * len(commands)
    for word in block.how:
        if word.startswith("status="):
            wanted[-1] = int(word[7:])
    out = os.path.join(folder, ".out")
    script = ["set -o pipefail", block.given or ""]
    for index, (command, _) in enumerate(commands):
        script += ["{", command, f"}} >{out}.{index} 2>&1 </dev/null",
                   f"code=$?; [ $code = {wanted[index]} ] || {{ echo 'command {index}' exit code $code >&2; "
                   f"tail -n 20 {out}.{index} >&2; exit 1; }}"]
    environment = dict(os.environ, PATH=f"{build}/bin:{os.environ['PATH']}", HOME=folder, LC_ALL="C.UTF-8",
                       TMPDIR=folder)
    for name in [name for name in environment if name.startswith("CAIRN_") or name in ("LD_PRELOAD", "NO_COLOR")]:
        del environment[name]
    wrong = report(["bash", "-c", "\n".join(script)], folder, env=environment)
    if wrong:
        return wrong
    for index, (command, shown) in enumerate(commands):
        with open(f"{out}.{index}", encoding="utf-8", errors="replace") as file:
            seen = file.read().split("\n")
        missing = compare(shown, seen)
        if missing is not None:
            return f"{command.strip()}: not in its output: {missing}\nwhich is:\n" + "\n".join(seen[:60])
    return None


def run(root, build, blocks, way):
    """A document's commands run one after the other in one folder: what the first wrote the next can read."""
    if way == "soak" and float(os.environ.get("CAIRN_TEST_SCALE", "1")) <= 1:
        print("skip: these take long; `make soak` runs them")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as outer:
        folders = {}
        for block in blocks:
            name = next((word[3:] for word in block.how if word.startswith("as=")), None)
            if not name and (block.language != "sh" or way_of(block) != way):
                continue
            if block.file not in folders:
                folders[block.file] = os.path.join(outer, str(len(folders)))
                os.mkdir(folders[block.file])
                root_like(root, build, folders[block.file])
            if name:
                with open(os.path.join(folders[block.file], name), "w", encoding="utf-8") as file:
                    file.write(block.text)
            else:
                yield block, run_one(block, build, folders[block.file])


def unknown_options(blocks, build):
    """Options of the command that a sample names and no help page does, in samples that are not run."""
    helped = {}
    for block in blocks:
        if block.language != "sh" or not block.reason:
            continue
        for command, _ in commands_of(block):
            for verb, rest in re.findall(r"(?:^|[ /;|&])cairn ([a-z]+)([^|;&\n]*)", command.partition(" #")[0]):
                if verb not in helped:
                    helped[verb] = subprocess.run([f"{build}/bin/cairn", verb, "--help"], capture_output=True,
                                                  text=True, check=False).stdout
                if not helped[verb]:
                    yield block, f"cairn has no verb {verb}"
                for option in re.findall(r" (--[a-z][a-z-]*)", rest):
                    parts = "" if verb != "lab" else subprocess.run(
                        [f"{build}/bin/cairn", "lab", "run", "--help"], capture_output=True, text=True,
                        check=False).stdout
                    if option not in helped[verb] + parts and verb not in ("run", "record", "compare"):
                        yield block, f"cairn {verb} has no option {option}"


def main(root, build, what):
    found = [*document.documents(root), *document.manuals(root)]
    blocks = [block for one in found for block in one.blocks]
    bad = [(f"{one.file}:{line}", text) for one in found for line, text in one.wrong]
    bad += [(block.place, mark_of(block)) for block in blocks if mark_of(block)]
    blocks = [block for block in blocks if not mark_of(block)]

    idle = [block for block in blocks if block.reason]
    if what == "list":
        for block in idle:
            print(f"{block.place}: not run: {block.reason}")
    results = {"compiled": lambda: compiled(root, build, blocks), "rust": lambda: rust(root, build, blocks),
               "run": lambda: run(root, build, blocks, "run"), "soak": lambda: run(root, build, blocks, "soak"),
               "marks": lambda: ((block, text) for block, text in unknown_options(blocks, build)),
               "list": lambda: ()}[what]()
    count = 0
    for block, wrong in results:
        count += 1
        if wrong:
            bad.append((block.place, wrong))
    for place, text in bad:
        print(f"{place}: {text}")
    if what == "marks":
        for block in idle:
            print(f"{block.place}: not run: {block.reason}")
        count = len(blocks)
    print(f"{what}: {count} samples, {len(bad)} wrong; {len(idle)} of all {len(blocks)} are not run")
    return 1 if bad or (count == 0 and what != "list") else 0


if __name__ == "__main__":
    sys.exit(main(os.path.realpath(sys.argv[1]), os.path.realpath(sys.argv[2]), sys.argv[3]))
