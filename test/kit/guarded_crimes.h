/* SPDX-License-Identifier: MIT */
/* What the tests of guarded.h share: a source that counts and fails on request, writes that no other
 * tool sees, and an ear for breaches. */
#ifndef TEST_KIT_GUARDED_CRIMES_H
#define TEST_KIT_GUARDED_CRIMES_H

#include "unit/unit.h"

#include <pthread.h>

#include "cairn/guarded.h"
#include "cairn/system.h"

/* ---- a source that fails on request and knows what it gave ---- */

struct source {
    size_t calls, fail_at;                 /* the call that fails, from 1; 0: none */
    bool fail_on;                          /* and all after it */
    size_t max_size, max_align, max_bytes; /* of a block, and of all; 0: no bound */
    size_t blocks, bytes;
    void *last;
    cairn_layout last_layout;
    pthread_mutex_t mutex;
};

static inline void *source_alloc(void *self, cairn_layout layout)
{
    struct source *s = self;
    void *ptr = NULL;
    pthread_mutex_lock(&s->mutex);
    s->calls++;
    bool fails = s->fail_at != 0 && (s->fail_on ? s->calls >= s->fail_at : s->calls == s->fail_at);
    if (!fails && (s->max_size == 0 || layout.size <= s->max_size) &&
        (s->max_align == 0 || layout.align <= s->max_align) &&
        (s->max_bytes == 0 || s->bytes + layout.size <= s->max_bytes))
        ptr = cairn_allocator_alloc(cairn_system(), layout);
    if (ptr != NULL) {
        s->blocks++;
        s->bytes += layout.size;
        s->last = ptr;
        s->last_layout = layout;
    }
    pthread_mutex_unlock(&s->mutex);
    return ptr;
}

static inline void source_dealloc(void *self, void *ptr, cairn_layout layout)
{
    struct source *s = self;
    pthread_mutex_lock(&s->mutex);
    s->blocks--;
    s->bytes -= layout.size;
    s->last = ptr;
    s->last_layout = layout;
    pthread_mutex_unlock(&s->mutex);
    memset(ptr, 0x5A, layout.size); /* all of it is accessible */
    cairn_allocator_dealloc(cairn_system(), ptr, layout);
}

static const cairn_allocator_ops SOURCE_OPS = {
    .name = "test", .alloc = source_alloc, .dealloc = source_dealloc};

static inline cairn_allocator allocator_of(struct source *s)
{
    return (cairn_allocator){&SOURCE_OPS, s};
}

static inline struct source new_source(void)
{
    return (struct source){.mutex = PTHREAD_MUTEX_INITIALIZER};
}

/* ---- crimes ---- */

/* Past every tool that would notice before we do. */
__attribute__((no_sanitize("address", "thread"), noinline, unused)) static void poke(void *ptr,
                                                                                     ptrdiff_t at,
                                                                                     int x)
{
    volatile char *bytes = ptr;
    bytes[at] = (char)(bytes[at] ^ x);
}

__attribute__((no_sanitize("address", "thread"), noinline, unused)) static int peek(const void *ptr,
                                                                                    ptrdiff_t at)
{
    return ((const volatile unsigned char *)ptr)[at];
}

struct heard {
    size_t count;
    cairn_guarded_breach breach;
    char text[200];
};

static inline void hear(void *context, const cairn_guarded_breach *breach)
{
    struct heard *heard = context;
    heard->count++;
    heard->breach = *breach;
    cairn_guarded_describe(breach, heard->text, sizeof heard->text);
}

static inline cairn_guarded_opts opts_with(struct heard *heard)
{
    *heard = (struct heard){0};
    return (cairn_guarded_opts){.on_breach = hear, .context = heard, .seed = 7};
}

static inline void assert_heard(struct heard *heard, cairn_guarded_crime crime, const char *format,
                                ...)
{
    char words[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    assert_int_equal(heard->count, 1);
    assert_int_equal(heard->breach.crime, crime);
    assert_string_equal(heard->text, words);
    *heard = (struct heard){0};
}

static inline cairn_guarded_stats stats_of(const cairn_guarded *g)
{
    cairn_guarded_stats stats;
    cairn_guarded_stats_get(g, &stats);
    return stats;
}

static const cairn_layout L24 = {24, 8};

static inline void assert_sound(const cairn_guarded *g)
{
    const char *wrong = cairn_guarded_audit(g);
    if (wrong != NULL)
        fail_msg("audit: %s", wrong);
}

#endif
