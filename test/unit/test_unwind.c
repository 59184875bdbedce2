/* SPDX-License-Identifier: MIT */
/*
 * unwind.h: the same return addresses as backtrace() gives, in every kind of frame that there is;
 * and an end instead of a fault where there is nonsense.
 */
#include "unit/unit.h"

#include <alloca.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "os/unwind_file.h"
#include "os/unwind_step.h"
#include "unit/unwind_check.h"

static _Atomic int checked;
static _Atomic unsigned last_count;
static _Atomic bool is_calm; /* only handlers check */

/* The frames of the calls around this one are the same to both. A handler may interrupt it. */
static NOINLINE int check(void)
{
    static __thread struct unwind_stacks room[2];
    static __thread volatile int level;
    if (is_calm && level == 0)
        return 1;
    struct unwind_stacks *stacks = &room[level++];
    for (int i = 0; i < 2; i++) { /* from the tables, and from memory */
        unwind_stacks_take(stacks);
        if (!unwind_stacks_same(stacks))
            unwind_stacks_print(stacks);
        REQUIRE(unwind_stacks_same(stacks));
        REQUIRE(stacks->ours_count >= 1);
    }
    last_count = stacks->ours_count;
    checked++;
    level--;
    return 1;
}

static void check_quietly(void)
{
    check();
}

static void prepare(void)
{
    void *frames[4];
    backtrace(frames, 4); /* loads its library */
    cairn__unwind_prepare();
}

/* ---- frames ---- */

static NOINLINE unsigned recurse(int depth, unsigned a, unsigned b, unsigned c)
{
    if (depth == 0)
        return (unsigned)check();
    return recurse(depth - 1, b + c, c + a, (unsigned)depth) * a + b - c;
}

static NOINLINE int recurse_other(int depth, volatile char *last);

static NOINLINE int with_variable_array(int depth, volatile char *last)
{
    volatile char array[depth * 40 + 16];
    array[0] = (char)(last != NULL ? last[0] : 1);
    return recurse_other(depth - 1, array) + array[0];
}

static NOINLINE int with_alloca(int depth, volatile char *last)
{
    volatile char *room = alloca((size_t)depth * 100 + 16);
    room[0] = last[0];
    return recurse_other(depth - 1, room) + room[0];
}

static NOINLINE int with_alignment(int depth, volatile char *last)
{
    ALIGNED(64) volatile char room[128];
    room[0] = last[0];
    return recurse_other(depth - 1, room) + room[0];
}

static NOINLINE int with_alignment_and_alloca(int depth, volatile char *last)
{
    ALIGNED(128) volatile char room[128];
    volatile char *more = alloca((size_t)depth * 100 + 16);
    room[0] = last[0];
    more[0] = room[0];
    return recurse_other(depth - 1, more) + room[0];
}

static NOINLINE int with_much(int depth, volatile char *last)
{
    volatile char room[200000];
    room[0] = last[0];
    return recurse_other(depth - 1, room) + room[0];
}

static NOINLINE int recurse_other(int depth, volatile char *last)
{
    if (depth <= 0)
        return check();
    switch (depth % 5) {
    case 0:
        return with_alignment_and_alloca(depth, last) + 1;
    case 1:
        return with_variable_array(depth, last) + 2;
    case 2:
        return with_alloca(depth, last) + 3;
    case 3:
        return with_much(depth, last) + 4;
    default:
        return with_alignment(depth, last) + 5;
    }
}

TEST(plain_frames)
{
    prepare();
    check();
    for (int depth = 1; depth <= 200; depth += 13) {
        recurse(depth, 1, 2, 3);
        REQUIRE(last_count >= (unsigned)depth);
    }
}

TEST(frames_of_varying_size)
{
    char first = 1;
    prepare();
    for (int depth = 1; depth < 12; depth++) {
        recurse_other(depth, &first);
        REQUIRE(last_count >= 2 * (unsigned)depth);
    }
}

static int compare(const void *a, const void *b)
{
    check();
    return *(const int *)a - *(const int *)b;
}

TEST(callbacks_of_the_c_library)
{
    int numbers[64], key = 9;
    prepare();
    for (int i = 0; i < 64; i++)
        numbers[i] = i * 37 % 64;
    qsort(numbers, 64, sizeof numbers[0], compare);
    REQUIRE(bsearch(&key, numbers, 64, sizeof numbers[0], compare) != NULL);
    REQUIRE(checked > 64);
}

TEST(at_most_so_many)
{
    uintptr_t frames[8];
    prepare();
    REQUIRE(cairn__unwind(frames, 0) == 0);
    memset(frames, 0, sizeof frames);
    REQUIRE(cairn__unwind(frames, 2) == 2 && frames[1] != 0 && frames[2] == 0);
    memset(frames, 0, sizeof frames);
    errno = 77;
    REQUIRE(cairn__unwind(frames, 8) >= 2 && errno == 77);
}

/* No file is known yet. */
TEST(before_it_is_prepared)
{
    uintptr_t frames[8];
    REQUIRE(cairn__unwind(frames, 8) == 1);
    cairn__unwind_forget();
    prepare();
    recurse(20, 1, 2, 3);
}

/* ---- signals ---- */

static sigjmp_buf back;

static void handle(int number)
{
    check();
    if (number == SIGSEGV)
        siglongjmp(back, 1);
}

static void handle_signal(int number, int flags)
{
    struct sigaction action = {.sa_handler = handle, .sa_flags = flags};
    REQUIRE(sigaction(number, &action, NULL) == 0);
}

static volatile char *volatile nowhere = (volatile char *)16;

static NOINLINE void fault(volatile char *at)
{
    *at = 1;
}

static void faults_and_raises(int flags)
{
    handle_signal(SIGUSR1, flags);
    handle_signal(SIGSEGV, flags);
    int before = checked;
    raise(SIGUSR1);
    if (sigsetjmp(back, 1) == 0)
        fault(nowhere);
    REQUIRE(checked == before + 2);
}

/* The list goes on with what was interrupted: in the C library, and in the midst of a function. */
TEST(across_signals)
{
    prepare();
    faults_and_raises(0);
    faults_and_raises(SA_SIGINFO);
}

TEST(on_a_stack_for_signals)
{
    size_t size = 256 * KIB;
    stack_t stack = {.ss_size = size};
    prepare();
    stack.ss_sp = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(stack.ss_sp != MAP_FAILED && sigaltstack(&stack, NULL) == 0);
    faults_and_raises(SA_ONSTACK);
    REQUIRE(last_count >= 5);
}

static NOINLINE int various_work(int number)
{
    char text[64], first = (char)number;
    snprintf(text, sizeof text, "%d %s %g", number, "word", number / 3.0);
    int numbers[4] = {number, 3, 2, number % 7};
    unsigned mixed = number % 2 == 0 ? recurse(3, 1, 2, 3) : (unsigned)recurse_other(4, &first);
    for (int i = 0; i < 3; i++)
        numbers[i] += numbers[i + 1] % (1 + number % 5);
    return atoi(text) % 1000 + (int)strlen(text) * numbers[1] + (int)mixed % 2;
}

/* Anywhere: in prologues and epilogues, and in the tables of jumps between files. */
static void handle_tick(int number)
{
    (void)number;
    bool was_calm = is_calm;
    is_calm = false;
    check();
    is_calm = was_calm;
}

TEST(at_any_time)
{
    volatile int sum = 1;
    prepare();
    struct sigaction action = {.sa_handler = handle_tick, .sa_flags = SA_RESTART};
    REQUIRE(sigaction(SIGPROF, &action, NULL) == 0);
    struct itimerval often = {{0, 1000}, {0, 1000}};
    REQUIRE(setitimer(ITIMER_PROF, &often, NULL) == 0);
    for (size_t round = 0; round < unit_rounds(4000); round++)
        sum = various_work(sum % 10000);
    often = (struct itimerval){{0, 0}, {0, 0}};
    setitimer(ITIMER_PROF, &often, NULL);
}

/* A trap behind each instruction; on x86-64 only, a program can ask for that itself. */
#if defined(__x86_64__)
enum { TRAPS = 1 };

static inline void set_trap(bool on)
{
    uintptr_t flags = __builtin_ia32_readeflags_u64();
    __builtin_ia32_writeeflags_u64(on ? flags | 0x100 : flags & ~(uintptr_t)0x100);
}
#else
enum { TRAPS = 0 };

static inline void set_trap(bool on)
{
    (void)on;
}
#endif

/* ThreadSanitizer delivers signals when it likes. */
TEST(at_each_instruction)
{
    prepare();
    struct sigaction action = {.sa_handler = handle_tick};
    REQUIRE(sigaction(SIGTRAP, &action, NULL) == 0);
    if (CAIRN_TSAN)
        return;
    is_calm = true;
    set_trap(true);
    various_work(1);
    various_work(2);
    set_trap(false);
    REQUIRE(checked > 2000 || !TRAPS);
}

/* ---- stacks ---- */

static void *in_thread(void *argument)
{
    check();
    recurse(30, 1, 2, 3);
    faults_and_raises(0);
    return argument;
}

TEST(in_threads)
{
    pthread_t thread[8];
    prepare();
    handle_signal(SIGUSR1, 0);
    for (int i = 0; i < 8; i++) {
        REQUIRE(pthread_create(&thread[i], NULL, in_thread, NULL) == 0);
        pthread_join(thread[i], NULL);
    }
}

static void *in_racing_thread(void *argument)
{
    for (size_t i = 0; i < unit_rounds(400); i++) {
        if (i % 100 == 50)
            cairn__unwind_forget();
        recurse((int)(i % 40), 1, 2, 3);
    }
    return argument;
}

TEST(in_threads_at_once)
{
    pthread_t thread[4];
    prepare();
    for (int i = 0; i < 4; i++)
        REQUIRE(pthread_create(&thread[i], NULL, in_racing_thread, NULL) == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
}

/* The thread's own; its end is next to memory that cannot be read. */
TEST(in_a_thread_on_a_given_stack)
{
    size_t size = MIB;
    pthread_attr_t attributes;
    pthread_t thread;
    prepare();
    char *room = mmap(NULL, size + 2 * 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(room != MAP_FAILED && mprotect(room + 65536, size, PROT_READ | PROT_WRITE) == 0);
    pthread_attr_init(&attributes);
    REQUIRE(pthread_attr_setstack(&attributes, room + 65536, size) == 0);
    for (int i = 0; i < 2; i++) {
        REQUIRE(pthread_create(&thread, &attributes, in_thread, NULL) == 0);
        pthread_join(thread, NULL);
    }
}

static ucontext_t here, there;

static void in_coroutine(void)
{
    check();
    recurse(30, 1, 2, 3);
    swapcontext(&there, &here);
    recurse(100, 1, 2, 3);
}

/* On a stack of its own, before and after the thread's own stack was walked; it comes and goes. */
TEST(in_coroutines)
{
    prepare();
    for (int i = 0; i < 4; i++) {
        size_t size = (size_t)(i + 1) * 128 * KIB;
        void *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        REQUIRE(stack != MAP_FAILED && getcontext(&there) == 0);
        there.uc_stack.ss_sp = stack;
        there.uc_stack.ss_size = size;
        there.uc_link = &here;
        makecontext(&there, in_coroutine, 0);
        swapcontext(&here, &there);
        check();
        swapcontext(&here, &there);
        munmap(stack, size);
    }
    REQUIRE(checked == 4 * 4);
}

TEST(in_a_forked_process)
{
    prepare();
    check();
    pid_t child = fork();
    if (child == 0) {
        recurse(30, 1, 2, 3);
        cairn__unwind_forget();
        recurse(30, 1, 2, 3);
        _exit(0);
    }
    int status = 1;
    REQUIRE(waitpid(child, &status, 0) == child && status == 0);
}

/* ---- files ---- */

void (*loaded_in_constructor)(void);

static void *load(const char *name)
{
    char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 64);
    REQUIRE(length > 0);
    path[length] = '\0';
    strcpy(strrchr(path, '/') + 1, name);
    void *library = dlopen(path, RTLD_NOW);
    if (library == NULL)
        fprintf(stderr, "%s\n", dlerror());
    REQUIRE(library != NULL);
    return library;
}

/* Through a function of the library; where that is. */
static uintptr_t call_loaded(void *library)
{
    int (*call)(int (*)(void));
    *(void **)&call = dlsym(library, "loaded_call");
    REQUIRE(call != NULL && call(check) == 1);
    return (uintptr_t)call;
}

TEST(in_constructors)
{
    prepare();
    loaded_in_constructor = check_quietly;
    load("unwind-loaded-small.so");
    REQUIRE(checked == 1 && last_count > 5);
}

/* One after the other at the same place, but for sanitizers and emulators, which put them elsewhere. */
TEST(in_libraries_that_come_and_go)
{
    unsigned same = 0;
    uintptr_t place = 0;
    prepare();
    for (int i = 0; i < 10; i++) {
        void *library = load(i % 2 == 0 ? "unwind-loaded-small.so" : "unwind-loaded-large.so");
        cairn__unwind_prepare();
        uintptr_t now = call_loaded(library);
        same += now == place;
        place = now;
        REQUIRE(dlclose(library) == 0);
        cairn__unwind_forget();
    }
    bool elsewhere = UNIT_ASAN || CAIRN_TSAN || getenv("CAIRN_TEST_QEMU") != NULL;
    REQUIRE(same > 0 || elsewhere);
}

/* AddressSanitizer wants the C++ library to be there from the start. */
TEST(while_an_exception_passes)
{
    int (*call)(void (*)(void), int);
    if (UNIT_ASAN)
        return;
    prepare();
    void *library = load("unwind-throw.so");
    cairn__unwind_prepare();
    *(void **)&call = dlsym(library, "throw_call");
    REQUIRE(call != NULL && call(check_quietly, 6) == 10);
    REQUIRE(checked > 6);
}

/* The list of files says what glibc says. */
TEST(files)
{
    uintptr_t addresses[] = {(uintptr_t)check,    (uintptr_t)qsort,  (uintptr_t)dlopen,
                             (uintptr_t)&back,    (uintptr_t)getpid, 4096,
                             (uintptr_t)addresses};
    cairn__unwind_file_list(true);
    cairn__unwind_file_list(true);
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        struct unwind_file listed = {0}, asked = {0};
        bool is_listed = cairn__unwind_file_listed(addresses[i], &listed);
        REQUIRE(is_listed == cairn__unwind_file_of(addresses[i], &asked));
        REQUIRE(listed.index == asked.index && is_listed == (i < 5));
    }
}

/* ---- nonsense ---- */

unsigned cairn__unwind_from(uintptr_t *frames, unsigned max, uintptr_t pc, uintptr_t stack,
                            uintptr_t frame);

enum { STACK_SIZE = 65536 };

/* A stack with nothing below and nothing above. */
static uintptr_t *lonely_stack(void)
{
    char *room = mmap(NULL, 3 * STACK_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(room != MAP_FAILED);
    REQUIRE(mprotect(room + STACK_SIZE, STACK_SIZE, PROT_READ | PROT_WRITE) == 0);
    return (uintptr_t *)(room + STACK_SIZE);
}

/*
 * Frames at random, in functions at random: in libc and here. Whatever comes out, it is no fault.
 */
TEST(ends_in_nonsense)
{
    enum { COUNT = STACK_SIZE / sizeof(uintptr_t) };
    uint64_t seed = 1;
    uintptr_t frames[64];
    prepare();
    uintptr_t *words = lonely_stack(), below = (uintptr_t)words - STACK_SIZE;
    uintptr_t code[] = {(uintptr_t)qsort, (uintptr_t)check, (uintptr_t)dlopen};
    size_t total = 0;
    for (size_t round = 0; round < unit_rounds(40000); round++) {
        if (round % 50 == 0)
            for (size_t i = 0; i < COUNT; i++)
                words[i] = unit_below(&seed, 4) == 0
                               ? below + unit_below(&seed, 3 * STACK_SIZE)
                               : code[unit_below(&seed, 3)] + unit_below(&seed, 100000);
        uintptr_t stack = (uintptr_t)&words[unit_below(&seed, round % 2 == 0 ? COUNT : 64)];
        uintptr_t frame = unit_below(&seed, 4) == 0 ? unit_random(&seed)
                                                    : stack - 2048 + unit_below(&seed, 4096);
        uintptr_t pc = code[unit_below(&seed, 3)] + unit_below(&seed, 100000);
        total += cairn__unwind_from(frames, 64, pc, stack, frame);
    }
    REQUIRE(total > unit_rounds(40000));
}

/* A handler's return, and behind it nonsense for what was interrupted. */
TEST(ends_in_a_nonsense_signal)
{
    static const char code[] = SIGNAL_RETURN;
    uint64_t seed = 2;
    uintptr_t frames[64];
    prepare();
    uintptr_t *room = lonely_stack(), *words = room + 16;
    size_t count = STACK_SIZE / sizeof words[0] - 16, total = 0;
    memcpy(room, code, SIGNAL_RETURN_SIZE);
    for (size_t round = 0; round < unit_rounds(4000); round++) {
        for (size_t i = 0; round % 50 == 0 && i < count; i++)
            words[i] = unit_below(&seed, 2) == 0 ? (uintptr_t)room
                       : unit_below(&seed, 2) == 0
                           ? unit_random(&seed)
                           : (uintptr_t)&words[unit_below(&seed, 2 * count)];
        uintptr_t stack = (uintptr_t)&words[unit_below(&seed, count)];
        total += cairn__unwind_from(frames, 64, (uintptr_t)room, stack, 0);
    }
    REQUIRE(total > unit_rounds(4000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_frames),
        cmocka_unit_test(frames_of_varying_size),
        cmocka_unit_test(callbacks_of_the_c_library),
        cmocka_unit_test(at_most_so_many),
        cmocka_unit_test(before_it_is_prepared),
        cmocka_unit_test(across_signals),
        cmocka_unit_test(on_a_stack_for_signals),
        cmocka_unit_test(at_any_time),
        cmocka_unit_test(at_each_instruction),
        cmocka_unit_test(in_threads),
        cmocka_unit_test(in_threads_at_once),
        cmocka_unit_test(in_a_thread_on_a_given_stack),
        cmocka_unit_test(in_coroutines),
        cmocka_unit_test(in_a_forked_process),
        cmocka_unit_test(in_constructors),
        cmocka_unit_test(in_libraries_that_come_and_go),
        cmocka_unit_test(while_an_exception_passes),
        cmocka_unit_test(files),
        cmocka_unit_test(ends_in_nonsense),
        cmocka_unit_test(ends_in_a_nonsense_signal),
    };
    return UNIT_MAIN(tests);
}
