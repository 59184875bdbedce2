/* SPDX-License-Identifier: MIT */
/* guarded.h: each crime by name and to the letter, and what happens after it. */
#include "kit/guarded_crimes.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- everyday ---- */

TEST(blocks_are_blocks)
{
    static const size_t sizes[] = {0, 1, 7, 8, 24, 100, 4080, 4096, 5000, 100000};
    static const cairn_guarded_pages pages[] = {CAIRN_GUARDED_NO_PAGES, CAIRN_GUARDED_PAGE_AFTER,
                                                CAIRN_GUARDED_PAGE_BEFORE};
    static const size_t canaries[] = {0, 1, 13, 64, 4096};
    for (size_t p = 0; p < 3; p++)
        for (size_t c = 0; c < 5; c++) {
            struct source source = new_source(), records = new_source();
            cairn_guarded g;
            cairn_guarded_opts opts = {
                .pages = pages[p], .canary = canaries[c], .records = allocator_of(&records)};
            cairn_guarded_init(&g, allocator_of(&source), &opts);
            cairn_allocator a = cairn_guarded_allocator(&g);
            for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
                for (size_t align = 1; align <= 16384; align *= 2) {
                    cairn_layout layout = {sizes[i], align};
                    char *ptr = cairn_allocator_alloc(a, layout);
                    assert_non_null(ptr);
                    assert_int_equal((uintptr_t)ptr % align, 0);
                    assert_int_equal(cairn_allocator_usable_size(a, ptr, layout), sizes[i]);
                    unit_fill(ptr, sizes[i], i);
                    char *zero = cairn_allocator_alloc_zeroed(a, layout);
                    assert_true(unit_is_zero(zero, sizes[i]));
                    assert_ptr_not_equal(zero, ptr);
                    char *moved = cairn_allocator_realloc(a, ptr, layout, sizes[i] + 100);
                    assert_int_equal((uintptr_t)moved % align, 0);
                    assert_true(unit_is_filled(moved, sizes[i], i));
                    layout.size += 100;
                    ptr = cairn_allocator_realloc(a, moved, layout, sizes[i] / 2);
                    assert_true(unit_is_filled(ptr, sizes[i] / 2, i));
                    layout.size = sizes[i] / 2;
                    assert_sound(&g);
                    cairn_allocator_dealloc(a, ptr, layout);
                    layout.size = sizes[i];
                    cairn_allocator_dealloc(a, zero, layout);
                    assert_sound(&g);
                }
            assert_int_equal(cairn_guarded_fini(&g), 0);
            assert_int_equal(source.blocks, 0);
            assert_int_equal(records.blocks, 0);
        }
}

TEST(what_cannot_be_is_null)
{
    cairn_guarded g;
    for (int pages = 0; pages < 3; pages++) {
        cairn_guarded_opts opts = {.pages = (cairn_guarded_pages)pages};
        cairn_guarded_init(&g, cairn_system(), &opts);
        cairn_allocator a = cairn_guarded_allocator(&g);
        for (int shift = 0; shift < 64; shift++) {
            size_t align = (size_t)1 << shift;
            cairn_layout most = {PTRDIFF_MAX - (align - 1), align};
            assert_true(cairn_layout_is_valid(most));
            assert_null(cairn_allocator_alloc(a, most));
        }
        assert_null(cairn_allocator_alloc(a, CAIRN_LAYOUT_NONE));
        char *ptr = cairn_allocator_alloc(a, L24);
        unit_fill(ptr, 24, 1);
        assert_null(cairn_allocator_realloc(a, ptr, L24, PTRDIFF_MAX - 7));
        assert_null(a.ops->realloc(a.self, ptr, L24, SIZE_MAX));
        assert_true(unit_is_filled(ptr, 24, 1));
        assert_sound(&g);
        assert_int_equal(stats_of(&g).live, 1);
        cairn_allocator_dealloc(a, ptr, L24);
        assert_int_equal(cairn_guarded_fini(&g), 0);
    }
}

TEST(fills)
{
    cairn_guarded g;
    cairn_guarded_opts opts = {.fill_fresh = true};
    cairn_guarded_init(&g, cairn_system(), &opts);
    cairn_allocator a = cairn_guarded_allocator(&g);
    unsigned char *ptr = cairn_allocator_alloc(a, (cairn_layout){1000, 1});
    for (int i = 0; i < 1000; i++)
        assert_int_equal(peek(ptr, i), CAIRN_GUARDED_FRESH);
    cairn_allocator_dealloc(a, ptr, (cairn_layout){1000, 1});
    for (int i = 0; i < 1000; i++)
        assert_int_equal(peek(ptr, i), CAIRN_GUARDED_FREED);
    unsigned char *zero = cairn_allocator_alloc_zeroed(a, (cairn_layout){1000, 1});
    assert_true(unit_is_zero(zero, 1000));
    cairn_allocator_dealloc(a, zero, (cairn_layout){1000, 1});
    cairn_guarded_fini(&g);
}

/* ---- the crimes, one by one, and what happens after ---- */

TEST(writes_outside)
{
    struct heard heard;
    struct source source = new_source();
    cairn_guarded_opts opts = opts_with(&heard);
    cairn_guarded g;
    cairn_guarded_init(&g, allocator_of(&source), &opts);
    cairn_allocator a = cairn_guarded_allocator(&g);
    for (int bit = 0; bit < 8; bit++)
        for (int at = -16; at < 24 + 16; at++) {
            if (at >= 0 && at < 24)
                continue;
            char *ptr = cairn_allocator_alloc(a, L24);
            poke(ptr, at, 1 << bit);
            assert_non_null(cairn_guarded_audit(&g));
            if (bit % 2 == 0)
                assert_int_equal(cairn_guarded_check(&g), 1);
            else
                cairn_allocator_dealloc(a, ptr, L24);
            assert_int_equal(heard.breach.offset, at);
            assert_ptr_equal(heard.breach.block, ptr);
            assert_ptr_equal(heard.breach.ptr, ptr);
            assert_true(cairn_layout_is_equal(heard.breach.layout, L24));
            if (at < 0)
                assert_heard(&heard, CAIRN_GUARDED_WRITE_BEFORE,
                             "write before the start of block %p of 24 bytes, at offset %d",
                             (void *)ptr, at);
            else
                assert_heard(&heard, CAIRN_GUARDED_WRITE_AFTER,
                             "write after the end of block %p of 24 bytes, at offset %d",
                             (void *)ptr, at);
            assert_sound(&g); /* told once */
            if (bit % 2 == 0)
                cairn_allocator_dealloc(a, ptr, L24);
        }
    /* The first byte is the one that is named; the end of a string counts. */
    char *word = cairn_allocator_alloc(a, (cairn_layout){4, 1});
    poke(word, 4, peek(word, 4));
    poke(word, 6, 1);
    word = cairn_allocator_realloc(a, word, (cairn_layout){4, 1}, 8);
    assert_int_equal(heard.breach.offset, 4);
    heard.count = 0;
    cairn_allocator_dealloc(a, word, (cairn_layout){8, 1});
    /* Whatever the secret, a byte of 0 is seen. */
    for (int i = 0; i < 3000; i++) {
        word = cairn_allocator_alloc(a, (cairn_layout){4, 1});
        poke(word, 4, peek(word, 4));
        cairn_allocator_dealloc(a, word, (cairn_layout){4, 1});
        assert_int_equal(heard.count, 1);
        heard.count = 0;
    }
    /* A block of no bytes has none. */
    char *nothing = cairn_allocator_alloc(a, (cairn_layout){0, 1});
    poke(nothing, 0, 1);
    cairn_allocator_dealloc(a, nothing, (cairn_layout){0, 1});
    assert_heard(&heard, CAIRN_GUARDED_WRITE_AFTER,
                 "write after the end of block %p of 0 bytes, at offset 0", (void *)nothing);
    cairn_guarded_fini(&g);
    assert_int_equal(heard.count, 0);
    assert_int_equal(source.blocks, 0);
}

TEST(writes_after_free)
{
    struct heard heard;
    struct source source = new_source();
    cairn_guarded_opts opts = opts_with(&heard);
    cairn_guarded g;
    cairn_guarded_init(&g, allocator_of(&source), &opts);
    cairn_allocator a = cairn_guarded_allocator(&g);
    for (int at = -16; at < 24 + 16; at++)
        for (int how = 0; how < 2; how++) {
            char *ptr = cairn_allocator_alloc(a, L24);
            cairn_allocator_dealloc(a, ptr, L24);
            poke(ptr, at, 0x10);
            assert_string_equal(cairn_guarded_audit(&g), "a freed block was written to");
            if (how == 0)
                assert_int_equal(cairn_guarded_check(&g), 1);
            else
                cairn_guarded_flush(&g);
            assert_heard(&heard, CAIRN_GUARDED_WRITE_AFTER_FREE,
                         "write after free to block %p of 24 bytes, at offset %d", (void *)ptr, at);
            assert_sound(&g);
            cairn_guarded_flush(&g);
            assert_int_equal(source.blocks, 0);
        }
    assert_int_equal(cairn_guarded_fini(&g), 0);
    assert_int_equal(heard.count, 0);
}

static void nothing_changed(cairn_guarded *g, cairn_guarded_stats before)
{
    cairn_guarded_stats now = stats_of(g);
    before.breaches++;
    assert_memory_equal(&now, &before, sizeof now);
    assert_sound(g);
}

TEST(wrong_pointers)
{
    struct heard heard;
    cairn_guarded_opts opts = opts_with(&heard);
    cairn_guarded g;
    cairn_guarded_init(&g, cairn_system(), &opts);
    cairn_allocator a = cairn_guarded_allocator(&g);
    char local[64];
    char *unmapped = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(unmapped, 8192);
    char *const none[] = {local,     local + 5,           unmapped + 16,
                          (char *)8, (char *)UINTPTR_MAX, (char *)(uintptr_t)&nothing_changed};
    for (int round = 0; round < 2; round++) { /* with and without notes */
        for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
            cairn_guarded_stats before = stats_of(&g);
            cairn_allocator_dealloc(a, none[i], L24);
            assert_null(heard.breach.block);
            assert_heard(&heard, CAIRN_GUARDED_NO_BLOCK, "free of %p, which is no block in use",
                         (void *)none[i]);
            nothing_changed(&g, before);
        }
        char *live = cairn_allocator_alloc(a, L24);
        for (int at = -1; at <= 24; at++) {
            if (at == 0)
                continue;
            cairn_guarded_stats before = stats_of(&g);
            assert_null(cairn_allocator_realloc(a, live + at, L24, 50));
            if (at < 0 || at == 24)
                assert_heard(&heard, CAIRN_GUARDED_NO_BLOCK, "free of %p, which is no block in use",
                             (void *)(live + at));
            else
                assert_heard(&heard, CAIRN_GUARDED_INSIDE,
                             "free of %p, which lies in block %p of 24 bytes, at offset %d",
                             (void *)(live + at), (void *)live, at);
            nothing_changed(&g, before);
        }
        cairn_allocator_dealloc(a, live, L24);
        for (int i = 0; i < 3; i++) {
            cairn_guarded_stats before = stats_of(&g);
            if (i == 1)
                assert_null(cairn_allocator_realloc(a, live, L24, 5));
            else
                cairn_allocator_dealloc(a, live, L24);
            assert_heard(&heard, CAIRN_GUARDED_DOUBLE_FREE, "double free of block %p of 24 bytes",
                         (void *)live);
            nothing_changed(&g, before);
        }
        /* When it is not kept any more it is as good as never allocated. */
        cairn_guarded_flush(&g);
        cairn_allocator_dealloc(a, live, L24);
        assert_heard(&heard, CAIRN_GUARDED_NO_BLOCK, "free of %p, which is no block in use",
                     (void *)live);
    }
    cairn_guarded_fini(&g);
}

TEST(wrong_layouts)
{
    struct heard heard;
    struct source source = new_source();
    cairn_guarded_opts opts = opts_with(&heard);
    cairn_guarded g;
    cairn_guarded_init(&g, allocator_of(&source), &opts);
    cairn_allocator a = cairn_guarded_allocator(&g);
    char *ptr = cairn_allocator_alloc(a, L24);
    cairn_allocator_dealloc(a, ptr, (cairn_layout){32, 8});
    assert_int_equal(heard.breach.given.size, 32);
    assert_heard(&heard, CAIRN_GUARDED_WRONG_SIZE,
                 "free of block %p of 24 bytes as one of 32 bytes", (void *)ptr);
    assert_int_equal(stats_of(&g).kept, 1); /* it ended with its own */
    ptr = cairn_allocator_alloc(a, L24);
    cairn_allocator_dealloc(a, ptr, (cairn_layout){1, 64});
    assert_heard(&heard, CAIRN_GUARDED_WRONG_SIZE, "free of block %p of 24 bytes as one of 1 byte",
                 (void *)ptr);
    ptr = cairn_allocator_alloc(a, L24);
    cairn_allocator_dealloc(a, ptr, (cairn_layout){24, 64});
    assert_heard(&heard, CAIRN_GUARDED_WRONG_ALIGN,
                 "free of block %p of 24 bytes aligned to 8 as one aligned to 64", (void *)ptr);
    ptr = cairn_allocator_alloc(a, L24);
    unit_fill(ptr, 24, 3);
    char *moved = cairn_allocator_realloc(a, ptr, (cairn_layout){48, 8}, 60);
    assert_heard(&heard, CAIRN_GUARDED_WRONG_SIZE,
                 "free of block %p of 24 bytes as one of 48 bytes", (void *)ptr);
    assert_true(unit_is_filled(moved, 24, 3));
    cairn_allocator_dealloc(a, moved, (cairn_layout){60, 8});
    assert_int_equal(heard.count, 0);
    cairn_guarded_fini(&g);
    assert_int_equal(source.blocks, 0);
}

TEST(leaks)
{
    struct heard heard;
    struct source source = new_source(), records = new_source();
    for (int pages = 0; pages < 3; pages++) {
        cairn_guarded_opts opts = opts_with(&heard);
        opts.pages = (cairn_guarded_pages)pages;
        opts.records = allocator_of(&records);
        cairn_guarded g;
        cairn_guarded_init(&g, allocator_of(&source), &opts);
        char *one = cairn_allocator_alloc(cairn_guarded_allocator(&g), (cairn_layout){1, 1});
        assert_int_equal(cairn_guarded_fini(&g), 1);
        assert_heard(&heard, CAIRN_GUARDED_LEAK, "leak of block %p of 1 byte", (void *)one);
        opts.on_breach = NULL;
        cairn_guarded_init(&g, allocator_of(&source), &opts);
        for (size_t i = 0; i < 1000; i++)
            assert_non_null(
                cairn_allocator_alloc(cairn_guarded_allocator(&g), (cairn_layout){i, 1}));
        assert_int_equal(cairn_guarded_fini(&g), 1000);
        assert_int_equal(source.blocks, 0);
        assert_int_equal(records.blocks, 0);
    }
}

/* A broken source. */
static void *same_again(void *self, cairn_layout layout)
{
    (void)layout;
    return self;
}

static void never(void *self, void *ptr, cairn_layout layout)
{
    (void)self, (void)ptr, (void)layout;
}

TEST(given_twice)
{
    static const cairn_allocator_ops ops = {.name = "same", .alloc = same_again, .dealloc = never};
    static char memory[1 << 19] __attribute__((aligned(65536)));
    for (int pages = 0; pages < 3; pages++) {
        struct heard heard;
        cairn_guarded_opts opts = opts_with(&heard);
        opts.pages = (cairn_guarded_pages)pages;
        cairn_guarded g;
        cairn_guarded_init(&g, (cairn_allocator){&ops, memory}, &opts);
        cairn_allocator a = cairn_guarded_allocator(&g);
        char *ptr = cairn_allocator_alloc(a, L24);
        assert_non_null(ptr);
        assert_null(cairn_allocator_alloc(a, L24));
        assert_heard(&heard, CAIRN_GUARDED_GIVEN_TWICE,
                     "given twice by the source: block %p of 24 bytes", (void *)ptr);
        assert_sound(&g);
        cairn_guarded_fini(&g);
        memset(memory, 0, sizeof memory);
    }
}

/* ---- whose is it ---- */

/* Knows blocks by their first byte alone. */
static bool owns_last(void *self, const void *ptr)
{
    return ptr == ((struct source *)self)->last;
}

TEST(owning)
{
    static const cairn_allocator_ops telling = {
        .name = "telling", .alloc = source_alloc, .dealloc = source_dealloc, .owns = owns_last};
    struct source source = new_source();
    cairn_guarded g;
    cairn_guarded_init(&g, allocator_of(&source), NULL);
    assert_false(cairn_allocator_can_tell(cairn_guarded_allocator(&g)));
    cairn_guarded_fini(&g);
    cairn_guarded_init(&g, (cairn_allocator){&telling, &source}, NULL);
    cairn_allocator a = cairn_guarded_allocator(&g);
    assert_true(cairn_allocator_can_tell(a));
    assert_false(cairn_allocator_owns(a, &g));
    char *ptr = cairn_allocator_alloc(a, L24);
    assert_true(cairn_allocator_owns(a, ptr));
    assert_true(cairn_allocator_owns(a, source.last));
    assert_false(cairn_allocator_owns(a, &g));
    cairn_allocator_dealloc(a, ptr, L24);
    assert_true(cairn_allocator_owns(a, ptr)); /* a second free must come here */
    cairn_guarded_flush(&g);
    assert_false(cairn_allocator_owns(a, ptr));
    cairn_guarded_fini(&g);
}

/* ---- last words ---- */

static int said_before; /* where a crime says what it expects to be told */

static void expect(const char *format, ...)
{
    char words[200];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    REQUIRE(write(said_before, words, (size_t)length) == length);
}

#define LINE(text) "cairn: guarded: " text "\n"

static void die_before(cairn_guarded *g, cairn_allocator a)
{
    (void)g;
    char *ptr = cairn_allocator_alloc(a, L24);
    expect(LINE("write before the start of block %p of 24 bytes, at offset -3"), (void *)ptr);
    poke(ptr, -3, 1);
    cairn_allocator_dealloc(a, ptr, L24);
}

static void die_after(cairn_guarded *g, cairn_allocator a)
{
    (void)g;
    char *ptr = cairn_allocator_alloc(a, L24);
    expect(LINE("write after the end of block %p of 24 bytes, at offset 24"), (void *)ptr);
    poke(ptr, 24, 1);
    ptr = cairn_allocator_realloc(a, ptr, L24, 50);
}

static void die_after_free(cairn_guarded *g, cairn_allocator a)
{
    char *ptr = cairn_allocator_alloc(a, L24);
    expect(LINE("write after free to block %p of 24 bytes, at offset 8"), (void *)ptr);
    cairn_allocator_dealloc(a, ptr, L24);
    poke(ptr, 8, 1);
    cairn_guarded_fini(g);
}

static void die_double_free(cairn_guarded *g, cairn_allocator a)
{
    (void)g;
    char *ptr = cairn_allocator_alloc(a, L24);
    expect(LINE("double free of block %p of 24 bytes"), (void *)ptr);
    cairn_allocator_dealloc(a, ptr, L24);
    cairn_allocator_dealloc(a, ptr, L24);
}

static void die_no_block(cairn_guarded *g, cairn_allocator a)
{
    (void)g;
    expect(LINE("free of %p, which is no block in use"), (void *)&said_before);
    cairn_allocator_dealloc(a, &said_before, L24);
}

static void die_inside(cairn_guarded *g, cairn_allocator a)
{
    (void)g;
    char *ptr = cairn_allocator_alloc(a, L24);
    expect(LINE("free of %p, which lies in block %p of 24 bytes, at offset 8"), (void *)(ptr + 8),
           (void *)ptr);
    cairn_allocator_dealloc(a, ptr + 8, (cairn_layout){16, 8});
}

static void die_size(cairn_guarded *g, cairn_allocator a)
{
    (void)g;
    char *ptr = cairn_allocator_alloc(a, L24);
    expect(LINE("free of block %p of 24 bytes as one of 32 bytes"), (void *)ptr);
    cairn_allocator_dealloc(a, ptr, (cairn_layout){32, 8});
}

static void die_align(cairn_guarded *g, cairn_allocator a)
{
    (void)g;
    char *ptr = cairn_allocator_alloc(a, (cairn_layout){24, 16});
    expect(LINE("free of block %p of 24 bytes aligned to 16 as one aligned to 64"), (void *)ptr);
    cairn_allocator_dealloc(a, ptr, (cairn_layout){24, 64});
}

static void die_given_twice(cairn_guarded *g, cairn_allocator a)
{
    static const cairn_allocator_ops ops = {.name = "same", .alloc = same_again, .dealloc = never};
    static char memory[256];
    (void)a;
    cairn_guarded_fini(g);
    cairn_guarded_init(g, (cairn_allocator){&ops, memory}, NULL);
    char *ptr = cairn_allocator_alloc(cairn_guarded_allocator(g), L24);
    expect(LINE("given twice by the source: block %p of 24 bytes"), (void *)ptr);
    cairn_allocator_alloc(cairn_guarded_allocator(g), L24);
}

/* The way to tell a fault on a guard page from others. */
static cairn_guarded *explained;

static void on_fault(int signal_, siginfo_t *info, void *context)
{
    (void)signal_, (void)context;
    cairn_guarded_breach breach;
    char text[200] = "cairn: guarded: a fault of another kind";
    if (cairn_guarded_explain(explained, info->si_addr, &breach))
        cairn_guarded_describe(&breach, text + 16, sizeof text - 16);
    size_t length = strlen(text);
    text[length] = '\n';
    REQUIRE(write(STDERR_FILENO, text, length + 1) == (ssize_t)length + 1);
    signal(SIGABRT, SIG_DFL);
    abort();
}

static cairn_allocator with_pages(cairn_guarded *g, cairn_guarded_pages pages)
{
    cairn_guarded_opts opts = {.pages = pages};
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    cairn_guarded_fini(g);
    cairn_guarded_init(g, cairn_system(), &opts);
    explained = g;
    return cairn_guarded_allocator(g);
}

static void die_access_after(cairn_guarded *g, cairn_allocator a)
{
    a = with_pages(g, CAIRN_GUARDED_PAGE_AFTER);
    char *ptr = cairn_allocator_alloc(a, (cairn_layout){24, 1});
    expect(LINE("access after the end of block %p of 24 bytes, at offset 24"), (void *)ptr);
    peek(ptr, 24);
}

static void die_access_before(cairn_guarded *g, cairn_allocator a)
{
    a = with_pages(g, CAIRN_GUARDED_PAGE_BEFORE);
    char *ptr = cairn_allocator_alloc(a, L24);
    expect(LINE("access before the start of block %p of 24 bytes, at offset -8"), (void *)ptr);
    poke(ptr, -8, 1);
}

static void die_access_after_free(cairn_guarded *g, cairn_allocator a)
{
    a = with_pages(g, CAIRN_GUARDED_PAGE_BEFORE);
    char *ptr = cairn_allocator_alloc(a, L24);
    expect(LINE("access after free to block %p of 24 bytes, at offset 3"), (void *)ptr);
    cairn_allocator_dealloc(a, ptr, L24);
    peek(ptr, 3);
}

static void read_to_end(int file, char *text, size_t size)
{
    size_t length = 0;
    ssize_t got;
    while (length < size - 1 && (got = read(file, text + length, size - 1 - length)) > 0)
        length += (size_t)got;
    text[length] = '\0';
    close(file);
}

static void must_die(void (*crime)(cairn_guarded *, cairn_allocator))
{
    char expected[512], said[4096];
    int before[2], after[2], status;
    assert_int_equal(pipe(before), 0);
    assert_int_equal(pipe(after), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        cairn_guarded g;
        signal(SIGABRT, SIG_DFL); /* cmocka's own */
        said_before = before[1];
        dup2(after[1], STDERR_FILENO);
        cairn_guarded_init(&g, cairn_system(), NULL);
        crime(&g, cairn_guarded_allocator(&g));
        _exit(0);
    }
    close(before[1]);
    close(after[1]);
    read_to_end(before[0], expected, sizeof expected);
    read_to_end(after[0], said, sizeof said);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_string_equal(said, expected);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

TEST(last_words)
{
    must_die(die_before);
    must_die(die_after);
    must_die(die_after_free);
    must_die(die_double_free);
    must_die(die_no_block);
    must_die(die_inside);
    must_die(die_size);
    must_die(die_align);
    must_die(die_given_twice);
    must_die(die_access_after);
    must_die(die_access_before);
    must_die(die_access_after_free);
}

TEST(words_are_cut)
{
    cairn_guarded_breach breach = {
        .crime = CAIRN_GUARDED_LEAK, .block = (void *)0x40, .layout = {24, 8}};
    char text[40] = "untouched";
    assert_int_equal(cairn_guarded_describe(&breach, text, 0), 30);
    assert_string_equal(text, "untouched");
    assert_int_equal(cairn_guarded_describe(&breach, text, 5), 30);
    assert_string_equal(text, "leak");
    assert_int_equal(cairn_guarded_describe(&breach, text, sizeof text), 30);
    assert_string_equal(text, "leak of block 0x40 of 24 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_blocks),
        cmocka_unit_test(what_cannot_be_is_null),
        cmocka_unit_test(fills),
        cmocka_unit_test(writes_outside),
        cmocka_unit_test(writes_after_free),
        cmocka_unit_test(wrong_pointers),
        cmocka_unit_test(wrong_layouts),
        cmocka_unit_test(leaks),
        cmocka_unit_test(given_twice),
        cmocka_unit_test(owning),
        cmocka_unit_test(last_words),
        cmocka_unit_test(words_are_cut),
    };
    return UNIT_MAIN(tests);
}
