/* SPDX-License-Identifier: MIT */
/*
 * Which functions the checks of the six basic ones speak of: libc's names, or with API_CAIRN those
 * of Cairn's own API, which the sanitizer builds can test.
 */
#ifndef TEST_API_NAMES_H
#define TEST_API_NAMES_H

#include <malloc.h>
#include <stdlib.h>

#ifdef API_CAIRN
#include "cairn.h"
#define malloc             cairn_malloc
#define calloc             cairn_calloc
#define realloc            cairn_realloc
#define free               cairn_free
#define aligned_alloc      cairn_aligned_alloc
#define malloc_usable_size cairn_usable_size
#endif

#endif
