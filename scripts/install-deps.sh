#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Installs the Debian packages that a job needs and this machine lacks; says nothing when it lacks
# none. Usage: scripts/install-deps.sh JOB..., where JOB is build, run, test, bench, site or packages.
#
# A package counts as present when its command is on PATH, or, where it has none, when dpkg says so.
# Missing required packages are an error; missing optional ones are one line of warning.

set -u
PATH=$PATH:${HOME:-/root}/.cargo/bin # a cargo that rustup has installed will do

packages() {
    # package            job    kind      command
    cat <<'END'
    gcc                  build  required  gcc
    g++                  build  required  g++
    make                 build  required  make
    cmake                build  required  cmake
    pkg-config           build  required  pkg-config
    binutils             build  required  objcopy
    libjansson-dev       build  required  -
    libzstd-dev          build  required  -
    libxxhash-dev        build  required  -
    libdw-dev            build  required  -
    zlib1g-dev           build  required  -
    libiberty-dev        build  required  -
    libncurses-dev       build  required  -
    scdoc                build  optional  scdoc
    python3              build  optional  python3
    sqlite3              run    required  sqlite3
    libjemalloc2         run    optional  -
    libmimalloc2.0       run    optional  -
    libtcmalloc-minimal4 run    optional  -
    libtbbmalloc2        run    optional  -
    dpkg-dev             packages required dpkg-buildpackage
    debhelper            packages required dh
    scdoc                packages required scdoc
    lintian              packages optional lintian
    g++                  bench  required  g++
    libboost-dev         bench  optional  -
    libboost-container-dev bench optional -
    libapr1-dev          bench  optional  -
    libtalloc-dev        bench  optional  -
    libglib2.0-dev       bench  optional  -
    redis-server         bench  optional  redis-server
    redis-tools          bench  optional  redis-benchmark
    lua5.4               bench  optional  lua5.4
    python3              bench  optional  python3
    perl                 bench  optional  perl
    ghostscript          bench  optional  gs
    z3                   bench  optional  z3
    nginx-light          bench  optional  /usr/sbin/nginx
    wrk                  bench  optional  wrk
    python3              site   required  python3
    doxygen              site   required  doxygen
    cmark-gfm            site   required  cmark-gfm
    libcmocka-dev        test   required  -
    clang                test   required  clang
    valgrind             test   required  valgrind
    libc6-dbg            test   required  -
    git                  test   required  git
    perl                 test   required  perl
    sqlite3              test   required  sqlite3
    nodejs               test   required  node
    python3              test   required  python3
    strace               test   required  strace
    man-db               test   optional  man
    groff-base           test   optional  groff
    coreutils            test   required  timeout
    clang-format         test   optional  clang-format
    redis-server         test   optional  redis-server
    redis-tools          test   optional  redis-benchmark
    bc                   test   optional  bc
    dc                   test   optional  dc
    bzip2                test   optional  bzip2
    xz-utils             test   optional  xz
    zstd                 test   optional  zstd
    lua5.4               test   optional  lua5.4
    openssl              test   optional  openssl
    curl                 test   optional  curl
    chromium             test   optional  chromium
    golang-go            test   optional  go
    rustc                test   optional  rustc
    cargo                test   optional  cargo
    google-perftools     test   optional  google-pprof
    npm                  test   optional  npm
    tmux                 test   optional  tmux
    gdb                  test   optional  gdb
    libclang-rt-14-dev   test   optional  -
    libc++-14-dev        test   optional  -
    libc++abi-14-dev     test   optional  -
    libboost-dev         test   optional  -
    meson                test   optional  meson
    abigail-tools        test   optional  abidiff
    qemu-user            test   optional  qemu-aarch64
    zsh                  test   optional  zsh
    fish                 test   optional  fish
    doxygen              test   optional  doxygen
    cmark-gfm            test   optional  cmark-gfm
    gcc-multilib         test   optional  -
    gcc-arm-none-eabi    test   optional  arm-none-eabi-gcc
    binutils-aarch64-linux-gnu test optional aarch64-linux-gnu-ld
END
}

# Prints `kind package` for each package that the jobs in $1 need and that is not there.
missing() {
    # shellcheck disable=SC2046 # package names hold no spaces
    present=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' \
        $(packages | awk '$4 == "-" { print $1 }') 2>/dev/null | sed -n 's/^installed //p')
    packages | while read -r package job kind command; do
        case " $1 " in *" $job "*) ;; *) continue ;; esac
        if [ "$command" != - ]; then
            command -v "$command" >/dev/null && continue
        else
            printf '%s\n' "$present" | grep -qx "$package" && continue
        fi
        echo "$kind $package"
    done | sort -u
}

# Prints the packages of kind $1 that are missing, on one line.
missing_of_kind() {
    missing "$jobs" | awk -v kind="$1" '$1 == kind { printf "%s%s", separator, $2; separator = " " }'
}

warn() { echo "install-deps: $*" >&2; }

# What is installed is for measuring: servers must not start by themselves. The usual way to say so
# is a file that is there only meanwhile (invoke-rc.d(8)).
policy=/usr/sbin/policy-rc.d
keep_services_down() {
    [ -e "$policy" ] && return
    # shellcheck disable=SC2016 # for the shell that is started
    $as_root sh -c 'printf "#!/bin/sh\nexit 101\n" >"$1" && chmod 755 "$1"' sh "$policy" && made_policy=1
}
tidy() {
    rm -f "$log"
    [ -z "${made_policy:-}" ] || $as_root rm -f "$policy"
}

apt_install() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends \
        -o DPkg::Lock::Timeout=300 -o Acquire::Retries=2 -o Acquire::http::Timeout=20 "$@" \
        </dev/null >"$log" 2>&1
}

for job in "$@"; do
    case $job in build | run | test | bench | site | packages) ;; *) warn "no such job: $job"; exit 2 ;; esac
done
jobs=$*

required=$(missing_of_kind required)
optional=$(missing_of_kind optional)
[ -z "$required$optional" ] && exit 0

by_hand="apt-get install --no-install-recommends"
as_root=
if [ "$(id -u)" -ne 0 ]; then
    as_root=sudo
    # sudo may ask for a password only where somebody can type it.
    command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; } || as_root=none
fi

if [ "$as_root" = none ] || ! command -v apt-get >/dev/null; then
    if [ -n "$required" ]; then
        warn "missing: $required; to install them, type as root: $by_hand $required"
        exit 1
    fi
    warn "going on without: $optional; to install them, type as root: $by_hand $optional"
    exit 0
fi

log=$(mktemp)
trap tidy EXIT
keep_services_down

echo "install-deps: installing $required${required:+${optional:+ }}$optional"
$as_root apt-get update -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=2 \
    -o Acquire::http::Timeout=20 </dev/null >"$log" 2>&1 || warn "apt-get update failed; trying anyway"

# shellcheck disable=SC2086 # package names hold no spaces
if [ -n "$required" ] && ! apt_install $required; then
    tail -n 5 "$log" >&2
    warn "could not install: $(missing_of_kind required); to see why, type as root: $by_hand $required"
    exit 1
fi

# One at a time, so that one that this system does not have takes no other with it.
for package in $optional; do
    apt_install "$package" || warn "going on without $package, which could not be installed"
done
