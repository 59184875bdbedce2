/* SPDX-License-Identifier: MIT */
/* See numa.h. On Linux. The kernel reads one bit less of a set than it is told. */
#define _GNU_SOURCE
#include "os/numa.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/system.h"

/* Of <linux/mempolicy.h>, which not every system has at hand. */
enum {
    FLAG_ADDRESS = 1 << 1, /* get_mempolicy: of the page at an address */
    FLAG_ALLOWED = 1 << 2, /* get_mempolicy: the nodes that may be used */
    FLAG_STRICT = 1 << 0,  /* mbind: say whether all pages are where they should be */
    FLAG_MOVE = 1 << 1,    /* mbind, move_pages: those that only this process uses */
    MODE_BITS = 0xff,      /* of a mode; above are flags */
};

/* The call's result as 0 or an errno. */
static int errno_of(long result, int saved)
{
    int error = result < 0 ? errno : 0;
    errno = saved;
    return error;
}

/* A number of at most four digits; -1: there is none. */
static long number_at(const char **at)
{
    long number = -1;
    for (int digits = 0; digits < 4 && **at >= '0' && **at <= '9'; digits++)
        number = (number < 0 ? 0 : number * 10) + (*(*at)++ - '0');
    return number;
}

bool cairn__os_numa_parse(const char *list, uint64_t *nodes)
{
    memset(nodes, 0, NODE_WORDS * sizeof *nodes);
    for (;;) {
        long first = number_at(&list), last = first;
        if (first >= 0 && *list == '-') {
            list++;
            last = number_at(&list);
        }
        if (first < 0 || last < first || last >= NODES_MAX)
            return false;
        for (long node = first; node <= last; node++)
            nodes[node / 64] |= (uint64_t)1 << node % 64;
        if (*list != ',')
            return *list == '\n' || *list == '\0';
        list++;
    }
}

void cairn__os_numa_online(uint64_t *nodes)
{
    char list[4096];
    if (cairn__system_read("/sys/devices/system/node/online", list, sizeof list) != 0 &&
        cairn__os_numa_parse(list, nodes))
        return;
    if (cairn__os_numa_allowed(nodes) == 0)
        for (int i = 0; i < NODE_WORDS; i++)
            if (nodes[i] != 0)
                return;
    memset(nodes, 0, NODE_WORDS * sizeof *nodes);
    nodes[0] = 1;
}

int cairn__os_numa_allowed(uint64_t *nodes)
{
    int saved = errno;
    memset(nodes, 0, NODE_WORDS * sizeof *nodes);
    return errno_of(syscall(SYS_get_mempolicy, NULL, nodes, NODES_MAX + 1UL, NULL, FLAG_ALLOWED),
                    saved);
}

int cairn__os_numa_here(unsigned *processor)
{
    unsigned node = 0;
    int saved = errno;
    *processor = 0;
    return errno_of(syscall(SYS_getcpu, processor, &node, NULL), saved) == 0 && node < NODES_MAX
               ? (int)node
               : -1;
}

int cairn__os_numa_bind(void *ptr, size_t size, enum numa_mode mode, const uint64_t *nodes,
                        bool move)
{
    int saved = errno;
    return errno_of(syscall(SYS_mbind, ptr, size, (long)mode, nodes, NODES_MAX + 1UL,
                            move ? FLAG_MOVE | FLAG_STRICT : 0),
                    saved);
}

int cairn__os_numa_policy(const void *ptr, enum numa_mode *mode, uint64_t *nodes)
{
    int saved = errno, kernel_mode = 0;
    memset(nodes, 0, NODE_WORDS * sizeof *nodes);
    int error = errno_of(syscall(SYS_get_mempolicy, &kernel_mode, nodes, NODES_MAX + 1UL, ptr,
                                 (unsigned long)FLAG_ADDRESS),
                         saved);
    *mode = (enum numa_mode)(kernel_mode & MODE_BITS);
    return error;
}

int cairn__os_numa_pages(size_t count, void **pages, const int *to, int *where)
{
    int saved = errno;
    return errno_of(syscall(SYS_move_pages, 0L, count, pages, to, where, (long)FLAG_MOVE), saved);
}
