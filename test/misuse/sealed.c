/* SPDX-License-Identifier: MIT */
/*
 * The hardened library's settings lie where they cannot be written. Which variables these are its symbol
 * table says; the file is given, and preloaded.
 */
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const names[] = {"settings", "texts", "cairn__harden", "cairn__sample_rate",
                                    "cairn__tag_bits"};
enum { NAMES = sizeof names / sizeof names[0] };

static uintptr_t base;

static int find_base(struct dl_phdr_info *info, size_t size, void *file)
{
    (void)size;
    const char *slash = strrchr(file, '/');
    if (strstr(info->dlpi_name, "libcairn-hardened") == NULL || slash == NULL)
        return 0;
    base = info->dlpi_addr;
    return 1;
}

/* As /proc/self/maps has it. */
static bool is_writable(uintptr_t address)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512], permissions[5];
    unsigned long start, end;
    bool writable = true;
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL)
        if (sscanf(line, "%lx-%lx %4s", &start, &end, permissions) == 3 && address >= start &&
            address < end)
            writable = permissions[1] == 'w';
    if (maps != NULL)
        fclose(maps);
    return writable;
}

static const char *map_file(const char *path)
{
    int file = open(path, O_RDONLY);
    struct stat status;
    if (file < 0 || fstat(file, &status) != 0)
        return NULL;
    void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    close(file);
    return bytes == MAP_FAILED ? NULL : bytes;
}

/* 0: the file has no symbol of this name. */
static uintptr_t value_of(const char *file, const char *name)
{
    const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)file;
    const ElfW(Shdr) *section = (const ElfW(Shdr) *)(file + header->e_shoff);
    for (unsigned i = 0; i < header->e_shnum; i++) {
        if (section[i].sh_type != SHT_SYMTAB)
            continue;
        const ElfW(Sym) *symbol = (const ElfW(Sym) *)(file + section[i].sh_offset);
        const char *strings = file + section[section[i].sh_link].sh_offset;
        for (size_t s = 0; s < section[i].sh_size / sizeof *symbol; s++)
            if (strcmp(strings + symbol[s].st_name, name) == 0)
                return symbol[s].st_value;
    }
    return 0;
}

int main(int argc, char **argv)
{
    const char *file = argc == 2 ? map_file(argv[1]) : NULL;
    if (file == NULL || dl_iterate_phdr(find_base, argv[1]) == 0) {
        puts("FAILED: the library is not there");
        return 1;
    }
    int failures = 0;
    for (int i = 0; i < NAMES; i++) {
        uintptr_t value = value_of(file, names[i]);
        bool sealed = value != 0 && !is_writable(base + value);
        printf("%s%s\n", sealed ? "" : "FAILED: ", names[i]);
        failures += !sealed;
    }
    /* Written all the same, at the start: CAIRN_HARDEN=paranoid, CAIRN_SAMPLE=0. */
    const unsigned char *harden = (const unsigned char *)(base + value_of(file, "cairn__harden"));
    const unsigned *rate = (const unsigned *)(base + value_of(file, "cairn__sample_rate"));
    if (failures == 0 && (*harden != 2 || *rate != 0)) {
        printf("FAILED: harden is %u, sample rate %u\n", *harden, *rate);
        failures++;
    }
    return failures != 0;
}
