/* SPDX-License-Identifier: MIT */
/*
 * Reading `#!` lines: see script.h. The kernel takes the interpreter up to the first blank and
 * hands it everything after that as ONE argument; `env -S` exists to split that argument again.
 */
#define _GNU_SOURCE
#include "script.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

/* Is the option `name` (with its value in `value`) one that takes LD_PRELOAD away? */
static bool clears(char option, const char *value)
{
    return option == 'i' || (option == 'u' && strcmp(value, "LD_PRELOAD") == 0);
}

/* One word of env's; true if it was an option or an assignment, false if it is the program. */
static bool env_word(struct script *script, char *word, char **rest)
{
    if (strcmp(word, "-") == 0 || strcmp(word, "--ignore-environment") == 0) {
        script->clears_environment = true;
        return true;
    }
    if (word[0] == '-' && word[1] != '-') {
        for (char *letter = word + 1; *letter; letter++) {
            const char *value = letter + 1;
            bool takes_value = strchr("uC", *letter) != NULL;
            if (takes_value && !*value)
                value = strsep(rest, " \t");
            if (clears(*letter, value ? value : ""))
                script->clears_environment = true;
            if (takes_value)
                break;
        }
        return true;
    }
    if (strncmp(word, "--unset=", 8) == 0)
        script->clears_environment |= strcmp(word + 8, "LD_PRELOAD") == 0;
    if (strncmp(word, "LD_PRELOAD=", 11) == 0)
        script->clears_environment = true;
    return word[0] == '-' || strchr(word, '=') != NULL;
}

/* Finds the program that `env argument` will start. */
static void through_env(struct script *script, char *argument)
{
    char *rest = argument, *word;
    bool split = false;

    if (strncmp(argument, "--split-string", 14) == 0) {
        rest += strcspn(argument, "= \t");
        rest += *rest != '\0';
        split = true;
    } else if (argument[0] == '-' && argument[1] != '-') {
        /* -S may close a cluster: -vS, -iS */
        size_t letters = strcspn(argument, "S \t");
        if (argument[letters] == 'S') {
            for (size_t i = 1; i < letters; i++)
                script->clears_environment |= argument[i] == 'i';
            rest += letters + 1;
            split = true;
        }
    }
    if (!split) { /* one word, whatever is in it */
        char *nothing = NULL;
        if (!env_word(script, argument, &nothing) && *argument)
            snprintf(script->interpreter, sizeof script->interpreter, "%s", argument);
        return;
    }
    while ((word = strsep(&rest, " \t"))) {
        if (*word && !env_word(script, word, &rest)) {
            snprintf(script->interpreter, sizeof script->interpreter, "%s", word);
            return;
        }
    }
}

/* Text, as shells judge it before they run it: no NUL in the first line. */
static bool is_text(const char *bytes, size_t size)
{
    const char *end = memchr(bytes, '\n', size);
    return !memchr(bytes, '\0', end ? (size_t)(end - bytes) : size);
}

enum script_kind script_read(const char *path, struct script *script)
{
    char bytes[SCRIPT_LINE] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    ssize_t size = fd < 0 ? -1 : read(fd, bytes, sizeof bytes - 1);

    *script = (struct script){.clears_environment = false};
    if (fd >= 0)
        close(fd);
    if (size < 0)
        return SCRIPT_NONE;
    if (size < 2 || memcmp(bytes, "#!", 2) != 0)
        return is_text(bytes, (size_t)size) ? SCRIPT_PLAIN_TEXT : SCRIPT_NONE;

    size_t length = strcspn(bytes, "\n");
    while (length > 2 && strchr(" \t", bytes[length - 1]))
        length--;
    bytes[length] = '\0';
    memcpy(script->line, bytes, length + 1);
    char *interpreter = bytes + 2 + strspn(bytes + 2, " \t");
    char *argument = interpreter + strcspn(interpreter, " \t");
    if (*argument)
        *argument++ = '\0';
    argument += strspn(argument, " \t");
    snprintf(script->interpreter, sizeof script->interpreter, "%s", interpreter);
    if (strcmp(text_basename(interpreter), "env") == 0)
        through_env(script, argument);
    return *script->interpreter ? SCRIPT_WITH_LINE : SCRIPT_PLAIN_TEXT;
}
