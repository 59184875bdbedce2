/* SPDX-License-Identifier: MIT */
/* traced.h with threads, signal handlers, fork and exit: order, and nothing twice or for ever. */
#include "cairn/atomic_bump.h"
#include "kit/trace.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "os/lock.h"

static const cairn_layout LAYOUT = {40, 8};

/* ---- recursion ---- */

/* Hands out the same bytes again and again, which nobody looks at: a source for signal handlers. */
static void *same_alloc(void *self, cairn_layout layout)
{
    (void)layout;
    return self;
}

static void same_dealloc(void *self, void *ptr, cairn_layout layout)
{
    (void)self, (void)ptr, (void)layout;
}

static void start_on_same_bytes(void)
{
    static const cairn_allocator_ops ops = {
        .name = "same", .alloc = same_alloc, .dealloc = same_dealloc};
    static _Alignas(64) char bytes[64];
    cairn_traced_opts opts = {.path = path, .buffer_size = 1024};
    snprintf(path, sizeof path, "/tmp/cairn-traced-%d", (int)getpid());
    REQUIRE(cairn_traced_init(&traced, (cairn_allocator){&ops, bytes}, &opts));
    wrapped = cairn_traced_allocator(&traced);
}

static void allocate_in_handler(int signal)
{
    (void)signal;
    end(get(3), 3);
}

/* A handler that allocates, at any moment: served, never a deadlock, and all is accounted for. */
TEST(signal_handlers)
{
    struct sigaction action = {.sa_handler = allocate_in_handler, .sa_flags = SA_RESTART};
    struct itimerval often = {{0, 50}, {0, 50}}, never = {{0, 0}, {0, 0}};
    start_on_same_bytes();
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    for (size_t i = 0; i < unit_rounds(40000); i++)
        end(get(1), 1);
    setitimer(ITIMER_REAL, &never, NULL);
    assert_null(cairn_traced_audit(&traced));
    size_t lost = cairn_traced_fini(&traced);
    assert_int_equal(read_trace(path), 0);
    assert_in_range(event_count + lost, 2 * unit_rounds(40000), EVENTS);
    unlink(path);
}

/* exit() in a handler that met its own thread with a lock held: the process ends. */
static void exit_in_handler(int signal)
{
    (void)signal;
    exit(0);
}

static void wait_for(pid_t child)
{
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

TEST(exit_in_a_handler)
{
    for (int i = 0; i < 5; i++) {
        pid_t child = fork();
        if (child == 0) {
            struct itimerval soon = {{0, 0}, {0, 1000 + i * 300}};
            alarm(0);
            signal(SIGALRM, exit_in_handler);
            start_on_same_bytes();
            setitimer(ITIMER_REAL, &soon, NULL);
            for (;;)
                end(get(1), 1);
        }
        wait_for(child);
        snprintf(path, sizeof path, "/tmp/cairn-traced-%d", (int)child);
        unlink(path);
    }
}

/* ---- threads ---- */

/*
 * A source that hands out the block that was freed last, to whatever thread, at once: and lets
 * others run just when a block has changed hands, before the log can take notice.
 */
enum { STACK = 64 };
static struct lock stack_lock;
static char stack_bytes[STACK][64];
static void *stack[STACK];
static size_t stack_count;

static void let_others_run(void)
{
    static size_t calls;
    if (__atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED) % 8 == 0)
        sched_yield();
}

static void *stack_alloc(void *self, cairn_layout layout)
{
    (void)self, (void)layout;
    let_others_run();
    lock_acquire(&stack_lock);
    void *ptr = stack_count > 0 ? stack[--stack_count] : NULL;
    lock_release(&stack_lock);
    return ptr;
}

static void stack_dealloc(void *self, void *ptr, cairn_layout layout)
{
    (void)self, (void)layout;
    lock_acquire(&stack_lock);
    stack[stack_count++] = ptr;
    lock_release(&stack_lock);
    let_others_run();
}

static cairn_allocator stack_source(void)
{
    static const cairn_allocator_ops ops = {
        .name = "stack", .alloc = stack_alloc, .dealloc = stack_dealloc};
    for (stack_count = 0; stack_count < STACK; stack_count++)
        stack[stack_count] = stack_bytes[stack_count];
    return (cairn_allocator){&ops, NULL};
}

static void *use(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < unit_rounds(8000); i++) {
        void *a = i % 2 == 0 ? cairn_allocator_alloc(wrapped, LAYOUT)
                             : cairn_allocator_alloc_zeroed(wrapped, LAYOUT);
        void *b = i % 3 == 0 ? cairn_allocator_realloc(wrapped, a, LAYOUT, 30) : NULL;
        cairn_allocator_dealloc(wrapped, b != NULL ? b : a,
                                (cairn_layout){b != NULL ? 30 : LAYOUT.size, 8});
    }
    return NULL;
}

/* In order of the numbers no address is made twice without being freed in between. */
TEST(the_order_of_events)
{
    for (int round = 0; round < 4; round++) {
        cairn_traced_opts opts = {.path = path,
                                  .binary = round % 2 == 1,
                                  .buffers = round < 2 ? 16 : 1,
                                  .buffer_size = 1024};
        snprintf(path, sizeof path, "/tmp/cairn-traced-%d", (int)getpid());
        assert_true(cairn_traced_init(&traced, stack_source(), &opts));
        wrapped = cairn_traced_allocator(&traced);
        pthread_t threads[4];
        for (uintptr_t i = 0; i < 4; i++)
            REQUIRE(pthread_create(&threads[i], NULL, use, NULL) == 0);
        cairn_traced_flush(&traced);
        for (int i = 0; i < 4; i++)
            pthread_join(threads[i], NULL);
        assert_null(cairn_traced_audit(&traced));
        assert_int_equal(cairn_traced_fini(&traced), 0);
        assert_int_equal(read_trace(path), 0);
        assert_int_equal(play(), 0);
        unlink(path);
    }
}

static void *log_one(void *argument)
{
    end(get(1), 1);
    *(uint64_t *)argument = (uint64_t)gettid();
    return NULL;
}

/* Each has its own number, though one ends before the next begins, at the same place as a rule. */
TEST(threads_one_after_the_other)
{
    enum { THREADS = 3000 };
    static uint64_t ids[THREADS];
    start(PROBE_FULL, (cairn_traced_opts){.binary = true});
    size_t count = unit_rounds(THREADS);
    for (size_t i = 0; i < count; i++) {
        pthread_t thread;
        REQUIRE(pthread_create(&thread, NULL, log_one, &ids[i]) == 0);
        pthread_join(thread, NULL);
    }
    assert_int_equal(finish(), 0);
    assert_int_equal(read_trace(path), 0);
    assert_int_equal(event_count, 3 * count);
    for (size_t i = 0; i < event_count; i++) {
        assert_int_equal(events[i].thread, ids[i / 3]);
        assert_int_equal(events[i].op == CAIRN_TRACED_THREAD, i % 3 == 0);
    }
    unlink(path);
}

static pthread_barrier_t together;

static void *log_with_all(void *argument)
{
    (void)argument;
    end(get(1), 1);
    pthread_barrier_wait(&together);
    return NULL;
}

/* More at a time than the table has room for: no event is lost, whoever made it. */
TEST(a_crowd)
{
    enum { CROWD = CAIRN_TSAN ? 200 : 1300 };
    static pthread_t threads[CROWD];
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64 * 1024);
    start(PROBE_FULL, (cairn_traced_opts){.buffers = 3});
    pthread_barrier_init(&together, NULL, CROWD);
    for (int i = 0; i < CROWD; i++)
        REQUIRE(pthread_create(&threads[i], &attributes, log_with_all, NULL) == 0);
    for (int i = 0; i < CROWD; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(finish(), 0);
    assert_int_equal(read_trace(path), 0);
    assert_int_equal(play(), 0);
    assert_in_range(event_count, 2 * CROWD, 3 * CROWD);
    unlink(path);
}

/* ---- fork and exit ---- */

static bool atfork_allocates;

static void allocate_in_atfork(void)
{
    if (atfork_allocates)
        end(get(5), 5);
}

static void allocate_around_forks(void)
{
    REQUIRE(pthread_atfork(allocate_in_atfork, allocate_in_atfork, allocate_in_atfork) == 0);
}

/*
 * The child does not repeat what its parent had in its buffers; both log on, and so do handlers of
 * fork: those set before our own, in main, which run while we hold all locks, and those set later.
 */
TEST(a_fork)
{
    for (int binary = 0; binary < 2; binary++) {
        start(PROBE_FULL, (cairn_traced_opts){.binary = binary});
        if (binary == 0)
            allocate_around_forks();
        end(get(1), 1);
        atfork_allocates = true;
        pid_t child = fork();
        atfork_allocates = false;
        if (child == 0) {
            end(get(2), 2);
            cairn_traced_flush(&traced);
            _exit(cairn_traced_audit(&traced) == NULL ? 0 : 1);
        }
        end(get(3), 3);
        wait_for(child);
        assert_int_equal(finish(), 0);
        assert_int_equal(read_trace(path), 0);
        size_t parents[8] = {0}, childs[8] = {0};
        for (size_t i = 0; i < event_count; i++) {
            if (events[i].op == CAIRN_TRACED_THREAD)
                assert_int_equal(events[i].size, events[i].thread);
            else if (events[i].thread == (uint64_t)getpid())
                parents[events[i].size]++;
            else if (events[i].thread == (uint64_t)child)
                childs[events[i].size]++;
        }
        assert_int_equal(parents[1], 2);
        assert_int_equal(childs[2], 2);
        assert_int_equal(parents[3], 2);
        assert_int_equal(parents[5], 2 * 2 * 2); /* two handlers before it, and two after it */
        assert_int_equal(childs[5], 2 * 2);
        assert_int_equal(event_count, 2 + 6 + 12);
        unlink(path);
    }
}

static void *log_on(void *argument)
{
    for (int i = 0; !__atomic_load_n((bool *)argument, __ATOMIC_RELAXED); i++)
        if (i < 10000)
            end(get(4), 4);
        else
            usleep(1000);
    return NULL;
}

/* Forks while others log: no deadlock in either process, and no line twice. The source has no lock:
 * AddressSanitizer's malloc, for one, leaves its own locked in a child. */
TEST(forks_among_threads)
{
    static char region[4 << 20];
    cairn_atomic_bump bump;
    cairn_atomic_bump_init(&bump, region, sizeof region);
    bool stop = false;
    pthread_t threads[3];
    cairn_traced_opts opts = {.path = path, .buffer_size = 1024, .buffers = 2};
    snprintf(path, sizeof path, "/tmp/cairn-traced-%d", (int)getpid());
    assert_true(cairn_traced_init(&traced, cairn_atomic_bump_allocator(&bump), &opts));
    wrapped = cairn_traced_allocator(&traced);
    for (int i = 0; i < 3; i++)
        REQUIRE(pthread_create(&threads[i], NULL, log_on, &stop) == 0);
    size_t forks = unit_rounds(40);
    for (size_t i = 0; i < forks; i++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(60);
            end(get(2), 2);
            cairn_traced_flush(&traced);
            _exit(0);
        }
        wait_for(child);
    }
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_null(cairn_traced_audit(&traced));
    assert_int_equal(cairn_traced_fini(&traced), 0);
    assert_int_equal(read_trace(path), 0);
    size_t children = 0;
    for (size_t i = 0; i < event_count; i++)
        children += events[i].size == 2 && events[i].op != CAIRN_TRACED_THREAD;
    assert_int_equal(children, 2 * forks);
    for (size_t i = 1; i < event_count; i++)
        assert_true(events[i - 1].number < events[i].number ||
                    events[i - 1].thread < events[i].thread);
    unlink(path);
}

static void log_late(void)
{
    end(get(6), 6);
}

/* A process that ends without fini: what was buffered is written, and what comes later, too. */
TEST(at_exit)
{
    snprintf(path, sizeof path, "/tmp/cairn-traced-%d", (int)getpid());
    pid_t child = fork();
    if (child == 0) {
        cairn_traced_opts opts = {.path = path};
        REQUIRE(cairn_traced_init(&traced, cairn_system(), &opts));
        wrapped = cairn_traced_allocator(&traced);
        REQUIRE(atexit(log_late) == 0);
        end(get(1), 1);
        exit(0);
    }
    wait_for(child);
    assert_int_equal(read_trace(path), 0);
    assert_int_equal(event_count, 5);
    assert_int_equal(play(), 0);
    unlink(path);
}

int main(void)
{
    allocate_around_forks();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signal_handlers),
        cmocka_unit_test(exit_in_a_handler),
        cmocka_unit_test(the_order_of_events),
        cmocka_unit_test(threads_one_after_the_other),
        cmocka_unit_test(a_crowd),
        cmocka_unit_test(a_fork),
        cmocka_unit_test(forks_among_threads),
        cmocka_unit_test(at_exit),
    };
    return UNIT_MAIN(tests);
}
