/* SPDX-License-Identifier: MIT */
/* See age.h. */
#include "core/age.h"

_Atomic uint32_t cairn__ticks;
