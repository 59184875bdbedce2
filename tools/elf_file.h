/* SPDX-License-Identifier: MIT */
/*
 * What an ELF file says of itself, as far as preloading goes: is there a dynamic loader that would
 * load a library into it, for which machine is it built, and does it bring its own malloc.
 * Reads files of either width and byte order, and trusts no offset in them.
 */
#ifndef CAIRN_TOOLS_ELF_FILE_H
#define CAIRN_TOOLS_ELF_FILE_H

#include <stdbool.h>
#include <stdint.h>

enum elf_kind {
    ELF_NONE,       /* not an ELF file */
    ELF_BROKEN,     /* begins as one, and its headers make no sense */
    ELF_DYNAMIC,    /* a program with a dynamic loader */
    ELF_STATIC,     /* a program without */
    ELF_STATIC_PIE, /* a program without, that is position independent */
    ELF_LIBRARY,    /* a shared library */
    ELF_LOADER,     /* a dynamic loader itself */
    ELF_OTHER,      /* an object file or a core dump */
};

struct elf_file {
    enum elf_kind kind;
    uint16_t machine; /* EM_X86_64 … */
    bool wide;        /* 64-bit */
    bool big_endian;
    bool exports_malloc;   /* its own malloc goes before any that is preloaded */
    bool needs_glibc;      /* DT_NEEDED names libc.so.6 */
    char interpreter[256]; /* the dynamic loader of ELF_DYNAMIC */
};

/* False with errno if the file cannot be read at all. */
bool elf_read(const char *path, struct elf_file *file);

/* Could one process hold both? */
bool elf_same_machine(const struct elf_file *a, const struct elf_file *b);

/* "x86-64", "i386", "aarch64", … ("machine 1234" is written to `out`). */
const char *elf_machine(const struct elf_file *file, char out[32]);

#endif
