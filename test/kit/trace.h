/* SPDX-License-Identifier: MIT */
/*
 * What the tests of traced.h share: a log on a probe, its trace read back in either form, and a
 * player that tells whether the events, in order of their numbers, can have happened.
 */
#ifndef TEST_KIT_TRACE_H
#define TEST_KIT_TRACE_H

#include "kit/probe.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cairn/traced.h"
#include "kit/traced_form.h"

static struct probe probe, records;
static cairn_traced traced;
static cairn_allocator wrapped;
static char path[64];

static inline void start(enum probe_form form, cairn_traced_opts opts)
{
    probe_init(&probe, form);
    probe_init(&records, PROBE_BARE);
    snprintf(path, sizeof path, "/tmp/cairn-traced-%d", (int)getpid());
    opts.records = probe_allocator(&records);
    if (opts.path == NULL && opts.file == 0)
        opts.path = path;
    assert_true(cairn_traced_init(&traced, probe_allocator(&probe), &opts));
    wrapped = cairn_traced_allocator(&traced);
}

static inline size_t finish(void)
{
    assert_null(cairn_traced_audit(&traced));
    size_t lost = cairn_traced_fini(&traced);
    probe_fini(&records);
    probe_fini(&probe);
    return lost;
}

static inline void *get(size_t size)
{
    return cairn_allocator_alloc(wrapped, (cairn_layout){size, 8});
}

static inline void end(void *ptr, size_t size)
{
    cairn_allocator_dealloc(wrapped, ptr, (cairn_layout){size, 8});
}

/* ---- reading a trace ---- */

enum { EVENTS = 200000 };
static cairn_traced_event events[EVENTS];
static size_t event_count;

static inline char *slurp(const char *name, size_t *size)
{
    int file = open(name, O_RDONLY);
    struct stat stat;
    REQUIRE(file >= 0 && fstat(file, &stat) == 0);
    char *text = calloc(1, (size_t)stat.st_size + 1);
    *size = 0;
    ssize_t got;
    while ((got = read(file, text + *size, (size_t)stat.st_size - *size)) > 0)
        *size += (size_t)got;
    close(file);
    return text;
}

static inline bool keep(void *context, const cairn_traced_event *event)
{
    (void)context;
    REQUIRE(event_count < EVENTS);
    events[event_count++] = *event;
    return true;
}

static inline bool parse_line(const char *line, cairn_traced_event *e)
{
    char name[32];
    int at = 0;
    unsigned long long n, t, id, a, b, c, d, r, g;
    memset(e, 0, sizeof *e);
    if (sscanf(line, "%llu %llu %llu %31s %n", &n, &t, &id, name, &at) != 4)
        return false;
    e->number = n;
    e->time = t;
    e->thread = id;
    line += at;
    if (strcmp(name, "alloc") == 0 || strcmp(name, "alloc_zeroed") == 0) {
        e->op = name[5] == '_' ? CAIRN_TRACED_ALLOC_ZEROED : CAIRN_TRACED_ALLOC;
        if (sscanf(line, "%llu %llu 0x%llx", &a, &b, &c) != 3)
            return false;
        e->size = a, e->align = b, e->ptr = c;
    } else if (strcmp(name, "dealloc") == 0) {
        e->op = CAIRN_TRACED_DEALLOC;
        if (sscanf(line, "0x%llx %llu %llu", &a, &b, &c) != 3)
            return false;
        e->ptr = a, e->size = b, e->align = c;
    } else if (strcmp(name, "realloc") == 0) {
        e->op = CAIRN_TRACED_REALLOC;
        if (sscanf(line, "0x%llx %llu %llu %llu 0x%llx %llu", &a, &b, &c, &d, &r, &g) != 6)
            return false;
        e->ptr = a, e->size = b, e->align = c, e->new_size = d, e->result = r, e->began = g;
    } else if (strcmp(name, "owns") == 0) {
        e->op = CAIRN_TRACED_OWNS;
        if (sscanf(line, "0x%llx %llu", &a, &b) != 2)
            return false;
        e->ptr = a, e->result = b;
    } else if (strcmp(name, "usable_size") == 0) {
        e->op = CAIRN_TRACED_USABLE_SIZE;
        if (sscanf(line, "0x%llx %llu %llu %llu", &a, &b, &c, &d) != 4)
            return false;
        e->ptr = a, e->size = b, e->align = c, e->result = d;
    } else if (strcmp(name, "thread") == 0) {
        e->op = CAIRN_TRACED_THREAD;
        if (sscanf(line, "%llu", &a) != 1)
            return false;
        e->size = a;
    } else {
        return false;
    }
    return true;
}

static inline int by_number(const void *a, const void *b)
{
    const cairn_traced_event *x = a, *y = b;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return x->thread < y->thread ? -1 : x->thread > y->thread;
}

/* Reads a trace of either form, sorted; each line must be one, and print as it was. The number of
 * lines that are none. */
static inline size_t read_trace(const char *name)
{
    size_t size, bad = 0;
    char *text = slurp(name, &size), again[TRACED_EVENT_MAX];
    event_count = 0;
    if (size >= 4 && memcmp(text, "CTR1", 4) == 0) {
        bad = cairn_traced_read(text, size, keep, NULL);
    } else {
        for (char *line = text, *next; *line != '\0'; line = next) {
            cairn_traced_event event;
            next = strchr(line, '\n');
            if (next == NULL)
                next = line + strlen(line);
            else
                *next++ = '\0';
            if (!parse_line(line, &event)) {
                bad++;
                continue;
            }
            REQUIRE(cairn_traced_print(&event, again, sizeof again) == strlen(again));
            REQUIRE(strcmp(again, line) == 0);
            keep(NULL, &event);
        }
    }
    free(text);
    qsort(events, event_count, sizeof *events, by_number);
    return bad;
}

/* What the events say is live, as a table; fails where they contradict each other. */
enum { LIVE = 1 << 16 };
static uint64_t live[LIVE];

static inline size_t place_of(uint64_t ptr)
{
    size_t at = (size_t)(ptr * 0x9E3779B97F4A7C15u >> 48);
    while (live[at] != 0 && live[at] != ptr)
        at = (at + 1) % LIVE;
    return at;
}

static inline void become_live(uint64_t ptr)
{
    if (ptr == 0)
        return;
    REQUIRE(live[place_of(ptr)] == 0);
    live[place_of(ptr)] = ptr;
}

static inline void become_free(uint64_t ptr)
{
    size_t at = place_of(ptr);
    REQUIRE(live[at] == ptr);
    live[at] = 0;
    for (at = (at + 1) % LIVE; live[at] != 0; at = (at + 1) % LIVE) {
        uint64_t other = live[at];
        live[at] = 0;
        live[place_of(other)] = other;
    }
}

struct step {
    uint64_t number, frees, makes;
};

static inline int by_step(const void *a, const void *b)
{
    const struct step *x = a, *y = b;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* Plays the trace in order of the numbers: each address is made and freed in turn, and each number
 * is there once. How many blocks are live in the end. */
static inline size_t play(void)
{
    static struct step steps[2 * EVENTS];
    size_t count = 0, left = 0;
    memset(live, 0, sizeof live);
    for (size_t i = 0; i < event_count; i++) {
        const cairn_traced_event *e = &events[i];
        struct step step = {e->number, 0, 0};
        if (e->op == CAIRN_TRACED_ALLOC || e->op == CAIRN_TRACED_ALLOC_ZEROED)
            step.makes = e->ptr;
        if (e->op == CAIRN_TRACED_DEALLOC)
            step.frees = e->ptr;
        if (e->op == CAIRN_TRACED_REALLOC) {
            REQUIRE(e->began < e->number);
            steps[count++] = (struct step){e->began, e->result != 0 ? e->ptr : 0, 0};
            step.makes = e->result;
        }
        steps[count++] = step;
    }
    qsort(steps, count, sizeof *steps, by_step);
    for (size_t i = 0; i < count; i++) {
        REQUIRE(steps[i].number == i + 1);
        if (steps[i].frees != 0)
            become_free(steps[i].frees);
        become_live(steps[i].makes);
    }
    for (size_t i = 0; i < LIVE; i++)
        left += live[i] != 0;
    return left;
}

#endif
