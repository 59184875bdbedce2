# SPDX-License-Identifier: MIT
# Completion of the `cairn` command for fish. Verbs and options are read off its help pages, so they
# are those of the command that is installed.

function __cairn_verbs
    command cairn --help 2>/dev/null | string match -rg '^  ([a-z]+)  +(.*)$' | while read -l verb
        read -l summary
        printf '%s\t%s\n' $verb $summary
    end
end

function __cairn_options
    set -l words (commandline -opc)
    test (count $words) -gt 1; or return
    command cairn $words[2] --help 2>/dev/null |
        string match -ra -- '(?<=[ ,;])--?[a-z][a-z-]*|^--?[a-z][a-z-]*' | sort -u
end

complete -c cairn -n 'test (count (commandline -opc)) -eq 1' -f -a '(__cairn_verbs)'
complete -c cairn -n 'test (count (commandline -opc)) -gt 1; and string match -q -- "-*" (commandline -ct)' -f -a '(__cairn_options)'
complete -c cairn -n 'test (count (commandline -opc)) -eq 2; and contains (commandline -opc)[2] run compare record' -a '(__fish_complete_command)'
