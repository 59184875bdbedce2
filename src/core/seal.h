/* SPDX-License-Identifier: MIT */
/*
 * What is written at the process's start and never again cannot be written later, in the hardened
 * build: who can write anywhere cannot turn its checks off. Variables that are SEALED (config.h) lie
 * where the dynamic linker has its own tables, which it protects when it is done.
 */
#ifndef CAIRN_CORE_SEAL_H
#define CAIRN_CORE_SEAL_H

#include "base/config.h"

/* Lets them be written, by a single thread. False: they cannot be, and stay as they are. */
bool cairn__seal_break(void);

/* And not any more. */
void cairn__seal(void);

#endif
