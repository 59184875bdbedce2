# SPDX-License-Identifier: MIT
# Git's own tests, eight files of them, against the git that is installed: which pass must be the
# same. The helper that git builds for its tests is missing, so the few that need it fail twice.

needs="git perl"
packages="git perl"
unpacks="source:git"
proves="git"

prepare() {
    local tree=$PREPARED/git
    mkdir "$tree"
    cp -r "$UNPACKED/source/t" "$tree"
    mkdir -p "$tree/templates/blt" "$tree/t/helper"
    cp -r /usr/share/git-core/templates/. "$tree/templates/blt"
    cat >"$tree/GIT-BUILD-OPTIONS" <<'OPTIONS'
SHELL_PATH=/bin/sh
PERL_PATH=/usr/bin/perl
DIFF=diff
TAR=tar
NO_PYTHON=1
PAGER_ENV='LESS=FRX LV=-c'
OPTIONS
    printf '#!/bin/sh\nexit 1\n' | tee "$tree/git" >"$tree/t/helper/test-tool"
    chmod +x "$tree/git" "$tree/t/helper/test-tool"
}

# tests FILE...: one line for each test, `ok N - name` or `not ok N - name`.
tests() {
    local file
    for file; do
        echo "$file"
        (
            cd "$PREPARED/git/t"
            unset GIT_CONFIG_NOSYSTEM GIT_CONFIG_GLOBAL GIT_PAGER GIT_EDITOR
            GIT_TEST_INSTALLED=/usr/bin TEST_NO_MALLOC_CHECK=1 sh "./$file.sh" \
                --root="$TMPDIR/trash" 2>/dev/null || true
        ) | grep -E '^(not )?ok '
    done
}

run() {
    mkdir first second
    export TEST_OUTPUT_DIRECTORY=$PWD
    tests t0001-init t1300-config t3400-rebase t7600-merge >first/log &
    tests t3903-stash t4202-log t7004-tag t7810-grep >second/log
    wait $!
    cat first/log second/log
}
