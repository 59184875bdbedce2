/* SPDX-License-Identifier: MIT */
/*
 * The process's start and end, as far as the library says something about them: whether malloc is
 * ours, and, when `cairn run` asks for it by the variable CAIRN_RUN_FILE, a line of figures at either
 * end, appended to that file. (What malloc itself needs at start, its first call does.)
 */
#include "cairn.h"

#include <stdlib.h>
#include <string.h>

#include "base/foreign_options.h"
#include "base/option.h"
#include "base/print.h"
#include "core/figures.h"
#include "core/thread.h"
#include "entry/faults.h"
#include "os/os.h"

/* libcairn-stack's malloc; not in the other libraries. */
#pragma weak cairn__stack_owns
extern bool cairn__stack_owns(const void *block);

/*
 * Whoever wins the dynamic linker's search for `malloc` is asked what it knows of its own block. Of
 * another allocator's block we know nothing.
 */
CAIRN_EXPORT bool cairn_is_active(void)
{
    void *(*volatile any_malloc)(size_t) = malloc;
    void *block = any_malloc(1);
    bool ours = cairn__stack_owns != NULL ? cairn__stack_owns(block)
                                          : cairn_usable_size(block) != 0;
    free(block);
    return ours;
}

/*
 * Both libraries may be loaded, each with a core of its own: the one that the process calls speaks,
 * and the other's core is never started. The exported name is looked up, its alias is this one.
 */
extern __typeof__(cairn_is_active) cairn__is_active_here
    __attribute__((alias("cairn_is_active"), visibility("hidden")));

static bool is_called(void)
{
    __typeof__(cairn_is_active) *volatile called = cairn_is_active;
    return called == cairn__is_active_here;
}

/* A copy: programs overwrite their environment (to show a title in ps, say). Empty: not asked. */
static char run_file[1024];

static void put_key(struct text *line, const char *key, size_t value)
{
    cairn__text_put(line, key);
    cairn__text_uint(line, value);
}

/* Says which options of other allocators are set. A stack may have these allocators in it. */
static void hint_at_options(void)
{
    const char *const *environment = cairn__os_environment_all();
    if (environment == NULL || cairn__stack_owns != NULL || !cairn_is_active())
        return;
    for (; *environment != NULL; environment++) {
        char hint[FOREIGN_HINT_SIZE];
        size_t length = cairn__foreign_hint(*environment, hint);
        TEXT_LINE(line);
        cairn__text_put(&line, "cairn: ");
        cairn__text_bytes(&line, hint, length);
        cairn__text_end_line(&line);
        if (length > 0)
            cairn__os_print_error(line.data, line.length);
    }
}

__attribute__((constructor)) static void at_start(void)
{
    if (!is_called())
        return;
    cairn__process_start();
    cairn__faults_start();
    if (cairn__option(OPTION_VERBOSE))
        hint_at_options();
    const char *asked = cairn__os_environment("CAIRN_RUN_FILE");
    if (asked == NULL || strlen(asked) >= sizeof run_file)
        return;
    strcpy(run_file, asked);
    char program[256];
    TEXT_LINE(line);
    put_key(&line, "start pid=", (size_t)cairn__os_process_id());
    cairn__text_put(&line, cairn_is_active() ? " active=1 exe=" : " active=0 exe=");
    cairn__text_bytes(&line, program, cairn__os_program(program, sizeof program));
    cairn__text_end_line(&line);
    cairn__os_append(run_file, line.data, line.length);
}

__attribute__((destructor)) static void at_end(void)
{
    if (run_file[0] == '\0')
        return;
    struct cairn__figures figures;
    cairn__figures_get(&figures);
    TEXT_LINE(line);
    put_key(&line, "end pid=", (size_t)cairn__os_process_id());
    put_key(&line, " live_bytes=", figures.live);
    put_key(&line, " mapped_bytes=", figures.mapped);
    put_key(&line, " committed_bytes=", figures.committed);
    put_key(&line, " peak_committed_bytes=", figures.peak_committed);
    put_key(&line, " heaps=", figures.heaps);
    cairn__text_end_line(&line);
    cairn__os_append(run_file, line.data, line.length);
}
