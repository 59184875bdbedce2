# SPDX-License-Identifier: MIT
# A plugin that allocates is loaded and unloaded 100 times; its last block outlives it.

needs="gcc"
packages="gcc libc6-dev"
proves="dlopen_plugin"

prepare() {
    compile dlopen_plugin
    compile libplugin
}

run() {
    for i in 1 2 3; do status "$PREPARED/dlopen_plugin" "$PREPARED/libplugin.so"; done
}
