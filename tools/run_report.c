/* SPDX-License-Identifier: MIT */
/* The report of `cairn run`, for people and as JSON: see run.h. */
#include "run.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "outcome.h"
#include "output.h"
#include "program.h"
#include "text.h"

#include "base/foreign_options.h"

enum { SCHEMA_VERSION = 1 };

static void print_activity(const struct run_report *report, FILE *to)
{
    const struct proof *proof = report->proof;
    size_t active = proof_count_active(proof);

    if (report->not_active) {
        fprintf(to, "\ncairn: NOT active in %s: %s\n", text_basename(report->argv[0]),
                report->not_active);
        return;
    }
    fprintf(to, ": active in %zu", active);
    if (active < proof->count)
        fprintf(to, " of %zu", proof->count);
    fprintf(to, " process%s (verified)", proof->count == 1 ? "" : "es");
    for (size_t i = 0; i < proof->count; i++) {
        if (!proof->processes[i].active) {
            fprintf(to, ", not in %s, whose malloc is another",
                    proof->processes[i].exe ? proof->processes[i].exe : "one of them");
            break;
        }
    }
    fputc('\n', to);
}

/*
 * Is `name` (as the kernel has it, cut at 15 letters) a name of `exe`? It may be that of a link to
 * it (python3 for python3.11, sh for dash).
 */
static bool is_name_of(const char *name, const char *exe)
{
    size_t most = sizeof((struct spawn_outcome *)0)->last_name - 1;
    const char *base = text_basename(exe);

    if (strncmp(name, base, strlen(name)) == 0 || strncmp(name, base, most) == 0)
        return true;
    char *found = program_search(name), *real = found ? realpath(found, NULL) : NULL;
    bool same = real && strcmp(real, exe) == 0;
    free(found);
    free(real);
    return same;
}

/*
 * Did the process end as something else than what told of its start? Without an end line, its name
 * is what there is to judge by; a program may also have renamed itself, so this is a suspicion.
 */
static bool ended_as_another(const struct run_report *report)
{
    const char *name = report->outcome->last_name, *exe = report->process->exe;

    return !report->process->ended && *name && exe && !is_name_of(name, report->argv[0]) &&
           !is_name_of(name, exe);
}

static void print_heap(const struct run_report *report, FILE *to)
{
    const struct proof_process *process = report->process;
    char live[TEXT_SHORT], committed[TEXT_SHORT], peak[TEXT_SHORT];

    if (ended_as_another(report)) {
        fprintf(
            to,
            "  heap at exit: not known; the process ended as '%s', which did not tell of itself:"
            "\n  it executed a program that may have run without Cairn\n",
            report->outcome->last_name);
        return;
    }
    if (!process->ended) {
        fprintf(to, "  heap at exit: not known, the program %s\n",
                report->outcome->signal ? "was killed" : "left by _exit");
        return;
    }
    const long long *figures = process->figures;
    if (figures[PROOF_LIVE] < 0)
        return;
    fprintf(to, "  heap at exit: %s in use", text_bytes(live, (double)figures[PROOF_LIVE]));
    if (figures[PROOF_COMMITTED] >= 0)
        fprintf(to, " of %s committed", text_bytes(committed, (double)figures[PROOF_COMMITTED]));
    if (figures[PROOF_PEAK_COMMITTED] >= 0)
        fprintf(to, " (peak %s)", text_bytes(peak, (double)figures[PROOF_PEAK_COMMITTED]));
    fputc('\n', to);
}

/* Who sets options of another allocator expects something of them. */
static void print_hints(FILE *to)
{
    extern char **environ;
    char hint[FOREIGN_HINT_SIZE];

    for (char **entry = environ; *entry; entry++)
        if (cairn__foreign_hint(*entry, hint) > 0)
            fprintf(to, "  note: %s\n", hint);
}

void run_report_text(const struct run_report *report, FILE *to)
{
    static const char next[] = "  next: cairn compare ";
    const struct spawn_outcome *outcome = report->outcome;
    char rss[TEXT_SHORT], faults[TEXT_SHORT], user[TEXT_SHORT], system[TEXT_SHORT];

    outcome_print(outcome, report->argv[0], to);
    print_activity(report, to);
    fprintf(to, "  peak RSS %s   page faults %s   user %s   system %s\n",
            text_bytes(rss, (double)outcome->peak_rss),
            text_count(faults, (double)(outcome->minor_faults + outcome->major_faults)),
            text_seconds(user, outcome->user), text_seconds(system, outcome->system));
    if (report->not_active)
        return;
    print_heap(report, to);
    print_hints(to);
    size_t columns = output_columns(STDERR_FILENO);
    char *command = text_command(report->argv, columns > sizeof next ? columns - sizeof next : 1);
    fprintf(to, "%s%s\n", next, command);
    free(command);
}

static json_t *processes_json(const struct proof *proof)
{
    json_t *array = json_array();

    for (size_t i = 0; i < proof->count; i++) {
        const struct proof_process *process = &proof->processes[i];
        json_t *object = json_object();
        json_put(object, "pid", json_integer(process->pid));
        json_put(object, "exe", json_from_text(process->exe));
        json_put(object, "active", json_boolean(process->active));
        json_put(object, "exited_normally", json_boolean(process->ended));
        for (size_t k = 0; k < PROOF_FIGURES; k++)
            if (process->figures[k] >= 0)
                json_put(object, proof_keys[k], json_integer(process->figures[k]));
        json_append(array, object);
    }
    return array;
}

void run_report_json(const struct run_report *report, FILE *to)
{
    const struct spawn_outcome *outcome = report->outcome;
    json_t *document = json_document("cairn.run", SCHEMA_VERSION);

    json_put(document, "command", json_from_argv(report->argv));
    json_put(document, "library", json_from_text(report->library));
    json_put(document, "pid", json_integer(outcome->pid));
    json_put(document, "active", json_boolean(!report->not_active));
    json_put(document, "not_active_reason", json_from_text(report->not_active));
    outcome_put_end(document, outcome->exit_code, outcome->signal);
    json_put(document, "ended_as", json_from_text(outcome->last_name));
    json_put(document, "wall_seconds", json_from_real(outcome->wall));
    json_put(document, "user_seconds", json_from_real(outcome->user));
    json_put(document, "system_seconds", json_from_real(outcome->system));
    json_put(document, "peak_rss_bytes", json_integer(outcome->peak_rss));
    json_put(document, "minor_faults", json_integer(outcome->minor_faults));
    json_put(document, "major_faults", json_integer(outcome->major_faults));
    json_put(document, "processes", processes_json(report->proof));
    json_finish(document, to);
}
