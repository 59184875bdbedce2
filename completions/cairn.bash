# SPDX-License-Identifier: MIT
# Completion of the `cairn` command for bash. Verbs and options are read off its help pages, so
# they are those of the command that is installed.

_cairn_verbs() {
    "$1" --help 2>/dev/null | sed -n 's/^  \([a-z]\{1,\}\)  .*/\1/p'
}

_cairn_options() {
    "$1" "$2" --help 2>/dev/null | grep -oE -- '(^|[ ,;])--?[a-z][a-z-]*' | tr -d ' ,;' | sort -u
}

_cairn() {
    local command=${COMP_WORDS[0]} current=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]} i
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_cairn_verbs "$command") --help --version" -- "$current")
        return
    fi
    if [ "$verb" = help ]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_cairn_verbs "$command")" -- "$current")
        return
    fi
    # Behind the name of a program, what that program wants.
    case $verb in
        run | compare | record)
            for ((i = 2; i < COMP_CWORD; i++)); do
                case ${COMP_WORDS[i]} in
                    -o | --output | --lib | --rounds | --warmup | --allocators | --baseline | --color | --seed | --depth | --buffer) i=$((i + 1)) ;;
                    -*) ;;
                    *)
                        if declare -F _command_offset >/dev/null; then
                            _command_offset "$i"
                        else
                            mapfile -t COMPREPLY < <(compgen -f -- "$current")
                        fi
                        return
                        ;;
                esac
            done
            ;;
    esac
    case $current in
        -*) mapfile -t COMPREPLY < <(compgen -W "$(_cairn_options "$command" "$verb")" -- "$current") ;;
        *)
            case $verb in
                run | compare | record) mapfile -t COMPREPLY < <(compgen -c -f -- "$current") ;;
                *) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
            esac
            ;;
    esac
}

complete -o filenames -o bashdefault -F _cairn cairn
