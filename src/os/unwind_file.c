/* SPDX-License-Identifier: MIT */
/*
 * See unwind_file.h. Linux.
 *
 * The list is written into memory of its own and never changed once others can see it. Lists that
 * were replaced stay: somebody may be reading them, in a thread that sleeps. They are a few KiB for
 * each call that found other files than the last, and only where glibc does not answer.
 */
#define _GNU_SOURCE
#include "os/unwind_file.h"

#include <dlfcn.h>
#include <link.h>
#include <stdatomic.h>
#include <string.h>

#include "base/bits.h"
#include "os/os.h"
#include "os/unwind_memory.h"

struct list {
    size_t count;
    struct unwind_file files[]; /* by address */
};

/* ---- by glibc ---- */

/* Looked up by name, because a program that names it needs a C library that has it. */
#ifdef DLFO_EH_SEGMENT_TYPE
enum { CAN_ASK = 1 };
typedef int find_object(void *address, struct dl_find_object *found);

static bool ask(find_object *find, uintptr_t address, struct unwind_file *file)
{
    struct dl_find_object found;
    if (find((void *)address, &found) != 0 || found.dlfo_eh_frame == NULL)
        return false;
    *file = (struct unwind_file){(uintptr_t)found.dlfo_map_start, (uintptr_t)found.dlfo_map_end,
                                 (uintptr_t)found.dlfo_eh_frame};
    return true;
}
#else
enum { CAN_ASK = 0 };
typedef int find_object(void *address, void *found);

static bool ask(find_object *find, uintptr_t address, struct unwind_file *file)
{
    (void)find, (void)address, (void)file;
    return false;
}
#endif

/* Published with release, read with acquire. */
static struct {
    _Atomic(find_object *) find; /* _dl_find_object; NULL if there is none */
    _Atomic(struct list *) list;
} known;

static bool can_ask(void)
{
    find_object *find = atomic_load_explicit(&known.find, memory_order_acquire);
    if (CAN_ASK && find == NULL) {
        void *symbol = dlsym(RTLD_DEFAULT, "_dl_find_object");
        memcpy(&find, &symbol, sizeof find);
        atomic_store_explicit(&known.find, find, memory_order_release);
    }
    return find != NULL;
}

/* ---- by the list ---- */

/* A walk over the loaded files: with a list, into it; without, it counts. */
struct survey {
    struct list *list;
    size_t count;
    size_t room;
};

static struct unwind_file file_from(const struct dl_phdr_info *info)
{
    struct unwind_file file = {UINTPTR_MAX, 0, 0};
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_GNU_EH_FRAME)
            file.index = start;
        if (segment->p_type == PT_LOAD && start < file.start)
            file.start = start;
        if (segment->p_type == PT_LOAD && start + segment->p_memsz > file.end)
            file.end = start + segment->p_memsz;
    }
    return file;
}

static int survey_file(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    struct survey *survey = context;
    struct unwind_file file = file_from(info);
    if (file.index == 0 || file.end <= file.start)
        return 0;
    if (survey->count < survey->room) {
        struct unwind_file *files = survey->list->files;
        size_t at = survey->count;
        for (; at > 0 && files[at - 1].start > file.start; at--)
            files[at] = files[at - 1];
        files[at] = file;
        survey->list->count = survey->count + 1;
    }
    survey->count++;
    return 0;
}

static bool is_same(const struct list *a, const struct list *b)
{
    return a != NULL && b != NULL && a->count == b->count &&
           memcmp(a->files, b->files, a->count * sizeof a->files[0]) == 0;
}

void cairn__unwind_file_list(bool wanted)
{
    if (!wanted && can_ask())
        return;
    struct survey survey = {NULL, 0, 0};
    dl_iterate_phdr(survey_file, &survey);
    size_t room = survey.count + 8; /* others may load files meanwhile */
    size_t size = round_up(sizeof(struct list) + room * sizeof(struct unwind_file),
                           cairn__os_page_size());
    survey = (struct survey){cairn__os_map(size, cairn__os_page_size()), 0, room};
    if (survey.list == NULL)
        return;
    dl_iterate_phdr(survey_file, &survey);
    if (is_same(atomic_load_explicit(&known.list, memory_order_acquire), survey.list))
        cairn__os_release(survey.list, size);
    else
        atomic_store_explicit(&known.list, survey.list, memory_order_release);
}

bool cairn__unwind_file_listed(uintptr_t address, struct unwind_file *file)
{
    const struct list *list = atomic_load_explicit(&known.list, memory_order_acquire);
    if (list == NULL)
        return false;
    size_t low = 0, high = list->count; /* files[low - 1].start <= address < files[high].start */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->files[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || address >= list->files[low - 1].end)
        return false;
    *file = list->files[low - 1];
    return true;
}

bool cairn__unwind_file_of(uintptr_t address, struct unwind_file *file)
{
    find_object *find = atomic_load_explicit(&known.find, memory_order_acquire);
    if (find != NULL)
        return ask(find, address, file);
    /* It may have been unloaded since the list was written. */
    return cairn__unwind_file_listed(address, file) && cairn__unwind_is_readable(file->index);
}
