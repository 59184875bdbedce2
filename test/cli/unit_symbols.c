/* SPDX-License-Identifier: MIT */
/*
 * Names for addresses in real files: small programs are built here with and without debug
 * information, stripped, with the information apart from them, and replaced by another build. Each
 * marks places in its code with a section of its own ("marks": the distance from the entry to the
 * place, and its number), which survives stripping; the test reads it and asks for these addresses. What the machine
 * cannot build is skipped.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "own_memory.h"
#include "profile/demangle.h"
#include "profile/short_name.h"
#include "profile/symbols.h"

/*
 * --- a trace of modules and nodes only ----------------------------------------------------------
 */

enum { MODULES = 4, NODES = 8 };

struct trace_reader {
    struct trace_module modules[MODULES];
    struct trace_node nodes[NODES];
    uint32_t module_count, node_count;
};

static struct trace_reader reader;

const struct trace_module *trace_module(const struct trace_reader *from, uint32_t index)
{
    assert_true(index < from->module_count);
    return &from->modules[index];
}

struct trace_node trace_node(const struct trace_reader *from, uint32_t node)
{
    assert_true(node > 0 && node < from->node_count);
    return from->nodes[node];
}

uint32_t trace_modules(const struct trace_reader *from)
{
    return from->module_count;
}

/*
 * --- programs -----------------------------------------------------------------------------------
 */

static char folder[] = "/tmp/cairn-unit-symbols-XXXXXX";

enum { MARKS = 8 };

static struct {
    char path[256], build_id[64];
    uint64_t marks[MARKS];
    size_t mark_count;
} program;

/* A command of the shell in the folder; %s is nothing special there. */
static bool shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static bool shell(const char *format, ...)
{
    va_list arguments;
    char *text;

    va_start(arguments, format);
    assert_true(vasprintf(&text, format, arguments) > 0);
    va_end(arguments);
    char *line = memory_format("cd %s && { %s; } >output 2>&1", folder, text);
    int result = system(line);
    free(line);
    free(text);
    return result == 0;
}

static void need(bool done, const char *what)
{
    if (done)
        return;
    print_message("%s does not work here\n", what);
    skip();
}

static void write_text(const char *name, const char *text)
{
    char path[300];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* The marks and the build-id of the program, from its section headers. */
static void read_program(const char *name)
{
    static unsigned char bytes[1 << 20];

    snprintf(program.path, sizeof program.path, "%s/%s", folder, name);
    FILE *file = fopen(program.path, "r");
    assert_non_null(file);
    assert_true(fread(bytes, 1, sizeof bytes, file) < sizeof bytes);
    fclose(file);
    const Elf64_Ehdr *header = (const void *)bytes;
    const Elf64_Shdr *sections = (const void *)(bytes + header->e_shoff);
    const char *names = (const char *)bytes + sections[header->e_shstrndx].sh_offset;
    program.mark_count = 0;
    program.build_id[0] = '\0';
    for (size_t i = 0; i < header->e_shnum; i++) {
        const Elf64_Shdr *section = &sections[i];
        const unsigned char *content = bytes + section->sh_offset;
        if (strcmp(names + section->sh_name, ".note.gnu.build-id") == 0)
            for (size_t k = 0; k < 20; k++)
                snprintf(program.build_id + 2 * k, 3, "%02x", content[16 + k]);
        if (strcmp(names + section->sh_name, "marks") != 0)
            continue;
        for (size_t at = 0; at < section->sh_size; at += 16) {
            int64_t entry[2]; /* distance, number */
            memcpy(entry, content + at, sizeof entry);
            assert_true(entry[1] >= 0 && entry[1] < MARKS);
            program.marks[entry[1]] = section->sh_addr + at + (uint64_t)entry[0];
            program.mark_count++;
        }
    }
    assert_true(program.mark_count > 0);
    assert_int_equal(strlen(program.build_id), 40);
}

#define MARK                                                                                       \
    "#define MARK(n) __asm__ volatile(\"1: nop\\n.pushsection marks,\\\"a\\\"\\n\" "               \
    "\".8byte 1b - ., \" #n \"\\n.popsection\")\n"

static const char c_source[] = MARK /* line 1 */
    "static inline __attribute__((always_inline)) int inner(int x)\n"
    "{\n"
    "    MARK(0);\n" /* 4 */
    "    return x + 1;\n"
    "}\n"
    "static inline __attribute__((always_inline)) int middle(int x)\n"
    "{\n"
    "    return inner(x) * 2;\n" /* 9 */
    "}\n"
    "__attribute__((noinline)) int outer(int x)\n"
    "{\n"
    "    return middle(x) + 1;\n" /* 13 */
    "}\n"
    "static __attribute__((noinline)) int hidden(int x)\n"
    "{\n"
    "    MARK(1);\n" /* 17 */
    "    return x;\n"
    "}\n"
    "int main(int argc, char **argv) { (void)argv; return outer(argc) + hidden(argc); }\n";

static void build_c(const char *compiler, const char *flags)
{
    write_text("source.c", c_source);
    need(shell("%s -Wl,--build-id=sha1 -O1 %s -o program source.c", compiler, flags), compiler);
    read_program("program");
}

static const char *cc(void)
{
    const char *compiler = getenv("CC");
    return compiler && *compiler ? compiler : "cc";
}

/*
 * --- asking -------------------------------------------------------------------------------------
 */

static struct symbols *symbols;

static const struct symbol *ask(const char *path, const char *build_id, uint64_t offset)
{
    symbols_destroy(symbols);
    reader = (struct trace_reader){.module_count = 2, .node_count = 3};
    reader.modules[0] = (struct trace_module){"/nowhere/libgone.so", ""};
    reader.modules[1] = (struct trace_module){path, build_id};
    reader.nodes[1] = (struct trace_node){0, 0, 0x20};
    reader.nodes[2] = (struct trace_node){1, 1, offset};
    symbols = symbols_create(&reader);
    assert_string_equal(symbols_of(symbols, 1)->calls[0].function, "libgone.so+0x20");
    const struct symbol *symbol = symbols_of(symbols, 2);
    assert_ptr_equal(symbols_of(symbols, 2), symbol); /* from memory */
    assert_string_equal(symbol->module, path);
    return symbol;
}

static const struct symbol *ask_mark(size_t mark)
{
    return ask(program.path, program.build_id, program.marks[mark]);
}

static void assert_call(const struct symbol *symbol, size_t index, const char *function,
                        const char *file, unsigned line)
{
    assert_true(index < symbol->count);
    const struct symbol_call *call = &symbol->calls[index];
    assert_string_equal(call->function, function);
    assert_int_equal(call->inlined, index + 1 < symbol->count);
    assert_int_equal(call->line, line);
    if (file) {
        const char *slash = call->file ? strrchr(call->file, '/') : NULL;
        assert_non_null(call->file);
        assert_string_equal(slash ? slash + 1 : call->file, file);
    } else {
        assert_null(call->file);
    }
}

static void assert_full(void)
{
    const struct symbol *symbol = ask_mark(0);

    assert_int_equal(symbol->count, 3);
    assert_call(symbol, 0, "inner", "source.c", 4);
    assert_call(symbol, 1, "middle", "source.c", 9);
    assert_call(symbol, 2, "outer", "source.c", 13);
    symbol = ask_mark(1);
    assert_int_equal(symbol->count, 1);
    assert_call(symbol, 0, "hidden", "source.c", 17);
}

static void assert_single(const struct symbol *symbol, const char *function)
{
    assert_int_equal(symbol->count, 1);
    assert_call(symbol, 0, function, NULL, 0);
}

/* "program+0x1139" */
static void assert_bare(size_t mark)
{
    char name[64];

    snprintf(name, sizeof name, "program+0x%" PRIx64, program.marks[mark]);
    assert_single(ask_mark(mark), name);
}

/*
 * --- C ------------------------------------------------------------------------------------------
 */

static void with_debug_information(void **state)
{
    static const char *const flags[] = {"-g", "-g -no-pie", "-gdwarf-4 -pie -fPIE", "-g -gz",
                                        "-gdwarf-5 -gsplit-dwarf"};
    (void)state;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        build_c(cc(), flags[i]);
        assert_full();
    }
}

static void without_address_ranges_for_units(void **state)
{
    (void)state;
    build_c("clang", "-g");
    assert_full();
}

static void without_debug_information(void **state)
{
    (void)state;
    build_c(cc(), "");
    assert_single(ask_mark(0), "outer");
    assert_single(ask_mark(1), "hidden");
}

static void stripped(void **state)
{
    (void)state;
    build_c(cc(), "-g -s");
    assert_bare(0);
    assert_bare(1);
}

static void stripped_with_exported_names(void **state)
{
    (void)state;
    build_c(cc(), "-g -s -rdynamic");
    assert_single(ask_mark(0), "outer");
    assert_bare(1);
}

static void debuglink(void **state)
{
    (void)state;
    build_c(cc(), "-g");
    need(shell("objcopy --only-keep-debug program program.debug && strip program &&"
               "objcopy --add-gnu-debuglink=program.debug program"),
         "objcopy");
    assert_full();
    need(shell("mkdir -p .debug && mv program.debug .debug"), "mv");
    assert_full();
    need(shell("rm -r .debug"), "rm");
    assert_bare(1);
}

/* Into DIR/.build-id/ab/cdef….debug */
static void keep_apart(void)
{
    need(shell("mkdir -p apart/.build-id/%.2s && objcopy --only-keep-debug program "
               "apart/.build-id/%.2s/%s.debug && strip program",
               program.build_id, program.build_id, program.build_id + 2),
         "objcopy");
    char *path = memory_format("%s/apart", folder);
    setenv("CAIRN_DEBUG_PATH", path, 1);
    free(path);
}

static void apart_by_build_id(void **state)
{
    (void)state;
    build_c(cc(), "-g");
    keep_apart();
    assert_full();
    unsetenv("CAIRN_DEBUG_PATH");
    assert_bare(0);
}

static void program_gone_but_debug_information_kept(void **state)
{
    (void)state;
    build_c(cc(), "-g");
    keep_apart();
    need(shell("rm program"), "rm");
    assert_full();
    unsetenv("CAIRN_DEBUG_PATH");
    assert_bare(0);
}

static void another_build(void **state)
{
    (void)state;
    build_c(cc(), "-g");
    char *other = memory_copy(program.build_id);
    other[0] = other[0] == 'a' ? 'b' : 'a';
    char name[64];
    snprintf(name, sizeof name, "program+0x%" PRIx64, program.marks[1]);
    assert_single(ask(program.path, other, program.marks[1]), name);
    free(other);
    /* None was recorded: what is there must do. */
    assert_call(ask(program.path, "", program.marks[1]), 0, "hidden", "source.c", 17);
    build_c(cc(),
            "-g -Wl,--build-id=none -Wl,--build-id=0x0011223344556677889900112233445566778899");
    assert_full();
}

static void several_names(void **state)
{
    (void)state;
    write_text("source.c",
               MARK "__attribute__((noinline)) int __thing(int x) { MARK(0); return x; }\n"
                    "int thing(int) __attribute__((alias(\"__thing\")));\n"
                    "int a_thing(int) __attribute__((weak, alias(\"__thing\")));\n"
                    "int main(int argc, char **argv) { (void)argv; return thing(argc); }\n");
    need(shell("%s -Wl,--build-id=sha1 -O1 -o program source.c", cc()), cc());
    read_program("program");
    assert_single(ask_mark(0), "thing");
}

static void compressed_symbol_table_within(void **state)
{
    (void)state;
    build_c(cc(), "");
    need(shell("cp program mini && objcopy --strip-debug mini && xz mini && strip program &&"
               "objcopy --add-section .gnu_debugdata=mini.xz program"),
         "xz");
    assert_single(ask_mark(1), "hidden");
}

static void no_file(void **state)
{
    (void)state;
    assert_single(ask("", "", 0x7f001234), "[anon]+0x7f001234");
    assert_single(ask("[vdso]", "", 0x10), "[vdso]+0x10");
    assert_single(ask("/dev/null", "", 0x10), "null+0x10");
    write_text("text", "not an ELF file\n");
    char *path = memory_format("%s/text", folder);
    assert_single(ask(path, "", 0x10), "text+0x10");
    free(path);
}

static void cut_short(void **state)
{
    (void)state;
    build_c(cc(), "-g");
    for (unsigned size = 0; size < 16000; size += 997) {
        need(shell("head -c %u program >cut", size), "head");
        char *path = memory_format("%s/cut", folder);
        assert_true(ask(path, "", program.marks[0])->count > 0); /* whatever it says */
        free(path);
    }
}

/*
 * --- C++ and Rust -------------------------------------------------------------------------------
 */

static const char cxx_source[] = MARK
    "namespace shop {\n"
    "template <typename T, int N> struct list {\n"
    "    __attribute__((noinline)) T add(T value) { MARK(0); return value + N; }\n" /* 4 */
    "};\n"
    "namespace {\n"
    "__attribute__((noinline)) int hidden(long x) { MARK(1); return (int)x; }\n" /* 7 */
    "}\n"
    "}\n"
    "static __attribute__((noinline)) int local(int x) { MARK(2); return x; }\n" /* 10 */
    "template <typename T> __attribute__((noinline)) T twice(T x) { MARK(3); return x + "
    "x; }\n" /* 11 */
    "static inline __attribute__((always_inline)) int within(int x, char) { MARK(4); "
    "return x; }\n"
    "__attribute__((noinline)) int around(int x)\n"
    "{\n"
    "    return within(x, 'a');\n" /* 15 */
    "}\n"
    "int main(int argc, char **)\n"
    "{\n"
    "    return shop::list<int, 3>().add(argc) + shop::hidden(argc) + local(argc) +\n"
    "           twice(argc) + around(argc);\n"
    "}\n";

static const struct {
    const char *function;
    unsigned line;
} cxx_expected[] = {{"shop::list<int, 3>::add(int)", 4},
                    {"shop::(anonymous namespace)::hidden(long)", 7},
                    {"local(int)", 10},
                    {"twice<int>(int)", 11}};

static void build_cxx(const char *flags)
{
    write_text("source.cc", cxx_source);
    need(shell("c++ -Wl,--build-id=sha1 -O1 -ffunction-sections %s -o program source.cc", flags),
         "c++");
    read_program("program");
}

static void cxx_with_debug_information(void **state)
{
    (void)state;
    build_cxx("-g");
    for (size_t i = 0; i < 4; i++)
        assert_call(ask_mark(i), 0, cxx_expected[i].function, "source.cc", cxx_expected[i].line);
    const struct symbol *symbol = ask_mark(4);
    assert_int_equal(symbol->count, 2);
    assert_call(symbol, 1, "around(int)", "source.cc", 15);
    assert_int_equal(strncmp(symbol->calls[0].function, "within", 6), 0);
}

static void cxx_without_debug_information(void **state)
{
    (void)state;
    build_cxx("");
    for (size_t i = 0; i < 4; i++)
        assert_single(ask_mark(i), cxx_expected[i].function);
    assert_single(ask_mark(4), "around(int)");
}

static const char rust_source[] = MARK
    "int old(int) __asm__(\"_ZN4shop4cart3add17h0123456789abcdefE\");\n"
    "int new(int) __asm__(\"_RNvC6_123foo3bar\");\n"
    "__attribute__((noinline)) int old(int x) { MARK(0); return x + 1; }\n"
    "__attribute__((noinline)) int new(int x) { MARK(1); return x + 2; }\n"
    "int main(int argc, char **argv) { (void)argv; return old(argc) + new(argc); }\n";

static void rust(void **state)
{
    (void)state;
    write_text("source.c", rust_source);
    need(shell("%s -Wl,--build-id=sha1 -O1 -o program source.c", cc()), cc());
    read_program("program");
    assert_single(ask_mark(0), "shop::cart::add");
    assert_single(ask_mark(1), "123foo::bar");
}

static void names(void **state)
{
    static const char *const pairs[][2] = {
        {"main", "main"},
        {"parse.part.0", "parse"},
        {"parse.constprop.0.cold", "parse"},
        {"malloc@@GLIBC_2.2.5", "malloc"},
        {"_Z3fooi.cold", "foo(int)"},
        {"_Zunfinished", "_Zunfinished"},
        {"_ZN3std2io5Write9write_fmt17h0123456789abcdefE", "std::io::Write::write_fmt"},
        {"_Z4joinRKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEES6_",
         "join(std::string const&, std::string const&)"},
        {".part.0", ".part.0"},
        {"_Z3fooi.123", "foo(int)"},
        {"@odd", "@odd"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char *name = demangle(pairs[i][0]);
        assert_string_equal(name, pairs[i][1]);
        free(name);
    }
}

static void short_names(void **state)
{
    static const char *const pairs[][2] = {
        {"main", "main"},
        {"foo(int, char const*)", "foo"},
        {"std::vector<int, std::allocator<int> >::push_back(int const&)",
         "std::vector<>::push_back"},
        {"shop::(anonymous namespace)::hidden(long)", "shop::(anonymous namespace)::hidden"},
        {"operator new(unsigned long)", "operator new"},
        {"a::operator<(a const&) const", "a::operator< const"},
        {"a::operator<< <int>(a const&)", "a::operator<< "},
        {"a::operator()(int) const", "a::operator() const"},
        {"a<b>::operator->() const", "a<>::operator-> const"},
        {"<alloc::vec::Vec<T> as core::ops::Drop>::drop",
         "<alloc::vec::Vec<> as core::ops::Drop>::drop"},
        {"call<void (*)(int)>(int)", "call<>"},
        {"call<decltype (a->b)>(int) const", "call<> const"},
        {"broken<", "broken<>"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char *name = short_name(pairs[i][0]);
        assert_string_equal(name, pairs[i][1]);
        free(name);
    }
}

static void fitting(void **state)
{
    (void)state;
    setenv("LC_ALL", "C", 1);
    char *text = fitted("abcdefghij", 10);
    assert_string_equal(text, "abcdefghij");
    free(text);
    text = fitted("abcdefghij", 8);
    assert_string_equal(text, "abc...ij");
    free(text);
    setenv("LC_ALL", "C.UTF-8", 1);
    text = fitted("äbcdefghij", 8);
    assert_string_equal(text, "äbcd…hij");
    free(text);
    text = fitted("abcdefghij", 1);
    assert_string_equal(text, ".");
    free(text);
}

static int make_folder(void **state)
{
    (void)state;
    unsetenv("CAIRN_DEBUG_PATH");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[64];

    (void)state;
    symbols_destroy(symbols);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_debug_information),
        cmocka_unit_test(without_address_ranges_for_units),
        cmocka_unit_test(without_debug_information),
        cmocka_unit_test(stripped),
        cmocka_unit_test(stripped_with_exported_names),
        cmocka_unit_test(debuglink),
        cmocka_unit_test(apart_by_build_id),
        cmocka_unit_test(program_gone_but_debug_information_kept),
        cmocka_unit_test(another_build),
        cmocka_unit_test(several_names),
        cmocka_unit_test(compressed_symbol_table_within),
        cmocka_unit_test(no_file),
        cmocka_unit_test(cut_short),
        cmocka_unit_test(cxx_with_debug_information),
        cmocka_unit_test(cxx_without_debug_information),
        cmocka_unit_test(rust),
        cmocka_unit_test(names),
        cmocka_unit_test(short_names),
        cmocka_unit_test(fitting),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
