/* SPDX-License-Identifier: MIT */
/* See operations.h. */
#include "misuse/operations.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BLOCKS = 64, FREED = 64, LARGE = 16 << 10, INNOCENT_FAILED = 9 };

struct block {
    unsigned char *start; /* NULL: there is none */
    size_t size;
    unsigned char fill;
    bool other; /* of the other family */
};

static struct block live[BLOCKS];

/* Those freed last; start NULL: somebody else has the memory by now. */
static struct block freed[FREED];
static size_t freed_count;

static const struct functions *call;
static struct list running;
static size_t at;
static bool threads; /* a second one takes part */

static unsigned next_byte(void)
{
    return at < running.length ? running.bytes[at++] : 0;
}

static _Noreturn void innocent_failed(const char *what)
{
    fprintf(stderr, "wrong: %s\n", what);
    _exit(INNOCENT_FAILED);
}

/* ---- blocks ---- */

static size_t size_from(unsigned byte)
{
    static const size_t least[] = {0,   1,    8,    16,    30,    64,    100,
                                   200, 1000, 4000, 10000, 16000, 17000, 70000};
    size_t size = least[byte % (sizeof least / sizeof least[0])];
    return size + next_byte() % (size / 2 + 1);
}

/* Block by block: a whole memcmp or a loop over large ones would be all that is done. */
static void check(const struct block *block)
{
    if (call->usable_size(block->start) != block->size)
        innocent_failed("usable size");
    size_t step = block->size / 64 + 1;
    for (size_t i = 0; i < block->size; i += step)
        if (block->start[i] != block->fill)
            innocent_failed("contents");
}

static void fill(struct block *block)
{
    block->fill = (unsigned char)(next_byte() | 1);
    call->memset(block->start, block->fill, block->size);
}

/* None of theirs, if one of them is in [start, start + size). */
static void forget_freed(const unsigned char *start, size_t size)
{
    for (size_t i = 0; i < FREED; i++)
        if (freed[i].start != NULL && freed[i].start < start + size + (size == 0) &&
            start < freed[i].start + freed[i].size + (freed[i].size == 0))
            freed[i].start = NULL;
}

static void put(struct block *block, void *start, size_t size, bool other)
{
    if (start == NULL)
        innocent_failed("out of memory");
    *block = (struct block){.start = start, .size = size, .other = other};
    forget_freed(start, size);
    fill(block);
}

static void free_block(struct block *block, void (*by)(void *))
{
    check(block);
    freed[freed_count++ % FREED] = *block;
    by(block->start);
    block->start = NULL;
}

static void drop(struct block *block)
{
    free_block(block, block->other ? call->other_free : call->free);
}

static void drop_sized(struct block *block)
{
    check(block);
    freed[freed_count++ % FREED] = *block;
    call->free_sized(block->start, block->size);
    block->start = NULL;
}

static void resize(struct block *block)
{
    size_t size = size_from(next_byte()), kept = size < block->size ? size : block->size;
    size += size == 0; /* that would be a free */
    check(block);
    struct block before = *block;
    unsigned char *start = call->realloc(block->start, size);
    if (start == NULL)
        innocent_failed("out of memory");
    if (start != before.start)
        freed[freed_count++ % FREED] = before;
    for (size_t i = 0; i < kept; i += kept / 64 + 1)
        if (start[i] != before.fill)
            innocent_failed("contents after realloc");
    put(block, start, size, false);
}

/* ---- one operation ---- */

static void zeroed(struct block *block)
{
    size_t size = size_from(next_byte());
    unsigned char *start = call->calloc(1, size);
    for (size_t i = 0; start != NULL && i < size; i += size / 64 + 1)
        if (start[i] != 0)
            innocent_failed("calloc");
    put(block, start, size, false);
}

static void aligned(struct block *block)
{
    size_t align = (size_t)16 << next_byte() % 14, size = size_from(next_byte());
    void *start = call->aligned_alloc(align, size);
    if ((uintptr_t)start % align != 0)
        innocent_failed("alignment");
    put(block, start, size, false);
}

static void plain(struct block *block)
{
    size_t size = size_from(next_byte());
    put(block, call->malloc(size), size, false);
}

static void other(struct block *block)
{
    size_t size = size_from(next_byte());
    put(block, call->other_malloc(size), size, true);
}

typedef void action(struct block *block);

static action *action_on(const struct block *block, unsigned what)
{
    if (block->start == NULL) {
        action *const allocate[] = {zeroed, aligned, call->other_malloc != NULL ? other : plain};
        return what % 8 < 3 ? allocate[what % 8] : plain;
    }
    if (!block->other && what % 4 == 0)
        return resize;
    return !block->other && what % 4 == 1 && call->free_sized != NULL ? drop_sized : drop;
}

/* Many blocks one after the other: what was freed before has waited for long enough, and pages have had
 * their turn. */
static void churn(bool as_before)
{
    enum { BYTES = 1 << 20 };
    size_t count = 8 * next_byte();
    size_t size = as_before ? freed[next_byte() % FREED].size : size_from(next_byte());
    size += size == 0;
    for (size_t i = 0; i < count && i * size < BYTES; i++) {
        unsigned char *start = call->malloc(size);
        if (start == NULL)
            innocent_failed("out of memory");
        forget_freed(start, size);
        start[size - 1] = 1;
        call->free(start);
    }
}

/* Memory that went back may be anybody's; what small blocks lay in stays theirs. */
static void trim(void)
{
    if (call->trim != NULL)
        call->trim(0);
    for (size_t i = 0; i < FREED; i++)
        if (freed[i].size >= LARGE)
            freed[i].start = NULL;
}

/* ---- the second thread ---- */

/* One of the two works at a time, so that a list always means the same. */
static struct {
    pthread_t thread;
    sem_t asked, done;
    bool runs;
    action *act; /* NULL: it shall end */
    struct block *block;
} elsewhere;

static void *work_elsewhere(void *unused)
{
    for (;;) {
        sem_wait(&elsewhere.asked);
        if (elsewhere.act == NULL)
            return unused;
        elsewhere.act(elsewhere.block);
        sem_post(&elsewhere.done);
    }
}

static void end_elsewhere(void)
{
    if (!elsewhere.runs)
        return;
    elsewhere.act = NULL;
    sem_post(&elsewhere.asked);
    pthread_join(elsewhere.thread, NULL);
    elsewhere.runs = false;
}

static void run_elsewhere(action *act, struct block *block)
{
    if (!elsewhere.runs) {
        sem_init(&elsewhere.asked, 0, 0);
        sem_init(&elsewhere.done, 0, 0);
        if (pthread_create(&elsewhere.thread, NULL, work_elsewhere, NULL) != 0)
            innocent_failed("no thread");
        elsewhere.runs = true;
    }
    elsewhere.act = act;
    elsewhere.block = block;
    sem_post(&elsewhere.asked);
    sem_wait(&elsewhere.done);
}

/* ---- the list ---- */

static void step(void)
{
    enum { ELSEWHERE = 205, RARE = 235, END_THREAD = 239, TIME = 244, CHURN = 250 };
    unsigned what = next_byte();
    if (what < RARE) {
        struct block *block = &live[next_byte() % BLOCKS];
        action *act = action_on(block, what);
        if (what >= ELSEWHERE && threads)
            run_elsewhere(act, block);
        else
            act(block);
    } else if (what < END_THREAD) {
        trim();
    } else if (what < TIME) {
        end_elsewhere();
    } else if (what >= CHURN) {
        churn(what % 2 != 0);
    } else if (call->pass_time != NULL) {
        call->pass_time(next_byte() * 8);
    }
}

/* ---- corruptions ---- */

static struct block *some_live(void)
{
    unsigned first = next_byte();
    for (unsigned i = 0; i < BLOCKS; i++)
        if (live[(first + i) % BLOCKS].start != NULL)
            return &live[(first + i) % BLOCKS];
    struct block *block = &live[0];
    put(block, call->malloc(50), 50, false);
    return block;
}

/* One that was not handed out again. */
static struct block *some_freed(void)
{
    unsigned first = next_byte();
    for (unsigned i = 0; i < FREED; i++)
        if (freed[(first + i) % FREED].start != NULL)
            return &freed[(first + i) % FREED];
    drop(some_live());
    return &freed[(freed_count - 1) % FREED];
}

static void change(volatile unsigned char *byte)
{
    *byte = (unsigned char)(*byte ^ (next_byte() | 1));
}

static void write_beyond(void)
{
    struct block *block = some_live();
    change(block->start + block->size);
}

/* Where guards are mappings, what lies before a page's first block may be free memory, which is open. */
static bool has_open_memory_before(const struct block *block)
{
    enum { UNIT = 65536 };
    const char *guards = getenv("CAIRN_GUARDS");
    return guards != NULL && strcmp(guards, "mappings") == 0 && (uintptr_t)block->start % UNIT == 0;
}

static void write_before(void)
{
    struct block *block = some_live();
    change(has_open_memory_before(block) ? block->start + block->size : block->start - 1);
}

static void write_freed(void)
{
    struct block *block = some_freed();
    size_t offset = next_byte() << 8 | next_byte();
    change(block->start + (block->size == 0 ? 0 : offset % block->size));
}

static void free_twice(void)
{
    call->free(some_freed()->start);
}

static void free_inside(void)
{
    struct block *block = some_live();
    call->free(block->start + (block->size > 1 ? 1 + next_byte() % (block->size - 1) : 8));
}

static void free_foreign(void)
{
    static char data[64];
    char stack[64];
    call->free(next_byte() % 2 == 0 ? data + 16 : stack + 16);
}

static void resize_freed(void)
{
    call->realloc(some_freed()->start, size_from(next_byte()) | 1);
}

static void free_wrongly_sized(void)
{
    struct block *block = some_live();
    if (call->free_sized != NULL)
        call->free_sized(block->start, block->size + 1 + next_byte());
    else
        call->free(block->start + 1);
}

static void free_by_another_family(void)
{
    struct block *block = some_live();
    if (call->other_free != NULL)
        free_block(block, block->other ? call->free : call->other_free);
    else
        call->free(block->start + 1);
}

static void copy_beyond(void)
{
    struct block *block = some_live();
    unsigned char *source = call->malloc(block->size + 64);
    call->memset(source, 1, block->size + 64);
    call->memcpy(block->start, source, block->size + 1 + next_byte() % 64);
}

/* The target may be the very block, if it has waited for long enough: then it is another one's turn. */
static void copy_from_freed(void)
{
    unsigned char *target = call->malloc(LARGE);
    forget_freed(target, LARGE);
    const struct block *block = some_freed();
    size_t count = block->size < LARGE ? block->size : LARGE;
    call->memcpy(target, block->start, count + (count == 0));
}

static const struct {
    const char *name;
    void (*commit)(void);
    enum found found;
} corruptions[] = {
    {"write beyond", write_beyond, LATER},
    {"write before", write_before, LATER},
    {"write to a freed block", write_freed, LATER},
    {"free twice", free_twice, AT_ONCE},
    {"free inside", free_inside, AT_ONCE},
    {"free of foreign memory", free_foreign, AT_ONCE},
    {"realloc of a freed block", resize_freed, AT_ONCE},
    {"free with a wrong size", free_wrongly_sized, AT_ONCE},
    {"free by another family", free_by_another_family, AT_ONCE_FULL},
    {"copy beyond", copy_beyond, AT_ONCE_FULL},
    {"copy from a freed block", copy_from_freed, AT_ONCE_FULL},
};
enum { CORRUPTIONS = sizeof corruptions / sizeof corruptions[0] };

static unsigned which_of(struct list list)
{
    return list.length > LIST_WHICH ? list.bytes[LIST_WHICH] % CORRUPTIONS : 0;
}

const char *list_corruption(struct list list)
{
    return corruptions[which_of(list)].name;
}

enum found list_found(struct list list)
{
    return corruptions[which_of(list)].found;
}

/* ---- a run ---- */

static void corrupt(volatile enum moment *moment)
{
    *moment = DURING;
    corruptions[which_of(running)].commit();
    *moment = AFTER;
}

void list_run(struct list list, const struct functions *functions, bool corrupted,
              volatile enum moment *moment)
{
    running = list;
    call = functions;
    threads = !corrupted || list_found(list) != LATER;
    size_t when = (next_byte() << 8 | next_byte()) % (list.length + 1);
    next_byte(); /* which */
    bool free_all = next_byte() % 2 != 0;
    *moment = corrupted ? BEFORE : AFTER;
    while (at < list.length) {
        if (*moment == BEFORE && at >= when)
            corrupt(moment);
        step();
    }
    if (*moment == BEFORE)
        corrupt(moment);
    for (size_t i = 0; i < BLOCKS && free_all; i++)
        if (live[i].start != NULL)
            drop(&live[i]);
    end_elsewhere();
}

const char *list_fault(struct list list, bool corrupted, enum moment moment, int status,
                       const char *said)
{
    if (!corrupted)
        return status != 0 || said[0] != '\0' ? "the innocent list did not come to its end in peace"
                                              : NULL;
    if (moment == BEFORE)
        return "it was stopped before the corruption";
    if (!WIFSIGNALED(status) || (WTERMSIG(status) != SIGABRT && WTERMSIG(status) != SIGSEGV))
        return "the corruption was not stopped";
    if (strncmp(said, "cairn: ", 7) != 0)
        return "the corruption was not reported";
    if (strstr(said, "assertion failed") != NULL)
        return "an assertion failed";
    bool at_once = moment == DURING && WTERMSIG(status) == SIGABRT;
    return list_found(list) != LATER && !at_once ? "the corruption was not stopped at once" : NULL;
}
