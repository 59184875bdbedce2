/* SPDX-License-Identifier: MIT */
/*
 * Heaps of one's own (cairn/heap.h): what they promise of blocks, errors, names and figures, through
 * the public functions alone; many of them, and with many threads in one.
 */
#include "cairn.h"

#include "api/check.h"
#include "cairn/arena.h"
#include "property/pattern.h"

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

enum { TEXT_MAX = 1 << 20, SLOTS = 64, THREADS = 4, HEAPS = 1000 };

static char text[TEXT_MAX];
static size_t text_size;

static cairn_heap *create(const char *name)
{
    cairn_heap *heap = cairn_heap_create(name);
    assert_non_null(heap);
    return heap;
}

static struct cairn_stats stats_now(void)
{
    struct cairn_stats stats = {.size = sizeof stats};
    cairn_stats_get(&stats);
    return stats;
}

static struct cairn_heap_stats heap_stats(cairn_heap *heap)
{
    struct cairn_heap_stats stats = {.size = sizeof stats};
    cairn_heap_stats_get(heap, &stats);
    return stats;
}

/* What every block of a heap is. Not an assert: for all threads. */
static bool is_block_of(cairn_heap *heap, void *ptr, size_t size)
{
    return ptr != NULL && (uintptr_t)ptr % 16 == 0 && cairn_heap_of(ptr) == heap &&
           cairn_owns(ptr) && cairn_usable_size(ptr) >= size;
}

/* ---- blocks ---- */

/* Of each size one block, and one for an alignment of all powers of two to 4 MiB. */
static void every_size_is_a_block(void **state)
{
    (void)state;
    static unsigned char *blocks[2 * BORDER_SIZES_MAX];
    struct sizes sizes = border_sizes(40 * MIB);
    cairn_heap *heap = create("sizes");
    size_t count = 0;
    for (size_t i = 0; i < sizes.count; i++) {
        size_t size = sizes.at[i], align = (size_t)1 << i % 23;
        blocks[count++] = cairn_heap_malloc(heap, size);
        blocks[count++] = cairn_heap_aligned_alloc(heap, align, size);
        check((uintptr_t)blocks[count - 1] % align == 0, "%zu, aligned to %zu", size, align);
        for (size_t j = count - 2; j < count; j++) {
            check(is_block_of(heap, blocks[j], size), "a block of %zu", size);
            pattern_fill(blocks[j], cairn_usable_size(blocks[j]), j);
        }
    }
    for (size_t i = 0; i < count; i++) {
        size_t size = cairn_usable_size(blocks[i]);
        check(pattern_mismatch(blocks[i], size, size, i) == PATTERN_INTACT, "block of %zu", size);
    }
    cairn_free_batch((void **)blocks, count / 2);
    assert_int_equal(heap_stats(heap).blocks, count - count / 2);
    cairn_heap_destroy(heap);
}

static void nothing_and_null(void **state)
{
    (void)state;
    cairn_heap *heap = create(NULL);
    void *blocks[] = {cairn_heap_malloc(heap, 0), cairn_heap_calloc(heap, hidden_size(0), 100),
                      cairn_heap_realloc(heap, hidden(NULL), 0),
                      cairn_heap_aligned_alloc(heap, 64, 0)};
    for (size_t i = 0; i < 4; i++)
        assert_true(is_block_of(heap, blocks[i], 1));
    assert_null(cairn_heap_realloc(heap, blocks[0], hidden_size(0)));
    assert_true(cairn_heap_of(hidden(NULL)) == NULL && cairn_heap_of(hidden(&heap)) == NULL);
    for (size_t size = 100; size < 99 * MIB; size *= 9) { /* it stays where it is */
        void *plain = cairn_heap_realloc(heap, cairn_malloc(size), 3 * size);
        check(cairn_heap_of(plain) == NULL, "plain block of %zu", size);
        cairn_free(plain);
    }
    assert_int_equal(heap_stats(heap).blocks, 3);
    errno = ERRNO_MARK;
    cairn_heap_destroy(hidden(NULL));
    cairn_heap_destroy(heap);
    assert_int_equal(errno, ERRNO_MARK);
}

static void check_no_memory(const void *result)
{
    assert_null(result);
    assert_int_equal(errno, ENOMEM);
    errno = 0;
}

static void too_much(void **state)
{
    (void)state;
    static const size_t sizes[] = {SIZE_MAX, (size_t)PTRDIFF_MAX + 1, (size_t)1 << 50};
    static const size_t odd[] = {0, 3, 24, 4095, SIZE_MAX};
    cairn_heap *heap = create(NULL);
    unsigned char *ptr = cairn_heap_malloc(heap, 1000);
    pattern_fill(ptr, 1000, 1);
    errno = 0;
    for (size_t i = 0; i < 3; i++) {
        check_no_memory(cairn_heap_malloc(heap, hidden_size(sizes[i])));
        check_no_memory(cairn_heap_calloc(heap, 4, hidden_size(sizes[i])));
        check_no_memory(cairn_heap_realloc(heap, ptr, hidden_size(sizes[i])));
        check_no_memory(cairn_heap_aligned_alloc(heap, 4096, hidden_size(sizes[i])));
    }
    check_no_memory(cairn_heap_aligned_alloc(heap, (size_t)1 << 63, 1));
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        errno = 0;
        assert_null(cairn_heap_aligned_alloc(heap, hidden_size(odd[i]), 100));
        assert_int_equal(errno, EINVAL);
    }
    assert_int_equal(heap_stats(heap).blocks, 1);
    assert_true(pattern_mismatch(ptr, 1000, 1000, 1) == PATTERN_INTACT);
    cairn_heap_destroy(heap);
}

/* Also where the blocks and pages were used before. */
static void calloc_is_zero(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 100, 3000, 5000, 40000, 131073, 5 * MIB, 80 * MIB};
    cairn_heap *heap = NULL;
    for (int round = 0; round < 10; round++) {
        if (round % 5 == 0) {
            cairn_heap_destroy(heap);
            heap = create("zero");
        }
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            unsigned char *ptr = cairn_heap_calloc(heap, 1, sizes[i]);
            check(is_block_of(heap, ptr, sizes[i]), "calloc of %zu", sizes[i]);
            check(pattern_nonzero(ptr, sizes[i]) == PATTERN_INTACT, "%zu: dirty", sizes[i]);
            memset(ptr, 0xa5, cairn_usable_size(ptr));
            cairn_free(round % 2 == 0 ? ptr : NULL);
        }
    }
    cairn_heap_destroy(heap);
}

/* Whichever heap is named, the block's is meant; and where malloc is Cairn's, libc's names do. */
static void realloc_keeps_heap_and_contents(void **state)
{
    (void)state;
    static const size_t sizes[] = {1000,    70000, MIB,      20 * MIB, 90 * MIB, 17 * MIB,
                                   2 * MIB, 10,    25 * MIB, 300,      9000,     200000};
    cairn_heap *heap = create(NULL), *other = create(NULL);
    size_t size = 100;
    unsigned char *ptr = cairn_heap_realloc(heap, hidden(NULL), size);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        pattern_fill(ptr, size, i);
        ptr = i % 4 == 0                       ? cairn_realloc(ptr, sizes[i])
              : i % 4 == 1                     ? cairn_heap_realloc(heap, ptr, sizes[i])
              : i % 4 == 2 && cairn_expected() ? realloc(ptr, sizes[i])
                                               : cairn_heap_realloc(other, ptr, sizes[i]);
        check(is_block_of(heap, ptr, sizes[i]), "realloc to %zu", sizes[i]);
        check(pattern_mismatch(ptr, size, sizes[i], i) == PATTERN_INTACT, "%zu", sizes[i]);
        assert_int_equal(heap_stats(heap).blocks, 1);
        size = sizes[i];
        if (cairn_expected()) {
            assert_int_equal(malloc_usable_size(ptr), cairn_usable_size(ptr));
            free(cairn_heap_malloc(heap, size));
            assert_int_equal(heap_stats(heap).blocks, 1);
        }
    }
    assert_int_equal(heap_stats(other).blocks, 0);
    cairn_heap_destroy(other);
    cairn_heap_destroy(heap);
}

/* ---- figures ---- */

struct sum {
    cairn_heap *heap;
    size_t blocks, bytes;
};

static bool add(void *context, void *block, size_t size)
{
    struct sum *sum = context;
    sum->blocks++;
    sum->bytes += size;
    return is_block_of(sum->heap, block, size) && cairn_usable_size(block) == size;
}

static void stats_follow(void **state)
{
    (void)state;
    cairn_heap *heap = create(NULL);
    struct cairn_stats before = stats_now();
    for (size_t i = 0; i < 1000; i++) {
        void *block = cairn_heap_malloc(heap, i % 250 == 249 ? 70 * MIB : 1 + i * 170);
        struct cairn_heap_stats stats = heap_stats(heap);
        struct sum sum = {heap, 0, 0};
        assert_true(cairn_heap_walk(heap, add, &sum));
        assert_int_equal(sum.blocks, stats.blocks);
        assert_int_equal(sum.bytes, stats.live);
        assert_true(stats.committed >= stats.live && stats.committed <= stats.live + 32 * MIB);
        assert_true(stats_now().live >= before.live + stats.live);
        cairn_free(i % 3 == 0 ? block : NULL);
    }
    assert_int_equal(heap_stats(heap).blocks, 1000 - 334);
    assert_int_equal(stats_now().huge_count, before.huge_count + 2);
    cairn_heap_destroy(heap);
    struct cairn_stats after = stats_now();
    assert_int_equal(after.live, before.live);
    assert_int_equal(after.pages, before.pages);
    assert_int_equal(after.foreign_frees, before.foreign_frees);
}

/* Callers of another version know fewer fields, or more. */
static void stats_keep_to_the_size(void **state)
{
    (void)state;
    struct {
        struct cairn_heap_stats stats;
        size_t later;
    } known;
    cairn_heap *heap = create(NULL);
    assert_non_null(cairn_heap_malloc(heap, 100));
    for (size_t size = sizeof(size_t); size <= sizeof known; size += sizeof(size_t)) {
        memset(&known, 0xa5, sizeof known);
        known.stats.size = size;
        cairn_heap_stats_get(heap, &known.stats);
        assert_int_equal(known.stats.size, size);
        for (size_t i = sizeof(size_t); i < sizeof known; i++) {
            bool told = i < size && i < sizeof known.stats;
            check((((unsigned char *)&known)[i] == 0xa5) != told, "byte %zu of %zu", i, size);
        }
    }
    cairn_heap_destroy(heap);
}

/* ---- names ---- */

static void collect(void *context, const char *bytes, size_t count)
{
    (void)context;
    assert_true(text_size + count < TEXT_MAX);
    memcpy(text + text_size, bytes, count);
    text_size += count;
    text[text_size] = '\0';
}

static const char *print(enum cairn_stats_format format)
{
    text_size = 0;
    cairn_stats_print(collect, NULL, format);
    return text;
}

/* A name in the program, at the end of a line of text, and between quotes in JSON. */
static void check_name(const char *name, const char *plain, const char *quoted)
{
    char expected[256], copy[64];
    cairn_heap *heap = create(strcpy(copy, name));
    memset(copy, 'x', sizeof copy); /* it was copied */
    assert_true(cairn_heap_malloc(heap, 80 * MIB) != NULL && cairn_heap_malloc(heap, 100) != NULL);
    const char *line = strstr(print(CAIRN_STATS_TEXT), " separate ");
    assert_non_null(line);
    snprintf(expected, sizeof expected, "  %s\n", plain);
    const char *found = strstr(line, expected);
    check(found != NULL && found < strchr(line, '\n'), "no %s in:\n%s", plain, line);
    snprintf(expected, sizeof expected,
             "\"state\":\"separate\",\"name\":\"%s\",\"pages\":1,\"bytes\":%zu,\"live\":", quoted,
             64 * KIB + 80 * MIB);
    check(strstr(print(CAIRN_STATS_JSON), expected) != NULL, "no %s in:\n%s", expected, text);
    for (size_t i = 0; i + 1 < text_size; i++)
        check(text[i] >= ' ' && text[i] <= '~', "byte %d in:\n%s", text[i], text);
    cairn_heap_destroy(heap);
    check(strstr(print(CAIRN_STATS_JSON), "separate") == NULL, "still there:\n%s", text);
}

static void names(void **state)
{
    (void)state;
    check_name("a \"q\" \\", "a \"q\" \\", "a \\u0022q\\u0022 \\u005c");
    check_name("\x01\n\t\x1b[2J\x7f", "????[2J?", "\\u0001\\u000a\\u0009\\u001b[2J\\u007f");
    check_name("\xc3\x28\xff", "?(?", "\\u00c3(\\u00ff");
    const char *cut = "0123456789abcdef0123456789abcde";
    check_name(cut, cut, cut);
    check_name("0123456789abcdef0123456789abcdef01234567", cut, cut);
    /* Without one, also where the record had one before. */
    for (int i = 0; i < 2; i++) {
        cairn_heap *heap = create(i == 0 ? NULL : hidden(""));
        assert_null(strstr(print(CAIRN_STATS_JSON), "\"name\""));
        assert_non_null(strstr(text, "\"state\":\"separate\",\"pages\":0"));
        cairn_heap_destroy(heap);
    }
}

/* ---- many ---- */

static cairn_heap *heaps[HEAPS];

static void many_heaps(void **state)
{
    (void)state;
    struct cairn_stats first = {0};
    for (size_t round = 0; round < 6; round++) {
        for (size_t i = 0; i < HEAPS; i++) {
            heaps[i] = create("one of many");
            for (size_t size = 100; size < 5000; size += size / 2)
                assert_non_null(cairn_heap_malloc(heaps[i], size));
        }
        assert_non_null(cairn_heap_malloc(heaps[HEAPS / 2], 80 * MIB));
        size_t full = stats_now().heaps;
        for (size_t i = 0; i < HEAPS; i++)
            cairn_heap_destroy(heaps[round % 2 == 0 ? i : HEAPS - 1 - i]);
        struct cairn_stats now = stats_now();
        first = round == 0 ? now : first;
        assert_int_equal(full, now.heaps + HEAPS);
        assert_int_equal(now.live, first.live);
        assert_int_equal(now.pages, first.pages);
        assert_int_equal(now.metadata, first.metadata);
        assert_true(now.mapped <= first.mapped);
    }
}

/* The text shows the newest; how many others there are, it says. */
static void text_counts_heaps(void **state)
{
    (void)state;
    for (size_t i = 0; i < 100; i++)
        heaps[i] = create("one of many");
    for (size_t left = 100; left > 0; left--) {
        const char *row = print(CAIRN_STATS_TEXT), *rest = strstr(text, "\nand ");
        size_t older = rest == NULL ? 0 : strtoull(rest + 5, NULL, 10), shown = 0;
        while ((row = strstr(row + 1, "  one of many\n")) != NULL)
            shown++;
        assert_int_equal(shown, left < 32 ? left : 32);
        assert_int_equal(older, left < 32 ? 0 : stats_now().heaps - 32);
        cairn_heap_destroy(heaps[100 - left]);
    }
}

/* ---- threads ---- */

static cairn_heap *common;
static _Atomic(unsigned char *) shelf[SLOTS]; /* where blocks change hands */
static _Atomic bool wrong;

static size_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(*seed >> 33);
}

/* Its size comes first. */
static void write_block(unsigned char *block, size_t size)
{
    pattern_fill(block + sizeof size, size - sizeof size, size);
    memcpy(block, &size, sizeof size);
}

static bool is_whole(const unsigned char *block, size_t limit)
{
    size_t size;
    memcpy(&size, block, sizeof size);
    return pattern_mismatch(block + sizeof size, size - sizeof size, limit - sizeof size, size) ==
           PATTERN_INTACT;
}

/* Takes a block that anybody made, resizes or frees it, and puts another there. */
static bool work_on(cairn_heap *heap, uint64_t *seed)
{
    static const size_t most[] = {100, 1000, 20000, 200000};
    size_t size = sizeof size + next_random(seed) % most[next_random(seed) % 4];
    unsigned char *block = atomic_exchange(&shelf[next_random(seed) % SLOTS], NULL);
    size += size % 512 == 1 ? 17 * MIB : 0;
    bool good = block == NULL || is_whole(block, SIZE_MAX);
    if (block != NULL && size % 4 == 0) {
        block = cairn_realloc(block, size);
        good = good && is_whole(block, size);
    } else {
        cairn_free(block);
        block = cairn_heap_malloc(heap, size);
    }
    good = good && is_block_of(heap, block, size);
    write_block(block, size);
    cairn_free(atomic_exchange(&shelf[next_random(seed) % SLOTS], block));
    return good;
}

static void *share(void *number)
{
    uint64_t seed = (uintptr_t)number;
    for (size_t i = 0; i < test_scaled(5000) && !wrong; i++) {
        struct sum sum = {common, 0, 0};
        if (!work_on(common, &seed) || (i % 512 == 0 && !cairn_heap_walk(common, add, &sum)) ||
            heap_stats(common).blocks > SLOTS + 2 * THREADS)
            wrong = true;
    }
    return NULL;
}

static bool add_whole(void *context, void *block, size_t size)
{
    return add(context, block, size) && is_whole(block, SIZE_MAX);
}

static void in_threads(void *(*work)(void *number))
{
    pthread_t thread[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, work, (void *)(i + 1)), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    assert_false(wrong);
}

static void threads_share_a_heap(void **state)
{
    (void)state;
    struct sum sum = {create("common"), 0, 0};
    size_t blocks = 0;
    common = sum.heap;
    in_threads(share);
    for (size_t i = 0; i < SLOTS; i++) {
        unsigned char *block = shelf[i];
        blocks += block != NULL;
        assert_true(block == NULL || is_whole(block, SIZE_MAX));
    }
    assert_true(cairn_heap_walk(common, add, &sum));
    assert_int_equal(sum.blocks, blocks);
    assert_int_equal(heap_stats(common).live, sum.bytes);
    cairn_heap_destroy(common);
}

static void to_nowhere(void *context, const char *bytes, size_t count)
{
    (void)context, (void)bytes, (void)count;
}

static _Atomic(cairn_heap *) mailbox;

/* Fills a heap, hands it to whoever is next, and checks and destroys the one that lies there. */
static void *hand_on(void *number)
{
    (void)number;
    for (size_t round = 0; round < test_scaled(300); round++) {
        cairn_heap *heap = cairn_heap_create("handed on");
        for (size_t i = 0; i < 100; i++)
            write_block(cairn_heap_malloc(heap, 16 + i * 90), 16 + i * 90);
        struct sum sum = {atomic_exchange(&mailbox, heap), 0, 0};
        if (sum.heap != NULL) {
            if (!cairn_heap_walk(sum.heap, add_whole, &sum) || sum.blocks != 100)
                wrong = true;
            cairn_heap_destroy(sum.heap);
        }
        if (round % 8 == 0)
            cairn_stats_print(to_nowhere, NULL, round % 3); /* while others come and go */
    }
    return NULL;
}

static void heaps_change_hands(void **state)
{
    (void)state;
    in_threads(hand_on);
    cairn_heap_destroy(mailbox);
    assert_null(strstr(print(CAIRN_STATS_JSON), "handed on"));
}

/*
 * The kit has its memory from the heap that the process uses, whichever library the functions come
 * from: a block in an arena over a heap is one of that heap's.
 */
static void the_kit_is_on_the_same_heaps(void **state)
{
    (void)state;
    cairn_heap *heap = create("under an arena");
    cairn_arena *arena = cairn_arena_create(
        &(cairn_arena_opts){.source = cairn_heap_allocator(heap)});
    assert_non_null(arena);
    char *block = cairn_arena_alloc(arena, 100, 16);
    assert_non_null(block);
    assert_true(heap_stats(heap).blocks > 0);
    cairn_arena_destroy(arena);
    assert_int_equal(heap_stats(heap).blocks, 0);
    cairn_heap_destroy(heap);

    cairn_allocator threads = cairn_heap_allocator(NULL);
    void *plain = cairn_allocator_alloc(threads, (cairn_layout){100, 16});
    assert_true(cairn_owns(plain));
    if (getenv("CAIRN_TEST") != NULL)
        free(plain); /* malloc is Cairn's: its blocks are */
    else
        cairn_allocator_dealloc(threads, plain, (cairn_layout){100, 16});
}

int main(void)
{
    const struct CMUnitTest checks[] = {
        cmocka_unit_test(every_size_is_a_block),
        cmocka_unit_test(nothing_and_null),
        cmocka_unit_test(too_much),
        cmocka_unit_test(calloc_is_zero),
        cmocka_unit_test(realloc_keeps_heap_and_contents),
        cmocka_unit_test(stats_follow),
        cmocka_unit_test(stats_keep_to_the_size),
        cmocka_unit_test(names),
        cmocka_unit_test(many_heaps),
        cmocka_unit_test(text_counts_heaps),
        cmocka_unit_test(threads_share_a_heap),
        cmocka_unit_test(heaps_change_hands),
        cmocka_unit_test(the_kit_is_on_the_same_heaps),
    };
    require_cairn_if_expected();
    return run_checks("cairn_heaps", checks);
}
