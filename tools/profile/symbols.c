/* SPDX-License-Identifier: MIT */
/*
 * Names for addresses: see symbols.h. Each file is opened by itself, at its own addresses, when the
 * first of them is asked for. libdw finds debug information that is kept apart, by build-id or
 * .gnu_debuglink, in /usr/lib/debug and beside the file, and first in the folders that
 * CAIRN_DEBUG_PATH names; it asks debuginfod servers only if DEBUGINFOD_URLS names some. Of a file
 * that is gone or has been replaced, what is kept apart may still be there under its build-id.
 *
 * A function's name comes from the debug information; that of a C++ function that has no linkage name
 * there (a static one), and of all others, from the symbol table (also .gnu_debugdata).
 */
#define _GNU_SOURCE
#include "profile/symbols.h"

#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "own_memory.h"
#include "profile/debug_info.h"
#include "profile/demangle.h"
#include "profile/names.h"
#include "profile/symbol_table.h"
#include "text.h"

enum { SLOTS_AT_FIRST = 1024 };

struct module {
    bool tried;
    Dwfl *dwfl;
    Dwfl_Module *file; /* NULL: nothing can be asked */
    struct debug_info *debug;
    struct symbol_table table;
};

struct entry {
    uint32_t module;
    uint64_t offset;
    struct symbol *symbol; /* NULL: the slot is empty */
};

struct symbols {
    const struct trace_reader *reader;
    struct module *modules;
    uint32_t module_count;
    struct entry *entries; /* hash table by module and offset, linear probing */
    size_t count, size;
    struct names names;
    char *debug_path;
    Dwfl_Callbacks callbacks;
};

struct symbols *symbols_create(const struct trace_reader *reader)
{
    static const char standard[] = ":.debug:/usr/lib/debug";
    struct symbols *symbols = memory_take(1, sizeof *symbols);
    const char *own = getenv("CAIRN_DEBUG_PATH");

    symbols->reader = reader;
    symbols->module_count = trace_modules(reader);
    symbols->modules = memory_take(symbols->module_count, sizeof *symbols->modules);
    symbols->debug_path = memory_format("%s%s", own ? own : "", standard);
    symbols->callbacks = (Dwfl_Callbacks){
        .find_elf = dwfl_build_id_find_elf,
        .find_debuginfo = dwfl_standard_find_debuginfo,
        .section_address = dwfl_offline_section_address,
        .debuginfo_path = &symbols->debug_path,
    };
    return symbols;
}

void symbols_destroy(struct symbols *symbols)
{
    if (!symbols)
        return;
    for (size_t i = 0; i < symbols->size; i++) {
        if (symbols->entries[i].symbol)
            free((void *)symbols->entries[i].symbol->calls);
        free(symbols->entries[i].symbol);
    }
    for (uint32_t i = 0; i < symbols->module_count; i++) {
        debug_info_destroy(symbols->modules[i].debug);
        symbol_table_fini(&symbols->modules[i].table);
        dwfl_end(symbols->modules[i].dwfl);
    }
    free(symbols->modules);
    free(symbols->entries);
    free(symbols->debug_path);
    names_fini(&symbols->names);
    free(symbols);
}

/*
 * --- files --------------------------------------------------------------------------------------
 */

static int open_regular(const char *path)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Has the file that build-id? Nothing was recorded: any will do. */
static bool has_build_id(Dwfl_Module *file, const char *build_id)
{
    const unsigned char *bits;
    GElf_Addr address;
    int length = dwfl_module_build_id(file, &bits, &address);

    if (!*build_id)
        return true;
    if (length <= 0 || strlen(build_id) != (size_t)length * 2)
        return false;
    for (int i = 0; i < length; i++) {
        char digits[3];
        snprintf(digits, sizeof digits, "%02x", bits[i]);
        if (strncasecmp(digits, build_id + 2 * i, 2) != 0)
            return false;
    }
    return true;
}

static bool open_file(struct symbols *symbols, struct module *module, const char *path,
                      const char *build_id)
{
    int fd = open_regular(path);

    if (fd < 0)
        return false;
    module->dwfl = dwfl_begin(&symbols->callbacks);
    if (module->dwfl) /* the descriptor becomes its own if this works */
        module->file = dwfl_report_elf(module->dwfl, text_basename(path), path, fd, 0, true);
    if (!module->file)
        close(fd);
    if (module->dwfl)
        dwfl_report_end(module->dwfl, NULL, NULL);
    if (module->file && has_build_id(module->file, build_id))
        return true;
    dwfl_end(module->dwfl);
    *module = (struct module){.tried = true};
    return false;
}

/* The file has gone, or is another by now: is what was kept apart from it still there? */
static bool open_kept_apart(struct symbols *symbols, struct module *module, const char *build_id)
{
    char *folders = memory_copy(symbols->debug_path), *rest = folders;
    bool found = false;

    for (char *folder; !found && strlen(build_id) > 2 && (folder = strsep(&rest, ":"));) {
        if (*folder != '/')
            continue;
        char *path = memory_format("%s/.build-id/%.2s/%s.debug", folder, build_id, build_id + 2);
        found = open_file(symbols, module, path, build_id);
        free(path);
    }
    free(folders);
    return found;
}

static struct module *module_of(struct symbols *symbols, uint32_t index)
{
    struct module *module = &symbols->modules[index];
    const struct trace_module *recorded = trace_module(symbols->reader, index);

    if (module->tried)
        return module;
    module->tried = true;
    if (recorded->path[0] != '/')
        return module; /* code in no file, or the kernel's */
    if (open_file(symbols, module, recorded->path, recorded->build_id) ||
        open_kept_apart(symbols, module, recorded->build_id)) {
        module->debug = debug_info_create(module->file);
        symbol_table_init(&module->table, module->file);
    }
    return module;
}

/*
 * --- names --------------------------------------------------------------------------------------
 */

static const char *intern(struct symbols *symbols, char *text)
{
    const char *name = names_text(&symbols->names, text);

    free(text);
    return name;
}

/* "libz.so.1+0x1234"; "[vdso]+0x10" has its name already. */
static const char *bare_name(struct symbols *symbols, const char *path, uint64_t offset)
{
    return intern(symbols,
                  memory_format("%s+0x%" PRIx64, *path ? text_basename(path) : "[anon]", offset));
}

static const char *name_of(struct symbols *symbols, const struct module *module,
                           const struct trace_module *recorded, uint64_t offset,
                           struct debug_call *call, bool inlined)
{
    const char *table = inlined ? NULL : symbol_table_name(&module->table, offset);

    if (call->function && !(call->is_plain && table && is_mangled(table)))
        return intern(symbols, call->function);
    free(call->function);
    if (table)
        return intern(symbols, demangle(table));
    if (inlined)
        return names_text(&symbols->names, "(inlined)");
    return bare_name(symbols, recorded->path, offset);
}

static struct symbol *look_up(struct symbols *symbols, uint32_t index, uint64_t offset)
{
    const struct trace_module *recorded = trace_module(symbols->reader, index);
    struct module *module = module_of(symbols, index);
    struct debug_call found[DEBUG_CALLS] = {{.function = NULL}};
    size_t count = 0;

    if (module->debug)
        count = debug_info_calls(module->debug, offset, found);
    count = count ? count : 1;
    struct symbol_call *calls = memory_take(count, sizeof *calls);
    for (size_t i = 0; i < count; i++) {
        calls[i].inlined = i + 1 < count;
        calls[i].function = module->file ? name_of(symbols, module, recorded, offset, &found[i],
                                                   calls[i].inlined)
                                         : bare_name(symbols, recorded->path, offset);
        calls[i].file = found[i].file ? names_text(&symbols->names, found[i].file) : NULL;
        calls[i].line = found[i].line > 0 ? (unsigned)found[i].line : 0;
    }
    struct symbol *symbol = memory_take(1, sizeof *symbol);
    *symbol = (struct symbol){.calls = calls, .count = count, .module = recorded->path};
    return symbol;
}

/*
 * --- what was asked for before ------------------------------------------------------------------
 */

static struct entry *entry_of(const struct symbols *symbols, uint32_t module, uint64_t offset)
{
    for (size_t at = names_mix(offset ^ (uint64_t)module << 40);; at++) {
        struct entry *entry = &symbols->entries[at & (symbols->size - 1)];
        if (!entry->symbol || (entry->module == module && entry->offset == offset))
            return entry;
    }
}

static void grow(struct symbols *symbols)
{
    struct entry *old = symbols->entries;
    size_t size = symbols->size;

    symbols->size = size ? size * 2 : SLOTS_AT_FIRST;
    symbols->entries = memory_take(symbols->size, sizeof *symbols->entries);
    for (size_t i = 0; i < size; i++)
        if (old[i].symbol)
            *entry_of(symbols, old[i].module, old[i].offset) = old[i];
    free(old);
}

const struct symbol *symbols_of(struct symbols *symbols, uint32_t node)
{
    struct trace_node at = trace_node(symbols->reader, node);

    if (symbols->count * 2 >= symbols->size)
        grow(symbols);
    struct entry *entry = entry_of(symbols, at.module, at.offset);
    if (!entry->symbol) {
        *entry = (struct entry){at.module, at.offset, look_up(symbols, at.module, at.offset)};
        symbols->count++;
    }
    return entry->symbol;
}
