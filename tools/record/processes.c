/* SPDX-License-Identifier: MIT */
/*
 * See processes.h. Deaths are seen by pidfd, which also tells of processes that nobody has waited for
 * yet; without it (no more descriptors), by whether a signal could be sent.
 */
#define _GNU_SOURCE
#include "record/processes.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "own_memory.h"

/* ---- other namespaces ---- */

/* The last of the numbers that a process has, from here inwards; 0: not known. */
static int innermost_number(const char *status_path)
{
    FILE *status = fopen(status_path, "re");
    char line[256];
    int number = 0;

    while (status && fgets(line, sizeof line, status)) {
        if (strncmp(line, "NSpid:", 6) == 0) {
            const char *last = strrchr(line, '\t');
            number = last ? atoi(last + 1) : 0;
            break;
        }
    }
    if (status)
        fclose(status);
    return number;
}

static bool is_it(int here, int pid, uint64_t space)
{
    char path[64];
    struct stat status;

    snprintf(path, sizeof path, "/proc/%d/ns/pid", here);
    if (stat(path, &status) < 0 || (uint64_t)status.st_ino != space)
        return false;
    snprintf(path, sizeof path, "/proc/%d/status", here);
    return innermost_number(path) == pid;
}

/* 0: it is not seen from here. */
static int number_here(int pid, uint64_t space)
{
    DIR *all = opendir("/proc");
    const struct dirent *entry;
    int found = 0;

    while (all && !found && (entry = readdir(all))) {
        int here = atoi(entry->d_name);
        if (here > 0 && is_it(here, pid, space))
            found = here;
    }
    if (all)
        closedir(all);
    return found;
}

/* ---- the list ---- */

struct recorded *processes_add(struct processes *processes, uint32_t serial, int pid,
                               uint64_t space)
{
    int here = space ? number_here(pid, space) : pid;
    struct recorded *process = memory_take(1, sizeof *process);

    process->serial = serial;
    process->pid = pid;
    process->space = space;
    process->handle = here ? (int)syscall(SYS_pidfd_open, here, 0) : -1;
    processes->list = memory_resize(processes->list, processes->count + 1,
                                    sizeof(struct recorded *));
    processes->list[processes->count++] = process;
    processes->ever++;
    return process;
}

static void fini(struct recorded *process)
{
    if (process->handle >= 0)
        close(process->handle);
    free(process->nodes);
    free(process->loaded);
    free(process->threads);
    free(process);
}

void processes_remove(struct processes *processes, struct recorded *process)
{
    for (size_t i = 0; i < processes->count; i++) {
        if (processes->list[i] == process) {
            processes->list[i] = processes->list[--processes->count];
            break;
        }
    }
    fini(process);
}

void processes_fini(struct processes *processes)
{
    for (size_t i = 0; i < processes->count; i++)
        fini(processes->list[i]);
    free(processes->list);
    *processes = (struct processes){.list = NULL};
}

struct recorded *processes_of_serial(const struct processes *processes, uint32_t serial)
{
    for (size_t i = 0; i < processes->count; i++)
        if (processes->list[i]->serial == serial)
            return processes->list[i];
    return NULL;
}

struct recorded *processes_of_pid(const struct processes *processes, int pid, uint64_t space,
                                  uint64_t next)
{
    for (size_t i = 0; i < processes->count; i++) {
        struct recorded *process = processes->list[i];
        if (process->pid == pid && process->space == space &&
            (!process->dead || next <= process->until))
            return process;
    }
    return NULL;
}

bool recorded_is_hidden(const struct recorded *process)
{
    return process->space != 0 && process->handle < 0;
}

static bool has_died(const struct recorded *process)
{
    struct pollfd handle = {.fd = process->handle, .events = POLLIN};

    if (process->handle >= 0)
        return poll(&handle, 1, 0) == 1 && (handle.revents & POLLIN) != 0;
    return process->space == 0 && kill(process->pid, 0) < 0 && errno == ESRCH;
}

void processes_look(struct processes *processes, uint64_t number)
{
    for (size_t i = 0; i < processes->count; i++) {
        struct recorded *process = processes->list[i];
        if (!process->dead && has_died(process)) {
            process->dead = true;
            process->until = number;
        }
    }
}

bool processes_thread_is_gone(int pid, int tid)
{
    return syscall(SYS_tgkill, pid, tid, 0) < 0 && errno == ESRCH;
}

/* ---- what lies where ---- */

/* The first that ends after the address. */
static size_t place_of(const struct recorded *process, uint64_t address)
{
    size_t low = 0, high = process->loaded_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (process->loaded[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void recorded_load(struct recorded *process, const struct loaded *loaded)
{
    size_t at = place_of(process, loaded->start), end = at;

    while (end < process->loaded_count && process->loaded[end].start < loaded->end)
        end++;
    process->loaded = memory_resize(process->loaded, process->loaded_count + 1,
                                    sizeof *process->loaded);
    memmove(process->loaded + at + 1, process->loaded + end,
            (process->loaded_count - end) * sizeof *process->loaded);
    process->loaded_count = process->loaded_count - (end - at) + 1;
    process->loaded[at] = *loaded;
}

uint32_t recorded_stack(const struct recorded *process, struct trace_writer *writer,
                        const uint64_t *frames, size_t count)
{
    static const struct trace_module nowhere = {"", ""};
    uint32_t node = 0;

    while (count-- > 0) {
        uint64_t call = frames[count] - 1;
        size_t at = place_of(process, call);
        struct trace_node next = {.parent = node, .offset = call};
        if (at < process->loaded_count && process->loaded[at].start <= call) {
            next.module = process->loaded[at].module;
            next.offset -= process->loaded[at].bias;
        } else {
            next.module = trace_add_module(writer, &nowhere);
        }
        node = trace_add_node(writer, &next);
    }
    return node;
}

void recorded_set_node(struct recorded *process, uint32_t number, uint32_t node)
{
    if (number >= process->nodes_room) {
        size_t room = process->nodes_room ? process->nodes_room : 256;
        while (room <= number)
            room *= 2;
        process->nodes = memory_resize(process->nodes, room, sizeof *process->nodes);
        memset(process->nodes + process->nodes_room, 0,
               (room - process->nodes_room) * sizeof *process->nodes);
        process->nodes_room = room;
    }
    process->nodes[number] = node;
}

uint32_t recorded_node(const struct recorded *process, uint32_t number)
{
    return number < process->nodes_room ? process->nodes[number] : 0;
}

/* ---- threads ---- */

struct known_thread *recorded_thread(const struct recorded *process, int tid)
{
    for (size_t i = process->threads_count; i-- > 0;)
        if (process->threads[i].tid == tid)
            return &process->threads[i];
    return NULL;
}

struct known_thread *recorded_add_thread(struct recorded *process, int tid, uint32_t index)
{
    struct known_thread *thread = recorded_thread(process, tid);

    if (!thread) {
        /* Of those that have ended, one is forgotten for it. */
        enum { REMEMBERED = 1024 };
        for (size_t i = 0;
             process->threads_count > REMEMBERED && !thread && i < process->threads_count; i++)
            if (process->threads[i].ended)
                thread = &process->threads[i];
    }
    if (!thread) {
        process->threads = memory_resize(process->threads, process->threads_count + 1,
                                         sizeof *process->threads);
        thread = &process->threads[process->threads_count++];
    }
    *thread = (struct known_thread){.tid = tid, .index = index};
    return thread;
}
