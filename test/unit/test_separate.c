/* SPDX-License-Identifier: MIT */
/*
 * separate.h: everything a separate heap gives is its own and stays so, nothing of others comes in,
 * frees by any thread arrive at once, and destruction gives back the whole of it; also when memory
 * fails at any call, and after a fork. (Threads that share one: api/cairn_heaps.c.)
 */
#include "unit/unit.h"

#include <sys/wait.h>
#include <unistd.h>

#include "core/huge.h"
#include "core/malloc.h"
#include "core/separate.h"
#include "core/thread.h"
#include "fake_os/fake_os.h"
#include "unit/audit.h"
#include "unit/worker.h"

/* ---- blocks, and what was written into them ---- */

enum { HEAD = 1024, SLOTS = 300 };

struct slot {
    char *block; /* NULL: none */
    size_t size; /* asked for */
    uint64_t key;
};

static void mark(struct slot *slot, char *block, size_t size, uint64_t key)
{
    *slot = (struct slot){block, size, key};
    unit_fill(block, size_min(size, HEAD), key);
}

/* As far as it and a block of `size` bytes have contents in common. */
static bool is_intact(const struct slot *slot, size_t size)
{
    return unit_is_filled(slot->block, size_min(size_min(slot->size, size), HEAD), slot->key);
}

static char *give(struct heap *heap, size_t size)
{
    char *block = cairn__separate_alloc(heap, size, 1, NULL);
    REQUIRE(block != NULL && cairn__separate_heap_of(block) == heap);
    return block;
}

static struct heap *create(const char *name)
{
    cairn__process_start();
    struct heap *heap = cairn__separate_create(name);
    REQUIRE(heap != NULL);
    return heap;
}

/* Nothing but free memory is left, and no heap that is not in order. */
static void require_nothing(void)
{
    struct audit audit = audit_with_shared();
    REQUIRE(audit.live + audit.large + audit.huge_bytes + audit.units == 0);
    REQUIRE(cairn__huge_figures().count == 0 && cairn__huge_figures().bytes == 0);
}

/* Any size: mostly small, some medium, a few large and huge. */
static size_t any_size(uint64_t *seed)
{
    static const size_t most[] = {200, 200, 2000, 2000, 30000, MEDIUM_MAX, 2 * MIB, 120 * MIB};
    return 1 + unit_below(seed, most[unit_below(seed, 8)]);
}

/* ---- walking ---- */

static struct {
    void *block[SLOTS];
    size_t count;
    size_t bytes;
} found;

static int by_address(const void *a, const void *b)
{
    uintptr_t one = *(const uintptr_t *)a, other = *(const uintptr_t *)b;
    return (one > other) - (one < other);
}

static bool visit(void *stop, void *block, size_t size)
{
    REQUIRE(found.count < SLOTS && size == cairn__usable_size(block));
    found.block[found.count++] = block;
    found.bytes += size;
    return found.count != *(size_t *)stop;
}

/* Up to the stop-th block. True: there are not so many. */
static bool walk(struct heap *heap, size_t stop)
{
    found.count = found.bytes = 0;
    return cairn__separate_walk(heap, visit, &stop);
}

/*
 * The walk visits the blocks in the slots, each once, and no others, and stops after whichever it is
 * told; and figures agree.
 */
static void check_walk(struct heap *heap, const struct slot *slots, size_t slot_count)
{
    void *expected[SLOTS];
    size_t count = 0;
    for (size_t i = 0; i < slot_count; i++)
        if (slots[i].block != NULL)
            expected[count++] = slots[i].block;
    for (size_t stop = 1; stop <= count; stop += 1 + count / 32)
        REQUIRE(!walk(heap, stop) && found.count == stop);
    REQUIRE(walk(heap, SIZE_MAX) && found.count == count);
    qsort(expected, count, sizeof *expected, by_address);
    qsort(found.block, count, sizeof *expected, by_address);
    REQUIRE(memcmp(expected, found.block, count * sizeof *expected) == 0);
    struct separate_figures figures = cairn__separate_figures(heap);
    REQUIRE(figures.blocks == count && figures.live == found.bytes);
    REQUIRE(figures.committed >= figures.live);
}

/* One step of random work on a slot. Out of memory nothing changes. */
static void step(struct heap *heap, struct slot *slot, uint64_t *seed)
{
    uint64_t key = unit_random(seed);
    size_t size = any_size(seed);
    size_t align = key % 4 == 0 ? (size_t)1 << key / 4 % 23 : 1;
    char *block;
    if (slot->block != NULL && key % 3 != 0) {
        REQUIRE(is_intact(slot, slot->size));
        cairn__free(slot->block);
        slot->block = NULL;
        return;
    }
    if (slot->block == NULL) {
        block = cairn__separate_alloc(heap, size, align, NULL);
        REQUIRE((uintptr_t)block % align == 0);
    } else {
        if (key % 2 == 0)
            fake_fail_nth(FAKE_RESIZE, 1); /* so that the next huge one moves */
        block = cairn__realloc(slot->block, size);
        slot->block = block != NULL ? block : slot->block;
        REQUIRE(is_intact(slot, block != NULL ? size : slot->size));
    }
    if (block == NULL)
        return;
    REQUIRE(cairn__separate_heap_of(block) == heap && cairn__usable_size(block) >= size);
    mark(slot, block, size, key);
}

static struct slot slots[SLOTS];

TEST(walk_is_the_live_set)
{
    struct heap *heap = create(NULL);
    uint64_t seed = 1;
    check_walk(heap, slots, SLOTS);
    for (size_t round = 0; round < unit_rounds(40); round++) {
        for (size_t i = 0; i < 1000; i++)
            step(heap, &slots[unit_below(&seed, SLOTS)], &seed);
        check_walk(heap, slots, SLOTS);
        audit_with_shared();
    }
    cairn__separate_destroy(heap);
    require_nothing();
}

/* ---- whose blocks are ---- */

enum { PAGES = 4 * ASLEEP_KEPT, SIZE = 4096, IN_PAGE = UNIT_SIZE / SIZE, MANY = PAGES * IN_PAGE };

static char *kept[MANY];

/* Ends with pages for others to have: cold ones, and in the depot. */
static void leave_pages(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < MANY; i++)
        REQUIRE((kept[i] = cairn__malloc_slow(SIZE)) != NULL);
    for (size_t i = MANY / 2; i < MANY; i += 2)
        cairn__free(kept[i]);
}

TEST(nothing_comes_in)
{
    struct worker worker;
    worker_start(&worker);
    worker_do(&worker, leave_pages, NULL);
    worker_end(&worker);
    struct audit before = audit_with_shared();
    assert_true(before.cold >= ASLEEP_KEPT && before.shelved >= ASLEEP_KEPT);
    struct heap *heap = create(NULL);
    for (size_t i = 0; i < MANY; i++)
        give(heap, SIZE);
    struct audit after = audit_with_shared();
    assert_int_equal(after.cold, before.cold);
    assert_int_equal(after.shelved, before.shelved);
    cairn__separate_destroy(heap);
    assert_int_equal(audit_with_shared().live, before.live);
}

/* All of every second page, and of the others all but two blocks each. */
static void free_kept(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < MANY; i++)
        if (i / IN_PAGE % 2 == 0 || i % IN_PAGE >= 2)
            cairn__free(kept[i]);
}

/* However many pages sleep, none turns cold; and what another thread frees waits nowhere. */
TEST(nothing_goes_out)
{
    struct heap *heap = create(NULL);
    struct worker worker;
    worker_start(&worker);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < MANY; i++)
            kept[i] = give(heap, SIZE);
        assert_true(heap->shelf[class_of(SIZE)].asleep.count >= PAGES - 1);
        struct audit audit = audit_with_shared();
        assert_int_equal(audit.cold + audit.shelved, 0);
        worker_do(&worker, free_kept, NULL);
        audit = audit_with_shared();
        assert_int_equal(audit.cold + audit.shelved + audit.in_transit, 0);
        assert_int_equal(cairn__separate_figures(heap).blocks, PAGES);
        assert_true(heap->shelf[class_of(SIZE)].listed.count >= PAGES / 2 - 1);
        assert_int_equal(cairn__foreign_frees(), 0);
        cairn__separate_destroy(heap);
        require_nothing();
        assert_ptr_equal(create(NULL), heap);
    }
    worker_end(&worker);
}

/* ---- the end ---- */

/* All of it: active, listed, sleeping and spare pages, bins, large and huge blocks. */
TEST(destroy_gives_all_back)
{
    struct heap *other = create("other"), *first = create(NULL);
    give(other, 100);
    cairn__separate_destroy(first);
    size_t ranges = 0;
    for (int round = 0; round < 10; round++) {
        struct heap *heap = create("a name");
        assert_ptr_equal(heap, first); /* the record is used again */
        assert_int_equal(cairn__separate_figures(heap).committed, 0);
        assert_string_equal(heap->name, "a name");
        char *huge[3];
        for (size_t i = 0; i < MANY; i++)
            kept[i] = give(heap, SIZE);
        for (size_t i = 0; i < 3; i++) {
            give(heap, 5 * MIB);
            huge[i] = give(heap, 80 * MIB);
        }
        for (size_t i = 0; i < MANY; i++)
            if (i / IN_PAGE % 4 == 0 || (i / IN_PAGE % 4 == 1 && i % 4 != 0))
                cairn__free(kept[i]);
        const struct shelf *shelf = &heap->shelf[class_of(SIZE)];
        assert_true(shelf->spare != NULL && shelf->active != NULL);
        assert_true(shelf->asleep.count > 0 && shelf->listed.count > 0);
        cairn__free(huge[1]); /* in the middle */
        audit_with_shared();
        cairn__separate_destroy(heap);
        assert_int_equal(cairn__pool_figures().used, 1);
        assert_int_equal(cairn__huge_figures().bytes, 0);
        assert_int_equal(cairn__map_find(huge[0]).kind, MAP_NOTHING);
        ranges = round == 0 ? fake_figures().ranges : ranges;
        assert_int_equal(fake_figures().ranges, ranges);
    }
}

static void refused(void *block, bool reported)
{
    size_t foreign = cairn__foreign_frees(), length = strlen(fake_errors());
    cairn__free(block);
    assert_int_equal(cairn__foreign_frees(), foreign + 1);
    assert_int_equal(strstr(fake_errors() + length, "freed before?") != NULL, reported);
    assert_int_equal(cairn__usable_size(block), 0);
    assert_null(cairn__realloc(block, 100));
}

/* Frees of what is free, where that can be seen; the heap and all others stay whole. */
TEST(stale_frees)
{
    struct heap *heap = create(NULL);
    char *small = give(heap, 100), *large = give(heap, MIB), *huge = give(heap, 80 * MIB);
    cairn__free(large);
    refused(large, true);
    large = give(heap, MIB);
    refused(large + UNIT_SIZE, true); /* the middle of one */
    cairn__free(large + 16);          /* another, that has a size */
    cairn__free(huge);
    refused(huge, false);
    huge = give(heap, 80 * MIB);
    refused(huge + 4096, false);
    kept[0] = give(heap, 30000); /* its page has more than a unit: none is kept spare */
    size_t in_page = page_of(kept[0])->capacity;
    for (size_t i = 1; i <= in_page; i++)
        kept[i] = give(heap, 30000);
    for (size_t i = 0; i < in_page; i++)
        cairn__free(kept[i]);
    refused(kept[0], true);
    assert_int_equal(cairn__separate_figures(heap).blocks, 4);
    audit_with_shared();
    cairn__separate_destroy(heap);
    require_nothing();
    refused(small, true);
    refused(large, true);
    refused(kept[in_page], true);
    refused(huge, false);
    require_nothing();
}

/* ---- resizing ---- */

TEST(large_resizes_in_place)
{
    struct heap *heap = create(NULL);
    cairn__free(give(heap, 8 * MIB)); /* there is free memory */
    struct slot slot[2] = {{0}};
    mark(&slot[0], give(heap, MIB), MIB, 7);
    static const size_t sizes[] = {5 * MIB / 2, 300 * KIB, 5 * MIB / 2};
    for (size_t i = 0; i < 3; i++) {
        assert_ptr_equal(cairn__realloc(slot[0].block, sizes[i]), slot[0].block);
        assert_true(is_intact(&slot[0], sizes[i]));
        check_walk(heap, slot, 1);
        assert_int_equal(cairn__separate_figures(heap).committed, round_up(sizes[i], UNIT_SIZE));
        audit_with_shared();
        mark(&slot[0], slot[0].block, sizes[i], i);
    }
    mark(&slot[1], give(heap, MIB), MIB, 8); /* behind it */
    assert_ptr_equal(slot[1].block, slot[0].block + 5 * MIB / 2);
    slot[0].block = cairn__realloc(slot[0].block, 3 * MIB);
    assert_true(is_intact(&slot[0], 3 * MIB) && is_intact(&slot[1], MIB));
    check_walk(heap, slot, 2);
    cairn__separate_destroy(heap);
    require_nothing();
}

/* ---- when memory fails ---- */

/* From the first call of the process: the nth call to the system fails, or all from there on do. */
static void work_without_memory(size_t nth, bool all)
{
    (all ? fake_fail_from : fake_fail_nth)(FAKE_ANY, nth);
    uint64_t seed = nth;
    cairn__process_start();
    struct heap *heap = cairn__separate_create("poor");
    for (int i = 0; i < 400 && heap != NULL; i++)
        step(heap, &slots[unit_below(&seed, SLOTS)], &seed);
    if (heap != NULL && nth % 2 == 0) { /* right away */
        cairn__separate_destroy(heap);
        require_nothing();
        memset(slots, 0, sizeof slots);
    }
    fake_fail_never();
    if (heap == NULL || nth % 2 == 0)
        heap = create(NULL);
    check_walk(heap, slots, SLOTS);
    audit_with_shared();
    for (int i = 0; i < 400; i++)
        step(heap, &slots[unit_below(&seed, SLOTS)], &seed);
    check_walk(heap, slots, SLOTS);
    give(heap, 80 * MIB);
    cairn__separate_destroy(heap);
    require_nothing();
}

static void require_success(pid_t child)
{
    int status;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(status == 0);
}

TEST(every_call_fails)
{
    for (size_t nth = 1; nth <= unit_rounds(96); nth++) {
        pid_t child = fork();
        if (child == 0) {
            work_without_memory(nth / 2, nth % 2);
            REQUIRE(fake_failures() > 0 || nth < 2);
            _exit(0);
        }
        require_success(child);
    }
}

/* Full to the last block; destroyed at once; and as much fits again. */
TEST(full_and_again)
{
    struct heap *heap = create(NULL);
    fake_set_memory_limit(fake_figures().committed + fake_figures().mapped + 4 * MIB);
    for (size_t fits = 0, round = 0; round < 4; round++) {
        size_t got = 0;
        void *block, *last = NULL;
        for (; (block = cairn__separate_alloc(heap, 30000, 1, NULL)) != NULL; last = block)
            got++;
        assert_null(cairn__separate_alloc(heap, 8 * MIB, 1, NULL));
        cairn__free(last);
        assert_ptr_equal(give(heap, 100), last); /* the last resort */
        assert_int_equal(cairn__separate_figures(heap).blocks, got);
        audit_with_shared();
        assert_true(got >= size_max(fits, 50));
        fits = got;
        cairn__separate_destroy(heap);
        require_nothing();
        assert_ptr_equal(cairn__separate_create(NULL), heap);
    }
}

/* ---- forks ---- */

/* Other threads hold the locks of a sanitizer's own malloc, which the emulated kernel uses, when the
 * process forks; and ThreadSanitizer does not follow a process with threads through a fork. */
#if !CAIRN_TSAN && !UNIT_ASAN

static struct heap *common;
static _Atomic bool stop;

/* Makes and destroys heaps of its own, too. */
static void *churn(void *number)
{
    uint64_t seed = (uintptr_t)number;
    static _Thread_local struct slot own[20], passing[20];
    while (!stop) {
        struct heap *heap = create("passing");
        memset(passing, 0, sizeof passing);
        for (int i = 0; i < 50; i++) {
            step(common, &own[unit_below(&seed, 20)], &seed);
            step(heap, &passing[unit_below(&seed, 20)], &seed);
        }
        cairn__separate_destroy(heap);
    }
    return NULL;
}

/* The child finds every heap whole, uses it, and destroys it. */
static void use_in_child(uint64_t seed)
{
    REQUIRE(walk(common, SIZE_MAX));
    REQUIRE(cairn__separate_figures(common).blocks == found.count);
    for (size_t i = 0; i < 500; i++)
        step(common, &slots[unit_below(&seed, 50)], &seed);
    cairn__separate_destroy(create(NULL));
    size_t committed = cairn__separate_figures(common).committed - common->huge_bytes;
    size_t before = cairn__pool_figures().used;
    cairn__separate_destroy(common);
    REQUIRE(cairn__pool_figures().used == before - (committed >> UNIT_SHIFT));
    REQUIRE(cairn__separate_create(NULL) == common);
}

TEST(forks)
{
    common = create("common");
    for (size_t i = 0; i < 50; i++)
        mark(&slots[i], give(common, 100 + i * 1000), 100 + i * 1000, i);
    pthread_t thread[3];
    for (uintptr_t i = 0; i < 3; i++)
        REQUIRE(pthread_create(&thread[i], NULL, churn, (void *)(i + 1)) == 0);
    for (size_t round = 0; round < unit_rounds(40); round++) {
        usleep(500);
        pid_t child = fork();
        if (child == 0) {
            alarm(120); /* a lock that nobody will release */
            use_in_child(round);
            _exit(0);
        }
        require_success(child);
    }
    stop = true;
    for (int i = 0; i < 3; i++)
        pthread_join(thread[i], NULL);
    for (size_t i = 0; i < 50; i++)
        assert_true(is_intact(&slots[i], slots[i].size));
    audit_with_shared();
    cairn__separate_destroy(common);
    require_nothing();
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walk_is_the_live_set),
        cmocka_unit_test(nothing_comes_in),
        cmocka_unit_test(nothing_goes_out),
        cmocka_unit_test(destroy_gives_all_back),
        cmocka_unit_test(stale_frees),
        cmocka_unit_test(large_resizes_in_place),
        cmocka_unit_test(every_call_fails),
        cmocka_unit_test(full_and_again),
#if !CAIRN_TSAN && !UNIT_ASAN
        cmocka_unit_test(forks),
#endif
    };
    return UNIT_MAIN(tests);
}
