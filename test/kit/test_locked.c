/* SPDX-License-Identifier: MIT */
/* locked.h: a source that takes one thread at a time, used by several. */
#include "kit/probe.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cairn/locked.h"

TEST(hands_on_each_op)
{
    for (int form = 0; form < 4; form++) {
        struct probe probe;
        cairn_locked locked;
        probe_init(&probe, (enum probe_form)form);
        probe.surplus = form >= PROBE_FULL ? 24 : 0;
        cairn_locked_init(&locked, probe_allocator(&probe));
        probe_pass_through(&probe, cairn_locked_allocator(&locked));
        assert_null(cairn_locked_audit(&locked));
        assert_string_equal(cairn_locked_allocator(&locked).ops->name, "locked");
        cairn_locked_fini(&locked);
        assert_non_null(cairn_locked_audit(&locked));
        probe_fini(&probe);
    }
}

TEST(without_a_source_it_is_the_systems)
{
    cairn_locked locked;
    cairn_locked_init(&locked, (cairn_allocator){NULL, NULL});
    void *ptr = cairn_allocator_alloc(cairn_locked_allocator(&locked), (cairn_layout){10, 1});
    assert_non_null(ptr);
    cairn_allocator_dealloc(cairn_system(), ptr, (cairn_layout){10, 1});
    cairn_locked_fini(&locked);
}

/* A failure is handed on, and the lock is free after it. */
TEST(failures_of_the_source)
{
    for (int form = 0; form < 4; form++) {
        struct probe probe;
        cairn_locked locked;
        cairn_layout layout = {64, 8};
        probe_init(&probe, (enum probe_form)form);
        cairn_locked_init(&locked, probe_allocator(&probe));
        cairn_allocator wrapped = cairn_locked_allocator(&locked);
        char *ptr = cairn_allocator_alloc(wrapped, layout);
        unit_fill(ptr, 64, 1);
        probe.fail_at = probe.requests + 1;
        probe.fail_after = true;
        assert_null(cairn_allocator_alloc(wrapped, layout));
        assert_null(cairn_allocator_alloc_zeroed(wrapped, layout));
        assert_null(cairn_allocator_realloc(wrapped, ptr, layout, 1000));
        assert_true(unit_is_filled(ptr, 64, 1));
        assert_null(cairn_locked_audit(&locked));
        cairn_allocator_dealloc(wrapped, ptr, layout);
        probe_fini(&probe);
    }
}

static struct probe shared;
static cairn_locked lock;
static size_t under_the_lock;

static void *use(void *argument)
{
    uint64_t seed = (uintptr_t)argument;
    cairn_allocator wrapped = cairn_locked_allocator(&lock);
    for (size_t i = 0; i < unit_rounds(4000); i++) {
        size_t size = unit_below(&seed, 200);
        cairn_layout layout = {size, 8};
        char *ptr = i % 3 == 0 ? cairn_allocator_alloc_zeroed(wrapped, layout)
                               : cairn_allocator_alloc(wrapped, layout);
        REQUIRE(ptr != NULL && cairn_allocator_owns(wrapped, ptr));
        unit_fill(ptr, size, seed);
        ptr = cairn_allocator_realloc(wrapped, ptr, layout, size + 50);
        REQUIRE(ptr != NULL && unit_is_filled(ptr, size, seed));
        REQUIRE(cairn_allocator_usable_size(wrapped, ptr, layout) >= size);
        cairn_allocator_dealloc(wrapped, ptr, (cairn_layout){size + 50, 8});
        cairn_locked_acquire(&lock);
        under_the_lock++;
        cairn_locked_release(&lock);
    }
    return NULL;
}

TEST(one_thread_at_a_time)
{
    for (int form = 0; form < 2; form++) {
        probe_init(&shared, form == 0 ? PROBE_TELLS : PROBE_FULL | PROBE_TELLS);
        shared.single = true;
        under_the_lock = 0;
        cairn_locked_init(&lock, probe_allocator(&shared));
        pthread_t threads[4];
        for (uintptr_t i = 0; i < 4; i++)
            REQUIRE(pthread_create(&threads[i], NULL, use, (void *)(i + 1)) == 0);
        for (int i = 0; i < 4; i++)
            pthread_join(threads[i], NULL);
        assert_int_equal(under_the_lock, 4 * unit_rounds(4000));
        assert_null(cairn_locked_audit(&lock));
        probe_fini(&shared);
    }
}

/* As the header says: held around fork, the lock is of use in both processes. */
TEST(around_a_fork)
{
    cairn_locked_init(&lock, (cairn_allocator){NULL, NULL});
    cairn_allocator wrapped = cairn_locked_allocator(&lock);
    cairn_locked_acquire(&lock);
    pid_t child = fork();
    cairn_locked_release(&lock);
    void *ptr = cairn_allocator_alloc(wrapped, (cairn_layout){10, 1});
    if (child == 0)
        _exit(ptr != NULL ? 0 : 1);
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    cairn_allocator_dealloc(wrapped, ptr, (cairn_layout){10, 1});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_on_each_op),
        cmocka_unit_test(without_a_source_it_is_the_systems),
        cmocka_unit_test(failures_of_the_source),
        cmocka_unit_test(one_thread_at_a_time),
        cmocka_unit_test(around_a_fork),
    };
    return UNIT_MAIN(tests);
}
