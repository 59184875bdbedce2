/* SPDX-License-Identifier: MIT */
/*
 * Reading ELF headers: see elf_file.h.
 *
 * The file is mapped and read through three accessors (16, 32 and address-wide) that know its byte
 * order and yield 0 beyond its end. So a truncated or hostile file can only be misjudged, and every
 * loop is bounded by a 16-bit count or by the size of the file.
 */
#define _GNU_SOURCE
#include "elf_file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct view {
    const unsigned char *bytes;
    uint64_t size;
    bool wide, big_endian;
};

/* Where fields lie in the structures of either width. */
#define FIELD(view, type, field)                                                                   \
    ((view)->wide ? offsetof(Elf64_##type, field) : offsetof(Elf32_##type, field))
#define SIZE(view, type) ((view)->wide ? sizeof(Elf64_##type) : sizeof(Elf32_##type))

static uint64_t number(const struct view *view, uint64_t at, unsigned bytes)
{
    uint64_t value = 0;

    if (at > view->size || view->size - at < bytes)
        return 0;
    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | view->bytes[at + (view->big_endian ? i : bytes - 1 - i)];
    return value;
}

static uint16_t half(const struct view *view, uint64_t at)
{
    return (uint16_t)number(view, at, 2);
}
static uint32_t word(const struct view *view, uint64_t at)
{
    return (uint32_t)number(view, at, 4);
}
static uint64_t address(const struct view *view, uint64_t at)
{
    return number(view, at, view->wide ? 8 : 4);
}

/* The text at `at`, or "" if it does not end within the file. */
static const char *text(const struct view *view, uint64_t at)
{
    if (at >= view->size || !memchr(view->bytes + at, '\0', view->size - at))
        return "";
    return (const char *)view->bytes + at;
}

/* The place of the first program header of `type` whose memory covers `within` (0: any), or 0. */
static uint64_t segment(const struct view *view, uint32_t type, uint64_t within)
{
    uint64_t at = address(view, FIELD(view, Ehdr, e_phoff));
    unsigned count = half(view, FIELD(view, Ehdr, e_phnum));
    unsigned step = half(view, FIELD(view, Ehdr, e_phentsize));

    for (; step >= SIZE(view, Phdr) && count > 0 && at < view->size; count--, at += step) {
        uint64_t start = address(view, at + FIELD(view, Phdr, p_vaddr));
        uint64_t size = address(view, at + FIELD(view, Phdr, p_filesz));
        if (word(view, at) != type) /* p_type comes first in both widths */
            continue;
        if (within == 0 || (within >= start && within - start < size))
            return at;
    }
    return 0;
}

static uint64_t offset_of(const struct view *view, uint64_t memory)
{
    uint64_t load = segment(view, PT_LOAD, memory);

    if (load == 0)
        return view->size;
    return memory - address(view, load + FIELD(view, Phdr, p_vaddr)) +
           address(view, load + FIELD(view, Phdr, p_offset));
}

struct dynamic {
    bool found, is_pie, needs_glibc;
    const char *name; /* DT_SONAME, or "" */
};

static struct dynamic read_dynamic(const struct view *view)
{
    struct dynamic result = {.name = ""};
    uint64_t header = segment(view, PT_DYNAMIC, 0);
    if (header == 0)
        return result;

    uint64_t start = address(view, header + FIELD(view, Phdr, p_offset));
    uint64_t size = address(view, header + FIELD(view, Phdr, p_filesz));
    uint64_t strings = view->size, step = SIZE(view, Dyn);
    if (start > view->size || size > view->size - start)
        return result;
    result.found = true;
    for (uint64_t at = start; at + step <= start + size; at += step)
        if (address(view, at) == DT_STRTAB)
            strings = offset_of(view, address(view, at + step / 2));
    for (uint64_t at = start; at + step <= start + size && address(view, at) != DT_NULL;
         at += step) {
        uint64_t value = address(view, at + step / 2);
        switch (address(view, at)) {
        case DT_FLAGS_1:
            result.is_pie = (value & DF_1_PIE) != 0;
            break;
        case DT_SONAME:
            result.name = text(view, strings + value);
            break;
        case DT_NEEDED:
            if (strcmp(text(view, strings + value), "libc.so.6") == 0)
                result.needs_glibc = true;
            break;
        default:
            break;
        }
    }
    return result;
}

static bool defines_malloc(const struct view *view, uint64_t symbols, uint64_t strings)
{
    uint64_t at = address(view, symbols + FIELD(view, Shdr, sh_offset));
    uint64_t left = address(view, symbols + FIELD(view, Shdr, sh_size)) / SIZE(view, Sym);
    uint64_t names = address(view, strings + FIELD(view, Shdr, sh_offset));

    for (; left > 0 && at < view->size; left--, at += SIZE(view, Sym)) {
        if (half(view, at + FIELD(view, Sym, st_shndx)) == SHN_UNDEF)
            continue;
        uint64_t name = names + word(view, at + FIELD(view, Sym, st_name));
        if (name < view->size && view->size - name >= sizeof "malloc" &&
            memcmp(view->bytes + name, "malloc", sizeof "malloc") == 0)
            return true;
    }
    return false;
}

/* Dynamic symbols are found by section: stripped files keep that one. */
static bool exports_malloc(const struct view *view)
{
    uint64_t start = address(view, FIELD(view, Ehdr, e_shoff));
    unsigned count = half(view, FIELD(view, Ehdr, e_shnum));
    unsigned step = half(view, FIELD(view, Ehdr, e_shentsize));

    if (start == 0 || step < SIZE(view, Shdr))
        return false;
    for (unsigned i = 0; i < count; i++) {
        uint64_t at = start + (uint64_t)i * step;
        if (word(view, at + FIELD(view, Shdr, sh_type)) != SHT_DYNSYM)
            continue;
        uint32_t strings = word(view, at + FIELD(view, Shdr, sh_link));
        return defines_malloc(view, at, start + (uint64_t)strings * step);
    }
    return false;
}

static enum elf_kind kind_of(const struct view *view, const struct dynamic *dynamic)
{
    bool has_loader = segment(view, PT_INTERP, 0) != 0;
    bool has_headers = segment(view, PT_LOAD, 0) != 0;

    switch (half(view, FIELD(view, Ehdr, e_type))) {
    case ET_EXEC:
        if (!has_headers)
            return ELF_BROKEN;
        return has_loader ? ELF_DYNAMIC : ELF_STATIC;
    case ET_DYN:
        if (!has_headers)
            return ELF_BROKEN;
        if (strncmp(dynamic->name, "ld-", 3) == 0 || strncmp(dynamic->name, "ld.so", 5) == 0 ||
            strncmp(dynamic->name, "ld64.so", 7) == 0)
            return ELF_LOADER;
        /* libc.so.6 has a loader too, so that it can be run to print its version. */
        if (has_loader)
            return ELF_DYNAMIC;
        return dynamic->is_pie || !dynamic->found ? ELF_STATIC_PIE : ELF_LIBRARY;
    case ET_REL:
    case ET_CORE:
        return ELF_OTHER;
    default:
        return ELF_BROKEN;
    }
}

static void judge(struct view *view, struct elf_file *file)
{
    if (view->size < EI_NIDENT || memcmp(view->bytes, ELFMAG, SELFMAG) != 0)
        return;
    file->kind = ELF_BROKEN;
    if (view->bytes[EI_CLASS] != ELFCLASS32 && view->bytes[EI_CLASS] != ELFCLASS64)
        return;
    if (view->bytes[EI_DATA] != ELFDATA2LSB && view->bytes[EI_DATA] != ELFDATA2MSB)
        return;
    file->wide = view->wide = view->bytes[EI_CLASS] == ELFCLASS64;
    file->big_endian = view->big_endian = view->bytes[EI_DATA] == ELFDATA2MSB;
    file->machine = half(view, FIELD(view, Ehdr, e_machine));
    if (view->size < SIZE(view, Ehdr))
        return;

    struct dynamic dynamic = read_dynamic(view);
    uint64_t loader = segment(view, PT_INTERP, 0);
    file->kind = kind_of(view, &dynamic);
    file->needs_glibc = dynamic.needs_glibc;
    file->exports_malloc = exports_malloc(view);
    if (loader != 0)
        snprintf(file->interpreter, sizeof file->interpreter, "%s",
                 text(view, address(view, loader + FIELD(view, Phdr, p_offset))));
}

bool elf_read(const char *path, struct elf_file *file)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    *file = (struct elf_file){.kind = ELF_NONE};
    if (fd < 0)
        return false;
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) || status.st_size == 0) {
        close(fd);
        return true;
    }
    void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    int error = errno;
    close(fd);
    if (bytes == MAP_FAILED) {
        errno = error;
        return false;
    }
    struct view view = {.bytes = bytes, .size = (uint64_t)status.st_size};
    judge(&view, file);
    munmap(bytes, (size_t)status.st_size);
    return true;
}

bool elf_same_machine(const struct elf_file *a, const struct elf_file *b)
{
    return a->machine == b->machine && a->wide == b->wide && a->big_endian == b->big_endian;
}

const char *elf_machine(const struct elf_file *file, char out[32])
{
    static const struct {
        uint16_t machine;
        const char *name;
    } names[] = {
        {EM_X86_64, "x86-64"}, {EM_386, "i386"},    {EM_AARCH64, "aarch64"}, {EM_ARM, "arm"},
        {EM_RISCV, "riscv"},   {EM_PPC64, "ppc64"}, {EM_PPC, "ppc"},         {EM_S390, "s390"},
        {EM_MIPS, "mips"},     {258, "loongarch"},  {EM_SPARCV9, "sparc64"},
    };

    if (file->machine == EM_X86_64 && !file->wide)
        return "x32";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].machine == file->machine)
            return names[i].name;
    snprintf(out, 32, "machine %u", file->machine);
    return out;
}
