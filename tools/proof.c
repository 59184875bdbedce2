/* SPDX-License-Identifier: MIT */
/* The proof that Cairn is active: see proof.h. */
#define _GNU_SOURCE
#include "proof.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "folder.h"
#include "own_memory.h"
#include "message.h"

const char *const proof_keys[PROOF_FIGURES] = {
    [PROOF_LIVE] = "live_bytes",
    [PROOF_MAPPED] = "mapped_bytes",
    [PROOF_COMMITTED] = "committed_bytes",
    [PROOF_PEAK_COMMITTED] = "peak_committed_bytes",
    [PROOF_HEAPS] = "heaps",
};

bool proof_open(struct proof *proof)
{
    *proof = (struct proof){.fd = -1};
    proof->fd = folder_temporary("cairn-run", &proof->path);
    if (proof->fd < 0) {
        message("cannot make a temporary file: %s (TMPDIR names the folder)", strerror(errno));
        return false;
    }
    proof->setting = memory_format("CAIRN_RUN_FILE=%s", proof->path);
    return true;
}

static struct proof_process *latest(const struct proof *proof, pid_t pid)
{
    for (size_t i = proof->count; i > 0; i--)
        if (proof->processes[i - 1].pid == pid)
            return &proof->processes[i - 1];
    return NULL;
}

static struct proof_process *started(struct proof *proof, pid_t pid)
{
    struct proof_process *process = latest(proof, pid);

    /* A second start is another program executed by the same process; after an end, the number was
     * given to a new process. */
    if (process && !process->ended)
        return process;
    proof->processes = memory_resize(proof->processes, proof->count + 1, sizeof *proof->processes);
    process = &proof->processes[proof->count++];
    *process = (struct proof_process){.pid = pid};
    for (size_t i = 0; i < PROOF_FIGURES; i++)
        process->figures[i] = -1;
    return process;
}

/* The value of ` key=` in `line`, or NULL. */
static const char *value_of(const char *line, const char *key)
{
    size_t length = strlen(key);

    for (const char *at = line; (at = strchr(at, ' ')) != NULL;) {
        at++;
        if (strncmp(at, "exe=", 4) == 0 && strcmp(key, "exe") != 0)
            return NULL; /* the rest of the line is a path */
        if (strncmp(at, key, length) == 0 && at[length] == '=')
            return at + length + 1;
    }
    return NULL;
}

static void read_line(struct proof *proof, const char *line)
{
    const char *pid_text = value_of(line, "pid");
    pid_t pid = pid_text ? (pid_t)strtol(pid_text, NULL, 10) : 0;
    struct proof_process *process;

    if (pid <= 0)
        return;
    if (strncmp(line, "start ", 6) == 0) {
        const char *active = value_of(line, "active"), *exe = value_of(line, "exe");
        process = started(proof, pid);
        process->active = active && *active == '1';
        free(process->exe);
        process->exe = exe ? memory_copy(exe) : NULL;
    } else if (strncmp(line, "end ", 4) == 0 && (process = latest(proof, pid)) != NULL) {
        process->ended = true;
        for (size_t i = 0; i < PROOF_FIGURES; i++) {
            const char *figure = value_of(line, proof_keys[i]);
            if (figure)
                process->figures[i] = strtoll(figure, NULL, 10);
        }
    }
}

void proof_read(struct proof *proof)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t length;

    unlink(proof->path);
    FILE *file = lseek(proof->fd, 0, SEEK_SET) == 0 ? fdopen(proof->fd, "r") : NULL;
    if (!file)
        return;
    proof->fd = -1; /* it is the stream's now */
    while ((length = getline(&line, &room, file)) > 0) {
        line[strcspn(line, "\n")] = '\0';
        read_line(proof, line);
    }
    free(line);
    fclose(file);
}

const struct proof_process *proof_of(const struct proof *proof, pid_t pid)
{
    return latest(proof, pid);
}

size_t proof_count_active(const struct proof *proof)
{
    size_t count = 0;

    for (size_t i = 0; i < proof->count; i++)
        count += proof->processes[i].active;
    return count;
}

const char *proof_objection(const struct proof *proof, pid_t pid, bool brings_malloc, bool killed)
{
    const struct proof_process *process = latest(proof, pid);

    if (process && process->active)
        return NULL;
    if (process && brings_malloc)
        return "it brings a malloc of its own, which goes before any that is preloaded";
    if (process)
        return "the library was loaded, but another malloc came before it";
    if (killed)
        return "it was killed before its start was complete";
    if (proof->count > 0)
        return "only other processes, which it started, told of themselves";
    return "the library did not tell of its start there (is there an error of the loader above?)";
}

void proof_close(struct proof *proof)
{
    if (proof->path)
        unlink(proof->path);
    if (proof->fd >= 0)
        close(proof->fd);
    for (size_t i = 0; i < proof->count; i++)
        free(proof->processes[i].exe);
    free(proof->processes);
    free(proof->path);
    free(proof->setting);
    *proof = (struct proof){.fd = -1};
}
