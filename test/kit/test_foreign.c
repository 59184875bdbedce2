/* SPDX-License-Identifier: MIT */
/* foreign.h: allocators that are installed here, libraries made for the purpose by the C compiler, and
 * each reason why something cannot be loaded. What is not there is passed by. */
#include "unit/unit.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cairn/foreign.h"
#include "cairn/system.h"
#include "os/library.h"

static const char *const INSTALLED[] = {"libmimalloc.so.2",  "libtcmalloc_minimal.so.4",
                                        "libtbbmalloc.so.2", "libtbbmalloc_proxy.so.2",
                                        "libtcmalloc.so.4",  "libjemalloc.so.2"};
enum { INSTALLED_COUNT = sizeof INSTALLED / sizeof *INSTALLED };

static char folder[] = "/tmp/cairn-foreign-XXXXXX";
static bool has_folder;

static void make_folder(void)
{
    if (!has_folder && mkdtemp(folder) == NULL)
        fail_msg("mkdtemp");
    has_folder = true;
}

/* A path in a folder of this test's; six at a time. */
static const char *in_folder(const char *name)
{
    static char path[6][256];
    static int next;
    snprintf(path[next = (next + 1) % 6], sizeof *path, "%s/%s", folder, name);
    return path[next];
}

static void remove_folder(void)
{
    char command[300];
    snprintf(command, sizeof command, "rm -r %s", folder);
    if (has_folder && system(command) != 0)
        fprintf(stderr, "%s stays\n", folder);
}

static void write_file(const char *path, const char *bytes, size_t size)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(file >= 0 && write(file, bytes, size) == (ssize_t)size);
    close(file);
}

/* NULL: there is no compiler. The test's process is its own, so is the folder. */
static const char *compile(const char *name, const char *source, const char *flags)
{
    char command[2048];
    make_folder();
    write_file(in_folder("source.c"), source, strlen(source));
    snprintf(command, sizeof command, "cc -shared -fPIC -O1 -fno-builtin -o %s %s %s >%s 2>&1",
             in_folder(name), in_folder("source.c"), flags, in_folder("said"));
    if (system("cc --version >/dev/null 2>&1") != 0) {
        remove_folder();
        return NULL;
    }
    assert_int_equal(system(command), 0);
    return in_folder(name);
}

static bool is_sanitized(void)
{
    return UNIT_ASAN || CAIRN_TSAN;
}

/* ---- what a block must be ---- */

static void use(cairn_allocator a)
{
    enum { COUNT = 200 };
    char *ptr[COUNT];
    cairn_layout layout[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        layout[i] = (cairn_layout){i * 37 % 3000, (size_t)1 << i % 13};
        ptr[i] = i % 2 ? cairn_allocator_alloc(a, layout[i])
                       : cairn_allocator_alloc_zeroed(a, layout[i]);
        REQUIRE(ptr[i] != NULL && (uintptr_t)ptr[i] % layout[i].align == 0);
        REQUIRE(i % 2 || unit_is_zero(ptr[i], layout[i].size));
        REQUIRE(cairn_allocator_usable_size(a, ptr[i], layout[i]) >= layout[i].size);
        unit_fill(ptr[i], layout[i].size, i);
    }
    for (size_t i = 0; i < COUNT; i++) {
        size_t size = i * 11 % 4000;
        size_t less = size < layout[i].size ? size : layout[i].size;
        ptr[i] = cairn_allocator_realloc(a, ptr[i], layout[i], size);
        REQUIRE(ptr[i] != NULL && (uintptr_t)ptr[i] % layout[i].align == 0);
        REQUIRE(unit_is_filled(ptr[i], less, i));
        cairn_allocator_dealloc(a, ptr[i], (cairn_layout){size, layout[i].align});
    }
    for (size_t size = 1; size <= 65536; size *= 2)
        for (size_t align = 1; align <= 8192; align *= 2) {
            char *one = cairn_allocator_alloc(a, (cairn_layout){size, align});
            REQUIRE(one != NULL && (uintptr_t)one % align == 0);
            one[0] = one[size - 1] = 1;
            cairn_allocator_dealloc(a, one, (cairn_layout){size, align});
        }
    REQUIRE(is_sanitized() || cairn_allocator_alloc(a, (cairn_layout){PTRDIFF_MAX, 1}) == NULL);
    REQUIRE(!cairn_allocator_can_tell(a));
}

static void *use_in_thread(void *allocator)
{
    for (int i = 0; i < 20; i++)
        use(*(cairn_allocator *)allocator);
    return NULL;
}

/* ThreadSanitizer does not see how the library hands a block from thread to thread. */
static void use_in_threads(cairn_allocator a)
{
    pthread_t thread[3];
    if (CAIRN_TSAN)
        return;
    for (int i = 0; i < 3; i++)
        pthread_create(&thread[i], NULL, use_in_thread, &a);
    for (int i = 0; i < 3; i++)
        pthread_join(thread[i], NULL);
}

/* NULL if it is not installed, or has no room. */
static cairn_foreign *open_installed(const char *name, const cairn_foreign_opts *opts)
{
    char why[300] = "untouched";
    cairn_foreign *foreign = cairn_foreign_create(name, opts, why, sizeof why);
    if (foreign != NULL) {
        assert_string_equal(why, "");
        return foreign;
    }
    if (strstr(why, "no such file") == NULL && strstr(why, "static thread-local") == NULL)
        fail_msg("%s", why);
    return NULL;
}

/* ---- the allocators of this machine ---- */

TEST(installed)
{
    static const char *const names[] = {"mi_malloc", "tc_malloc", "scalable_malloc"};
    void *own = dlsym(RTLD_DEFAULT, "malloc");
    for (int i = 0; i < INSTALLED_COUNT; i++) {
        cairn_foreign *foreign = open_installed(INSTALLED[i], NULL);
        if (foreign == NULL)
            continue;
        cairn_allocator a = cairn_foreign_allocator(foreign);
        assert_string_equal(a.ops->name, "foreign");
        assert_true(cairn_foreign_path(foreign)[0] == '/');
        assert_non_null(strstr(cairn_foreign_path(foreign), INSTALLED[i]));
        bool is_tbb = strcmp(INSTALLED[i], "libtbbmalloc.so.2") == 0;
        assert_string_equal(cairn_foreign_prefix(foreign), is_tbb ? "scalable_" : "");
        use(a);
        use_in_threads(a);
        /* Nobody else sees it. */
        assert_ptr_equal(dlsym(RTLD_DEFAULT, "malloc"), own);
        for (int j = 0; j < 3; j++)
            assert_null(dlsym(RTLD_DEFAULT, names[j]));
        char *mine = cairn_allocator_alloc(a, (cairn_layout){40, 8}), *theirs = malloc(40);
        assert_true(malloc_usable_size(theirs) >= 40);
        free(theirs);
        cairn_allocator_dealloc(a, mine, (cairn_layout){40, 8});
        /* It stays, and is used again. */
        assert_false(cairn_foreign_destroy(foreign));
        foreign = open_installed(INSTALLED[i], NULL);
        assert_non_null(foreign);
        use(cairn_foreign_allocator(foreign));
        cairn_foreign_destroy(foreign);
    }
}

/* The C++ library belongs to the process: it is bound to the process's malloc, whoever loads it first,
 * and what an allocator's own C++ takes of it and gives back does not get mixed up. */
static void demangle(void)
{
    void *library = dlopen("libstdc++.so.6", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        return;
    char *(*words)(
        const char *, char *, size_t *,
        int *) = (char *(*)(const char *, char *, size_t *, int *))dlsym(library, "__cxa_demangle");
    for (int i = 0; i < 100; i++) {
        char *name = words("_ZN5cairn7foreignEi", NULL, NULL, NULL);
        assert_string_equal(name, "cairn::foreign(int)");
        free(name);
    }
}

TEST(beside_cpp)
{
    cairn_foreign *foreign[INSTALLED_COUNT] = {NULL};
    demangle();
    for (int i = 0; i < INSTALLED_COUNT; i++) {
        foreign[i] = open_installed(INSTALLED[i], NULL);
        if (foreign[i] != NULL)
            use_in_threads(cairn_foreign_allocator(foreign[i]));
        demangle();
    }
}

TEST(before_cpp)
{
    for (int i = 0; i < INSTALLED_COUNT; i++) {
        cairn_foreign *foreign = open_installed(INSTALLED[i], NULL);
        if (foreign != NULL)
            use(cairn_foreign_allocator(foreign));
    }
    demangle();
}

/* Threads that end after the allocator was ended. */
static pthread_barrier_t barrier;

static void *outlive(void *allocator)
{
    use(*(cairn_allocator *)allocator);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    return NULL;
}

TEST(threads_that_end_later)
{
    pthread_barrier_init(&barrier, NULL, 2);
    for (int i = 0; i < INSTALLED_COUNT; i++) {
        cairn_foreign *foreign = open_installed(INSTALLED[i], NULL);
        if (foreign == NULL)
            continue;
        pthread_t thread;
        cairn_allocator a = cairn_foreign_allocator(foreign);
        pthread_create(&thread, NULL, outlive, &a);
        pthread_barrier_wait(&barrier);
        cairn_foreign_destroy(foreign);
        pthread_barrier_wait(&barrier);
        pthread_join(thread, NULL);
    }
}

TEST(unloading)
{
    cairn_foreign_opts opts = {.unload = true};
    for (int round = 0; round < 10; round++)
        for (int i = 0; i < INSTALLED_COUNT; i++) {
            cairn_foreign *foreign = open_installed(INSTALLED[i], &opts);
            if (foreign == NULL)
                continue;
            cairn_allocator a = cairn_foreign_allocator(foreign);
            use_in_threads(a);
            char *left = cairn_allocator_alloc(a, (cairn_layout){40, 8});
            if (round < 2) { /* a block is out: it stays, and so does the block */
                assert_false(cairn_foreign_destroy(foreign));
                left[0] = 1;
            } else {
                cairn_allocator_dealloc(a, left, (cairn_layout){40, 8});
                cairn_foreign_destroy(foreign);
            }
        }
    const char *path = compile("plain.so",
                               "#include <stdlib.h>\n"
                               "static char bytes[1 << 23]; static size_t used;\n"
                               "void *malloc(size_t n) { n = (n + 15) & ~15ul;\n"
                               "  char *p = bytes + used + 16 - (size_t)bytes % 16; used += n;\n"
                               "  return used + 16 > sizeof bytes ? NULL : p; }\n"
                               "void free(void *p) { (void)p; }\n",
                               "");
    for (int i = 0; path != NULL && i < 100; i++) {
        char why[200];
        opts.unload = i % 2 == 0;
        cairn_foreign *foreign = cairn_foreign_create(path, &opts, why, sizeof why);
        assert_string_equal(why, "");
        cairn_allocator a = cairn_foreign_allocator(foreign);
        cairn_layout layout = {100, 8};
        char *ptr = cairn_allocator_alloc_zeroed(a, layout);
        ptr = cairn_allocator_realloc(a, ptr, layout, 200);
        assert_int_equal(cairn_allocator_usable_size(a, ptr, layout), 100);
        assert_null(cairn_allocator_alloc(a, (cairn_layout){8, 64})); /* it has no such function */
        cairn_allocator_dealloc(a, ptr, (cairn_layout){200, 8});
        cairn_foreign *second = cairn_foreign_create(path, &opts, NULL, 0);
        /* The first one to go leaves it to the second. */
        assert_false(cairn_foreign_destroy(foreign));
        assert_int_equal(cairn_foreign_destroy(second), i == 0);
    }
    remove_folder();
    assert_false(cairn_foreign_destroy(NULL));
}

TEST(own_copies)
{
    cairn_foreign_opts opts = {.own_copy = true};
    for (int i = 0; i < INSTALLED_COUNT; i++) {
        cairn_foreign *one = open_installed(INSTALLED[i], NULL);
        cairn_foreign *two = one == NULL ? NULL : open_installed(INSTALLED[i], &opts);
        cairn_foreign *three = two == NULL ? NULL : open_installed(INSTALLED[i], &opts);
        if (three == NULL)
            continue;
        assert_string_equal(cairn_foreign_path(two), cairn_foreign_path(one));
        cairn_foreign *all[] = {one, two, three};
        for (int j = 0; j < 3; j++)
            use_in_threads(cairn_foreign_allocator(all[j]));
        for (int j = 0; j < 3; j++)
            cairn_foreign_destroy(all[j]);
    }
    const char *path = compile("counting.so",
                               "#include <stdlib.h>\n"
                               "static char bytes[1 << 18]; static size_t used, calls;\n"
                               "void *malloc(size_t n) { calls++; n = (n + 15) & ~15ul;\n"
                               "  used += n; return bytes + used - n + 16 - (size_t)bytes % 16; }\n"
                               "void free(void *p) { (void)p; }\n"
                               "size_t malloc_usable_size(const void *p)\n"
                               "{ (void)p; return 10000 + calls; }\n",
                               "");
    if (path == NULL)
        return;
    cairn_foreign *foreign[3];
    opts.unload = true;
    size_t calls[3];
    for (int i = 0; i < 3; i++) {
        opts.own_copy = i > 0;
        foreign[i] = cairn_foreign_create(path, &opts, NULL, 0);
        assert_non_null(foreign[i]);
        cairn_allocator a = cairn_foreign_allocator(foreign[i]);
        for (int j = 0; j < 10 * i; j++)
            cairn_allocator_dealloc(a, cairn_allocator_alloc(a, (cairn_layout){8, 8}),
                                    (cairn_layout){8, 8});
        calls[i] = cairn_allocator_usable_size(a, &a, (cairn_layout){8, 8});
    }
    assert_int_equal(calls[1], calls[0] + 10); /* each counts for itself */
    assert_int_equal(calls[2], calls[0] + 20);
    for (int i = 0; i < 3; i++)
        assert_true(cairn_foreign_destroy(foreign[i]));
    remove_folder();
}

/* A malloc of 1 MiB that knows its own blocks, and counts calls in `count`. */
#define SMALL_MALLOC                                                                               \
    "#include <stdlib.h>\n#include <string.h>\n"                                                   \
    "static char bytes[1 << 20] __attribute__((aligned(16))); static size_t used;\n"               \
    "void *malloc(size_t n) { n = (n + 15) & ~15ul; count++; used += n;\n"                         \
    "  return used > sizeof bytes ? NULL : bytes + used - n; }\n"                                  \
    "void free(void *p) { if ((size_t)((char *)p - bytes) >= used) abort(); }\n"                   \
    "void *calloc(size_t n, size_t m) { return memset(malloc(n * m), 0, n * m); }\n"               \
    "size_t malloc_usable_size(void *p) { (void)p; return 10000 + count; }\n"

/* What it calls by name is its own, not the process's. */
TEST(its_own_come_first)
{
    if (is_sanitized())
        return;
    const char *path = compile("small.so", "static unsigned long count;\n" SMALL_MALLOC, "");
    if (path == NULL)
        return;
    cairn_foreign *foreign = cairn_foreign_create(path, NULL, NULL, 0);
    cairn_allocator a = cairn_foreign_allocator(foreign);
    cairn_layout layout = {100, 8};
    char *ptr = cairn_allocator_alloc_zeroed(a, layout);
    assert_true(unit_is_zero(ptr, 100));
    cairn_allocator_dealloc(a, ptr, layout);
    cairn_foreign_destroy(foreign);
    remove_folder();
}

static size_t calls_of(cairn_foreign *foreign)
{
    return cairn_allocator_usable_size(cairn_foreign_allocator(foreign), foreign,
                                       (cairn_layout){1, 1});
}

/* A symbol that a process has once only, as templates of C++ make them, in two libraries. */
TEST(symbols_that_mix)
{
    static const char source[] = "unsigned long count;\n"
                                 "__asm__(\".type count, %gnu_unique_object\");\n" SMALL_MALLOC;
    const char *one = compile("one.so", source, "");
    const char *two = one == NULL ? NULL : compile("two.so", source, "");
    if (two == NULL)
        return;
    cairn_foreign *first = cairn_foreign_create(one, NULL, NULL, 0);
    cairn_foreign *second = cairn_foreign_create(two, NULL, NULL, 0);
    size_t calls = calls_of(first);
    assert_int_equal(calls_of(second), calls);
    cairn_foreign_opts opts = {.own_copy = true, .unload = true};
    cairn_foreign *own = cairn_foreign_create(one, &opts, NULL, 0);
    assert_int_equal(calls_of(own), calls);
    assert_int_equal(calls_of(first), calls);
    /* The same file again is the same library. */
    cairn_foreign *again = cairn_foreign_create(one, NULL, NULL, 0);
    assert_int_equal(calls_of(again), calls_of(first));
    assert_true(calls_of(again) > calls);
    assert_int_equal(calls_of(second), calls);
    assert_true(cairn_foreign_destroy(own));
    cairn_foreign_destroy(again);
    cairn_foreign_destroy(second);
    assert_false(cairn_foreign_destroy(first));
    remove_folder();
}

/* ---- prefixes ---- */

/* A malloc on top of the process's, by other names. */
#define PREFIXED                                                                                   \
    "#include <stdlib.h>\n#include <malloc.h>\n"                                                   \
    "#define P(name) JOIN(PREFIX, name)\n#define JOIN(a, b) JOIN_(a, b)\n#define JOIN_(a, b) "     \
    "a##b\n"                                                                                       \
    "void *P(malloc)(size_t n) { return malloc(n); }\n"                                            \
    "void P(free)(void *p) { free(p); }\n"                                                         \
    "void *P(calloc)(size_t n, size_t m) { return calloc(n, m); }\n"                               \
    "void *P(realloc)(void *p, size_t n) { return realloc(p, n); }\n"                              \
    "void *P(ALIGNED)(size_t a, size_t n) { return n % a && ALL ? NULL : memalign(a, n); }\n"      \
    "size_t P(USABLE)(void *p) { return malloc_usable_size(p); }\n"

TEST(prefixes)
{
    static const char *const known[] = {"mi_", "je_", "tc_", "sn_", "rp", "scalable_", "cairn_"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        char name[40], flags[200], why[200];
        snprintf(name, sizeof name, "%s.so", known[i]);
        snprintf(flags, sizeof flags, "-DPREFIX=%s -DALL=%d -DALIGNED=%s -DUSABLE=%s", known[i],
                 i % 2 == 0, i % 2 == 0 ? "aligned_alloc" : "memalign",
                 i % 4 == 0   ? "usable_size"
                 : i % 4 == 1 ? "malloc_usable_size"
                 : i % 4 == 2 ? "malloc_size"
                              : "msize");
        const char *path = compile(name, PREFIXED, flags);
        if (path == NULL)
            return;
        cairn_foreign *foreign = cairn_foreign_create(path, NULL, why, sizeof why);
        assert_string_equal(why, "");
        assert_string_equal(cairn_foreign_prefix(foreign), known[i]);
        use(cairn_foreign_allocator(foreign));
        cairn_foreign_destroy(foreign);
        cairn_foreign_opts opts = {.prefix = i == 0 ? "je_" : "mi_"};
        char words[300];
        snprintf(words, sizeof words, "%s: no %smalloc and %sfree in it", path, opts.prefix,
                 opts.prefix);
        assert_null(cairn_foreign_create(path, &opts, why, sizeof why));
        assert_string_equal(why, words);
        opts.prefix = known[i];
        foreign = cairn_foreign_create(path, &opts, NULL, 0);
        assert_non_null(foreign);
        cairn_foreign_destroy(foreign);
    }
    const char *path = compile("own.so", PREFIXED,
                               "-DPREFIX=own_ -DALL=0 -DALIGNED=memalign -DUSABLE=usable_size");
    assert_null(cairn_foreign_create(path, NULL, NULL, 0));
    cairn_foreign_opts opts = {.prefix = "own_"};
    cairn_foreign *foreign = cairn_foreign_create(path, &opts, NULL, 0);
    use(cairn_foreign_allocator(foreign));
    cairn_foreign_destroy(foreign);
    opts.prefix = "a_prefix_that_is_longer_than_any_that_there_is_";
    assert_null(cairn_foreign_create(path, &opts, NULL, 0));
    remove_folder();
}

/* One that must be told of each thread. */
TEST(thread_by_thread)
{
    const char *path = compile("rp.so",
                               "#include <stdlib.h>\n"
                               "static int begun; static _Thread_local int ready;\n"
                               "int rpmalloc_initialize(void *x) { begun = x == NULL; return 0; }\n"
                               "int rpmalloc_is_thread_initialized(void) { return ready; }\n"
                               "void rpmalloc_thread_initialize(void) { ready = begun; }\n"
                               "void *rpmalloc(size_t n) { return ready ? malloc(n) : NULL; }\n"
                               "void *rpcalloc(size_t n, size_t m)\n"
                               "{ return ready ? calloc(n, m) : NULL; }\n"
                               "void *rprealloc(void *p, size_t n)\n"
                               "{ return ready ? realloc(p, n) : NULL; }\n"
                               "void *rpaligned_alloc(size_t a, size_t n)\n"
                               "{ return ready ? aligned_alloc(a, n) : NULL; }\n"
                               "void rpfree(void *p) { if (!ready) abort(); free(p); }\n",
                               "");
    char why[300] = "";
    cairn_foreign *foreign = path == NULL ? NULL
                                          : cairn_foreign_create(path, NULL, why, sizeof why);
    assert_string_equal(why, "");
    if (foreign != NULL) {
        use(cairn_foreign_allocator(foreign));
        use_in_threads(cairn_foreign_allocator(foreign));
    }
    cairn_foreign_destroy(foreign);
    remove_folder();
}

/* ---- why not ---- */

static void assert_refused(const char *path, const char *reason)
{
    char why[400], words[400];
    snprintf(words, sizeof words, "%s: %s", path, reason);
    assert_null(cairn_foreign_create(path, NULL, why, sizeof why));
    assert_string_equal(why, words);
    for (size_t size = 0; size <= strlen(words) + 1; size += 7) {
        memset(why, 'x', sizeof why);
        assert_null(cairn_foreign_create(path, NULL, size == 0 ? NULL : why, size));
        if (size != 0) {
            assert_int_equal(strlen(why), size - 1);
            assert_memory_equal(why, words, size - 1);
        }
        assert_int_equal(why[size], 'x');
    }
}

TEST(files_that_are_none)
{
    make_folder();
    assert_refused("/nowhere/libnone.so", "no such file");
    assert_refused("libnone-of-that-name.so.77", "no such file");
    assert_refused("", "no such file");
    assert_refused(folder, "not a library");
    assert_refused("/dev/null", "not a library");
    const char *path = in_folder("text");
    write_file(path, "INPUT(libc.so.6)\n", 17);
    assert_refused(path, "not a library");
    char long_name[3000];
    memset(long_name, 'a', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    char why[4000];
    assert_null(cairn_foreign_create(long_name, NULL, why, sizeof why));
    assert_string_equal(why + strlen(long_name), ": no such file");
    assert_refused("/proc/self/exe", "a program, not a library");
    /* Nobody's right to read is root's. */
    path = in_folder("locked");
    write_file(path, "x", 1);
    chmod(path, 0);
    if (geteuid() != 0 || (chmod(folder, 0755) == 0 && seteuid(65534) == 0))
        assert_refused(path, "cannot be read");
    if (geteuid() == 65534)
        assert_int_equal(seteuid(0), 0);
    remove_folder();
}

TEST(headers_of_others)
{
    ElfW(Ehdr) header;
    make_folder();
    int self = open("/proc/self/exe", O_RDONLY);
    assert_int_equal(read(self, &header, sizeof header), sizeof header);
    close(self);
    const char *path = in_folder("header");
    header.e_type = ET_REL;
    write_file(path, (char *)&header, sizeof header);
    assert_refused(path, "not a library");
    header.e_type = ET_EXEC;
    write_file(path, (char *)&header, sizeof header);
    assert_refused(path, "a program, not a library");
    header.e_type = ET_DYN; /* its segments are not there */
    write_file(path, (char *)&header, sizeof header);
    assert_refused(path, "not a library");
    write_file(path, (char *)&header, sizeof header - 1);
    assert_refused(path, "not a library");
    header.e_machine = EM_SPARC;
    write_file(path, (char *)&header, sizeof header);
    assert_refused(path, "a library for another machine");
    header.e_ident[EI_CLASS] = header.e_ident[EI_CLASS] == ELFCLASS32 ? ELFCLASS64 : ELFCLASS32;
    write_file(path, (char *)&header, sizeof header);
    assert_refused(path, "a library for another machine");
    remove_folder();
}

TEST(libraries_that_will_not_do)
{
    assert_refused("libm.so.6", "no malloc and free in it"); /* what it needs has one */
    const char *path = compile("nothing.so",
                               "void *malloc(unsigned long n) { return 0; }\n"
                               "void free(void *p) { }\n",
                               "");
    if (path == NULL)
        return;
    assert_refused(path, "its malloc does not work");
    path = compile("half.so", "void *malloc(unsigned long n) { return 0; }\n", "");
    assert_refused(path, "no malloc and free in it");
    path = compile("preload.so", PREFIXED,
                   "-DPREFIX=mi_ -DALL=0 -DALIGNED=memalign -DUSABLE=usable_size -Wl,-z,nodlopen");
    assert_refused(path, "can only be preloaded: it refuses to be loaded at run time");
    compile("libc.musl-x86_64.so.1", "int nothing;\n",
            "-nostdlib -Wl,-soname,libc.musl-x86_64.so.1");
    char flags[200];
    snprintf(flags, sizeof flags, "-nostdlib -Wl,--no-as-needed -L%s -l:libc.musl-x86_64.so.1",
             folder);
    path = compile("musl.so", "void *malloc(unsigned long n) { return 0; }\n", flags);
    assert_refused(path, "made for another C library, libc.musl-x86_64.so.1");
    path = compile("needs.so", "extern int that_is_nowhere; int *x = &that_is_nowhere;\n", "");
    char why[300];
    assert_null(cairn_foreign_create(path, NULL, why, sizeof why));
    assert_memory_equal(why, path, strlen(path));
    assert_non_null(strstr(why, ": undefined symbol: that_is_nowhere"));
    assert_null(strstr(why + 1, path)); /* once */
    remove_folder();
}

/* ---- static thread-local storage ---- */

static const char *const LARGE_TLS =
    "#include <stdlib.h>\n"
    "static __thread char large[5000] __attribute__((tls_model(\"initial-exec\")));\n"
    "void *mi_malloc(size_t n) { large[n % 5000] = 1; return malloc(n); }\n"
    "void mi_free(void *p) { free(p); }\n";

/* In a program that was started as the reason says. */
static int be_cured(const char *path)
{
    char why[300];
    cairn_foreign *foreign = cairn_foreign_create(path, NULL, why, sizeof why);
    if (foreign == NULL) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    cairn_allocator a = cairn_foreign_allocator(foreign);
    char *ptr = cairn_allocator_alloc(a, (cairn_layout){100, 8});
    memset(ptr, 1, 100);
    cairn_allocator_dealloc(a, ptr, (cairn_layout){100, 8});
    use_in_threads((cairn_allocator){a.ops, a.self});
    cairn_foreign_destroy(foreign);
    return 0;
}

static void assert_curable(const char *path, size_t size)
{
    char why[300], words[300], command[600], self[256];
    cairn_foreign *foreign = cairn_foreign_create(path, NULL, why, sizeof why);
    if (foreign != NULL || strstr(why, "no such file") != NULL)
        return;
    snprintf(words, sizeof words,
             "%s: needs %zu bytes of static thread-local storage, more than is left; start the "
             "program with GLIBC_TUNABLES=glibc.rtld.optional_static_tls=%zu",
             path, size, (size + 511) / 512 * 512 + 512);
    assert_string_equal(why, words);
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[length] = '\0';
    snprintf(command, sizeof command, "%s %s be-cured %s", strstr(why, "GLIBC_TUNABLES"), self,
             path);
    assert_int_equal(system(command), 0);
}

TEST(static_storage)
{
    if (is_sanitized())
        return; /* their run-time libraries need it all */
    assert_curable("libjemalloc.so.2", 0xa48);
    const char *path = compile("large.so", LARGE_TLS, "");
    if (path != NULL)
        assert_curable(path, 5000);
    remove_folder();
}

/* ---- files that lie ---- */

TEST(broken_headers)
{
    static char good[8192], bad[8192];
    struct library_file facts;
    char path[LIBRARY_PATH_SIZE];
    uint64_t seed = 11;
    make_folder();
    assert_true(cairn__library_find("libm.so.6", path));
    int file = open(path, O_RDONLY);
    size_t size = file < 0 ? 0 : (size_t)read(file, good, sizeof good);
    assert_true(size > 1000);
    const char *broken = in_folder("broken");
    for (int i = 0; i < 3000; i++) {
        memcpy(bad, good, size);
        for (size_t flips = 1 + unit_below(&seed, 8); flips > 0; flips--)
            bad[unit_below(&seed, 1000)] = (char)unit_random(&seed);
        memcpy(bad, ELFMAG, SELFMAG);
        write_file(broken, bad, 64 + unit_below(&seed, size - 64));
        cairn__library_file_read(&facts, broken);
        assert_true(facts.flaw <= LIBRARY_PRELOAD_ONLY);
        for (unsigned n = 0; n < facts.needed_count; n++)
            assert_true(strlen(facts.needed[n]) < 256);
        int copy = cairn__library_file_copy(&facts, "broken");
        assert_true(copy >= 0);
        close(copy);
        cairn__library_file_forget(&facts);
    }
    remove_folder();
}

/* ---- memory ---- */

static void *no_memory(void *self, cairn_layout layout)
{
    (void)self, (void)layout;
    return NULL;
}

static void never(void *self, void *ptr, cairn_layout layout)
{
    (void)self, (void)ptr, (void)layout;
}

TEST(no_memory_for_itself)
{
    static const cairn_allocator_ops ops = {.name = "none", .alloc = no_memory, .dealloc = never};
    cairn_foreign_opts opts = {.source = {&ops, NULL}};
    char why[100];
    assert_null(cairn_foreign_create("libm.so.6", &opts, why, sizeof why));
    assert_string_equal(why, "libm.so.6: out of memory");
}

int main(int count, char **arguments)
{
    if (count == 3 && strcmp(arguments[1], "be-cured") == 0)
        return be_cured(arguments[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(installed),
        cmocka_unit_test(beside_cpp),
        cmocka_unit_test(before_cpp),
        cmocka_unit_test(threads_that_end_later),
        cmocka_unit_test(unloading),
        cmocka_unit_test(own_copies),
        cmocka_unit_test(its_own_come_first),
        cmocka_unit_test(symbols_that_mix),
        cmocka_unit_test(prefixes),
        cmocka_unit_test(thread_by_thread),
        cmocka_unit_test(files_that_are_none),
        cmocka_unit_test(headers_of_others),
        cmocka_unit_test(libraries_that_will_not_do),
        cmocka_unit_test(static_storage),
        cmocka_unit_test(broken_headers),
        cmocka_unit_test(no_memory_for_itself),
    };
    return UNIT_MAIN(tests);
}
