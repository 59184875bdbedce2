/* SPDX-License-Identifier: MIT */
/*
 * A message queue in 64 KiB of static memory, as in a device that must not run out of malloc at
 * night: messages of 20 to 1500 bytes come at any time and leave in any order. Which strategy
 * holds most of them? The same traffic for each.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cairn/fit.h"

enum { MEMORY = 64 * 1024, SLOTS = 256, EVENTS = 200000 };

struct message {
    char *text;
    cairn_layout layout;
};

static uint32_t state;

static uint32_t draw(uint32_t bound)
{
    state = state * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)state * bound >> 32);
}

static void run(const char *name, const cairn_fit_opts *opts)
{
    static char memory[MEMORY];
    static struct message messages[SLOTS];
    cairn_fit fit;
    cairn_fit_stats stats;
    size_t lost = 0, held = 0, most = 0;
    if (!cairn_fit_init(&fit, memory, sizeof memory, opts))
        return;
    memset(messages, 0, sizeof messages);
    state = 1;
    for (int event = 0; event < EVENTS; event++) {
        struct message *m = &messages[draw(SLOTS)];
        if (m->text != NULL) {
            cairn_fit_dealloc(&fit, m->text, m->layout);
            held -= m->layout.size;
        }
        m->layout = cairn_layout_from_size_align(draw(10) == 0 ? 1500 : 20 + draw(200), 1);
        m->text = cairn_fit_alloc(&fit, m->layout);
        if (m->text == NULL) {
            lost++;
            continue;
        }
        memset(m->text, 'm', m->layout.size);
        held += m->layout.size;
        most = held > most ? held : most;
    }
    cairn_fit_stats_get(&fit, &stats);
    printf("%-22s held up to %zu bytes, lost %5zu messages, %3zu gaps at the end; %s\n", name, most,
           lost, stats.free_blocks, cairn_fit_audit(&fit) == NULL ? "sound" : "broken");
    cairn_fit_fini(&fit);
}

int main(void)
{
    run("best", &(cairn_fit_opts){.strategy = CAIRN_FIT_BEST});
    run("segregated", &(cairn_fit_opts){.strategy = CAIRN_FIT_SEGREGATED});
    run("segregated, deferred", &(cairn_fit_opts){.coalescing = CAIRN_FIT_DEFERRED});
    run("first", &(cairn_fit_opts){.strategy = CAIRN_FIT_FIRST});
    run("next", &(cairn_fit_opts){.strategy = CAIRN_FIT_NEXT});
    run("segregated, never", &(cairn_fit_opts){.coalescing = CAIRN_FIT_NEVER});
    return 0;
}
