/* SPDX-License-Identifier: MIT */
/*
 * traced.h as the malloc of a whole program, this one, with its log on standard output: what stdio,
 * threads and the C library allocate is logged, and the log allocates nothing itself, or it would
 * never end.
 */
#include "unit/unit.h"

#if UNIT_ASAN || CAIRN_TSAN

int main(void)
{
    puts("skipped: the sanitizer has a malloc of its own");
    return 0;
}

#else

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cairn/traced.h"
#include "os/lock.h"

/* ---- a source: a bump over a static region; what is in front of a block says how large it is ---- */

struct front {
    size_t size;
    size_t traced; /* it was allocated through the log */
};

static _Alignas(16) char region[64 << 20];
static size_t used; /* atomic */

static void *region_alloc(void *self, cairn_layout layout)
{
    (void)self;
    size_t size = (layout.size + 15) & ~(size_t)15;
    size_t at = __atomic_fetch_add(&used, size, __ATOMIC_RELAXED);
    return layout.align > 16 || size > sizeof region || at > sizeof region - size ? NULL
                                                                                  : region + at;
}

static void region_dealloc(void *self, void *ptr, cairn_layout layout)
{
    (void)self, (void)layout;
    memset(ptr, 0xdf, layout.size);
}

static const cairn_allocator_ops region_ops = {
    .name = "region", .alloc = region_alloc, .dealloc = region_dealloc};

static cairn_traced traced;
static bool on; /* atomic: calls go through the log */

static cairn_allocator allocator_of(size_t is_traced)
{
    return is_traced != 0 ? cairn_traced_allocator(&traced) : (cairn_allocator){&region_ops, NULL};
}

/* ---- malloc ---- */

void *malloc(size_t size)
{
    size_t is_traced = __atomic_load_n(&on, __ATOMIC_RELAXED);
    cairn_layout layout = {size + sizeof(struct front), 16};
    struct front *front = size > sizeof region
                              ? NULL
                              : cairn_allocator_alloc(allocator_of(is_traced), layout);
    if (front == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    *front = (struct front){size, is_traced};
    return front + 1;
}

void free(void *ptr)
{
    if (ptr == NULL)
        return;
    struct front *front = (struct front *)ptr - 1;
    cairn_layout layout = {front->size + sizeof *front, 16};
    cairn_allocator_dealloc(allocator_of(front->traced), front, layout);
}

void *calloc(size_t count, size_t size)
{
    void *ptr = size != 0 && count > sizeof region / size ? NULL : malloc(count * size);
    if (ptr != NULL)
        memset(ptr, 0, count * size);
    return ptr;
}

void *realloc(void *ptr, size_t size)
{
    void *moved = malloc(size);
    if (moved != NULL && ptr != NULL) {
        size_t before = ((struct front *)ptr - 1)->size;
        memcpy(moved, ptr, before < size ? before : size);
        free(ptr);
    }
    return moved;
}

/* ---- what a program does ---- */

static void *in_a_thread(void *unused)
{
    (void)unused;
    for (int i = 0; i < 200; i++)
        free(strdup("a word that is copied"));
    return NULL;
}

/* The log is standard output, which the program writes to as well. */
static void be_a_program(void)
{
    cairn_traced_opts opts = {.file = STDOUT_FILENO};
    REQUIRE(cairn_traced_init(&traced, (cairn_allocator){&region_ops, NULL}, &opts));
    on = true;
    printf("# text of the program, through a buffer that stdio allocates: %d\n", 42);
    fflush(stdout);
    FILE *file = fopen("/dev/null", "w");
    REQUIRE(file != NULL && fprintf(file, "%f", 1.5) > 0 && fclose(file) == 0);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        REQUIRE(pthread_create(&threads[i], NULL, in_a_thread, NULL) == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    pid_t child = fork();
    if (child == 0) {
        free(malloc(12345));
        exit(0);
    }
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child && status == 0);
    exit(0);
}

static void count_lines(FILE *trace, size_t *lines, size_t *texts, size_t *words, size_t *child)
{
    char line[512], op[32];
    unsigned long long number, time, thread, size;
    while (fgets(line, sizeof line, trace) != NULL) {
        if (line[0] == '#') {
            ++*texts;
            continue;
        }
        int fields = sscanf(line, "%llu %llu %llu %31s %llu", &number, &time, &thread, op, &size);
        REQUIRE(fields >= 4 && line[strlen(line) - 1] == '\n');
        ++*lines;
        if (strcmp(op, "alloc") == 0 && fields == 5) {
            *words += size == 22 + sizeof(struct front);
            *child += size == 12345 + sizeof(struct front);
        }
    }
}

TEST(a_whole_program)
{
    char path[] = "/tmp/cairn-traced-global-XXXXXX";
    int file = mkstemp(path);
    assert_in_range(file, 0, 1000000);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        alarm(30);
        dup2(file, STDOUT_FILENO);
        be_a_program();
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    FILE *trace = fopen(path, "r");
    assert_non_null(trace);
    size_t lines = 0, texts = 0, words = 0, childs = 0;
    count_lines(trace, &lines, &texts, &words, &childs);
    fclose(trace);
    unlink(path);
    assert_int_equal(texts, 1);
    assert_int_equal(words, 4 * 200);
    assert_int_equal(childs, 1);
    assert_in_range(lines, 2 * 4 * 200, 3 * 4 * 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_program),
    };
    return UNIT_MAIN(tests);
}

#endif
