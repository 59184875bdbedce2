/* SPDX-License-Identifier: MIT */
/*
 * The built bundle of the page, as it stands in tools/page/bundle/, in the command's read-only data.
 * scripts/web.sh builds the files; CMake says where they are and compiles this anew when they change.
 */
#include "page/page.h"

#define EMBED(name, file)                                                                          \
    ".globl " name "\n"                                                                            \
    ".hidden " name "\n"                                                                           \
    ".type " name ", %object\n" name ":\n"                                                         \
    ".incbin \"" CAIRN_PAGE_BUNDLE "/" file "\"\n"                                                 \
    ".byte 0\n"

__asm__(".pushsection .rodata\n" EMBED("page_script", "page.js") EMBED("page_style", "page.css")
            EMBED("page_policy", "policy.txt") ".popsection\n");
