/* SPDX-License-Identifier: MIT */
/* Documents from files: see document_file.h. */
#define _GNU_SOURCE
#include "page/document_file.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "message.h"
#include "own_memory.h"
#include "text.h"

enum { DIGITS = 9 };

enum document_source document_source_of(const char *path)
{
    if (strcmp(path, "-") == 0)
        return SOURCE_RECORDING;
    struct stat status;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
        return SOURCE_RECORDING; /* what is read from a pipe is gone */
    errno = 0;
    FILE *file = fopen(path, "re");
    int letter = EOF;

    if (file)
        do
            letter = fgetc(file);
        while (letter == ' ' || letter == '\t' || letter == '\n' || letter == '\r');
    if (!file || letter == EOF) {
        message("cannot read %s: %s", path, errno ? strerror(errno) : "it is empty");
        if (file)
            fclose(file);
        return SOURCE_NONE;
    }
    fclose(file);
    return letter == '{' || letter == '[' ? SOURCE_DOCUMENT : SOURCE_RECORDING;
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
    json_t *document = json_load_file(path, JSON_REJECT_DUPLICATES, &error);

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
