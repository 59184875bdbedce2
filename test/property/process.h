/* SPDX-License-Identifier: MIT */
/*
 * What the tests ask about their own process: whose malloc answers, how much memory is resident,
 * how long to run. Nothing here allocates.
 *
 * CAIRN_TEST=1         this run is about Cairn: checks of what only Cairn promises are on, and a run
 *                      in which malloc is still libc's fails at once (a preload that did not work
 *                      would otherwise look like success)
 * CAIRN_TEST_SCALE=x   multiplies the work (0.1 for a quick look, 100 for a soak)
 */
#ifndef TEST_PROPERTY_PROCESS_H
#define TEST_PROPERTY_PROCESS_H

#include <dlfcn.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline bool cairn_expected(void)
{
    const char *value = getenv("CAIRN_TEST");

    return value != NULL && strcmp(value, "1") == 0;
}

/* The file that a symbol is taken from by a program that names it; "" if there is no such symbol. */
static inline const char *symbol_file(const char *symbol)
{
    void *address = dlsym(RTLD_DEFAULT, symbol);
    Dl_info info;

    if (address == NULL || dladdr(address, &info) == 0 || info.dli_fname == NULL) {
        return "";
    }
    return info.dli_fname;
}

static inline bool symbol_is_system(const char *symbol)
{
    const char *file = symbol_file(symbol);

    return strstr(file, "/libc.so") != NULL || strstr(file, "/libstdc++.so") != NULL ||
           strstr(file, "/ld-linux") != NULL;
}

/* Ends the process if this run is meant for Cairn and malloc is not Cairn's. */
static inline void require_cairn_if_expected(void)
{
    if (cairn_expected() && symbol_is_system("malloc")) {
        fprintf(stderr, "CAIRN_TEST=1, but malloc comes from %s\n", symbol_file("malloc"));
        exit(3);
    }
}

static inline double test_scale(void)
{
    const char *value = getenv("CAIRN_TEST_SCALE");
    double scale = value != NULL ? strtod(value, NULL) : 1.0;

    return scale > 0.0 ? scale : 1.0;
}

static inline size_t test_scaled(size_t count)
{
    size_t scaled = (size_t)((double)count * test_scale());

    return scaled > 0 ? scaled : 1;
}

/* Field 0 of statm is the size of the address space, field 1 what is resident; in bytes. */
static inline size_t process_statm(int field)
{
    char text[128];
    int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t size = file < 0 ? -1 : read(file, text, sizeof text - 1);
    char *at = text;

    if (file >= 0) {
        close(file);
    }
    if (size <= 0) {
        return 0;
    }
    text[size] = '\0';
    for (int i = 0; i < field; i++) {
        strtoul(at, &at, 10);
    }
    return strtoul(at, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

static inline size_t virtual_bytes(void)
{
    return process_statm(0);
}

static inline size_t resident_bytes(void)
{
    return process_statm(1);
}

#endif
