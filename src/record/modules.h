/* SPDX-License-Identifier: MIT */
/* The files that the process has loaded, as the recorder needs them to place addresses. */
#ifndef CAIRN_RECORD_MODULES_H
#define CAIRN_RECORD_MODULES_H

#include "base/config.h"

/* Sends those that were not sent before; not while a thread forks. Takes the dynamic linker's lock. */
void cairn__modules_send(void);

/* Whether any was loaded or unloaded since cairn__modules_send; false while a thread forks. Takes the
 * dynamic linker's lock. */
bool cairn__modules_changed(void);

/* From now on no thread is in the dynamic linker for this when another forks. */
void cairn__modules_watch_forks(void);

#endif
