#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The example for systemd as it is installed: check.sh systemd|environment BUILD. What docs/deploy.md
# has for containers: check.sh recipe BUILD. Ends with 77 where systemd-analyze is missing.

set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "deploy: $*" >&2
    exit 1
}
cmake --install "$2" --prefix "$work/usr" >"$work/installing" || fail "cannot be installed"
example=$work/usr/share/systemd/cairn.conf
[ -s "$example" ] || fail "no example was installed"

# Each line that is commented out, too, is one that systemd understands. verify FILE: prints what is wrong.
verify() {
    mkdir -p "$work/units/test.service.d"
    printf '[Service]\nExecStart=/bin/true\n' >"$work/units/test.service"
    cp "$1" "$work/units/test.service.d/cairn.conf"
    SYSTEMD_UNIT_PATH=$work/units: timeout 60 systemd-analyze verify "$work/units/test.service" 2>&1
}

case $1 in
systemd)
    command -v systemd-analyze >/dev/null || { echo "skip: no systemd-analyze"; exit 77; }
    printf '[Service]\nEnviroment=A=b\n' >"$work/wrong.conf"
    verify "$work/wrong.conf" | grep -q Enviroment || { echo "skip: systemd-analyze verifies nothing here"; exit 77; }
    sed 's/^#Env/Env/' "$example" >"$work/all.conf"
    for file in "$example" "$work/all.conf"; do
        said=$(verify "$file")
        [ -z "$said" ] || fail "systemd-analyze: $said"
    done
    ;;
environment)
    # By syntax: sections, comments and settings of the environment. And what is set does what it says.
    grep -vE '^(#.*|)$' "$example" | grep -vxE '\[Service\]|Environment=[A-Z_]+=[^ "]+' && fail "not understood"
    grep -q '@' "$example" && fail "something was not replaced"
    settings=$(sed -n 's/^#\{0,1\}Environment=//p' "$example" | sed 's/%%/%/')
    for setting in $settings; do
        case $setting in
        LD_PRELOAD=*) [ -e "${setting#*=}" ] || fail "$setting: no such library" ;;
        CAIRN_STATS_FILE=*) ;;
        *)
            said=$(env "$(sed -n 's/^Environment=\(LD_PRELOAD=\)/\1/p' "$example")" CAIRN_STRICT=1 "$setting" \
                CAIRN_VERBOSE=1 /bin/true 2>&1) || fail "$setting is refused: $said"
            echo "$said" | grep -q "^cairn: ${setting%%=*}=.* (from the environment)" || fail "$setting has no effect: $said"
            ;;
        esac
    done
    ;;
recipe)
    # Every line is an instruction, what is copied is what an installation has, and options are CMake's.
    sed -n '/^FROM /,/^```$/p' "$root/docs/deploy.md" | grep -v '^```' >"$work/recipe"
    [ -s "$work/recipe" ] || fail "no recipe in docs/deploy.md"
    grep -vE '^(#|$|(FROM|RUN|COPY|ENV) [^ ])' "$work/recipe" && fail "no instruction"
    for file in $(grep -oE '/usr/local/[a-z]+/[a-z.0-9-]+' "$work/recipe" | sort -u); do
        [ -e "$work$(echo "$file" | sed 's|/usr/local|/usr|')" ] || fail "an installation has no $file"
    done
    for option in $(grep -oE -- '-DCAIRN_[A-Z]+' "$work/recipe"); do
        grep -q "^option(${option#-D} " "$root/CMakeLists.txt" || fail "CMake has no $option"
    done
    ;;
*) fail "no such check: $1" ;;
esac
