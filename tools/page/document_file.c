/* SPDX-License-Identifier: MIT */
/* Documents from files: see document_file.h. */
#define _GNU_SOURCE
#include "page/document_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "message.h"
#include "own_memory.h"
#include "text.h"

enum { DIGITS = 9 };

/* The beginning of what a pipe holds, which stays in it: read from a copy that tee(2) makes. Waits
 * until there is something. As read(2). */
static ssize_t look_into_pipe(int fd, char *bytes, size_t size)
{
    int copy[2];

    if (pipe2(copy, O_CLOEXEC) < 0)
        return -1;
    ssize_t there = tee(fd, copy[1], size, 0);
    if (there > 0)
        there = read(copy[0], bytes, size);
    close(copy[0]);
    close(copy[1]);
    return there;
}

/* A named pipe can be opened once: whoever writes to it may be gone the second time, and opening it
 * would wait for another. Those without a name (of <(...), say) do not wait. */
static bool is_named_pipe(const char *path)
{
    struct stat status;
    struct statfs system;

    return stat(path, &status) == 0 && S_ISFIFO(status.st_mode) &&
           (statfs(path, &system) < 0 || system.f_type != PIPEFS_MAGIC);
}

enum document_source document_source_of(const char *path)
{
    bool is_standard = strcmp(path, "-") == 0;
    char bytes[4096];
    struct stat status;
    ssize_t there = -1;

    if (!is_standard && is_named_pipe(path))
        return SOURCE_RECORDING;
    int fd = is_standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    bool is_known = fd >= 0 && fstat(fd, &status) == 0;
    if (is_known && S_ISFIFO(status.st_mode))
        there = look_into_pipe(fd, bytes, sizeof bytes);
    else if (is_known && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)))
        there = pread(fd, bytes, sizeof bytes, is_standard ? lseek(fd, 0, SEEK_CUR) : 0);
    else if (is_known)
        there = snprintf(bytes, sizeof bytes, "?"); /* what is read there is gone */
    if (there <= 0)
        message("cannot read %s: %s", path, there < 0 ? strerror(errno) : "it is empty");
    if (fd >= 0 && !is_standard)
        close(fd);
    if (there <= 0)
        return SOURCE_NONE;
    ssize_t at = 0;
    while (at < there && strchr(" \t\n\r", bytes[at]) && bytes[at])
        at++;
    return at == there || bytes[at] == '{' || bytes[at] == '[' ? SOURCE_DOCUMENT : SOURCE_RECORDING;
}

/* Every string in `value` without control characters but newline and tab; also keys of objects are
 * left alone: they are looked up, never printed. */
static void clean(json_t *value)
{
    const char *key;
    json_t *item;
    size_t index;

    json_array_foreach(value, index, item) clean(item);
    json_object_foreach(value, key, item) clean(item);
    if (!json_is_string(value))
        return;
    char *copy = memory_copy(json_string_value(value));
    if (text_make_plain(copy))
        json_string_set(value, copy);
    free(copy);
}

json_t *document_read(const char *path)
{
    json_error_t error;
    json_t *document = strcmp(path, "-") == 0
                           ? json_loadf(stdin, JSON_REJECT_DUPLICATES, &error)
                           : json_load_file(path, JSON_REJECT_DUPLICATES, &error);

    if (!document) {
        message("cannot read %s: line %d, column %d: %s", path, error.line, error.column,
                error.text);
        return NULL;
    }
    const char *schema = json_string_value(json_object_get(document, "schema"));
    json_int_t version = json_integer_value(json_object_get(document, "version"));
    if (!schema || strncmp(schema, "cairn.", 6) != 0)
        message("%s is no document of cairn: it has no schema \"cairn.…\"", path);
    else if (version > DOCUMENT_VERSION_MOST)
        message("%s is a document %s of version %lld; this command reads version %d", path, schema,
                (long long)version, DOCUMENT_VERSION_MOST);
    else {
        clean(document);
        return document;
    }
    json_decref(document);
    return NULL;
}

/* Numbers without a fraction become integers, which are shorter, and exact however few digits
 * fractions have. NULL: it is none; what is in it was seen to. */
static json_t *shortened(json_t *value)
{
    double real = json_real_value(value);

    if (json_is_real(value) && fabs(real) < 0x1p53 && real == floor(real))
        return json_integer((json_int_t)real);
    document_shorten(value);
    return NULL;
}

void document_shorten(json_t *document)
{
    const char *key;
    json_t *item;
    size_t index;
    void *next;

    json_array_foreach(document, index, item)
    {
        json_t *whole = shortened(item);
        if (whole)
            json_array_set_new(document, index, whole);
    }
    json_object_foreach_safe(document, next, key, item)
    {
        json_t *whole = shortened(item);
        if (whole)
            json_object_set_new(document, key, whole);
    }
}

static void write_value(const json_t *value, FILE *to)
{
    size_t flags = JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(DIGITS);
    json_dumpf(value, to, flags); /* a failed write shows in ferror() */
}

void document_write(json_t *document, FILE *to)
{
    const char *key, *separator = "{\n";
    json_t *value, *section;
    size_t index;

    document_shorten(document);
    json_object_foreach(document, key, value)
    {
        json_t *name = json_from_text(key);
        fputs(separator, to);
        write_value(name, to);
        fputs(": ", to);
        json_decref(name);
        separator = ",\n";
        if (strcmp(key, "sections") != 0 || !json_is_array(value)) {
            write_value(value, to);
            continue;
        }
        fputc('[', to);
        json_array_foreach(value, index, section)
        {
            fputs(index ? ",\n" : "\n", to);
            write_value(section, to);
        }
        fputs("\n]", to);
    }
    fputs("\n}", to);
}
