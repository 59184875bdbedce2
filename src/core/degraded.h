/* SPDX-License-Identifier: MIT */
/*
 * What the hardened build says when it has to do with less protection than it should: one line for each
 * kind, once in a process. In this order: with fewer guards (the system's limit on mappings is near),
 * without any more, without waiting before freed blocks are used again (memory is out).
 */
#ifndef CAIRN_CORE_DEGRADED_H
#define CAIRN_CORE_DEGRADED_H

#include "base/config.h"

enum degraded { DEGRADED_GUARDS, DEGRADED_NO_GUARDS, DEGRADED_QUARANTINE, DEGRADED_KINDS };

COLD void cairn__degraded(enum degraded what);

#endif
