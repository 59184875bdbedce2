/* SPDX-License-Identifier: MIT */
/* sites.h: each block has one note, through growth, removal and lack of memory. */
#include "kit/probe.h"

#include <pthread.h>

#include "kit/sites.h"

static struct probe records;

static struct cairn__sites *start(void)
{
    probe_init(&records, PROBE_BARE);
    struct cairn__sites *sites = cairn__sites_create(probe_allocator(&records));
    assert_non_null(sites);
    return sites;
}

static void finish(struct cairn__sites *sites)
{
    assert_null(cairn__sites_audit(sites));
    cairn__sites_destroy(sites);
    probe_fini(&records);
}

static void *address(size_t n)
{
    return (void *)(0x7f0000001000 + n * 16);
}

enum { ADDRESSES = 3000 };

struct expected {
    bool noted[ADDRESSES];
    size_t size[ADDRESSES];
    size_t seen;
};

static bool compare(void *context, const struct note *note)
{
    struct expected *expected = context;
    size_t n = (note->ptr - (uintptr_t)address(0)) / 16;
    REQUIRE(n < ADDRESSES && expected->noted[n] && expected->size[n] == note->size);
    expected->seen++;
    return true;
}

static void check(struct cairn__sites *sites, struct expected *expected)
{
    size_t count = 0;
    for (size_t n = 0; n < ADDRESSES; n++)
        count += expected->noted[n];
    expected->seen = 0;
    assert_true(cairn__sites_visit(sites, compare, expected));
    assert_int_equal(expected->seen, count);
    assert_null(cairn__sites_audit(sites));
}

/* Random notes against a plain table; each way to take one out. */
static void churn(struct cairn__sites *sites, struct expected *expected, uint64_t seed,
                  size_t steps)
{
    for (size_t i = 0; i < steps; i++) {
        size_t n = unit_below(&seed, ADDRESSES);
        struct note note = {0, 0, NULL};
        if (!expected->noted[n]) {
            assert_false(cairn__sites_take(sites, address(n)));
            assert_false(cairn__sites_hold(sites, address(n), &note));
            expected->noted[n] = cairn__sites_put(sites, address(n), i, &sites->unknown);
            expected->size[n] = i;
        } else if (i % 3 == 0) {
            assert_true(cairn__sites_hold(sites, address(n), &note));
            assert_int_equal(note.size, expected->size[n]);
            assert_null(cairn__sites_audit(sites));
            note.size = expected->size[n] = i;
            cairn__sites_put_back(sites, &note);
        } else if (i % 3 == 1) {
            assert_true(cairn__sites_hold(sites, address(n), &note));
            cairn__sites_let_go(sites, &note);
            expected->noted[n] = false;
        } else {
            assert_true(cairn__sites_take(sites, address(n)));
            expected->noted[n] = false;
        }
        if (i % 500 == 0)
            check(sites, expected);
    }
    check(sites, expected);
}

TEST(notes)
{
    static struct expected expected;
    struct cairn__sites *sites = start();
    churn(sites, &expected, 1, unit_rounds(40000));
    finish(sites);
}

/* Whichever growth fails, what is noted stays, and there is no endless search. */
TEST(without_memory)
{
    static struct expected expected;
    for (size_t n = 2; n < 40; n += 3) {
        memset(&expected, 0, sizeof expected);
        struct cairn__sites *sites = start();
        records.fail_at = n;
        records.fail_after = true;
        churn(sites, &expected, n, unit_rounds(6000));
        records.fail_at = 0;
        churn(sites, &expected, n, 1000);
        finish(sites);
    }
    probe_init(&records, PROBE_BARE);
    records.fail_at = 1;
    assert_null(cairn__sites_create(probe_allocator(&records)));
    probe_fini(&records);
}

/* Addresses whose notes lie in one shard: the upper five bits of their hash are the same. */
static void *address_in_one_shard(size_t n)
{
    static void *found[200];
    static size_t count, next;
    for (; count <= n; next++)
        if ((uint64_t)(uintptr_t)address(next) * 0x9E3779B97F4A7C15u >> 59 == 7)
            found[count++] = address(next);
    return found[n];
}

/* A held place is there for its note even if all others are taken and there is no more memory. */
TEST(a_held_place_stays)
{
    enum { HELD = 40 };
    struct cairn__sites *sites = start();
    struct note held[HELD];
    for (size_t n = 0; n < HELD; n++)
        assert_true(cairn__sites_put(sites, address_in_one_shard(n), n, &sites->unknown));
    records.fail_at = 1;
    records.fail_after = true;
    for (size_t n = 0; n < HELD; n++)
        assert_true(cairn__sites_hold(sites, address_in_one_shard(n), &held[n]));
    assert_int_equal(cairn__sites_held(sites), HELD);
    size_t more = 0;
    for (size_t n = HELD; n < 200; n++)
        more += cairn__sites_put(sites, address_in_one_shard(n), n, &sites->unknown);
    assert_int_equal(more, 63 - HELD);
    assert_null(cairn__sites_audit(sites));
    for (size_t n = 0; n < HELD; n++)
        cairn__sites_put_back(sites, &held[n]);
    assert_null(cairn__sites_audit(sites));
    for (size_t n = 0; n < HELD; n++) {
        assert_true(cairn__sites_hold(sites, address_in_one_shard(n), &held[n]));
        assert_int_equal(held[n].size, n);
        cairn__sites_let_go(sites, &held[n]);
    }
    assert_int_equal(cairn__sites_held(sites), 0);
    finish(sites);
}

TEST(a_call_stack_has_one_site)
{
    struct cairn__sites *sites = start();
    struct site *site[500];
    for (uintptr_t i = 0; i < 500; i++) {
        site[i] = cairn__sites_of(sites, (void *)(i + 1), 1);
        assert_int_equal(site[i]->count, 1);
        assert_ptr_equal(site[i]->frames[0], (void *)(i + 1));
    }
    for (uintptr_t i = 0; i < 500; i++)
        assert_ptr_equal(cairn__sites_of(sites, (void *)(i + 1), 1), site[i]);
    records.fail_at = 1;
    records.fail_after = true;
    assert_ptr_equal(cairn__sites_of(sites, (void *)7, 1), site[6]);
    assert_ptr_equal(cairn__sites_of(sites, (void *)777, 1), &sites->unknown);
    finish(sites);
}

TEST(most_bytes_first)
{
    struct cairn__sites *sites = start();
    uint64_t seed = 1;
    size_t total = 0;
    for (size_t n = 0; n < 5000; n++) {
        size_t size = unit_below(&seed, 100);
        struct site *site = cairn__sites_of(sites, (void *)(unit_below(&seed, 700) + 1), 1);
        assert_true(
            cairn__sites_put(sites, address(n), size, n % 50 == 0 ? &sites->unknown : site));
        total += size;
    }
    for (int round = 0; round < 2; round++) {
        lock_acquire(&sites->reporting);
        const struct site *site = cairn__sites_list(sites);
        size_t bytes = 0, blocks = 0, last = SIZE_MAX;
        for (; site != NULL; site = site->listed) {
            assert_in_range(site->bytes, 0, last);
            assert_in_range(site->blocks, 1, 5000);
            last = site->bytes;
            bytes += site->bytes;
            blocks += site->blocks;
        }
        lock_release(&sites->reporting);
        assert_int_equal(bytes, total);
        assert_int_equal(blocks, 5000);
    }
    finish(sites);
}

static void *use(void *argument)
{
    struct cairn__sites *sites = argument;
    uintptr_t thread = (uintptr_t)pthread_self();
    static size_t next;
    size_t own = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED) * 1000;
    uint64_t seed = thread;
    for (size_t i = 0; i < unit_rounds(4000); i++) {
        size_t n = own + i % 1000;
        struct site *site = cairn__sites_of(sites, (void *)(unit_below(&seed, 300) + 1), 1);
        REQUIRE(cairn__sites_put(sites, address(n), i, site));
        struct note note;
        REQUIRE(cairn__sites_hold(sites, address(n), &note) && note.size == i);
        cairn__sites_put_back(sites, &note);
        if (i >= 1000)
            REQUIRE(cairn__sites_take(sites, address(n)));
        if (i % 1000 == 999) {
            lock_acquire(&sites->reporting);
            cairn__sites_list(sites);
            lock_release(&sites->reporting);
        }
    }
    return NULL;
}

TEST(threads)
{
    struct cairn__sites *sites = start();
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        REQUIRE(pthread_create(&threads[i], NULL, use, sites) == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    finish(sites);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notes),
        cmocka_unit_test(without_memory),
        cmocka_unit_test(a_held_place_stays),
        cmocka_unit_test(a_call_stack_has_one_site),
        cmocka_unit_test(most_bytes_first),
        cmocka_unit_test(threads),
    };
    return UNIT_MAIN(tests);
}
