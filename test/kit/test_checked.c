/* SPDX-License-Identifier: MIT */
/* checked.h: each breach of the contract, by the source and by the caller, is named; and only those. */
#include "unit/unit.h"

#include "cairn/checked.h"
#include "cairn/system.h"

/* ---- a source with one fault, which it shows when armed ---- */

enum fault {
    NONE,
    MISALIGN,
    OVERLAP,
    NOT_ZERO,
    LOSE_ON_MOVE,
    SPOIL_ON_FAILURE,
    USABLE_TOO_LITTLE,
    DENY,
    FAIL,
};

struct faulty {
    enum fault fault;
    _Alignas(64) unsigned char region[1 << 16];
    size_t used;
    size_t deallocs;
};

static void *faulty_alloc(void *self, cairn_layout layout)
{
    struct faulty *faulty = self;
    if (faulty->fault == FAIL)
        return NULL;
    if (faulty->fault == OVERLAP)
        return faulty->region + faulty->used - 16;
    size_t at = (faulty->used + 63) & ~(size_t)63;
    at += faulty->fault == MISALIGN ? 8 : 0;
    faulty->used = at + layout.size;
    memset(faulty->region + at, 0xAA, layout.size);
    return faulty->region + at;
}

static void *faulty_alloc_zeroed(void *self, cairn_layout layout)
{
    struct faulty *faulty = self;
    unsigned char *ptr = faulty_alloc(self, layout);
    if (ptr != NULL)
        memset(ptr, 0, layout.size);
    if (faulty->fault == NOT_ZERO)
        ptr[layout.size - 1] = 1;
    return ptr;
}

static void *faulty_realloc(void *self, void *ptr, cairn_layout layout, size_t new_size)
{
    struct faulty *faulty = self;
    size_t kept = layout.size < new_size ? layout.size : new_size;
    if (faulty->fault == SPOIL_ON_FAILURE) {
        ((unsigned char *)ptr)[layout.size - 1] ^= 1;
        return NULL;
    }
    unsigned char *moved = faulty_alloc(self, (cairn_layout){new_size, layout.align});
    if (moved == NULL)
        return NULL;
    memcpy(moved, ptr, kept);
    if (faulty->fault == LOSE_ON_MOVE)
        moved[kept - 1] ^= 0x80;
    return moved;
}

static void faulty_dealloc(void *self, void *ptr, cairn_layout layout)
{
    (void)ptr, (void)layout;
    ((struct faulty *)self)->deallocs++;
}

static bool faulty_owns(void *self, const void *ptr)
{
    (void)ptr;
    return ((struct faulty *)self)->fault != DENY;
}

static size_t faulty_usable(void *self, const void *ptr, cairn_layout layout)
{
    (void)ptr;
    return ((struct faulty *)self)->fault == USABLE_TOO_LITTLE ? layout.size - 1 : layout.size;
}

static const cairn_allocator_ops faulty_ops = {
    "faulty",       faulty_alloc, faulty_dealloc, faulty_alloc_zeroed,
    faulty_realloc, faulty_owns,  faulty_usable,
};

/* ---- what was reported ---- */

static struct {
    size_t count;
    cairn_checked_breach last;
} seen;

static void remember(void *context, const cairn_checked_breach *breach)
{
    (void)context;
    seen.count++;
    seen.last = *breach;
}

static struct faulty source;
static cairn_checked checked;
static cairn_allocator oracle;

static void start(bool quarantine)
{
    cairn_checked_opts opts = {.on_breach = remember, .no_quarantine = !quarantine};
    cairn_checked_init(&checked, (cairn_allocator){&faulty_ops, &source}, &opts);
    oracle = cairn_checked_allocator(&checked);
}

/* Exactly one breach since the last look, of this crime. */
static void expect(cairn_checked_crime crime, const char *text)
{
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.last.crime, crime);
    assert_string_equal(seen.last.text, text);
    seen.count = 0;
}

static const cairn_layout L = {48, 16};

TEST(a_good_source_and_a_good_caller)
{
    start(true);
    char *a = cairn_allocator_alloc(oracle, L);
    char *b = cairn_allocator_alloc_zeroed(oracle, L);
    assert_true(unit_is_zero(b, 48));
    memset(a, 1, 48);
    a = cairn_allocator_realloc(oracle, a, L, 4000);
    assert_int_equal(a[47], 1);
    assert_int_equal(cairn_checked_live(&checked), 2);
    assert_int_equal(cairn_checked_live_bytes(&checked), 4048);
    assert_true(cairn_allocator_owns(oracle, a + 3999));
    assert_false(cairn_allocator_owns(oracle, a + 4000));
    cairn_allocator_dealloc(oracle, a, (cairn_layout){4000, 16});
    assert_false(cairn_allocator_owns(oracle, a));
    assert_int_equal(source.deallocs, 0);
    cairn_checked_flush(&checked);
    assert_int_equal(source.deallocs, 1);
    assert_null(cairn_checked_audit(&checked));
    assert_int_equal(cairn_checked_fini(&checked), 1);
    assert_int_equal(source.deallocs, 2);
    assert_int_equal(seen.count, 0);
}

TEST(faults_of_the_source)
{
    start(false);
    source.fault = MISALIGN;
    void *a = cairn_allocator_alloc(oracle, L);
    expect(CAIRN_CHECKED_MISALIGNED, "block not aligned");
    source.fault = NOT_ZERO;
    assert_non_null(cairn_allocator_alloc_zeroed(oracle, L));
    expect(CAIRN_CHECKED_NOT_ZERO, "zeroed block is not zero");
    source.fault = USABLE_TOO_LITTLE;
    assert_non_null(cairn_allocator_alloc(oracle, L));
    expect(CAIRN_CHECKED_USABLE_TOO_LITTLE, "usable size below the size");
    source.fault = DENY;
    assert_non_null(cairn_allocator_alloc(oracle, L));
    expect(CAIRN_CHECKED_NOT_OWNED, "owns denies a block");
    source.fault = LOSE_ON_MOVE;
    void *moved = cairn_allocator_realloc(oracle, a, L, 40);
    assert_non_null(moved);
    expect(CAIRN_CHECKED_CONTENTS_LOST, "realloc lost contents");
    source.fault = SPOIL_ON_FAILURE;
    assert_null(cairn_allocator_realloc(oracle, moved, (cairn_layout){40, 16}, 80));
    expect(CAIRN_CHECKED_CONTENTS_LOST, "realloc lost contents");
    source.fault = OVERLAP;
    assert_non_null(cairn_allocator_alloc(oracle, L));
    expect(CAIRN_CHECKED_OVERLAP, "block overlaps another");
    source.fault = NONE;
    assert_null(cairn_checked_audit(&checked));
    assert_int_equal(cairn_checked_fini(&checked), 4);
}

/* None of them reaches the source. */
TEST(crimes_of_the_caller)
{
    start(true);
    char *a = cairn_allocator_alloc(oracle, L);
    cairn_allocator_dealloc(oracle, a, (cairn_layout){47, 16});
    expect(CAIRN_CHECKED_LAYOUT, "freed with another layout");
    assert_int_equal(seen.last.block.size, 48);
    assert_int_equal(seen.last.given.size, 47);
    cairn_allocator_dealloc(oracle, a, (cairn_layout){48, 8});
    expect(CAIRN_CHECKED_LAYOUT, "freed with another layout");
    cairn_allocator_dealloc(oracle, a + 16, L);
    expect(CAIRN_CHECKED_INSIDE, "pointer into a block");
    cairn_allocator_dealloc(oracle, &source, L);
    expect(CAIRN_CHECKED_NO_BLOCK, "not a block in use");
    assert_null(cairn_allocator_realloc(oracle, a, (cairn_layout){40, 16}, 100));
    expect(CAIRN_CHECKED_LAYOUT, "freed with another layout");
    assert_int_equal(cairn_checked_live(&checked), 1);

    cairn_allocator_dealloc(oracle, a, L);
    assert_int_equal(seen.count, 0);
    cairn_allocator_dealloc(oracle, a, L);
    expect(CAIRN_CHECKED_DOUBLE_FREE, "block freed twice");
    assert_null(cairn_allocator_realloc(oracle, a, L, 100));
    expect(CAIRN_CHECKED_DOUBLE_FREE, "block freed twice");
    a[47] = 1;
    assert_non_null(cairn_checked_audit(&checked));
    assert_int_equal(source.deallocs, 0);
    cairn_checked_flush(&checked);
    expect(CAIRN_CHECKED_WRITE_AFTER_FREE, "block written to after it was freed");
    assert_int_equal(source.deallocs, 1);
    cairn_allocator_dealloc(oracle, a, L);
    expect(CAIRN_CHECKED_NO_BLOCK, "not a block in use");
    assert_null(oracle.ops->alloc(oracle.self, (cairn_layout){8, 3}));
    expect(CAIRN_CHECKED_BAD_REQUEST, "layout that is not valid");
    assert_int_equal(cairn_checked_fini(&checked), 0);
    assert_int_equal(source.deallocs, 1);
}

DEATH_TEST(without_a_callback_it_aborts, "cairn: checked: block freed twice: 0x")
{
    cairn_checked_init(&checked, cairn_system(), NULL);
    oracle = cairn_checked_allocator(&checked);
    char *a = cairn_allocator_alloc(oracle, L);
    cairn_allocator_dealloc(oracle, a, L);
    cairn_allocator_dealloc(oracle, a, L);
}

/* Kept blocks: the oldest leaves first, by count and by bytes. */
TEST(the_quarantine_is_bounded)
{
    cairn_checked_opts opts = {
        .on_breach = remember, .quarantine_blocks = 4, .quarantine_bytes = 1000};
    cairn_checked_init(&checked, (cairn_allocator){&faulty_ops, &source}, &opts);
    oracle = cairn_checked_allocator(&checked);
    for (size_t i = 0; i < 10; i++) {
        void *ptr = cairn_allocator_alloc(oracle, L);
        cairn_allocator_dealloc(oracle, ptr, L);
        assert_int_equal(source.deallocs, i < 4 ? 0 : i - 3);
    }
    cairn_layout large = {900, 16};
    void *ptr = cairn_allocator_alloc(oracle, large);
    cairn_allocator_dealloc(oracle, ptr, large);
    assert_int_equal(source.deallocs, 8); /* 900 + 2 * 48 bytes are kept */
    source.fault = FAIL; /* what is kept is given back before a request is refused */
    assert_null(cairn_allocator_alloc(oracle, L));
    assert_int_equal(source.deallocs, 11);
    assert_int_equal(cairn_checked_fini(&checked), 0);
    assert_int_equal(seen.count, 0);
}

/* ---- many blocks: the tree ---- */

static bool in_order(void *context, void *ptr, size_t size, bool in_use)
{
    (void)size;
    char **last = context;
    assert_true((char *)ptr > *last);
    assert_true(in_use);
    *last = ptr;
    return true;
}

TEST(many_blocks)
{
    enum { COUNT = 20000 };
    static void *blocks[COUNT];
    cairn_checked_opts opts = {.on_breach = remember, .no_quarantine = true};
    cairn_checked_init(&checked, cairn_system(), &opts);
    oracle = cairn_checked_allocator(&checked);
    for (size_t i = 0; i < COUNT; i++)
        blocks[i] = cairn_allocator_alloc(oracle, (cairn_layout){i % 100, 8});
    assert_null(cairn_checked_audit(&checked));
    char *last = NULL;
    assert_true(cairn_checked_visit(&checked, in_order, &last));
    for (size_t i = 0; i < COUNT; i++) {
        size_t at = i * 7919 % COUNT;
        cairn_allocator_dealloc(oracle, blocks[at], (cairn_layout){at % 100, 8});
    }
    assert_int_equal(seen.count, 0);
    assert_int_equal(cairn_checked_fini(&checked), 0);
}

/* No memory for a note is no memory. */
TEST(notes_come_from_elsewhere)
{
    static struct faulty notes;
    cairn_checked_opts opts = {.records = {&faulty_ops, &notes}, .on_breach = remember};
    cairn_checked_init(&checked, (cairn_allocator){&faulty_ops, &source}, &opts);
    oracle = cairn_checked_allocator(&checked);
    void *ptr = cairn_allocator_alloc(oracle, L);
    notes.fault = FAIL;
    assert_null(cairn_allocator_alloc(oracle, L));
    ptr = cairn_allocator_realloc(oracle, ptr, L, 100);
    assert_non_null(ptr);
    cairn_allocator_dealloc(oracle, ptr, (cairn_layout){100, 16});
    assert_int_equal(cairn_checked_fini(&checked), 0);
    assert_int_equal(notes.deallocs, 1);
    assert_int_equal(source.deallocs, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_source_and_a_good_caller),
        cmocka_unit_test(faults_of_the_source),
        cmocka_unit_test(crimes_of_the_caller),
        cmocka_unit_test(without_a_callback_it_aborts),
        cmocka_unit_test(the_quarantine_is_bounded),
        cmocka_unit_test(many_blocks),
        cmocka_unit_test(notes_come_from_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
