/* SPDX-License-Identifier: MIT */
/*
 * Any thread, as far as the library allows it; every malloc does. The malloc of a shared library,
 * loaded into the running process beside its own: jemalloc, mimalloc, tcmalloc, tbbmalloc, snmalloc,
 * rpmalloc, another Cairn, or any that exports malloc and free. To compare allocators in one process,
 * or to give a part of a program the one that suits it.
 *
 * The library's symbols stay its own: the process's malloc does not change, nobody else sees them, and
 * within the library its own come first (RTLD_LOCAL, RTLD_DEEPBIND). What it needs of other libraries
 * is bound to the process as ever. A library that is partly C++ would still mix: libstdc++ may take
 * memory of one operator new and the library give it to another operator delete, and symbols of
 * templates exist once in a process (STB_GNU_UNIQUE). Such a one, tcmalloc for instance, is loaded
 * from a copy in memory in which the operators are left to libstdc++ and the symbols are ordinary.
 *
 * A link namespace (dlmopen) parts more, but glibc's thread-specific data is one per thread, not one
 * per namespace: two C libraries hand out the same keys, and read and free each other's values.
 *
 * Cost: an indirect call above the library's own. It cannot be walked or audited: nothing is known of
 * what is inside.
 */
#ifndef CAIRN_FOREIGN_H
#define CAIRN_FOREIGN_H

#include "cairn/allocator.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cairn_foreign cairn_foreign;

typedef struct cairn_foreign_opts {
    /* For its own state, about 1.3 KB. {NULL, NULL}: cairn_system(). */
    cairn_allocator source;

    /* Before the names of its functions: "je_" for je_malloc. NULL: plain malloc, or else the first
     * that it has of mi_, je_, tc_, sn_, rp, scalable_, cairn_. */
    const char *prefix;

    /*
     * A library that is in the process already (preloaded, linked, or opened before) is used as it is,
     * and shares its blocks and its statistics with all who use it. own_copy: a copy of the file is
     * loaded, with a state of its own. It takes static thread-local storage once more.
     */
    bool own_copy;

    /* destroy may unload the library. See there. */
    bool unload;
} cairn_foreign_opts;

/*
 * Loads a library and finds its functions. path: a file, or a name without a slash, which is looked
 * for where the loader looks. Running what the library does when it is loaded is part of it.
 *
 * NULL: it cannot be; then `why` (NULL, or why_size bytes) holds one line that says so, ended by 0 and
 * cut if need be, without a newline. After the path and a colon:
 *   "no such file"
 *   "cannot be read"
 *   "not a library"
 *   "a library for another machine"
 *   "a program, not a library"
 *   "can only be preloaded: it refuses to be loaded at run time"
 *   "made for another C library, libc.musl-x86_64.so.1"
 *   "needs 2632 bytes of static thread-local storage, more than is left; start the program with
 *    GLIBC_TUNABLES=glibc.rtld.optional_static_tls=3584"
 *   "no malloc and free in it"; with opts.prefix "no je_malloc and je_free in it"
 *   "its malloc does not work": a few blocks are asked for and looked at
 *   "out of memory"
 *   or what the loader says.
 */
cairn_foreign *cairn_foreign_create(const char *path, const cairn_foreign_opts *opts, char *why,
                                    size_t why_size);

/*
 * Ends it; nobody may use it any more. Blocks that were not deallocated stay mapped for ever. NULL
 * does nothing. Returns whether the library has left the process.
 *
 * As a rule it has not: a malloc leaves hooks that run when threads end, and some crash if they are
 * gone (mimalloc 2.0.9 does). A later create with the same path uses it again. With opts.unload it is
 * closed, if all blocks are back; the caller vouches that each thread that used or created it has
 * ended, but for the one that calls this, which must not end before the process does. Some libraries
 * stay even so (tcmalloc, tbbmalloc), and the memory that a library holds is lost when it goes.
 */
bool cairn_foreign_destroy(cairn_foreign *foreign);

/*
 * Alignments that malloc does not give come from posix_memalign, memalign or aligned_alloc, whichever
 * it has, and are looked at (mimalloc 2.0.9 is wrong about some); NULL if it has none. A size of 0 is
 * asked for as 1. usable_size if it has malloc_usable_size
 * (usable_size, malloc_size, msize). Cannot tell what it owns. The library may set errno.
 */
cairn_allocator cairn_foreign_allocator(cairn_foreign *foreign);

/* The file, as it was found; and the prefix of the functions in use, "" for plain malloc. Valid until
 * destroy. */
const char *cairn_foreign_path(const cairn_foreign *foreign);
const char *cairn_foreign_prefix(const cairn_foreign *foreign);

#ifdef __cplusplus
}
#endif

#endif
