/* SPDX-License-Identifier: MIT */
/* JSON documents: see json.h. */
#include "json.h"

#include <math.h>
#include <stdlib.h>

#include "own_memory.h"
#include "message.h"
#include "text.h"

enum { INDENT = 2, DIGITS = 12 };

static void require(int good)
{
    if (good)
        return;
    message("out of memory");
    exit(EXIT_OWN_ERROR);
}

json_t *json_document(const char *schema, int version)
{
    json_t *document = json_object();
    json_put(document, "schema", json_from_text(schema));
    json_put(document, "version", json_integer(version));
    return document;
}

void json_put(json_t *object, const char *key, json_t *value)
{
    require(object && value && json_object_set_new(object, key, value) == 0);
}

void json_append(json_t *array, json_t *value)
{
    require(array && value && json_array_append_new(array, value) == 0);
}

json_t *json_from_text(const char *text)
{
    if (!text)
        return json_null();
    char *valid = text_utf8(text);
    json_t *result = json_string(valid);
    free(valid);
    return result;
}

json_t *json_from_argv(char *const *argv)
{
    json_t *array = json_array();
    for (; *argv; argv++)
        json_append(array, json_from_text(*argv));
    return array;
}

json_t *json_from_real(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

void json_finish(json_t *document, FILE *to)
{
    size_t flags = JSON_INDENT(INDENT) | JSON_REAL_PRECISION(DIGITS);
    json_dumpf(document, to, flags); /* a failed write shows in ferror() */
    fputc('\n', to);
    json_decref(document);
}
