/* SPDX-License-Identifier: MIT */
/*
 * words FILE...: how often does each word occur? A program of several files for the cases that
 * compile, link, make and debug one.
 */

#include "table.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static void count_line(struct table *table, char *line)
{
    while (*line) {
        while (*line && !isalpha((unsigned char)*line))
            line++;
        char *start = line;
        while (isalpha((unsigned char)*line))
            line++;
        char end = *line;
        *line = '\0';
        if (*start)
            table_count(table, start);
        *line = end;
    }
}

int main(int argc, char **argv)
{
    struct table table = {0};
    char *line = NULL;
    size_t room = 0;
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "r");
        if (!file)
            return perror(argv[i]), 1;
        while (getline(&line, &room, file) > 0)
            count_line(&table, line);
        fclose(file);
    }
    free(line);
    struct entry *sorted = table_sorted(&table);
    for (size_t i = 0; i < table.used && i < 10; i++)
        printf("%6lu %s\n", sorted[i].count, sorted[i].word);
    printf("%zu different words\n", table.used);
    free(sorted);
    table_fini(&table);
    return 0;
}
