#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Every verb has a manual page that names exactly the options that its help page names, and cairn(1)
# names every verb; all of them are well-formed.
#
#   manual.sh CAIRN FOLDER          the command, and where the sources of the pages are

set -u

cairn=$(realpath -- "${1:?usage: manual.sh CAIRN FOLDER}")
folder=$(realpath -- "${2:?usage: manual.sh CAIRN FOLDER}")
passed=0 failed=0

# judge NAME TEXT: ok if there is no text, which says what is wrong.
judge() {
    if [ -z "$2" ]; then
        passed=$((passed + 1))
        echo "ok $1"
    else
        failed=$((failed + 1))
        echo "not ok $1: $2"
    fi
}

# What a verb says of itself, and of its parts.
help_of() {
    "$cairn" "$1" --help
    [ "$1" = lab ] && for part in demo run sweep ops patterns metrics; do "$cairn" lab $part --help; done
}

options_of_help() {
    help_of "$1" | grep -oE -- '(^|[ ,;(])--[a-z][a-z-]*' | tr -d ' ,;(' | sort -u
}

options_of_page() {
    sed -n '/^# OPTIONS/,/^# [^O]/p' "$1" | grep '^\*-' | grep -oE -- '--[a-z][a-z-]*' | sort -u
}

verbs=$("$cairn" --help | sed -n 's/^  \([a-z]\{1,\}\)  .*/\1/p')
for verb in $verbs; do
    wrong=
    grep -q "^[|[ ]*\*$verb\*" "$folder/cairn.1.scd" || wrong="cairn(1) does not name it"
    case $verb in
        help | version) ;;
        *)
            page=$folder/cairn-$verb.1.scd
            if [ -e "$page" ]; then
                wrong+=$(diff <(options_of_help "$verb") <(options_of_page "$page"))
            else
                wrong+=" it has no page"
            fi
            ;;
    esac
    judge "manual.$verb" "$wrong"
done

for page in "$folder"/*.1.scd; do
    verb=$(basename "$page" .1.scd)
    verb=${verb#cairn-}
    wrong=
    [ "$verb" = cairn ] || grep -qw "$verb" <<<"$verbs" || wrong="there is no such verb"
    if command -v scdoc >/dev/null; then
        wrong+=$(scdoc <"$page" 2>&1 >/dev/null)
    fi
    judge "manual.page.$verb" "$wrong"
done

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
