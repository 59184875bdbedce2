#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Unpacks Debian packages into a folder, without installing anything: no service starts, nothing of
# the machine changes, and no rights are needed. What they depend on is unpacked beside them, as far
# as it is a library and not installed here.
#
#   unpack-packages.sh FOLDER PACKAGE...
#
# A PACKAGE may also be source:NAME, the original source of a package, unpacked in FOLDER/source.
#
# FOLDER is left alone if it is there and was made from the same list. What apt knows of the mirror
# is kept in `apt` beside FOLDER, apart from the machine's own, and read again after a day. If it
# cannot be done (another system, no network), this prints one line that says why, and exits 1; for
# the next five minutes it does not try again.

set -u
shopt -s nullglob

[ $# -ge 2 ] || { echo "usage: unpack-packages.sh FOLDER PACKAGE..." >&2; exit 2; }
mkdir -p "$(dirname "$1")" || exit 1
folder=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
shift
apt=$(dirname "$folder")/apt
new=$folder.new

is_there() { [ "$(cat "$folder/list" 2>/dev/null)" = "$*" ]; }

recent() { [ -n "$(find "$1" -maxdepth 0 -mmin "-$2" 2>/dev/null)" ]; }

give_up() {
    echo "$1" >"$apt/failed"
    echo "unpack-packages: $1" >&2
    exit 1
}

# apt-get with its own idea of the mirror, and of the machine: nothing is installed.
private() {
    LC_ALL=C apt-get -qq --no-install-recommends -c "$apt/config" "$@" </dev/null 2>"$apt/log"
}

configure() {
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" || exit 1
    : >"$apt/status"
    cat >"$apt/config" <<END
Dir::State::Lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::State::extended_states "$apt/extended_states";
Dir::Cache "$apt/cache";
Debug::NoLocking "true";
APT::Sandbox::User "";
Acquire::Retries "2";
Acquire::http::Timeout "15";
Acquire::https::Timeout "15";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
END
}

# with_dependencies PACKAGE...: these, and the libraries they need that are not installed.
with_dependencies() {
    local installed
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p')
    printf '%s\n' "$@"
    private install --print-uris "$@" | awk '{ sub(/_.*/, "", $2); print $2 }' | grep '^lib' |
        grep -v -e '-perl$' -e '^libc6$' | grep -vxF "$installed"
}

# source_of NAME: downloads its source, from the Debian mirrors that the machine uses.
source_of() {
    local keys=/usr/share/keyrings/debian-archive-keyring.gpg
    [ -r "$keys" ] && keys="[signed-by=$keys]" || keys=''
    # shellcheck disable=SC2016 # apt's own variables
    apt-get indextargets --format '$(ORIGIN) $(REPO_URI) $(RELEASE) $(COMPONENT)' \
        'Created-By: Packages' -c "$apt/config" 2>/dev/null | sort -u |
        sed -n "s|^Debian |deb-src $keys |p" >"$apt/sources.list"
    mkdir -p "$apt/source-lists/partial"
    set -- "$1" -o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$apt/source-lists"
    recent "$apt/source-lists/updated" 1440 ||
        { private update "${@:2}" >/dev/null && touch "$apt/source-lists/updated"; } || return 1
    private source --download-only "$@" >/dev/null
}

is_there "$@" && exit 0
for command in apt-get dpkg dpkg-query flock; do
    command -v "$command" >/dev/null || { echo "unpack-packages: no $command here" >&2; exit 1; }
done
configure
exec 9>"$apt/lock"
flock 9
is_there "$@" && exit 0
if recent "$apt/failed" 5; then
    echo "unpack-packages: $(cat "$apt/failed") (just tried)" >&2
    exit 1
fi

if ! recent "$apt/updated" 1440; then
    private update >/dev/null
    [ -z "$(echo "$apt"/lists/*_Packages*)" ] && give_up "the package mirror cannot be reached"
    touch "$apt/updated"
fi
rm -rf "$new"
mkdir -p "$new/debs" || exit 1
trap 'rm -rf "$new"' EXIT
trap 'exit 1' INT TERM
cd "$new/debs" || exit 1

binary=()
for package in "$@"; do
    case $package in
    source:*)
        source_of "${package#source:}" || give_up "cannot download the source of ${package#source:}"
        mkdir -p "$new/source"
        for archive in ./*.orig.tar.*[a-z2]; do
            case $archive in *.asc) continue ;; esac
            tar -x --strip-components=1 -C "$new/source" -f "$archive" || give_up "cannot unpack $archive"
        done
        ;;
    *) binary+=("$package") ;;
    esac
done

if [ ${#binary[@]} -gt 0 ]; then
    packages=$(with_dependencies "${binary[@]}" | sort -u)
    # shellcheck disable=SC2086 # package names hold no spaces
    if ! private download $packages >/dev/null; then
        rm -f "$apt/updated"
        give_up "cannot download: $(sed -n 's/^E: //p' "$apt/log" | head -n 1)"
    fi
fi
for deb in ./*.deb; do
    dpkg -x "$deb" "$new" || give_up "cannot unpack ${deb##*/}"
done
cd / || exit 1
rm -rf "$new/debs" "$folder"
echo "$*" >"$new/list"
mv "$new" "$folder"
