/* SPDX-License-Identifier: MIT */
/*
 * See modules.h. The dynamic linker counts what it loads and unloads, and lists what is there with
 * its load bias and segments, by dl_iterate_phdr, which allocates nothing. Who holds its lock may
 * wait here for room in a ring, but not for a lock whose holder wants the linker's.
 *
 * A child of fork finds that lock as it was, for ever held if a thread that is not there any more held
 * it. So fork waits until none is here, and who comes meanwhile turns back (waiting could be a
 * deadlock: it may hold the linker's lock already). It comes again with the next new stack.
 */
#define _GNU_SOURCE
#include "record/modules.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "base/bits.h"
#include "record/lane.h"

enum { HEAD_WORDS = TEXT_HEAD_WORDS, BUILD_ID_MOST = 64 };

static char *text_of(struct text_record *message)
{
    return (char *)&message->words[HEAD_WORDS];
}

static void put(struct text_record *message, const char *bytes, size_t count)
{
    size_t room = TEXT_BYTES - 2 - 2 * BUILD_ID_MOST - message->length;

    count = size_min(count, room);
    memcpy(text_of(message) + message->length, bytes, count);
    message->length += count;
}

static void end_text(struct text_record *message)
{
    text_of(message)[message->length++] = '\0';
}

/* As the process sees it, absolute. The program itself has no name in the list. */
static void put_path(struct text_record *message, const struct dl_phdr_info *info)
{
    char *buffer = message->buffer;

    if (info->dlpi_addr != 0 && getauxval(AT_SYSINFO_EHDR) >= info->dlpi_addr &&
        getauxval(AT_SYSINFO_EHDR) == message->words[1]) {
        put(message, "[vdso]", 6);
    } else if (info->dlpi_name[0] == '\0') {
        ssize_t length = readlink("/proc/self/exe", buffer, TEXT_BYTES);
        if (length > 0)
            put(message, buffer, (size_t)length);
    } else {
        if (info->dlpi_name[0] != '/' && getcwd(buffer, TEXT_BYTES) != NULL) {
            put(message, buffer, strlen(buffer));
            put(message, "/", 1);
        }
        put(message, info->dlpi_name, strlen(info->dlpi_name));
    }
    end_text(message);
}

static void put_hexadecimal(struct text_record *message, const unsigned char *bytes, size_t count)
{
    static const char digits[] = "0123456789abcdef";
    char *at = text_of(message) + message->length;

    count = size_min(count, BUILD_ID_MOST);
    for (size_t i = 0; i < count; i++) {
        *at++ = digits[bytes[i] >> 4];
        *at++ = digits[bytes[i] & 15];
    }
    message->length += 2 * count;
}

/* True: it was found in this segment of notes. */
static bool put_build_id(struct text_record *message, const char *notes, size_t size, size_t align)
{
    align = align == 8 ? 8 : 4;
    while (size >= sizeof(ElfW(Nhdr))) {
        ElfW(Nhdr) note;
        memcpy(&note, notes, sizeof note);
        size_t name = sizeof note, id = round_up(name + note.n_namesz, align);
        size_t next = round_up(id + note.n_descsz, align);
        if (next > size)
            return false;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
            memcmp(notes + name, "GNU", 4) == 0) {
            put_hexadecimal(message, (const unsigned char *)notes + id, note.n_descsz);
            return true;
        }
        notes += next;
        size -= next;
    }
    return false;
}

/* The ends of all its segments: others are not mapped between. */
static bool measure(struct text_record *message, const struct dl_phdr_info *info)
{
    uintptr_t start = UINTPTR_MAX, end = 0;

    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD)
            continue;
        start = size_min(start, info->dlpi_addr + segment->p_vaddr);
        end = size_max(end, info->dlpi_addr + segment->p_vaddr + segment->p_memsz);
    }
    message->words[0] = info->dlpi_addr;
    message->words[1] = start;
    message->words[2] = end;
    return start < end;
}

/* True if it is new, or its place in the table of what was sent is taken by another. */
static bool is_news(const struct text_record *message)
{
    struct process *process = cairn__channel.process;
    uint64_t hash = message->words[0] + message->words[1] * 31;
    const char *text = (const char *)&message->words[HEAD_WORDS];

    for (size_t i = 0; i < message->length; i++)
        hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    _Atomic uint64_t *sent = &process->sent[hash >> 52 & (MODULES_SENT - 1)];
    if (atomic_load_explicit(sent, memory_order_relaxed) == hash)
        return false;
    atomic_store_explicit(sent, hash, memory_order_relaxed);
    return true;
}

static void send_module(struct text_record *message, const struct dl_phdr_info *info)
{
    message->length = 0;
    if (!measure(message, info))
        return;
    put_path(message, info);
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type == PT_NOTE &&
            put_build_id(message, (const char *)(info->dlpi_addr + segment->p_vaddr),
                         segment->p_memsz, segment->p_align))
            break;
    }
    end_text(message);
    if (is_news(message))
        cairn__lane_blob(RING_MODULE, 0, message->words,
                         HEAD_WORDS + (unsigned)((message->length + 7) / 8));
}

/* Under the linker's lock, so the text is somebody else's only if this interrupts it. */
static int send_one(struct dl_phdr_info *info, size_t size, void *context)
{
    struct process *process = cairn__channel.process;
    bool *whole = context;

    (void)size;
    *whole = !atomic_exchange_explicit(&process->text_used, true, memory_order_acquire);
    if (!*whole)
        return 1;
    send_module(&process->text, info);
    atomic_store_explicit(&process->text_used, false, memory_order_release);
    return 0;
}

/* ---- forks ---- */

static bool begin_listing(struct process *process)
{
    atomic_fetch_add_explicit(&process->listing, 1, memory_order_seq_cst);
    if (LIKELY(atomic_load_explicit(&process->forking, memory_order_seq_cst) == 0))
        return true;
    atomic_fetch_sub_explicit(&process->listing, 1, memory_order_seq_cst);
    return false;
}

static void end_listing(struct process *process)
{
    atomic_fetch_sub_explicit(&process->listing, 1, memory_order_release);
}

/* For a second at most: it may be this thread itself, and here by way of a signal. */
static void before_fork(void)
{
    enum { MILLISECONDS = 1000 };
    struct process *process = cairn__channel.process;
    uint32_t some;

    if (process == NULL)
        return;
    atomic_fetch_add_explicit(&process->forking, 1, memory_order_seq_cst);
    for (unsigned i = 0; i < MILLISECONDS; i++) {
        some = atomic_load_explicit(&process->listing, memory_order_seq_cst);
        if (some == 0)
            break;
        cairn__channel_wait(&process->listing, some, 1);
    }
}

/* The child begins with a `process` of its own. */
static void after_fork(void)
{
    struct process *process = cairn__channel.process;
    if (process != NULL)
        atomic_fetch_sub_explicit(&process->forking, 1, memory_order_seq_cst);
}

void cairn__modules_watch_forks(void)
{
    pthread_atfork(before_fork, after_fork, NULL);
}

/* ---- what has changed ---- */

struct counts {
    uint64_t adds, subs;
};

static int count(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    *(struct counts *)context = (struct counts){info->dlpi_adds, info->dlpi_subs};
    return 1;
}

bool cairn__modules_changed(void)
{
    struct process *process = cairn__channel.process;
    struct counts now = {0, 0};

    if (!begin_listing(process))
        return false;
    dl_iterate_phdr(count, &now);
    end_listing(process);
    return now.adds != atomic_load_explicit(&process->adds, memory_order_relaxed) ||
           now.subs != atomic_load_explicit(&process->subs, memory_order_relaxed);
}

void cairn__modules_send(void)
{
    struct process *process = cairn__channel.process;
    struct counts now = {0, 0};
    bool whole = true;
    int saved = errno;

    if (!begin_listing(process))
        return;
    dl_iterate_phdr(count, &now);
    if (now.subs != atomic_load_explicit(&process->subs, memory_order_relaxed))
        for (size_t i = 0; i < MODULES_SENT; i++) /* what was unloaded may come again */
            atomic_store_explicit(&process->sent[i], 0, memory_order_relaxed);
    dl_iterate_phdr(send_one, &whole);
    end_listing(process);
    /* Release: who sees these counts may name addresses in what was sent. */
    if (whole) {
        atomic_store_explicit(&process->adds, now.adds, memory_order_release);
        atomic_store_explicit(&process->subs, now.subs, memory_order_release);
    }
    errno = saved;
}
