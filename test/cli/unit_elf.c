/* SPDX-License-Identifier: MIT */
/*
 * What can be preloaded into, judged on real files: programs are built here in every way that
 * matters, headers of other machines are written by hand, and damaged files must do no harm. What
 * the compiler at hand cannot build (no static C library, no 32-bit one) is skipped.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "elf_file.h"
#include "message.h"
#include "program.h"
#include "script.h"

static char folder[] = "/tmp/cairn-unit-elf-XXXXXX";

/* The path of `name` in the test's folder; valid until the fourth call from now. */
static const char *path_of(const char *name)
{
    static char paths[4][256];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static const char *write_file(const char *name, const void *bytes, size_t size, mode_t mode)
{
    const char *path = path_of(name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
    chmod(path, mode);
    return path;
}

/* Builds a program; skips the test where that is not possible. */
static const char *build(const char *name, const char *source, const char *flags)
{
    char command[1024];
    const char *compiler = getenv("CC");
    const char *input = write_file("source.c", source, strlen(source), 0644);

    snprintf(command, sizeof command, "%s %s -o %s %s 2>%s/errors", compiler ? compiler : "cc",
             flags, path_of(name), input, folder);
    if (system(command) != 0) {
        print_message("cannot build with %s here\n", flags);
        skip();
    }
    return path_of(name);
}

static const char empty_main[] = "int main(void) { return 0; }\n";

static const char *library(void)
{
    return build("library.so", "int x;\n", "-shared -fPIC -Wl,-soname,library.so");
}

static void assert_kind(const char *path, enum elf_kind kind)
{
    struct elf_file file;
    assert_true(elf_read(path, &file));
    assert_int_equal(file.kind, kind);
}

static void dynamic_programs(void **state)
{
    struct elf_file file, self;

    (void)state;
    assert_kind(build("nopie", empty_main, "-no-pie"), ELF_DYNAMIC);
    assert_true(elf_read(build("pie", empty_main, "-pie -fPIE"), &file));
    assert_int_equal(file.kind, ELF_DYNAMIC);
    assert_int_equal(access(file.interpreter, X_OK), 0);
    assert_true(file.needs_glibc || strstr(file.interpreter, "musl"));
    assert_false(file.exports_malloc);
    assert_true(elf_read("/proc/self/exe", &self));
    assert_true(elf_same_machine(&file, &self));
}

static void static_program(void **state)
{
    (void)state;
    assert_kind(build("static", empty_main, "-static"), ELF_STATIC);
}

static void static_pie_program(void **state)
{
    (void)state;
    assert_kind(build("static-pie", empty_main, "-static-pie -fPIE"), ELF_STATIC_PIE);
}

static void libraries_objects_and_loaders(void **state)
{
    struct elf_file file;

    (void)state;
    assert_kind(library(), ELF_LIBRARY);
    assert_kind(build("nameless.so", "int x;\n", "-shared -fPIC"), ELF_LIBRARY);
    assert_kind(build("object.o", "int x;\n", "-c"), ELF_OTHER);
    assert_true(elf_read(build("pie", empty_main, "-pie -fPIE"), &file));
    assert_kind(file.interpreter, ELF_LOADER);
}

static void own_malloc(void **state)
{
    static const char source[] = "void *malloc(unsigned long n) { (void)n; return 0; }\n"
                                 "int main(void) { return 0; }\n";
    struct elf_file file;

    (void)state;
    assert_true(elf_read(build("own", source, "-rdynamic"), &file));
    assert_int_equal(file.kind, ELF_DYNAMIC);
    assert_true(file.exports_malloc);
}

static void real_32_bit_program(void **state)
{
    struct elf_file file;

    (void)state;
    assert_true(elf_read(
        build("m32", "void _start(void) { for (;;) ; }\n", "-m32 -nostdlib -static"), &file));
    assert_int_equal(file.kind, ELF_STATIC);
    assert_false(file.wide);
    assert_int_equal(file.machine, EM_386);
}

/* A 32-bit program with one segment and a loader, of either byte order. */
static const char *write_fake_32(const char *name, uint16_t machine, bool big_endian)
{
    enum { LOADER_AT = 256 };
    unsigned char bytes[512] = {0};
    Elf32_Ehdr header = {.e_type = ET_EXEC, .e_version = 1};
    Elf32_Phdr segments[2] = {{.p_type = PT_LOAD}, {.p_type = PT_INTERP}};
    bool swap = big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
#define PUT16(field, value) ((field) = swap ? __builtin_bswap16(value) : (value))
#define PUT32(field, value) ((field) = swap ? __builtin_bswap32(value) : (value))

    memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS32;
    header.e_ident[EI_DATA] = big_endian ? ELFDATA2MSB : ELFDATA2LSB;
    PUT16(header.e_type, ET_EXEC);
    PUT16(header.e_machine, machine);
    PUT32(header.e_phoff, sizeof header);
    PUT16(header.e_phentsize, sizeof segments[0]);
    PUT16(header.e_phnum, 2);
    PUT32(segments[0].p_type, PT_LOAD);
    PUT32(segments[0].p_filesz, sizeof bytes);
    PUT32(segments[1].p_type, PT_INTERP);
    PUT32(segments[1].p_offset, LOADER_AT);
    PUT32(segments[1].p_filesz, 10);
    memcpy(bytes, &header, sizeof header);
    memcpy(bytes + sizeof header, segments, sizeof segments);
    memcpy(bytes + LOADER_AT, "/lib/ld.so", 11);
    return write_file(name, bytes, sizeof bytes, 0755);
}

static void faked_32_bit_headers(void **state)
{
    struct elf_file file;
    char out[32];

    (void)state;
    assert_true(elf_read(write_fake_32("fake-386", EM_386, false), &file));
    assert_int_equal(file.kind, ELF_DYNAMIC);
    assert_false(file.wide);
    assert_string_equal(file.interpreter, "/lib/ld.so");
    assert_string_equal(elf_machine(&file, out), "i386");
    assert_true(elf_read(write_fake_32("fake-ppc", EM_PPC, true), &file));
    assert_int_equal(file.kind, ELF_DYNAMIC);
    assert_true(file.big_endian);
    assert_string_equal(file.interpreter, "/lib/ld.so");
    assert_string_equal(elf_machine(&file, out), "ppc");
    assert_true(elf_read(write_fake_32("fake-unknown", 4711, false), &file));
    assert_string_equal(elf_machine(&file, out), "machine 4711");
}

static void what_is_not_elf(void **state)
{
    struct elf_file file;

    (void)state;
    assert_kind(write_file("text", "#!/bin/sh\n", 10, 0755), ELF_NONE);
    assert_kind(write_file("empty", "", 0, 0755), ELF_NONE);
    assert_kind(write_file("magic", ELFMAG, SELFMAG, 0755), ELF_NONE);
    assert_kind(folder, ELF_NONE);
    assert_false(elf_read(path_of("absent"), &file));
}

/* Damaged headers may be misjudged, but neither crash nor hang. */
static void damaged_files(void **state)
{
    static unsigned char whole[1 << 16], damaged[sizeof whole];
    const char *path = build("pie", empty_main, "-pie -fPIE");
    FILE *input = fopen(path, "r");
    struct elf_file file;
    uint32_t random = 1;

    (void)state;
    assert_non_null(input);
    size_t size = fread(whole, 1, sizeof whole, input);
    fclose(input);
    for (size_t length = 0; length < 1024 && length < size; length += 3)
        assert_true(elf_read(write_file("cut", whole, length, 0755), &file));
    for (unsigned i = 0; i < 600; i++) {
        memcpy(damaged, whole, size);
        for (unsigned k = 0; k < 1 + i % 8; k++) {
            random = random * 1664525u + 1013904223u;
            size_t at = i % 4 == 0 ? size - 1 - (random >> 8) % 2048 : (random >> 8) % 1024;
            random = random * 1664525u + 1013904223u;
            damaged[at] = (unsigned char)(random >> 24);
        }
        assert_true(elf_read(write_file("bent", damaged, size, 0755), &file));
    }
}

static void assert_script(const char *line, enum script_kind kind, const char *interpreter,
                          bool clears)
{
    struct script script;
    const char *path = write_file("script", line, strlen(line), 0755);

    assert_int_equal(script_read(path, &script), kind);
    assert_string_equal(script.interpreter, interpreter);
    assert_int_equal(script.clears_environment, clears);
}

static void script_lines(void **state)
{
    (void)state;
    assert_script("#!/bin/sh\necho\n", SCRIPT_WITH_LINE, "/bin/sh", false);
    assert_script("#!  /bin/sh -eu  \n", SCRIPT_WITH_LINE, "/bin/sh", false);
    assert_script("#!/bin/sh", SCRIPT_WITH_LINE, "/bin/sh", false);
    assert_script("#!/usr/bin/env python3\n", SCRIPT_WITH_LINE, "python3", false);
    assert_script("#!/usr/bin/env python3 -u\n", SCRIPT_WITH_LINE, "python3 -u", false);
    assert_script("#!/usr/bin/env -S python3 -u\n", SCRIPT_WITH_LINE, "python3", false);
    assert_script("#!/usr/bin/env -S A=1 -u B python3\n", SCRIPT_WITH_LINE, "python3", false);
    assert_script("#!/usr/bin/env -vS A=1 perl -w\n", SCRIPT_WITH_LINE, "perl", false);
    assert_script("#!/usr/bin/env --split-string=perl -w\n", SCRIPT_WITH_LINE, "perl", false);
    assert_script("#!/usr/bin/env -S -i perl\n", SCRIPT_WITH_LINE, "perl", true);
    assert_script("#!/usr/bin/env -iS perl\n", SCRIPT_WITH_LINE, "perl", true);
    assert_script("#!/usr/bin/env -S -u LD_PRELOAD perl\n", SCRIPT_WITH_LINE, "perl", true);
    assert_script("#!/usr/bin/env -S --unset=LD_PRELOAD perl\n", SCRIPT_WITH_LINE, "perl", true);
    assert_script("#!/usr/bin/env -S LD_PRELOAD=x perl\n", SCRIPT_WITH_LINE, "perl", true);
    assert_script("echo hello\n", SCRIPT_PLAIN_TEXT, "", false);
    assert_script("", SCRIPT_PLAIN_TEXT, "", false);
    assert_script("#!\n", SCRIPT_PLAIN_TEXT, "", false);
    struct script script;
    assert_int_equal(script_read(write_file("binary", "\1\2\0\3\n", 5, 0755), &script),
                     SCRIPT_NONE);
}

static void assert_judged(const char *path, int exit_code, const char *reason)
{
    struct program program;

    program_judge(&program, strdup(path), path_of("library.so"));
    if (program.exit_code != exit_code)
        fail_msg("%d, not %d: %s", program.exit_code, exit_code, program.reason);
    if (reason && !(program.reason && strstr(program.reason, reason)))
        fail_msg("'%s' is not in '%s'", reason, program.reason ? program.reason : "(none)");
    program_fini(&program);
}

static const char *script_through(const char *line)
{
    return write_file("through", line, strlen(line), 0755);
}

static void judgement_of_programs(void **state)
{
    char line[512];

    (void)state;
    library();
    const char *dynamic = build("pie", empty_main, "-pie -fPIE");
    assert_judged(dynamic, 0, NULL);
    assert_judged(write_fake_32("fake-386", EM_386, false), EXIT_OWN_ERROR, "32-bit i386");
    assert_judged(path_of("library.so"), EXIT_OWN_ERROR, "shared library");
    assert_judged(write_file("binary", "\1\2\0\3\n", 5, 0755), EXIT_OWN_ERROR, "neither");
    assert_judged(script_through("#!/bin/sh\n"), 0, NULL);
    assert_judged(script_through("#!/usr/bin/env sh\n"), 0, NULL);
    assert_judged(script_through("exit 1\n"), 0, NULL);
    assert_judged(script_through("#!/no/such/thing\n"), EXIT_NOT_EXECUTABLE, "/no/such/thing");
    assert_judged(script_through("#!/usr/bin/env no-such-thing\n"), EXIT_NOT_EXECUTABLE,
                  "no-such-thing");
    assert_judged(script_through("#!/usr/bin/env -S -i sh\n"), EXIT_OWN_ERROR, "LD_PRELOAD");
    snprintf(line, sizeof line, "#!%s\n", path_of("other"));
    write_file("other", "#!/bin/sh\n", 10, 0755);
    assert_judged(script_through(line), 0, NULL);
    snprintf(line, sizeof line, "#!%s\n", path_of("through")); /* its own interpreter */
    assert_judged(script_through(line), EXIT_NOT_EXECUTABLE, "one another");
}

static void judgement_of_static_programs(void **state)
{
    char line[512];

    (void)state;
    library();
    snprintf(line, sizeof line, "#!%s\n", build("static", empty_main, "-static"));
    assert_judged(path_of("static"), EXIT_OWN_ERROR, "statically linked");
    assert_judged(script_through(line), EXIT_OWN_ERROR, "which is statically linked");
}

static void judgement_of_setuid_programs(void **state)
{
    (void)state;
    if (getuid() != 0) {
        print_message("only root can give a file to another user\n");
        skip();
    }
    library();
    char path[256];
    snprintf(path, sizeof path, "%s", build("setuid", empty_main, "-pie -fPIE"));
    assert_int_equal(chmod(path, 04755), 0);
    assert_judged(path, 0, NULL); /* setuid root, executed by root: nothing is gained */
    assert_int_equal(chown(path, 1, 1), 0);
    assert_int_equal(chmod(path, 04755), 0);
    assert_judged(path, EXIT_OWN_ERROR, "setuid");
    assert_int_equal(chmod(path, 02755), 0);
    assert_judged(path, EXIT_OWN_ERROR, "setgid");
    assert_int_equal(chmod(path, 02745), 0); /* without S_IXGRP: mandatory locking, not setgid */
    assert_judged(path, 0, NULL);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dynamic_programs),
        cmocka_unit_test(static_program),
        cmocka_unit_test(static_pie_program),
        cmocka_unit_test(libraries_objects_and_loaders),
        cmocka_unit_test(own_malloc),
        cmocka_unit_test(real_32_bit_program),
        cmocka_unit_test(faked_32_bit_headers),
        cmocka_unit_test(what_is_not_elf),
        cmocka_unit_test(damaged_files),
        cmocka_unit_test(script_lines),
        cmocka_unit_test(judgement_of_programs),
        cmocka_unit_test(judgement_of_static_programs),
        cmocka_unit_test(judgement_of_setuid_programs),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
