/* SPDX-License-Identifier: MIT */
/* What CAIRN_VERBOSE=1 says at the start. */
#ifndef CAIRN_WATCH_SETTINGS_H
#define CAIRN_WATCH_SETTINGS_H

/* Version, options in effect with their sources, and what the machine offers, on stderr. */
void cairn__settings_print(void);

#endif
