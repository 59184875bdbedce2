/* SPDX-License-Identifier: MIT */
/* See library_file.h. */
#define _GNU_SOURCE
#include "os/library_file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U
#endif
#ifndef DF_1_PIE
#define DF_1_PIE 0x08000000
#endif

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#elif defined(__i386__)
#define MACHINE EM_386
#else
#define MACHINE EM_NONE /* not looked at */
#endif

enum { STRING_MAX = 256 };

/* ---- bytes ---- */

static bool has(const struct library_file *file, uint64_t at, uint64_t size)
{
    return at <= file->size && size <= file->size - at;
}

static bool get(const struct library_file *file, void *target, size_t size, uint64_t at)
{
    if (!has(file, at, size))
        return false;
    memcpy(target, file->bytes + at, size);
    return true;
}

/* A string that ends in the file, and soon; else "". */
static const char *string_at(const struct library_file *file, uint64_t at)
{
    if (!has(file, at, 1))
        return "";
    size_t most = file->size - at < STRING_MAX ? (size_t)(file->size - at) : STRING_MAX;
    return memchr(file->bytes + at, '\0', most) != NULL ? file->bytes + at : "";
}

static bool read_all(int from, char *bytes, size_t size)
{
    size_t have = 0;
    while (have < size) {
        ssize_t got = read(from, bytes + have, size - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        have += (size_t)got;
    }
    return true;
}

static enum library_flaw read_bytes(struct library_file *file, const char *path)
{
    struct stat status;
    int from = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (from < 0)
        return errno == ENOENT || errno == ENOTDIR ? LIBRARY_ABSENT : LIBRARY_UNREADABLE;
    enum library_flaw flaw = LIBRARY_NO_LIBRARY;
    if (fstat(from, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0) {
        size_t size = (size_t)status.st_size;
        void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        flaw = LIBRARY_UNREADABLE;
        if (bytes != MAP_FAILED) {
            file->bytes = bytes;
            file->size = size;
            file->device = status.st_dev;
            file->number = status.st_ino;
            if (read_all(from, bytes, size))
                flaw = LIBRARY_SOUND;
        }
    }
    close(from);
    return flaw;
}

/* ---- headers ---- */

static enum library_flaw check_header(const struct library_file *file, ElfW(Ehdr) * header)
{
    if (!get(file, header, sizeof *header, 0) || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
        return LIBRARY_NO_LIBRARY;
    if (header->e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) ||
        (MACHINE != EM_NONE && header->e_machine != MACHINE))
        return LIBRARY_OF_OTHER_MACHINE;
    if (header->e_type == ET_EXEC)
        return LIBRARY_PROGRAM;
    if (header->e_type != ET_DYN || header->e_phentsize != sizeof(ElfW(Phdr)) ||
        !has(file, header->e_phoff, header->e_phnum * sizeof(ElfW(Phdr))))
        return LIBRARY_NO_LIBRARY;
    return LIBRARY_SOUND;
}

static ElfW(Phdr) segment_at(const struct library_file *file, const ElfW(Ehdr) * header, unsigned i)
{
    ElfW(Phdr) segment;
    memcpy(&segment, file->bytes + header->e_phoff + i * sizeof segment, sizeof segment);
    return segment;
}

/* The first of a type; of type PT_NULL if there is none. */
static ElfW(Phdr)
    segment_of(const struct library_file *file, const ElfW(Ehdr) * header, ElfW(Word) type)
{
    for (unsigned i = 0; i < header->e_phnum; i++) {
        ElfW(Phdr) segment = segment_at(file, header, i);
        if (segment.p_type == type)
            return segment;
    }
    return (ElfW(Phdr)){.p_type = PT_NULL};
}

/* Where in the file an address of the loaded library comes from; UINT64_MAX: nowhere. */
static uint64_t offset_of(const struct library_file *file, const ElfW(Ehdr) * header,
                          ElfW(Addr) address)
{
    for (unsigned i = 0; i < header->e_phnum; i++) {
        ElfW(Phdr) segment = segment_at(file, header, i);
        if (segment.p_type == PT_LOAD && address - segment.p_vaddr < segment.p_filesz)
            return segment.p_offset + (address - segment.p_vaddr);
    }
    return UINT64_MAX;
}

/* ---- the dynamic section ---- */

static bool next_entry(const struct library_file *file, const ElfW(Phdr) * dynamic, size_t i,
                       ElfW(Dyn) * entry)
{
    return i < dynamic->p_filesz / sizeof *entry &&
           get(file, entry, sizeof *entry, dynamic->p_offset + i * sizeof *entry) &&
           entry->d_tag != DT_NULL;
}

/* A C library is libc.so.6 here, libc.musl-x86_64.so.1 or libc.so there. */
static bool is_other_libc(const char *name)
{
#ifdef __GLIBC__
    return strncmp(name, "libc.", 5) == 0 && strncmp(name, "libc.so.6", 9) != 0;
#else
    return strncmp(name, "libc.so.6", 9) == 0;
#endif
}

static void read_dynamic(struct library_file *file, const ElfW(Ehdr) * header)
{
    ElfW(Phdr) dynamic = segment_of(file, header, PT_DYNAMIC);
    uint64_t strings = UINT64_MAX;
    ElfW(Dyn) entry;
    for (size_t i = 0; next_entry(file, &dynamic, i, &entry); i++) {
        if (entry.d_tag == DT_STRTAB)
            strings = offset_of(file, header, entry.d_un.d_ptr);
        if (entry.d_tag == DT_FLAGS_1 && (entry.d_un.d_val & DF_1_PIE) != 0)
            file->flaw = LIBRARY_PROGRAM;
        else if (entry.d_tag == DT_FLAGS_1 && (entry.d_un.d_val & DF_1_NOOPEN) != 0)
            file->flaw = LIBRARY_PRELOAD_ONLY;
    }
    for (size_t i = 0; strings < file->size && next_entry(file, &dynamic, i, &entry); i++) {
        if (entry.d_tag != DT_NEEDED || file->needed_count == LIBRARY_NEEDED_MAX ||
            entry.d_un.d_val >= file->size)
            continue;
        const char *name = string_at(file, strings + entry.d_un.d_val);
        file->needed[file->needed_count++] = name;
        if (is_other_libc(name))
            file->other_libc = name;
    }
}

/* ---- symbols ---- */

struct symbols {
    uint64_t at, count; /* in the file */
    uint64_t strings;
};

static struct symbols symbols_of(const struct library_file *file, const ElfW(Ehdr) * header)
{
    ElfW(Shdr) section, strings;
    for (unsigned i = 0; i < header->e_shnum; i++) {
        if (!get(file, &section, sizeof section, header->e_shoff + i * sizeof section))
            break;
        if (section.sh_type == SHT_DYNSYM && section.sh_link < header->e_shnum &&
            has(file, section.sh_offset, section.sh_size) &&
            get(file, &strings, sizeof strings, header->e_shoff + section.sh_link * sizeof strings))
            return (struct symbols){section.sh_offset, section.sh_size / sizeof(ElfW(Sym)),
                                    strings.sh_offset};
    }
    return (struct symbols){0, 0, 0};
}

static unsigned char binding_of(const ElfW(Sym) * symbol)
{
    return symbol->st_info >> 4;
}

/* operator new, new[], delete and delete[] in all their forms. */
static bool is_operator(const struct library_file *file, const struct symbols *symbols,
                        const ElfW(Sym) * symbol)
{
    const char *name = string_at(file, symbols->strings + symbol->st_name);
    return symbol->st_shndx != SHN_UNDEF && name[0] == '_' && name[1] == 'Z' &&
           (strncmp(name + 2, "nw", 2) == 0 || strncmp(name + 2, "na", 2) == 0 ||
            strncmp(name + 2, "dl", 2) == 0 || strncmp(name + 2, "da", 2) == 0);
}

static bool needs_cpp(const struct library_file *file)
{
    bool needs = false;
    for (unsigned i = 0; i < file->needed_count; i++)
        needs = needs || strncmp(file->needed[i], "libstdc++.", 10) == 0 ||
                strncmp(file->needed[i], "libc++", 6) == 0;
    return needs;
}

static void read_symbols(struct library_file *file, const ElfW(Ehdr) * header)
{
    struct symbols symbols = symbols_of(file, header);
    bool is_cpp = needs_cpp(file);
    for (uint64_t i = 0; i < symbols.count && !file->mixes; i++) {
        ElfW(Sym) symbol;
        memcpy(&symbol, file->bytes + symbols.at + i * sizeof symbol, sizeof symbol);
        file->mixes = binding_of(&symbol) == STB_GNU_UNIQUE ||
                      (is_cpp && is_operator(file, &symbols, &symbol));
    }
}

/*
 * A symbol without a value is one that the loader looks for elsewhere, also for the library itself:
 * its relocations name the very same entry.
 */
static void part_symbols(struct library_file *file, const ElfW(Ehdr) * header)
{
    struct symbols symbols = symbols_of(file, header);
    bool is_cpp = needs_cpp(file);
    for (uint64_t i = 0; i < symbols.count; i++) {
        char *at = file->bytes + symbols.at + i * sizeof(ElfW(Sym));
        ElfW(Sym) symbol;
        memcpy(&symbol, at, sizeof symbol);
        if (binding_of(&symbol) == STB_GNU_UNIQUE)
            symbol.st_info = (unsigned char)(STB_GLOBAL << 4 | (symbol.st_info & 15));
        if (is_cpp && is_operator(file, &symbols, &symbol)) {
            symbol.st_shndx = SHN_UNDEF;
            symbol.st_value = 0;
        }
        memcpy(at, &symbol, sizeof symbol);
    }
}

/* ---- the whole ---- */

void cairn__library_file_read(struct library_file *file, const char *path)
{
    int saved = errno;
    ElfW(Ehdr) header;
    *file = (struct library_file){.flaw = LIBRARY_SOUND};
    file->flaw = read_bytes(file, path);
    if (file->flaw == LIBRARY_SOUND)
        file->flaw = check_header(file, &header);
    if (file->flaw == LIBRARY_SOUND) {
        file->thread_storage = segment_of(file, &header, PT_TLS).p_memsz;
        read_dynamic(file, &header);
        read_symbols(file, &header);
    }
    errno = saved;
}

void cairn__library_file_forget(struct library_file *file)
{
    int saved = errno;
    if (file->bytes != NULL)
        munmap(file->bytes, file->size);
    file->bytes = NULL;
    errno = saved;
}

/* Newer kernels may want to be told that it is to run; older ones do not know the word. */
int cairn__library_file_copy(struct library_file *file, const char *name)
{
    int saved = errno;
    ElfW(Ehdr) header;
    if (get(file, &header, sizeof header, 0))
        part_symbols(file, &header);
    int copy = memfd_create(name, MFD_CLOEXEC | MFD_EXEC);
    if (copy < 0)
        copy = memfd_create(name, MFD_CLOEXEC);
    size_t written = 0;
    while (copy >= 0 && written < file->size) {
        ssize_t got = write(copy, file->bytes + written, file->size - written);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            close(copy);
            copy = -1;
        } else {
            written += (size_t)got;
        }
    }
    errno = saved;
    return copy;
}
