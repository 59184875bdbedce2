/* SPDX-License-Identifier: MIT */
/* The environment that a program is started with: see environment.h. */
#include "environment.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "own_memory.h"

/*
 * Is `variable` ("NAME=value") the one that `setting` ("NAME=value", "NAME" or "NAME*") is about?
 */
static bool concerns(const char *setting, const char *variable)
{
    size_t length = strcspn(setting, "=*");

    if (strncmp(setting, variable, length) != 0)
        return false;
    return setting[length] == '*' || variable[length] == '=';
}

char **environment_with(char *const *base, const char *const *settings)
{
    size_t room = 1, count = 0;

    for (char *const *variable = base; *variable; variable++)
        room++;
    for (const char *const *setting = settings; *setting; setting++)
        room++;
    char **result = memory_take(room, sizeof *result);
    for (; *base; base++) {
        bool replaced = false;
        for (const char *const *setting = settings; *setting && !replaced; setting++)
            replaced = concerns(*setting, *base);
        if (!replaced)
            result[count++] = *base;
    }
    for (; *settings; settings++)
        if (strchr(*settings, '='))
            result[count++] = (char *)*settings;
    return result;
}

const char *environment_get(char *const *environment, const char *name)
{
    size_t length = strlen(name);

    for (; *environment; environment++)
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
            return *environment + length + 1;
    return NULL;
}

char *environment_preload(char *const *environment, const char *library)
{
    const char *existing = environment_get(environment, "LD_PRELOAD");

    if (!library)
        return existing ? memory_format("LD_PRELOAD=%s", existing) : memory_copy("LD_PRELOAD");
    char *result = memory_format("LD_PRELOAD=%s", library);
    while (existing && *existing) {
        size_t length = strcspn(existing, " :"); /* ld.so takes either */
        bool same = strlen(library) == length && strncmp(library, existing, length) == 0;
        if (length > 0 && !same) {
            char *longer = memory_format("%s:%.*s", result, (int)length, existing);
            free(result);
            result = longer;
        }
        existing += length + strspn(existing + length, " :");
    }
    return result;
}
