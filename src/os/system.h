/* SPDX-License-Identifier: MIT */
/*
 * What watching asks of the system, and the malloc never: small files of /proc and /sys, which
 * memory is resident, a file to report to. As in os.h, nothing allocates and nothing touches errno.
 */
#ifndef CAIRN_OS_SYSTEM_H
#define CAIRN_OS_SYSTEM_H

#include "base/config.h"

/* The beginning of a file, up to size - 1 bytes, terminated. How many; 0 if it cannot be read. */
size_t cairn__system_read(const char *path, char *bytes, size_t size);

/* Bytes of the process that are in memory, as the system counts them; 0 if it does not tell. */
size_t cairn__system_rss(void);

/*
 * Bytes in memory of [start, start + size), which must be mapped, in whole OS pages. A page that was
 * only read and never written counts, although it is the system's page of zeros.
 */
size_t cairn__system_resident(const void *start, size_t size);

/* A file to append to, made if need be; -1 if it cannot be opened. */
int cairn__system_open(const char *path);
void cairn__system_write(int file, const char *bytes, size_t count);
void cairn__system_close(int file);

#endif
