# SPDX-License-Identifier: MIT
# A plugin loaded with RTLD_DEEPBIND takes its blocks from libc's malloc. The program frees them
# with its own, which must see that they are not its blocks and let them be.

needs="gcc"
packages="gcc libc6-dev"
proves="dlopen_plugin"
not_foreign="most allocators crash on a block of libc's malloc"

prepare() {
    compile dlopen_plugin
    compile libplugin
}

run() {
    status "$PREPARED/dlopen_plugin" "$PREPARED/libplugin.so" deep
}
