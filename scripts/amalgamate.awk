# SPDX-License-Identifier: MIT
#
# Many files of C as one. Headers stand before the first file that includes them, each once; what a
# program without an operating system does not get, and what replaces malloc, stands under an #if.
#
# In one file, names that several files use for different things meet: a static function, a type, an
# enumerator, a macro. The first one keeps its name; the others get that of their file behind it,
# chunk_of__object_pool, everywhere in their file, and for a header's name in all files that include
# it. Which names those are is found out by reading the declarations at file scope; tags of structs
# have names of their own, and members are left alone. So it reads C as this project writes it: no
# brace that opens in one branch of an #if and closes in another.
#
# Variables: free, headers, sources: lists of files; header_out, source_out: what is written.

# ---- reading ----

# The file's text as tokens 1 .. count: T text, W what stands before it (white space, comments, lines
# left out), K kind (i identifier, p punctuation, o other), P whether of a preprocessor line.
function tokenise(unit,   line, comment, directive, goes_on) {
    count = 0; before = ""; in_comment = 0; in_directive = 0; conditions = 0
    read_lines(unit)
    W[++count] = before; T[count] = ""; K[count] = "o"; P[count] = 0
}

function read_lines(path,   line, inner) {
    while ((getline line < path) > 0) {
        if (line ~ /SPDX-License-Identifier/) continue
        if (!in_comment && line ~ /^[ \t]*#[ \t]*if/) conditions++
        if (!in_comment && line ~ /^[ \t]*#[ \t]*endif/) conditions--
        if (!in_comment && line ~ /^[ \t]*#[ \t]*include[ \t]*"/) {
            inner = line; sub(/^[^"]*"/, "", inner); sub(/".*/, "", inner)
            if (inner ~ /\.def$/) read_lines("src/" inner)
            continue
        }
        if (!in_comment && line ~ /^[ \t]*#[ \t]*include[ \t]*</ && !is_public[current] &&
            conditions <= guarded(current)) continue
        if (!in_comment && line ~ /^#define _GNU_SOURCE/ && conditions == 0) continue
        read_line(line)
    }
    close(path)
}

function guarded(unit) { return unit ~ /\.h$/ }

function read_line(line,   goes_on) {
    if (!in_comment && !in_directive) in_directive = line ~ /^[ \t]*#/
    goes_on = in_directive && line ~ /\\$/
    while (line != "") {
        if (in_comment) {
            if (!match(line, /\*\//)) { before = before line; line = ""; break }
            before = before substr(line, 1, RSTART + 1)
            line = substr(line, RSTART + 2)
            in_comment = 0
            continue
        }
        if (!match(line, /[A-Za-z_][A-Za-z0-9_]*|[0-9][A-Za-z0-9_.]*|\/\*|\/\/|"([^"\\]|\\.)*"|'([^'\\]|\\.)*'|->|[^ \tA-Za-z0-9_]/)) {
            before = before line
            break
        }
        before = before substr(line, 1, RSTART - 1)
        token = substr(line, RSTART, RLENGTH)
        line = substr(line, RSTART + RLENGTH)
        if (token == "//") { before = before token line; break }
        if (token == "/*") { before = before token; in_comment = 1; continue }
        W[++count] = before; T[count] = token; P[count] = in_directive
        K[count] = token ~ /^[A-Za-z_]/ ? "i" : token ~ /^[0-9"']/ ? "o" : "p"
        before = ""
    }
    before = before "\n"
    if (in_directive && !goes_on && !in_comment) in_directive = 0
}

# ---- understanding ----

# Walks the tokens of a unit. First time: notes what it declares at file scope. Second time
# (renaming): changes what has to be changed.
function walk(unit, renaming,   i, t, p1, p2, next1, depth, parens, brackets, is_static, is_member, kind, functions, saved1, saved2, was_directive, tag) {
    depth = parens = brackets = is_static = functions = 0
    p1 = p2 = ""; was_directive = 0
    for (i = 1; i <= count; i++) {
        t = T[i]
        if (P[i] && !was_directive) { saved1 = p1; saved2 = p2; p1 = p2 = "" }
        if (!P[i] && was_directive) { p1 = saved1; p2 = saved2 }
        was_directive = P[i]
        next1 = T[i + 1]

        if (K[i] == "i") {
            tag = p1 == "struct" || p1 == "union" || p1 == "enum"
            is_member = p1 == "." || p1 == "->" ||
                (p1 == "," && (T[i - 4] == "offsetof" || T[i - 5] == "offsetof"))
            if (!P[i] && depth > 0 && body[depth] == "s" && brackets == 0 && !tag &&
                ((parens == entered[depth] && p1 != ":" && next1 != "" && index(";,[:", next1)) ||
                 (p1 == "*" && p2 == "(" && next1 == ")")))
                is_member = 1
            if (renaming) {
                if (tag && ((unit, "tag", t) in new_name)) T[i] = new_name[unit, "tag", t]
                else if (!tag && !is_member && ((unit, "name", t) in new_name)) T[i] = new_name[unit, "name", t]
            } else if (P[i]) {
                if (p1 == "define" && p2 == "#") declare(unit, "name", t)
                if (p1 == "undef" && p2 == "#") undefined[unit, t] = 1
            } else if (tag) {
                if (functions == 0 && (next1 == "{" || (next1 == ";" && before_tag ~ /^[;}]?$/)))
                    declare(unit, "tag", t)
            } else if (t == "struct" || t == "union" || t == "enum") {
                before_tag = p1
            } else if (depth > 0 && body[depth] == "e" && parens == entered[depth]) {
                if (functions == 0 && (p1 == "{" || p1 == ",")) declare(unit, "name", t)
            } else if (depth == 0) {
                if (t == "static" || t == "typedef") is_static = 1
                else if (is_static && ((parens == 0 && next1 != "" && index("(=[;,", next1)) ||
                                       (p1 == "*" && p2 == "(" && next1 == ")")))
                    declare(unit, "name", t)
            }
        } else if (!P[i]) {
            if (t == "{") {
                kind = "b"
                if (p1 == "enum" || p2 == "enum") kind = "e"
                else if (p1 == "struct" || p1 == "union" || p2 == "struct" || p2 == "union") kind = "s"
                else if (p2 == ")" && p1 ~ /^[A-Za-z_]/) kind = "s" # struct ALIGNED(64) tag {
                else if (depth == 0 && p1 == ")") kind = "f"
                body[++depth] = kind; entered[depth] = parens
                if (kind == "f") functions++
            } else if (t == "}") {
                if (depth == 0) die(unit ": more braces close than open")
                kind = body[depth--]
                if (kind == "f") { functions--; is_static = 0 }
            } else if (t == "(") parens++
            else if (t == ")") parens--
            else if (t == "[") brackets++
            else if (t == "]") brackets--
            else if (t == ";" && depth == 0) is_static = 0
        }
        if (t != "") { p2 = p1; p1 = t }
    }
    if (depth != 0 || parens != 0) die(unit ": braces or parentheses do not match")
}

function declare(unit, space, name) {
    if (name ~ /^(cairn_|CAIRN_|__|_[A-Z])/ || is_public[unit]) return
    if (!((unit, space, name) in declared)) {
        declared[unit, space, name] = 1
        declarers[space, name] = declarers[space, name] " " unit
    }
}

function die(what) { print "amalgamate: " what > "/dev/stderr"; failed = 1; exit 1 }

# ---- who includes whom ----

function path_of(name) { return (name ~ /^cairn(\/|\.h)/) ? "include/" name : "src/" name }

# Notes what a file includes: project files as uses[unit] (those that a program without a system needs
# too as uses_free), others as systems[unit].
function scan(unit,   line, name, depth, hosted) {
    if (unit in scanned) return
    scanned[unit] = 1
    is_public[unit] = unit ~ /^include\//
    depth = hosted = 0
    while ((getline line < unit) > 0) {
        if (line ~ /^[ \t]*#[ \t]*if/) {
            depth++
            if (line ~ /^#ifndef CAIRN_FREESTANDING/) hosted = depth
        } else if (line ~ /^[ \t]*#[ \t]*endif/) {
            if (hosted == depth) hosted = 0
            depth--
        } else if (line ~ /^[ \t]*#[ \t]*include[ \t]*"/) {
            name = line; sub(/^[^"]*"/, "", name); sub(/".*/, "", name)
            if (name ~ /\.def$/) continue
            name = path_of(name)
            uses[unit] = uses[unit] " " name
            if (!hosted) uses_free[unit] = uses_free[unit] " " name
        } else if (line ~ /^[ \t]*#[ \t]*include[ \t]*</) {
            name = line; sub(/^[^<]*/, "", name); sub(/>.*/, ">", name)
            systems[unit] = systems[unit] " " name
            if (depth > guarded(unit)) is_conditional[name, unit] = 1
        }
    }
    close(unit)
    line = uses[unit]
    for (; match(line, /[^ ]+/); line = substr(line, RSTART + RLENGTH))
        scan(substr(line, RSTART, RLENGTH))
}

# All that unit can see, itself with it: saw[unit, ...].
function see(unit, other,   n, i, list) {
    if ((unit, other) in saw) return
    saw[unit, other] = 1
    seen_list[unit] = seen_list[unit] " " other
    n = split(uses[other], list, " ")
    for (i = 1; i <= n; i++) see(unit, list[i])
}

function mark_free(unit,   n, i, list) {
    if (unit in is_free) return
    is_free[unit] = 1
    n = split(uses_free[unit], list, " ")
    for (i = 1; i <= n; i++) mark_free(list[i])
}

# The order of the output: what a file includes stands before it.
function place(unit,   n, i, list) {
    if (unit in placed) return
    placed[unit] = 1
    n = split(uses[unit], list, " ")
    for (i = 1; i <= n; i++)
        if (!includes(list[i], unit)) place(list[i])
    order[++units] = unit
    for (i = 1; i <= n; i++) place(list[i]) # its second half, which includes the first
}

function includes(unit, other) { return index(uses[unit] " ", " " other " ") > 0 }

# ---- names ----

function stem_of(unit) { sub(/^.*\//, "", unit); sub(/\.[a-z]+$/, "", unit); return unit }
function room_of(unit) { sub(/\/[^\/]*$/, "", unit); sub(/^.*\//, "", unit); return unit }

function root_of(unit) { while (parent[unit] != unit) unit = parent[unit]; return unit }

# One name that several files declare: those of them that some file sees together mean the same. Each
# of the others, but for the first in the order of the output, becomes another name.
function settle(space, name,   who, list, n, i, j, k, m, group, a, b, parts, seen, first, called, taken) {
    n = split(declarers[space, name], list, " ")
    if (n < 2 && !(name in reserved)) return
    for (i = 1; i <= n; i++) parent[list[i]] = list[i]
    for (k = 1; k <= units; k++) {
        first = ""
        for (i = 1; i <= n; i++) {
            if (!((order[k], list[i]) in saw)) continue
            if (first == "") first = root_of(list[i])
            else parent[root_of(list[i])] = first
        }
    }
    # Groups in the order of the output; declarers came in that order.
    m = space == "name" && (name in reserved)
    for (i = 1; i <= n; i++) {
        a = root_of(list[i])
        if (a in group) continue
        group[a] = ++m
        if (m == 1) continue
        called = name "__" stem_of(list[i])
        if (called in taken) called = name "__" room_of(list[i]) "_" stem_of(list[i])
        taken[called] = 1
        for (j = 1; j <= n; j++) {
            if (root_of(list[j]) != a) continue
            for (k = 1; k <= units; k++)
                if ((order[k], list[j]) in saw) new_name[order[k], space, name] = called
        }
    }
}

# ---- writing ----

function heading(unit) {
    return "\n/* ======== " unit " ======== */\n\n"
}

function condition_of(unit) {
    if (unit in is_free) return ""
    if (unit == "src/entry/operators.c")
        return "!defined(CAIRN_FREESTANDING) && defined(CAIRN_MALLOC) && defined(__EXCEPTIONS)"
    if (unit == "src/entry/copies.c")
        return "!defined(CAIRN_FREESTANDING) && defined(CAIRN_MALLOC) && defined(CAIRN_COPIES)"
    if (unit == "src/entry/libc.c")
        return "!defined(CAIRN_FREESTANDING) && defined(CAIRN_MALLOC)"
    return "!defined(CAIRN_FREESTANDING)"
}

function enter(condition, out) {
    if (condition == entered_condition[out]) return
    if (entered_condition[out] != "") print "\n#endif" > out
    if (condition != "") print "\n#if " condition > out
    entered_condition[out] = condition
}

# The text of a unit, no two empty lines in a row.
function put(unit, out,   i, text, hidden) {
    current = unit
    tokenise(unit)
    walk(unit, 1)
    text = ""
    for (i = 1; i <= count; i++) text = text W[i] T[i]
    gsub(/\n#ifn?def [A-Z_]+\n#endif/, "", text)
    gsub(/\n\n\n+/, "\n\n", text)
    sub(/^\n+/, "", text)
    sub(/\n+$/, "", text)
    printf "%s", heading(unit) > out
    # What several files share is nobody else's: hidden, where the file becomes part of a library.
    # (But memory.h declares what others have to bring.)
    hidden = unit ~ /^src\/.*\.h$/ && unit != "src/base/memory.h"
    if (hidden) print "#pragma GCC visibility push(hidden)" > out
    print text > out
    if (hidden) print "#pragma GCC visibility pop" > out
}

function put_licence(out,   line) {
    print "/* SPDX-License-Identifier: MIT */" > out
    print "/*" > out
    while ((getline line < "LICENSE") > 0) print (line == "" ? " *" : " * " line) > out
    close("LICENSE")
    print " *" > out
}

function put_systems(hosted,   k, n, i, list, name) {
    for (k = 1; k <= units; k++) {
        if (is_public[order[k]] || ((order[k] in is_free) == hosted)) continue
        n = split(systems[order[k]], list, " ")
        for (i = 1; i <= n; i++) {
            name = list[i]
            if ((name in have) || (!hosted && ((name, order[k]) in is_conditional))) continue
            have[name] = 1
            print "#include " name > source_out
        }
    }
}

BEGIN {
    # Names of system headers, which our files use for something else where they do not include them.
    split("link", list, " ")
    for (i in list) reserved[list[i]] = 1

    source_count = split(sources, source_list, " ")
    header_count = split(headers, header_list, " ")
    free_count = split(free, free_list, " ")
    for (i = 1; i <= header_count; i++) scan(header_list[i])
    for (i = 1; i <= source_count; i++) scan(source_list[i])
    for (i = 1; i <= free_count; i++) mark_free(free_list[i])
    for (i = 1; i <= header_count; i++) place(header_list[i])
    for (i = 1; i <= source_count; i++) place(source_list[i])

    for (k = 1; k <= units; k++) {
        see(order[k], order[k])
        if (is_public[order[k]]) continue
        current = order[k]
        tokenise(order[k])
        walk(order[k], 0)
    }
    # A macro that its file undefines is nobody else's.
    for (key in undefined) {
        split(key, part, SUBSEP)
        sub(" " part[1] "( |$)", " ", declarers["name", part[2]])
    }
    for (key in declarers) {
        split(key, part, SUBSEP)
        settle(part[1], part[2])
    }

    put_licence(header_out)
    print " * Cairn, all of its headers for C as one; made by scripts/amalgamate.sh of Cairn's sources, which" > header_out
    print " * are the place to change something. It goes with cairn.c." > header_out
    print " */" > header_out
    print "#ifndef CAIRN_AMALGAMATION_H" > header_out
    print "#define CAIRN_AMALGAMATION_H" > header_out
    for (k = 1; k <= units; k++)
        if (is_public[order[k]]) {
            enter(condition_of(order[k]), header_out)
            put(order[k], header_out)
        }
    enter("", header_out)
    print "\n#endif" > header_out

    put_licence(source_out)
    print " * Cairn as one file; made by scripts/amalgamate.sh of Cairn's sources, which are the place to change" > source_out
    print " * something. What it is made of is chosen when it is compiled:" > source_out
    print " *   (nothing)               the API of cairn.h, beside the program's own malloc" > source_out
    print " *   -DCAIRN_MALLOC          and it is the program's malloc; with -fexceptions, operator new too" > source_out
    print " *   -DCAIRN_HARDENED=1      the hardened one; with -DCAIRN_COPIES and CAIRN_MALLOC, memcpy and its kin" > source_out
    print " *                           look at blocks too, for which it must be compiled with -O2 -fno-builtin" > source_out
    print " *   -DCAIRN_CHECKED=1       the checked one" > source_out
    print " *   -DCAIRN_FREESTANDING    the parts of the kit that need no operating system, and nothing else" > source_out
    print " * A name with that of a file behind it, like chunk__pool, is called chunk there: several files have one." > source_out
    print " */" > source_out
    print "#if defined(CAIRN_FREESTANDING) && defined(CAIRN_MALLOC)" > source_out
    print "#error \"malloc needs an operating system: CAIRN_FREESTANDING or CAIRN_MALLOC\"" > source_out
    print "#endif" > source_out
    print "#if defined(CAIRN_COPIES) && !defined(__OPTIMIZE__)" > source_out
    print "#error \"CAIRN_COPIES: without -O2, the compiler calls memset where memset looks at blocks\"" > source_out
    print "#endif" > source_out
    print "#if !defined(CAIRN_FREESTANDING) && !defined(_GNU_SOURCE)" > source_out
    print "#define _GNU_SOURCE" > source_out
    print "#endif\n" > source_out
    put_systems(0)
    print "#ifndef CAIRN_FREESTANDING" > source_out
    put_systems(1)
    print "#endif\n\n#include \"cairn.h\"" > source_out
    print "\n#ifdef __clang__ /* inline functions of headers, which not every build calls */" > source_out
    print "#pragma clang diagnostic push" > source_out
    print "#pragma clang diagnostic ignored \"-Wunused-function\"" > source_out
    print "#endif" > source_out
    for (k = 1; k <= units; k++)
        if (!is_public[order[k]]) {
            enter(condition_of(order[k]), source_out)
            put(order[k], source_out)
        }
    enter("", source_out)
    print "\n#ifdef __clang__\n#pragma clang diagnostic pop\n#endif" > source_out
}
