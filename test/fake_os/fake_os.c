/* SPDX-License-Identifier: MIT */
/* See fake_os.h. One lock around everything; it is the innermost one there is. */
#define _GNU_SOURCE
#include "fake_os/fake_os.h"

#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bits.h"

enum { RANGES_MAX = 4096, VARIABLES_MAX = 16, TEXT_MAX = 1 << 16 };

struct range {
    char *start;
    char *end;
    bool mapped; /* else reserved */
    bool lost;
};

/* When calls of one kind fail. */
struct plan {
    size_t first; /* number of the first call that fails; 0: none */
    bool on;      /* and all after it */
};

static _Thread_local unsigned fake_node;

static struct {
    pthread_mutex_t lock;
    size_t count[FAKE_CALLS];
    struct plan plan[FAKE_CALLS];
    bool (*refuse)(enum fake_call call, size_t size);
    size_t failures;
    size_t page_size;
    size_t address_limit; /* told */
    size_t hidden_limit;  /* kept to */
    size_t memory_limit;
    _Atomic uint64_t now; /* the clock */
    _Atomic bool threads_allowed;
    _Atomic size_t threads;
    struct {
        const char *name;
        const char *value;
    } variable[VARIABLES_MAX];
    struct range range[RANGES_MAX]; /* reservations and mappings, in no order */
    size_t ranges;
    struct range committed[RANGES_MAX]; /* disjoint, not adjoining */
    size_t commits;
    char errors[TEXT_MAX];
    size_t errors_length;
    char appended[TEXT_MAX];
    size_t appended_length;
    void (*on_advise)(void); /* once */
} fake = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .page_size = 4096,
    .address_limit = SIZE_MAX,
    .hidden_limit = SIZE_MAX,
    .memory_limit = SIZE_MAX,
    .now = 1000000,
    .variable = {{"CAIRN_WINDOW", "1G"}},
};

/* ---- the lock, across forks too ---- */

static void enter(void)
{
    pthread_mutex_lock(&fake.lock);
}

static void leave(void)
{
    pthread_mutex_unlock(&fake.lock);
}

__attribute__((constructor)) static void start(void)
{
    pthread_atfork(enter, leave, leave); /* before anybody else's: so our prepare runs last */
    const char *size = getenv("CAIRN_TEST_PAGE_SIZE");
    if (size != NULL)
        fake.page_size = strtoul(size, NULL, 10);
}

static _Noreturn void breach(const char *what, const void *ptr, size_t size)
{
    fprintf(stderr, "fake_os: breach of os.h: %s: %p, %zu bytes\n", what, ptr, size);
    abort();
}

static void expect(bool condition, const char *what, const void *ptr, size_t size)
{
    if (!condition)
        breach(what, ptr, size);
}

/* ---- failing ---- */

static bool planned(const struct plan *plan, size_t count)
{
    return plan->first != 0 && (plan->on ? count >= plan->first : count == plan->first);
}

/* Counts a call. True: it has to fail. */
static bool fails(enum fake_call call, size_t size)
{
    bool fail = planned(&fake.plan[call], ++fake.count[call]);
    if (call != FAKE_PURGE && call != FAKE_START_THREAD)
        fail = planned(&fake.plan[FAKE_ANY], ++fake.count[FAKE_ANY]) || fail;
    fail = fail || (fake.refuse != NULL && fake.refuse(call, size));
    fake.failures += fail;
    return fail;
}

static void set_plan(enum fake_call call, size_t nth, bool on)
{
    enter();
    fake.plan[call] = (struct plan){fake.count[call] + nth, on};
    leave();
}

void fake_fail_nth(enum fake_call call, size_t nth)
{
    set_plan(call, nth, false);
}

void fake_fail_from(enum fake_call call, size_t nth)
{
    set_plan(call, nth, true);
}

void fake_fail_if(bool (*refuse)(enum fake_call call, size_t size))
{
    enter();
    fake.refuse = refuse;
    leave();
}

void fake_fail_never(void)
{
    enter();
    fake.refuse = NULL;
    memset(fake.plan, 0, sizeof fake.plan);
    leave();
}

size_t fake_count(enum fake_call call)
{
    enter();
    size_t count = fake.count[call];
    leave();
    return count;
}

size_t fake_failures(void)
{
    enter();
    size_t failures = fake.failures;
    leave();
    return failures;
}

/* ---- the record ---- */

static struct range *range_at(const void *ptr)
{
    for (size_t i = 0; i < fake.ranges; i++)
        if (fake.range[i].start == ptr)
            return &fake.range[i];
    return NULL;
}

static struct range *range_around(const char *ptr, size_t size)
{
    for (size_t i = 0; i < fake.ranges; i++)
        if (fake.range[i].start <= ptr && ptr + size <= fake.range[i].end)
            return &fake.range[i];
    return NULL;
}

static void add_range(char *start, size_t size, bool mapped)
{
    expect(fake.ranges < RANGES_MAX, "more ranges than the fake can record", start, size);
    fake.range[fake.ranges++] = (struct range){start, start + size, mapped, false};
}

static void remove_range(struct range *range)
{
    for (size_t i = 0; i < fake.commits;)
        if (fake.committed[i].start >= range->start && fake.committed[i].end <= range->end)
            fake.committed[i] = fake.committed[--fake.commits];
        else
            i++;
    *range = fake.range[--fake.ranges];
}

/* Makes a part of a range, of which nothing was committed, a range of its own. */
static struct range *cut_out(struct range *range, char *start, size_t size)
{
    struct range whole = *range;
    char *end = start + size;
    if (whole.start == start && whole.end == end)
        return range;
    for (size_t i = 0; i < fake.commits; i++)
        expect(fake.committed[i].end <= start || fake.committed[i].start >= end,
               "release: a part that was committed", start, size);
    *range = (struct range){start, end, whole.mapped, false};
    if (whole.start < start)
        add_range(whole.start, (size_t)(start - whole.start), whole.mapped);
    if (end < whole.end)
        add_range(end, (size_t)(whole.end - end), whole.mapped);
    return range;
}

static void add_commit(char *start, char *end)
{
    for (size_t i = 0; i < fake.commits;) {
        struct range *other = &fake.committed[i];
        if (other->start > end || other->end < start) {
            i++;
            continue;
        }
        start = other->start < start ? other->start : start;
        end = other->end > end ? other->end : end;
        *other = fake.committed[--fake.commits];
        i = 0;
    }
    expect(fake.commits < RANGES_MAX, "more commits than the fake can record", start, 0);
    fake.committed[fake.commits++] = (struct range){start, end, false, false};
}

static bool accessible(const char *ptr, size_t size)
{
    struct range *range = range_around(ptr, size);
    if (range == NULL || range->mapped)
        return range != NULL;
    for (size_t i = 0; i < fake.commits; i++)
        if (fake.committed[i].start <= ptr && ptr + size <= fake.committed[i].end)
            return true;
    return false;
}

static struct fake_figures figures(void)
{
    struct fake_figures sum = {.ranges = fake.ranges};
    for (size_t i = 0; i < fake.ranges; i++) {
        size_t size = (size_t)(fake.range[i].end - fake.range[i].start);
        *(fake.range[i].mapped ? &sum.mapped : &sum.reserved) += size;
        sum.lost += fake.range[i].lost ? size : 0;
    }
    for (size_t i = 0; i < fake.commits; i++)
        sum.committed += (size_t)(fake.committed[i].end - fake.committed[i].start);
    return sum;
}

struct fake_figures fake_figures(void)
{
    enter();
    struct fake_figures sum = figures();
    leave();
    return sum;
}

bool fake_is_reserved(const void *ptr, size_t size)
{
    enter();
    struct range *range = range_around(ptr, size);
    bool is = range != NULL && !range->mapped;
    leave();
    return is;
}

bool fake_is_accessible(const void *ptr, size_t size)
{
    enter();
    bool is = accessible(ptr, size);
    leave();
    return is;
}

/* ---- limits ---- */

static bool has_room(size_t size)
{
    struct fake_figures sum = figures();
    size_t used = sum.reserved + sum.mapped;
    return used <= fake.hidden_limit && size <= fake.hidden_limit - used;
}

static bool has_memory(size_t size)
{
    struct fake_figures sum = figures();
    size_t used = sum.committed + sum.mapped;
    return used <= fake.memory_limit && size <= fake.memory_limit - used;
}

void fake_set_page_size(size_t size)
{
    fake.page_size = size;
}

void fake_set_address_limit(size_t limit)
{
    fake.address_limit = fake.hidden_limit = limit;
}

void fake_set_hidden_address_limit(size_t limit)
{
    fake.hidden_limit = limit;
}

void fake_set_memory_limit(size_t limit)
{
    fake.memory_limit = limit;
}

void fake_set_environment(const char *name, const char *value)
{
    for (size_t i = 0; i < VARIABLES_MAX; i++)
        if (fake.variable[i].name == NULL || strcmp(fake.variable[i].name, name) == 0) {
            fake.variable[i].name = name;
            fake.variable[i].value = value;
            return;
        }
}

/* ---- os.h: memory ---- */

static void check_size(const char *call, const void *ptr, size_t size)
{
    expect(size != 0 && size % fake.page_size == 0, call, ptr, size);
    expect((uintptr_t)ptr % fake.page_size == 0, call, ptr, size);
}

/* Aligned memory from the real system, cut out of a larger mapping. */
static char *obtain(size_t size, size_t align, int protection, int flags)
{
    size_t span = size + align;
    char *ptr = span < size
                    ? MAP_FAILED
                    : mmap(NULL, span, protection, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    if (ptr == MAP_FAILED)
        return NULL;
    char *start = (char *)round_up((uintptr_t)ptr, align);
    if (start > ptr)
        munmap(ptr, (size_t)(start - ptr));
    if (ptr + span > start + size)
        munmap(start + size, (size_t)(ptr + span - (start + size)));
    return start;
}

void *cairn__os_reserve(size_t size, size_t align)
{
    enter();
    check_size("reserve: odd size", NULL, size);
    expect(is_power_of_two(align), "reserve: odd alignment", NULL, align);
    char *start = NULL;
    if (!fails(FAKE_RESERVE, size) && has_room(size))
        start = obtain(size, size_max(align, fake.page_size), PROT_NONE, MAP_NORESERVE);
    if (start != NULL)
        add_range(start, size, false);
    leave();
    return start;
}

/* For the hardened library, and sampled blocks, whose tests are on the real system. */
bool cairn__os_restrict(void *ptr, size_t size, bool readable)
{
    (void)ptr, (void)size, (void)readable;
    return true;
}

bool cairn__os_commit(void *ptr, size_t size)
{
    enter();
    check_size("commit: odd range", ptr, size);
    struct range *range = range_around(ptr, size);
    expect(range != NULL && !range->mapped && !range->lost, "commit: no reservation", ptr, size);
    bool done = !fails(FAKE_COMMIT, size) && (accessible(ptr, size) || has_memory(size)) &&
                mprotect(ptr, size, PROT_READ | PROT_WRITE) == 0;
    if (done)
        add_commit(ptr, (char *)ptr + size);
    leave();
    return done;
}

void fake_on_advise(void (*hook)(void))
{
    enter();
    fake.on_advise = hook;
    leave();
}

/* Only the limits count: nothing is made. */
bool cairn__os_can_reserve(size_t size)
{
    enter();
    bool can = has_room(size);
    leave();
    return can;
}

void cairn__os_advise_huge(void *ptr, size_t size, bool huge)
{
    enter();
    check_size("advise_huge: odd range", ptr, size);
    const struct range *range = range_around(ptr, size);
    expect(range != NULL && !range->mapped, "advise_huge: no reservation", ptr, size);
    madvise(ptr, size, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    void (*hook)(void) = fake.on_advise;
    fake.on_advise = NULL;
    leave();
    if (hook != NULL)
        hook();
}

void *cairn__os_map(size_t size, size_t align)
{
    enter();
    check_size("map: odd size", NULL, size);
    expect(is_power_of_two(align), "map: odd alignment", NULL, align);
    char *start = NULL;
    if (!fails(FAKE_MAP, size) && has_room(size) && has_memory(size))
        start = obtain(size, size_max(align, fake.page_size), PROT_READ | PROT_WRITE,
                       MAP_NORESERVE);
    if (start != NULL)
        add_range(start, size, true);
    leave();
    return start;
}

/* Nothing that can be closed without a mapping; nothing random. */
bool cairn__os_guard(void *ptr, size_t size)
{
    check_size("guard: odd range", ptr, size);
    return false;
}

bool cairn__os_unguard(void *ptr, size_t size)
{
    check_size("unguard: odd range", ptr, size);
    return false;
}

void cairn__os_clear(void *ptr, size_t size)
{
    memset(ptr, 0, size);
}

void cairn__os_random(void *bytes, size_t size)
{
    memset(bytes, 0x5a, size);
}

bool cairn__os_purge(void *ptr, size_t size)
{
    enter();
    check_size("purge: odd range", ptr, size);
    expect(accessible(ptr, size), "purge: not committed", ptr, size);
    bool done = !fails(FAKE_PURGE, size) && madvise(ptr, size, MADV_DONTNEED) == 0;
    leave();
    return done;
}

bool cairn__os_release(void *ptr, size_t size)
{
    enter();
    check_size("release: odd range", ptr, size);
    struct range *range = range_around(ptr, size);
    expect(range != NULL && !range->lost, "release: no such range, or released twice", ptr, size);
    bool whole = range->start == (char *)ptr && range->end == (char *)ptr + size;
    bool done = !fails(FAKE_RELEASE, size);
    if (done) {
        munmap(ptr, size);
        remove_range(cut_out(range, ptr, size));
    } else {
        madvise(ptr, size, MADV_DONTNEED);
        range->lost = whole; /* a part goes on as it was */
    }
    leave();
    return done;
}

bool cairn__os_resize(void *ptr, size_t old_size, size_t new_size)
{
    enter();
    check_size("resize: odd old range", ptr, old_size);
    check_size("resize: odd new range", ptr, new_size);
    struct range *range = range_at(ptr);
    expect(range != NULL && range->mapped && range->end == (char *)ptr + old_size && !range->lost,
           "resize: not a whole mapping", ptr, old_size);
    size_t more = new_size > old_size ? new_size - old_size : 0;
    bool done = !fails(FAKE_RESIZE, new_size) && has_room(more) && has_memory(more) &&
                mremap(ptr, old_size, new_size, 0) != MAP_FAILED;
    if (done)
        range->end = (char *)ptr + new_size;
    leave();
    return done;
}

bool cairn__os_move(void *ptr, size_t old_size, void *target, size_t new_size)
{
    enter();
    check_size("move: odd source", ptr, old_size);
    check_size("move: odd target", target, new_size);
    struct range *from = range_at(ptr);
    struct range *to = range_at(target);
    expect(from != NULL && from->mapped && from->end == (char *)ptr + old_size && !from->lost,
           "move: not a whole mapping", ptr, old_size);
    expect(to != NULL && !to->mapped && to->end == (char *)target + new_size && !to->lost,
           "move: the target is not a whole reservation", target, new_size);
    size_t more = new_size > old_size ? new_size - old_size : 0;
    bool done = !fails(FAKE_MOVE, new_size) && has_memory(more) &&
                mremap(ptr, old_size, new_size, MREMAP_MAYMOVE | MREMAP_FIXED, target) !=
                    MAP_FAILED;
    if (done) {
        to->mapped = true;
        remove_range(from);
    } else {
        munmap(target, new_size);
        remove_range(to);
    }
    leave();
    return done;
}

/* ---- os.h: the machine ---- */

size_t cairn__os_mappings_max(void)
{
    return 65530;
}

size_t cairn__os_page_size(void)
{
    return fake.page_size;
}

size_t cairn__os_address_limit(void)
{
    return fake.address_limit;
}

const char *cairn__os_environment(const char *name)
{
    for (size_t i = 0; i < VARIABLES_MAX && fake.variable[i].name != NULL; i++)
        if (strcmp(fake.variable[i].name, name) == 0)
            return fake.variable[i].value;
    return NULL;
}

const char *const *cairn__os_environment_all(void)
{
    static char entries[VARIABLES_MAX][256];
    static const char *all[VARIABLES_MAX + 1];
    size_t count = 0;
    for (size_t i = 0; i < VARIABLES_MAX && fake.variable[i].name != NULL; i++) {
        if (fake.variable[i].value == NULL)
            continue;
        snprintf(entries[count], sizeof entries[count], "%s=%s", fake.variable[i].name,
                 fake.variable[i].value);
        all[count] = entries[count];
        count++;
    }
    all[count] = NULL;
    return all;
}

int cairn__os_process_id(void)
{
    return (int)getpid();
}

size_t cairn__os_program(char *name, size_t size)
{
    static const char program[] = "/fake/program";
    size_t length = size_min(size, sizeof program - 1);
    memcpy(name, program, length);
    return length;
}

/* ---- os.h: threads ---- */

void cairn__os_wait(uint32_t *word, uint32_t expected)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
}

void cairn__os_wake_one(uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static pthread_key_t exit_key;

static bool refused(enum fake_call call)
{
    enter();
    bool fail = fails(call, 0);
    leave();
    return fail;
}

bool cairn__os_on_thread_exit(void (*hook)(void *value))
{
    return !refused(FAKE_ON_THREAD_EXIT) && pthread_key_create(&exit_key, hook) == 0;
}

bool cairn__os_set_exit_value(void *value)
{
    return !refused(FAKE_SET_EXIT_VALUE) && pthread_setspecific(exit_key, value) == 0;
}

void cairn__os_lock_streams(void) {}

void cairn__os_unlock_streams(bool in_child)
{
    (void)in_child;
}

bool cairn__os_on_fork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
    return !refused(FAKE_ON_FORK) && pthread_atfork(prepare, parent, child) == 0;
}

void fake_pass_time(uint64_t milliseconds)
{
    atomic_fetch_add(&fake.now, milliseconds);
}

void fake_allow_threads(void)
{
    fake.threads_allowed = true;
}

size_t fake_threads(void)
{
    return fake.threads;
}

void fake_run_on_node(unsigned node)
{
    fake_node = node;
}

unsigned cairn__os_node(void)
{
    return fake_node;
}

uint64_t cairn__os_now(void)
{
    return fake.now;
}

void cairn__os_sleep(uint64_t milliseconds)
{
    usleep((useconds_t)milliseconds);
    fake_pass_time(milliseconds);
}

static void *run_thread(void *run)
{
    ((void (*)(void))run)();
    atomic_fetch_sub(&fake.threads, 1);
    return NULL;
}

bool cairn__os_start_thread(void (*run)(void))
{
    pthread_t thread;
    if (refused(FAKE_START_THREAD) || !fake.threads_allowed)
        return false;
    atomic_fetch_add(&fake.threads, 1);
    expect(pthread_create(&thread, NULL, run_thread, (void *)run) == 0, "no thread", NULL, 0);
    pthread_detach(thread);
    return true;
}

/* ---- os.h: last words ---- */

static void append(char *text, size_t *length, const char *bytes, size_t count)
{
    enter();
    count = size_min(count, TEXT_MAX - 1 - *length);
    memcpy(text + *length, bytes, count);
    *length += count;
    leave();
}

void cairn__os_print_error(const char *bytes, size_t count)
{
    append(fake.errors, &fake.errors_length, bytes, count);
}

void cairn__os_append(const char *path, const char *bytes, size_t count)
{
    (void)path;
    append(fake.appended, &fake.appended_length, bytes, count);
}

const char *fake_errors(void)
{
    return fake.errors;
}

const char *fake_appended(void)
{
    return fake.appended;
}

/* The last words would be lost with the process. */
void cairn__os_abort(void)
{
    fputs(fake.errors, stderr);
    abort();
}
