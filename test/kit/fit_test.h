/* SPDX-License-Identifier: MIT */
/* What the tests of fit share. */
#ifndef TEST_KIT_FIT_TEST_H
#define TEST_KIT_FIT_TEST_H

#include "unit/unit.h"

#include "cairn/fit.h"
#include "kit/fit_index.h"

static _Alignas(64) char memory[1 << 20];

static inline cairn_layout layout(size_t size, size_t align)
{
    return cairn__layout(size, align);
}

static inline void sound(const cairn_fit *fit)
{
    const char *wrong = cairn_fit_audit(fit);
    if (wrong != NULL)
        fail_msg("%s", wrong);
}

static inline cairn_fit_stats stats_of(const cairn_fit *fit)
{
    cairn_fit_stats stats;
    cairn_fit_stats_get(fit, &stats);
    return stats;
}

#endif
