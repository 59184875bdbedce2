/* SPDX-License-Identifier: MIT */
/*
 * Memory tags (src/core/tag.h), with the hardened library preloaded. Each crime is committed in a child,
 * which must die of it at once, with its line; what is no crime must pass. Where the processor has no
 * tags, all checks are skipped, by name, and counted. `tags none`: they are turned off, and no block has
 * one. `tags without`: the same for a processor that has none; skipped where it has some.
 */
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"

static bool tagged; /* there are to be tags */

static unsigned tag_of(const void *ptr)
{
    return (unsigned)((uintptr_t)ptr >> 56);
}

static uintptr_t address_of(const void *ptr)
{
    return (uintptr_t)ptr & (((uintptr_t)1 << 56) - 1);
}

/* The compiler is not to know what becomes of a pointer. */
static char *hidden(void *ptr)
{
    char *volatile hides = ptr;
    return hides;
}

static void write_to(void *ptr, ptrdiff_t at)
{
    ((volatile char *)hidden(ptr))[at] = 1;
}

static void read_from(void *ptr, ptrdiff_t at)
{
    (void)((volatile char *)hidden(ptr))[at];
}

/* Stops without a word, so that nothing of what others find at the exit is told. */
static void survive(void)
{
    fputs("nothing was found\n", stderr);
    _exit(0);
}

/* ---- crimes ---- */

static void read_after_free(void)
{
    char *block = malloc(100);
    free(block);
    read_from(block, 50);
}

static void write_after_free(void)
{
    char *block = malloc(100);
    free(block);
    write_to(block, 0);
}

static void write_after_free_medium(void)
{
    char *block = malloc(10000);
    free(block);
    write_to(block, 9000);
}

static void *free_it(void *block)
{
    free(block);
    return NULL;
}

static void read_after_free_by_thread(void)
{
    pthread_t thread;
    char *block = malloc(40);
    if (pthread_create(&thread, NULL, free_it, block) != 0)
        return;
    pthread_join(thread, NULL);
    read_from(block, 0);
}

static void *use_it(void *block)
{
    write_to(block, 0);
    return NULL;
}

static void write_after_free_in_thread(void)
{
    pthread_t thread;
    char *block = malloc(40);
    free(block);
    if (pthread_create(&thread, NULL, use_it, hidden(block)) == 0)
        pthread_join(thread, NULL);
}

/* Another block where one was, which the caller has a pointer to still. */
static char *used_again(char **before)
{
    enum { TRIES = 200000 };
    *before = malloc(64);
    free(*before);
    for (int i = 0; i < TRIES; i++) {
        char *block = malloc(64);
        if (address_of(block) == address_of(hidden(*before)))
            return block;
        free(block);
    }
    fputs("not used again\n", stderr);
    return NULL;
}

static void read_after_reuse(void)
{
    char *before, *now = used_again(&before);
    if (now != NULL)
        read_from(before, 0);
}

static void free_after_reuse(void)
{
    char *before, *now = used_again(&before);
    if (now != NULL)
        free(hidden(before));
}

static void double_free(void)
{
    char *block = malloc(64);
    free(block);
    free(hidden(block));
}

static void free_without_tag(void)
{
    free((void *)address_of(hidden(malloc(64))));
}

static void free_large_with_tag(void)
{
    free((void *)((uintptr_t)hidden(malloc(100000)) | (uintptr_t)5 << 56));
}

static void realloc_after_free(void)
{
    char *block = malloc(64);
    free(block);
    block = realloc(hidden(block), 70);
    survive();
}

static void overflow_read_16(void)
{
    read_from(malloc(100), 100 + 16);
}

static void overflow_write_16(void)
{
    write_to(malloc(100), 100 + 16);
}

static void overflow_write_by_one(void)
{
    write_to(malloc(112), 112); /* a multiple of 16 */
}

static void overflow_read_medium(void)
{
    read_from(malloc(5000), 5000 + 16);
}

static void overflow_of_every_size(void)
{
    int status;
    for (size_t size = 1; size <= 1024; size += 1 + size / 8) {
        pid_t child = fork();
        if (child == 0) {
            close(STDERR_FILENO);
            read_from(malloc(size), (ptrdiff_t)(size + 15) & ~15);
            _exit(0);
        }
        waitpid(child, &status, 0);
        if (!WIFSIGNALED(status)) {
            fprintf(stderr, "size %zu: ", size);
            return;
        }
    }
    overflow_read_16();
}

static void underflow_read(void)
{
    read_from(malloc(48), -1);
}

static void underflow_write(void)
{
    write_to(malloc(48), -16);
}

static void beyond_after_shrinking(void)
{
    char *before = malloc(1000), *block = realloc(hidden(before), 970);
    if (address_of(block) == address_of(hidden(before)))
        read_from(block, 976);
}

static const struct crime {
    const char *name;
    void (*commit)(void);
    int signal;
    const char *says[2];
} crimes[] = {
#define CRIME(name, ...)                                                                           \
    {                                                                                              \
#name, name, __VA_ARGS__                                                                   \
    }
    CRIME(read_after_free, SIGSEGV,
          {"by a pointer with a wrong tag: in the ", ", which was freed"}),
    CRIME(write_after_free, SIGSEGV,
          {"by a pointer with a wrong tag: in the ", ", which was freed"}),
    CRIME(write_after_free_medium, SIGSEGV, {"with a wrong tag: in the ", ", which was freed"}),
    CRIME(read_after_free_by_thread, SIGSEGV, {"with a wrong tag: in the ", ", which was freed"}),
    CRIME(write_after_free_in_thread, SIGSEGV, {"with a wrong tag: in the ", ", which was freed"}),
    CRIME(read_after_reuse, SIGSEGV,
          {"with a wrong tag: in the 64-byte", "which is not the pointer's"}),
    CRIME(free_after_reuse, SIGABRT,
          {"cairn: invalid free of 0x", "by a pointer with a wrong tag"}),
    CRIME(double_free, SIGABRT, {"cairn: double free of 0x", "-byte block"}),
    CRIME(free_without_tag, SIGABRT,
          {"cairn: invalid free of 0x", "by a pointer with a wrong tag"}),
    CRIME(free_large_with_tag, SIGABRT,
          {"cairn: invalid free of 0x", "by a pointer with a wrong tag"}),
    CRIME(realloc_after_free, SIGABRT, {"cairn: late realloc of 0x", "which was freed before"}),
    CRIME(overflow_read_16, SIGSEGV, {"cairn: access to 0x", "by a pointer with a wrong tag"}),
    CRIME(overflow_write_16, SIGSEGV, {"cairn: access to 0x", "by a pointer with a wrong tag"}),
    CRIME(overflow_write_by_one, SIGSEGV,
          {"with a wrong tag: behind the end of the 112-byte block", ""}),
    CRIME(overflow_read_medium, SIGSEGV, {"cairn: access to 0x", "by a pointer with a wrong tag"}),
    CRIME(overflow_of_every_size, SIGSEGV,
          {"cairn: access to 0x", "by a pointer with a wrong tag"}),
    CRIME(underflow_read, SIGSEGV, {"cairn: access to 0x", "by a pointer with a wrong tag"}),
    CRIME(underflow_write, SIGSEGV, {"cairn: access to 0x", "by a pointer with a wrong tag"}),
    CRIME(beyond_after_shrinking, SIGSEGV,
          {"with a wrong tag: behind the end of the 970-byte block", ""}),
};
enum { CRIMES = sizeof crimes / sizeof crimes[0] };

static bool is_caught(const struct crime *crime)
{
    char said[2048];
    int status = child_run(crime->commit, said, sizeof said);
    if (WIFSIGNALED(status) && WTERMSIG(status) == crime->signal &&
        strstr(said, crime->says[0]) != NULL && strstr(said, crime->says[1]) != NULL)
        return true;
    printf("%s: ended with status 0x%x, and said: %s\n", crime->name, (unsigned)status, said);
    return false;
}

/* ---- no crimes ---- */

#define REQUIRE(condition)                                                                         \
    do                                                                                             \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition);                        \
            exit(1);                                                                               \
        }                                                                                          \
    while (0)

enum { SOME = 6000 };

/* 15 are drawn, each about as often. */
static void all_tags_are_used(void)
{
    unsigned drawn[16] = {0};
    for (int i = 0; i < SOME; i++) {
        void *block = malloc(1 + (size_t)i % 600);
        REQUIRE(tag_of(block) < 16);
        drawn[tag_of(block)]++;
    }
    REQUIRE(drawn[0] == (tagged ? 0 : SOME));
    for (int tag = 1; tag < 16 && tagged; tag++) {
        REQUIRE(drawn[tag] > SOME / 15 * 2 / 3);
        REQUIRE(drawn[tag] < SOME / 15 * 3 / 2);
    }
}

static int by_address(const void *a, const void *b)
{
    uintptr_t one = address_of(*(void *const *)a), other = address_of(*(void *const *)b);
    return one < other ? -1 : one > other;
}

static void neighbours_have_others(void)
{
    static void *block[SOME];
    size_t beside = 0;
    for (int i = 0; i < SOME; i++)
        block[i] = malloc(40); /* 48 bytes each */
    qsort(block, SOME, sizeof block[0], by_address);
    for (int i = 1; i < SOME; i++)
        if (address_of(block[i]) - address_of(block[i - 1]) == 48) {
            beside++;
            REQUIRE(!tagged || tag_of(block[i]) != tag_of(block[i - 1]));
        }
    REQUIRE(beside > SOME / 2);
}

/* A block has another tag than the one that was there before. */
static void next_has_another(void)
{
    enum { PLACES = 1 << 16, TURNS = 60000 };
    static unsigned char before[PLACES]; /* by address: the last tag */
    size_t again = 0;
    for (int i = 0; i < TURNS; i++) {
        void *block = malloc(1000);
        unsigned char *last = &before[address_of(block) / 16 % PLACES];
        again += *last != 0;
        REQUIRE(!tagged || *last != tag_of(block));
        *last = (unsigned char)tag_of(block);
        free(block);
    }
    REQUIRE(again > TURNS / 4 || !tagged);
}

static void large_and_empty_have_none(void)
{
    REQUIRE(tag_of(malloc(20000)) == 0);
    REQUIRE(tag_of(malloc((size_t)64 << 20)) == 0);
    REQUIRE(tag_of(malloc(0)) == 0);
}

/* The C library does not look beyond a string's end, as far as tags see it. */
static void strings(void)
{
    char copy[512], other[512];
    for (size_t length = 0; length < 400; length++)
        for (size_t slack = 0; slack < 3; slack++) {
            char *text = malloc(length + 1 + slack);
            memset(text, 'a', length);
            text[length] = '\0';
            REQUIRE(strlen(text) == length && strnlen(text, length + 1) == length);
            REQUIRE(strchr(text, 'b') == NULL && strrchr(text, 'b') == NULL);
            REQUIRE(memchr(text, '\0', length + 1) == text + length);
            REQUIRE(strcmp(strcpy(copy, text), text) == 0 && strstr(text, "b") == NULL);
            REQUIRE(snprintf(other, sizeof other, "%s", text) == (int)length);
            REQUIRE(memcmp(other, text, length + 1) == 0);
            char *twin = strdup(text);
            REQUIRE(strcmp(text, twin) == 0 && strncmp(text, twin, length + 1) == 0);
            free(twin);
            free(text);
        }
}

static void sizes_change(void)
{
    for (size_t size = 1; size < 70000; size += 1 + size / 7) {
        unsigned char *block = calloc(1, size);
        for (size_t i = 0; i < size; i++)
            REQUIRE(block[i] == 0);
        memset(block, 0xa5, size);
        for (size_t next = size * 3; next > 1; next = next * 2 / 3) {
            block = realloc(block, next);
            REQUIRE(malloc_usable_size(block) == next);
            REQUIRE(block[0] == 0xa5 && (next > size || block[next - 1] == 0xa5));
            block[next - 1] = 0xa5;
        }
        free(block);
    }
}

static void alignments(void)
{
    for (size_t align = 16; align <= 65536; align *= 2)
        for (size_t size = 1; size < 9000; size = size * 3 + 1) {
            char *block = memalign(align, size);
            REQUIRE(address_of(block) % align == 0);
            memset(block, 1, size);
            free(block);
        }
}

/* The system takes pointers with tags. */
static void system_calls(void)
{
    int ends[2];
    char *sent = malloc(4000), *got = calloc(1, 4000);
    memset(sent, 7, 4000);
    REQUIRE(pipe(ends) == 0);
    REQUIRE(write(ends[1], sent, 4000) == 4000);
    REQUIRE(read(ends[0], got, 4000) == 4000);
    REQUIRE(memcmp(sent, got, 4000) == 0);
}

static void *churn(void *seed)
{
    enum { LIVE = 64, TURNS = 4000 };
    unsigned state = (unsigned)(uintptr_t)seed;
    char *block[LIVE] = {NULL};
    for (int i = 0; i < TURNS; i++) {
        state = state * 1103515245 + 12345;
        char **place = &block[(state >> 8) % LIVE];
        size_t size = 1 + (state >> 14) % 500;
        free(*place);
        *place = malloc(size);
        memset(*place, i, size);
    }
    for (int i = 0; i < LIVE; i++)
        free(block[i]);
    return malloc(100);
}

/* Blocks go from thread to thread. */
static void threads(void)
{
    pthread_t thread[3];
    for (uintptr_t i = 0; i < 3; i++)
        REQUIRE(pthread_create(&thread[i], NULL, churn, (void *)(i + 1)) == 0);
    free(churn((void *)9));
    for (int i = 0; i < 3; i++) {
        void *block;
        pthread_join(thread[i], &block);
        memset(block, 1, 100);
        free(block);
    }
}

static void forks(void)
{
    char *block = malloc(100);
    strcpy(block, "before");
    pid_t child = fork();
    if (child == 0) {
        REQUIRE(strcmp(block, "before") == 0);
        block = realloc(block, 200);
        free(churn((void *)3));
        free(block);
        _exit(0);
    }
    int status;
    REQUIRE(waitpid(child, &status, 0) == child && status == 0);
    REQUIRE(strcmp(block, "before") == 0);
    free(block);
}

static char *seen;

static bool see(void *context, void *block, size_t size)
{
    (void)context;
    seen = block;
    memset(block, 2, size);
    return true;
}

/* A heap of the program's, which is destroyed with blocks in use. */
static void separate_heaps(void)
{
    typedef bool visit_block(void *context, void *block, size_t size);
    void *(*create)(const char *) = (void *(*)(const char *))dlsym(RTLD_DEFAULT,
                                                                   "cairn_heap_create");
    void (*destroy)(void *) = (void (*)(void *))dlsym(RTLD_DEFAULT, "cairn_heap_destroy");
    void *(*take)(void *, size_t) = (void *(*)(void *, size_t))dlsym(RTLD_DEFAULT,
                                                                     "cairn_heap_malloc");
    void *(*heap_of)(const void *) = (void *(*)(const void *))dlsym(RTLD_DEFAULT, "cairn_heap_of");
    bool (*walk)(void *, visit_block *, void *) = (bool (*)(void *, visit_block *, void *))dlsym(
        RTLD_DEFAULT, "cairn_heap_walk");
    REQUIRE(create && destroy && take && heap_of && walk);
    for (int i = 0; i < 20; i++) {
        void *heap = create(NULL);
        char *block = take(heap, 100);
        REQUIRE((tag_of(block) != 0) == tagged && heap_of(block) == heap);
        REQUIRE(walk(heap, see, NULL) && seen == block && block[99] == 2);
        for (int more = 0; more < 2000; more++)
            memset(take(heap, 500), 1, 500);
        memset(take(heap, 50000), 1, 50000);
        destroy(heap);
        free(churn((void *)5));
    }
}

static const struct virtue {
    const char *name;
    void (*practise)(void);
} virtues[] = {
#define VIRTUE(name)                                                                               \
    {                                                                                              \
#name, name                                                                                \
    }
    VIRTUE(all_tags_are_used), VIRTUE(neighbours_have_others),
    VIRTUE(next_has_another),  VIRTUE(large_and_empty_have_none),
    VIRTUE(strings),           VIRTUE(sizes_change),
    VIRTUE(alignments),        VIRTUE(system_calls),
    VIRTUE(threads),           VIRTUE(forks),
    VIRTUE(separate_heaps),
};
enum { VIRTUES = sizeof virtues / sizeof virtues[0] };

static bool passes(const struct virtue *virtue)
{
    char said[2048];
    int status = child_run(virtue->practise, said, sizeof said);
    if (status != 0 || said[0] != '\0')
        printf("%s: ended with status 0x%x, and said: %s\n", virtue->name, (unsigned)status, said);
    return status == 0 && said[0] == '\0';
}

/* ---- all ---- */

static bool processor_has_tags(void)
{
#if defined(__aarch64__)
    return (getauxval(AT_HWCAP2) & 1 << 18) != 0; /* HWCAP2_MTE */
#else
    return false;
#endif
}

static int skip_all(const char *why)
{
    for (size_t i = 0; i < CRIMES; i++)
        printf("skipped: %s\n", crimes[i].name);
    for (size_t i = 0; i < VIRTUES; i++)
        printf("skipped: %s\n", virtues[i].name);
    printf("%d skipped: %s\n", CRIMES + VIRTUES, why);
    return 77;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc != 2) {
        fputs("usage: tags tags | tags none | tags without\n", stderr);
        return 2;
    }
    tagged = strcmp(argv[1], "tags") == 0;
    if (tagged && !processor_has_tags())
        return skip_all("this processor has no memory tags");
    if (strcmp(argv[1], "without") == 0 && processor_has_tags())
        return skip_all("this processor has memory tags");
    size_t failed = 0, run = VIRTUES;
    for (size_t i = 0; i < VIRTUES; i++)
        failed += !passes(&virtues[i]);
    for (size_t i = 0; i < CRIMES && tagged; i++, run++)
        failed += !is_caught(&crimes[i]);
    printf("%zu checks, %zu failed\n", run, failed);
    return failed == 0 ? 0 : 1;
}
