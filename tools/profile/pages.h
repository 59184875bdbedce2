/* SPDX-License-Identifier: MIT */
/*
 * The address space as a list of pages, each with how much of it blocks take: the picture of a heap.
 * Blocks come in any order. Whole pages inside of a large block are kept as one run.
 */
#ifndef CAIRN_TOOLS_PROFILE_PAGES_H
#define CAIRN_TOOLS_PROFILE_PAGES_H

#include "profile/peaks.h"
#include "profile/profile.h"

enum { PAGE_BYTES = 4096 };

/* Those that blocks of `process` lie in, by address; neighbours that are alike are one. How many;
 * the array, from memory_*, is in *pages. */
size_t pages_of(const struct peak_block *blocks, size_t count, uint32_t process,
                struct profile_page **pages);

#endif
