/* SPDX-License-Identifier: MIT */
/*
 * JSON documents, on jansson: the few calls that the verbs make. Every document begins with its
 * schema and version, so that readers can tell what they read. Running out of memory ends the
 * command, as in own_memory.h.
 */
#ifndef CAIRN_TOOLS_JSON_H
#define CAIRN_TOOLS_JSON_H

#include <jansson.h>
#include <stdio.h>

/* {"schema": "cairn.VERB", "version": N} */
json_t *json_document(const char *schema, int version);

/* Puts `value` (whose reference it takes over) under `key`, or at the end of an array. */
void json_put(json_t *object, const char *key, json_t *value);
void json_append(json_t *array, json_t *value);

/* Text in any encoding, also NULL, which becomes null. */
json_t *json_from_text(const char *text);
json_t *json_from_argv(char *const *argv);

/* Real numbers; what is not finite becomes null. */
json_t *json_from_real(double value);

/* Writes the document, and gives it up. */
void json_finish(json_t *document, FILE *to);

#endif
