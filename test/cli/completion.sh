#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Completion in bash, zsh and fish, each with the shell that owns it: verbs, options of a verb, and
# programs behind `run`.
#
#   completion.sh CAIRN FOLDER      the command, and where the completions are

set -u

cairn=$(realpath -- "${1:?usage: completion.sh CAIRN FOLDER}")
folder=$(realpath -- "${2:?usage: completion.sh CAIRN FOLDER}")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
ln -s "$cairn" "$tmp/cairn"
export PATH=$tmp:$PATH LC_ALL=C HOME=$tmp
passed=0 failed=0 skipped=0

# expect NAME WORD...: what was read from standard input has each WORD (-WORD: has it not).
expect() {
    local name=$1 found word
    shift
    found=$(cat)
    for word in "$@"; do
        if [ "${word:0:1}" = ! ]; then
            grep -qxF -- "${word:1}" <<<"$found" || continue
        else
            grep -qxF -- "$word" <<<"$found" && continue
        fi
        failed=$((failed + 1))
        echo "not ok $name: '$word' is not so in:" $found
        return
    done
    passed=$((passed + 1))
    echo "ok $name"
}

skip() {
    skipped=$((skipped + 1))
    echo "skip $1: there is none"
}

in_bash() {
    # shellcheck disable=SC2016 # for the inner shell
    bash --norc -c '. "$0/cairn.bash"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _cairn
        printf "%s\n" "${COMPREPLY[@]}"' "$folder" "$@"
}

expect bash.verbs run compare record replay help '!__probe' < <(in_bash cairn '')
expect bash.prefix compare '!run' < <(in_bash cairn co)
expect bash.options --rounds '!--allocators' < <(in_bash cairn compare --r)
expect bash.help run < <(in_bash cairn help ru)
expect bash.program cairn < <(in_bash cairn run --quiet cair)

if command -v fish >/dev/null; then
    in_fish() { fish --no-config -c "source '$folder/cairn.fish'; complete -C '$1'" | cut -f 1; }
    expect fish.verbs run compare record replay help '!__probe' < <(in_fish 'cairn ')
    expect fish.options --rounds '!--allocators' < <(in_fish 'cairn compare --r')
    expect fish.program cairn < <(in_fish 'cairn run cair')
else
    skip fish
fi

# zsh completes at a terminal only: one is made, and what is on it after a TAB is looked at.
if command -v zsh >/dev/null; then
    cat >"$tmp/zsh" <<'END'
zmodload zsh/zpty
zpty -b shell zsh -f -i
read_all() { local text all=; repeat ${2:-20} { sleep 0.1; while zpty -r -t shell text; do all+=$text; done
    [[ $all == *$~1* ]] && break }; print -r -- $all }
zpty -w shell "PS1=; fpath=($1 \$fpath); autoload -Uz compinit; compinit -D -u; echo rea''dy"
read_all '*ready*' 100 >/dev/null
zpty -n -w shell "$2"$'\t'
read_all "*$3*" 50
zpty -d shell
END
    in_zsh() { zsh -f "$tmp/zsh" "$folder" "$1" "$2" | tr -d '\r\a' | grep -oE -- '[a-z-]*'"$2"'[a-z-]*' | sort -u; }
    expect zsh.verb compare < <(in_zsh 'cairn compa' compare)
    expect zsh.option --allocators < <(in_zsh 'cairn compare --allo' --allocators)
else
    skip zsh
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
