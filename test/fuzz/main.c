/* SPDX-License-Identifier: MIT */
/*
 * A fuzz target as a plain program: what libFuzzer would try is what the files hold, or the standard
 * input if there are none. For other fuzzers (afl-fuzz … -- fuzz-operations-file @@), and to repeat what
 * one has found. It ends well, or aborts.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void try_file(FILE *file)
{
    enum { MOST = 1 << 20 };
    uint8_t *read = malloc(MOST);
    size_t size = fread(read, 1, MOST, file);
    /* A copy that ends where its memory does. */
    uint8_t *bytes = malloc(size + (size == 0));
    for (size_t i = 0; i < size; i++)
        bytes[i] = read[i];
    free(read);
    LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
}

int main(int argc, char **argv)
{
    if (LLVMFuzzerInitialize != NULL)
        LLVMFuzzerInitialize(&argc, &argv);
    if (argc < 2)
        try_file(stdin);
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (file == NULL) {
            perror(argv[i]);
            return 2;
        }
        try_file(file);
        fclose(file);
    }
    return 0;
}
