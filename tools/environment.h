/* SPDX-License-Identifier: MIT */
/* The environment that a program is started with: the command's own, with some changes. */
#ifndef CAIRN_TOOLS_ENVIRONMENT_H
#define CAIRN_TOOLS_ENVIRONMENT_H

/*
 * `base` with each of the NULL-terminated `settings` applied: "NAME=value" sets, "NAME" removes,
 * and "NAME*" removes all that start so. The array is freed by the caller; the strings stay those
 * of `base` and `settings`.
 */
char **environment_with(char *const *base, const char *const *settings);

/* The value of `name` in `environment`, or NULL. */
const char *environment_get(char *const *environment, const char *name);

/*
 * "LD_PRELOAD=library:what `environment` has there", without naming the library twice; just what
 * `environment` has if `library` is NULL ("LD_PRELOAD" if it has nothing). Freed by the caller.
 */
char *environment_preload(char *const *environment, const char *library);

#endif
