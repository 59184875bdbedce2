# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# What the scripts of this folder share; each begins with `. "${0%/*}/common.sh"`.
#
# A script is called as NAME.sh FOLDER quick|full. It makes its program's input in FOLDER, always the
# same, and prints how to start the program, one word a line. Exit code 77: the program is not here.
# For a server the words are NAME.sh serve FOLDER …: then the script becomes the server by exec, so
# that what is measured is the server alone; a client that it has started before runs beside it,
# without the allocator, prints its figures, and ends the server.

set -eu

# need COMMAND...: all of them, or the program is left out.
need() {
    for command in "$@"; do
        command -v "$command" >/dev/null || {
            echo "there is no $command" >&2
            exit 77
        }
    done
}

# words WORD...: how to start the program.
words() { printf '%s\n' "$@"; }

# length QUICK FULL: by the second argument of the script.
length() { if [ "$mode" = quick ]; then echo "$1"; else echo "$2"; fi; }

# become COMMAND...: executes it, as a user with few rights if this one is root, and so that it does
# not outlive the command that measures it.
become() {
    if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
        nobody="setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs"
        # It must be able to come to where it works, and to load what is preloaded.
        $nobody test -w "$folder" || nobody=setpriv
        for library in $(echo "${LD_PRELOAD:-}" | tr ':' ' '); do
            $nobody test -r "$library" || nobody=setpriv
        done
        exec $nobody --pdeathsig KILL "$@"
    fi
    exec "$@"
}

# end SIGNAL: ends the server, if it is still there: else its number may be another program's by now.
end() {
    read -r _ _ _ parent _ </proc/self/stat
    if [ "$parent" = $$ ]; then kill -"$1" $$; fi
}

# beside COMMAND...: runs it beside the server that this shell is about to become, then ends that.
beside() {
    (
        unset LD_PRELOAD
        if "$@"; then end TERM; else end KILL; fi
    ) &
}

# until_there FILE: waits for it, ten seconds at most.
until_there() {
    tries=0
    until [ -s "$1" ] || [ -S "$1" ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 500 ] || return 1
        sleep 0.02
    done
}

# wrk_figures: from the output of wrk --latency on standard input.
wrk_figures() {
    awk '
    function microseconds(text) {
        if (text ~ /us$/) return text + 0
        if (text ~ /ms$/) return text * 1000
        return text * 1000000
    }
    $1 == "50%" { half = microseconds($2) }
    $1 == "99%" { most = microseconds($2) }
    $1 == "Requests/sec:" { rate = $2 }
    /Non-2xx|Socket errors/ { bad = 1 }
    END {
        if (bad || rate <= 0) exit 1
        printf "requests_per_second=%s latency_p50_us=%s latency_p99_us=%s\n", rate, half, most
    }'
}

folder=${1:-}
mode=${2:-full}
