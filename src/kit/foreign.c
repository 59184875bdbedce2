/* SPDX-License-Identifier: MIT */
/*
 * Another library's malloc (foreign.h). Which functions it has is found out once; an operation is a
 * call through the table. Blocks are counted, and threads looked at, only where it is needed.
 */
#include "cairn/foreign.h"

#include <stdatomic.h>

#include "base/bits.h"
#include "base/memory.h"
#include "base/print.h"
#include "cairn/system.h"
#include "os/library.h"

enum {
    NAME_SIZE = 64,    /* of a function, with its end */
    WHY_SIZE = 512,    /* of what the loader says */
    NATURAL_ALIGN = 16 /* of what malloc gives for 16 bytes and more, if the library keeps to it */
};

struct cairn_foreign {
    /* Set once. */
    struct library library;
    cairn_allocator source;
    size_t natural; /* alignment of blocks of so many bytes and more */
    bool unload;
    char path[LIBRARY_PATH_SIZE];
    char prefix[NAME_SIZE / 2];

    /* NULL: it does not have them. malloc and free it has. */
    void *(*malloc)(size_t size);
    void (*free)(void *ptr);
    void *(*calloc)(size_t count, size_t size);
    void *(*realloc)(void *ptr, size_t size);
    int (*posix_memalign)(void **ptr, size_t align, size_t size);
    void *(*memalign)(size_t align, size_t size);
    void *(*aligned_alloc)(size_t align, size_t size);
    size_t (*usable_size)(const void *ptr);

    /* rpmalloc wants to know of each thread before its first call. */
    int (*is_thread_ready)(void);
    void (*ready_thread)(void);

    _Atomic size_t blocks; /* in use; counted if it may be unloaded */
};

/* ---- words ---- */

static const char *const FLAWS[] = {
    [LIBRARY_ABSENT] = "no such file",
    [LIBRARY_UNREADABLE] = "cannot be read",
    [LIBRARY_NO_LIBRARY] = "not a library",
    [LIBRARY_OF_OTHER_MACHINE] = "a library for another machine",
    [LIBRARY_PROGRAM] = "a program, not a library",
    [LIBRARY_PRELOAD_ONLY] = "can only be preloaded: it refuses to be loaded at run time",
};

/* What there must be room for: glibc's own 512 bytes beside the library's. */
static void put_thread_storage(struct text *why, size_t size)
{
    cairn__text_put(why, "needs ");
    cairn__text_uint(why, size);
    cairn__text_put(why,
                    " bytes of static thread-local storage, more than is left; start the program "
                    "with GLIBC_TUNABLES=glibc.rtld.optional_static_tls=");
    cairn__text_uint(why, round_up(size, 512) + 512);
}

static void put_loader_words(struct text *why, const struct library_file *file, const char *words)
{
    if (file->thread_storage != 0 && strstr(words, "static TLS") != NULL)
        put_thread_storage(why, file->thread_storage);
    else if (file->bytes == NULL && strstr(words, "No such file") != NULL)
        cairn__text_put(why, FLAWS[LIBRARY_ABSENT]);
    else
        cairn__text_put(why, words);
}

/* ---- loading ---- */

static bool load_file(cairn_foreign *foreign, struct library_file *file, bool own_copy,
                      struct text *why)
{
    char words[WHY_SIZE];
    if (file->flaw != LIBRARY_SOUND) {
        cairn__text_put(why, FLAWS[file->flaw]);
    } else if (file->other_libc != NULL) {
        cairn__text_put(why, "made for another C library, ");
        cairn__text_put(why, file->other_libc);
    } else if (!cairn__library_open(&foreign->library, foreign->path, file, own_copy, words,
                                    sizeof words)) {
        put_loader_words(why, file, words);
    } else {
        return true;
    }
    return false;
}

static bool load(cairn_foreign *foreign, const char *path, bool own_copy, struct text *why)
{
    struct library_file file = {.flaw = LIBRARY_ABSENT};
    cairn__text_put(why, path);
    cairn__text_put(why, ": ");
    if (cairn__library_find(path, foreign->path) && *path != '\0') {
        /* One that is not in the folders we know may be known to the loader. */
        file.flaw = LIBRARY_SOUND;
        if (strchr(foreign->path, '/') != NULL)
            cairn__library_file_read(&file, foreign->path);
    }
    bool done = load_file(foreign, &file, own_copy, why);
    cairn__library_file_forget(&file);
    return done;
}

/* ---- finding functions ---- */

/* The bits of a function's address into a pointer to a function: POSIX grants that they fit. */
static void find(cairn_foreign *foreign, const char *name, void *function)
{
    char full[NAME_SIZE];
    struct text text = {full, sizeof full - 1, 0};
    cairn__text_put(&text, foreign->prefix);
    cairn__text_put(&text, name);
    full[text.length] = '\0';
    void *symbol = cairn__library_symbol(&foreign->library, full);
    if (symbol != NULL)
        memcpy(function, &symbol, sizeof symbol);
}

static bool has_prefix(cairn_foreign *foreign, const char *prefix)
{
    size_t length = strlen(prefix);
    if (length >= sizeof foreign->prefix)
        return false;
    memcpy(foreign->prefix, prefix, length + 1);
    foreign->malloc = NULL;
    foreign->free = NULL;
    find(foreign, "malloc", &foreign->malloc);
    find(foreign, "free", &foreign->free);
    return foreign->malloc != NULL && foreign->free != NULL;
}

static bool choose_prefix(cairn_foreign *foreign, const char *wanted, struct text *why)
{
    static const char *const known[] = {"",    "mi_", "je_",       "tc_",
                                        "sn_", "rp",  "scalable_", "cairn_"};
    bool found = wanted != NULL && has_prefix(foreign, wanted);
    for (size_t i = 0; wanted == NULL && !found && i < sizeof known / sizeof *known; i++)
        found = has_prefix(foreign, known[i]);
    if (!found) {
        const char *prefix = wanted != NULL ? wanted : "";
        cairn__text_put(why, "no ");
        cairn__text_put(why, prefix);
        cairn__text_put(why, "malloc and ");
        cairn__text_put(why, prefix);
        cairn__text_put(why, "free in it");
    }
    return found;
}

static void find_functions(cairn_foreign *foreign)
{
    static const char *const sizes[] = {"malloc_usable_size", "usable_size", "malloc_size",
                                        "msize"};
    int (*start)(const void *) = NULL;
    find(foreign, "calloc", &foreign->calloc);
    find(foreign, "realloc", &foreign->realloc);
    find(foreign, "posix_memalign", &foreign->posix_memalign);
    find(foreign, "memalign", &foreign->memalign);
    find(foreign, "aligned_alloc", &foreign->aligned_alloc);
    for (size_t i = 0; foreign->usable_size == NULL && i < sizeof sizes / sizeof *sizes; i++)
        find(foreign, sizes[i], &foreign->usable_size);
    if (strcmp(foreign->prefix, "rp") == 0) {
        find(foreign, "malloc_initialize", &start);
        find(foreign, "malloc_is_thread_initialized", &foreign->is_thread_ready);
        find(foreign, "malloc_thread_initialize", &foreign->ready_thread);
        if (start != NULL)
            start(NULL);
        if (foreign->ready_thread == NULL)
            foreign->is_thread_ready = NULL;
    }
}

static inline void begin(const cairn_foreign *foreign)
{
    if (foreign->is_thread_ready != NULL && !foreign->is_thread_ready())
        foreign->ready_thread();
}

/*
 * A malloc aligns as any type needs it, but some align small blocks less than the standard says.
 * False: it does not give what a malloc gives.
 */
static bool try_out(cairn_foreign *foreign)
{
    enum { SIZES = 64 };
    char *block[SIZES];
    bool works = true;
    foreign->natural = NATURAL_ALIGN;
    begin(foreign);
    for (size_t i = 0; i < SIZES; i++) {
        size_t size = 8 * (i + 1);
        block[i] = foreign->malloc(size);
        works = works && block[i] != NULL;
        if (block[i] == NULL)
            continue;
        memset(block[i], (int)i, size);
        while (foreign->natural > 1 && size >= foreign->natural &&
               !is_aligned((uintptr_t)block[i], foreign->natural))
            foreign->natural /= 2;
    }
    for (size_t i = 0; i < SIZES; i++) {
        size_t size = 8 * (i + 1);
        if (block[i] == NULL)
            continue;
        works = works && block[i][0] == (char)i && block[i][size - 1] == (char)i;
        works = works && (foreign->usable_size == NULL || foreign->usable_size(block[i]) >= size);
        foreign->free(block[i]);
    }
    return works;
}

/* ---- the ops ---- */

/* Whether malloc's own alignment will do. */
static inline bool is_natural(const cairn_foreign *foreign, cairn_layout layout)
{
    return (layout.align <= foreign->natural && layout.align <= layout.size) || layout.align == 1;
}

static size_t at_least_one(size_t size)
{
    return size != 0 ? size : 1;
}

static void *ask_aligned(const cairn_foreign *foreign, size_t align, size_t size)
{
    void *ptr = NULL;
    if (foreign->posix_memalign != NULL)
        return foreign->posix_memalign(&ptr, align, size) == 0 ? ptr : NULL;
    if (foreign->memalign != NULL)
        return foreign->memalign(align, size);
    if (foreign->aligned_alloc != NULL)
        return foreign->aligned_alloc(align, round_up(size, align));
    return NULL;
}

/*
 * What comes back is looked at: posix_memalign of mimalloc 2.0.9 does not align 256 bytes to 256. With
 * a byte more it does.
 */
static void *alloc_aligned(const cairn_foreign *foreign, cairn_layout layout)
{
    size_t align = size_max(layout.align, sizeof(void *));
    size_t size = at_least_one(layout.size);
    void *ptr = ask_aligned(foreign, align, size);
    if (UNLIKELY(!is_aligned((uintptr_t)ptr, layout.align))) {
        foreign->free(ptr);
        ptr = ask_aligned(foreign, align, size + 1);
    }
    if (UNLIKELY(!is_aligned((uintptr_t)ptr, layout.align))) {
        foreign->free(ptr);
        ptr = NULL;
    }
    return ptr;
}

static void *foreign_alloc(void *self, cairn_layout layout)
{
    const cairn_foreign *foreign = self;
    if (LIKELY(is_natural(foreign, layout)))
        return foreign->malloc(at_least_one(layout.size));
    return alloc_aligned(foreign, layout);
}

static void *foreign_alloc_zeroed(void *self, cairn_layout layout)
{
    const cairn_foreign *foreign = self;
    if (LIKELY(is_natural(foreign, layout)) && foreign->calloc != NULL)
        return foreign->calloc(1, at_least_one(layout.size));
    void *ptr = foreign_alloc(self, layout);
    if (ptr != NULL)
        memset(ptr, 0, layout.size);
    return ptr;
}

static void foreign_dealloc(void *self, void *ptr, cairn_layout layout)
{
    (void)layout;
    ((const cairn_foreign *)self)->free(ptr);
}

static void *foreign_realloc(void *self, void *ptr, cairn_layout layout, size_t new_size)
{
    const cairn_foreign *foreign = self;
    cairn_layout new_layout = {new_size, layout.align};
    if (LIKELY(is_natural(foreign, new_layout)) && foreign->realloc != NULL)
        return foreign->realloc(ptr, at_least_one(new_size));
    void *moved = foreign_alloc(self, new_layout);
    if (moved == NULL)
        return NULL;
    memcpy(moved, ptr, size_min(layout.size, new_size));
    foreign->free(ptr);
    return moved;
}

static size_t foreign_usable_size(void *self, const void *ptr, cairn_layout layout)
{
    (void)layout;
    return ((cairn_foreign *)self)->usable_size(ptr);
}

/* ---- the same for libraries that must be told of threads, or may be unloaded ---- */

static void *count(void *self, void *ptr)
{
    if (ptr != NULL)
        atomic_fetch_add_explicit(&((cairn_foreign *)self)->blocks, 1, memory_order_relaxed);
    return ptr;
}

static void *careful_alloc(void *self, cairn_layout layout)
{
    begin(self);
    return count(self, foreign_alloc(self, layout));
}

static void *careful_alloc_zeroed(void *self, cairn_layout layout)
{
    begin(self);
    return count(self, foreign_alloc_zeroed(self, layout));
}

static void careful_dealloc(void *self, void *ptr, cairn_layout layout)
{
    begin(self);
    foreign_dealloc(self, ptr, layout);
    atomic_fetch_sub_explicit(&((cairn_foreign *)self)->blocks, 1, memory_order_relaxed);
}

static void *careful_realloc(void *self, void *ptr, cairn_layout layout, size_t new_size)
{
    begin(self);
    return foreign_realloc(self, ptr, layout, new_size);
}

CAIRN_EXPORT cairn_allocator cairn_foreign_allocator(cairn_foreign *foreign)
{
#define OPS(how)                                                                                   \
    .name = "foreign", .alloc = how##_alloc, .dealloc = how##_dealloc,                             \
    .alloc_zeroed = how##_alloc_zeroed, .realloc = how##_realloc
    static const cairn_allocator_ops ops[2][2] = {
        {{OPS(foreign)}, {OPS(foreign), .usable_size = foreign_usable_size}},
        {{OPS(careful)}, {OPS(careful), .usable_size = foreign_usable_size}},
    };
    bool careful = foreign->unload || foreign->is_thread_ready != NULL;
    return (cairn_allocator){&ops[careful][foreign->usable_size != NULL], foreign};
}

/* ---- the whole ---- */

static const cairn_layout STATE = {sizeof(cairn_foreign), _Alignof(cairn_foreign)};

/* A library whose malloc was called stays: it may have left hooks. */
static bool open_and_find(cairn_foreign *foreign, const char *path, const cairn_foreign_opts *opts,
                          struct text *why)
{
    if (!load(foreign, path, opts->own_copy, why))
        return false;
    if (!choose_prefix(foreign, opts->prefix, why)) {
        cairn__library_close(&foreign->library);
        return false;
    }
    find_functions(foreign);
    if (!try_out(foreign)) {
        cairn__text_put(why, "its malloc does not work");
        return false;
    }
    return true;
}

CAIRN_EXPORT cairn_foreign *cairn_foreign_create(const char *path, const cairn_foreign_opts *opts,
                                                 char *why, size_t why_size)
{
    static const cairn_foreign_opts defaults;
    char unwanted[1];
    if (why == NULL || why_size == 0) {
        why = unwanted;
        why_size = sizeof unwanted;
    }
    if (opts == NULL)
        opts = &defaults;
    struct text words = {why, why_size - 1, 0};
    cairn_allocator source = opts->source.ops != NULL ? opts->source : cairn_system();
    cairn_foreign *foreign = cairn_allocator_alloc_zeroed(source, STATE);
    if (foreign == NULL) {
        cairn__text_put(&words, path);
        cairn__text_put(&words, ": out of memory");
    } else {
        foreign->source = source;
        foreign->unload = opts->unload;
        if (open_and_find(foreign, path, opts, &words)) {
            words.length = 0;
        } else {
            cairn_allocator_dealloc(source, foreign, STATE);
            foreign = NULL;
        }
    }
    why[words.length] = '\0';
    return foreign;
}

CAIRN_EXPORT bool cairn_foreign_destroy(cairn_foreign *foreign)
{
    if (foreign == NULL)
        return false;
    bool left = foreign->unload && atomic_load(&foreign->blocks) == 0 &&
                cairn__library_close(&foreign->library);
    cairn_allocator_dealloc(foreign->source, foreign, STATE);
    return left;
}

CAIRN_EXPORT const char *cairn_foreign_path(const cairn_foreign *foreign)
{
    return foreign->path;
}

CAIRN_EXPORT const char *cairn_foreign_prefix(const cairn_foreign *foreign)
{
    return foreign->prefix;
}
