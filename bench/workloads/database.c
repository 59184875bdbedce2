/* SPDX-License-Identifier: MIT */
/*
 * A key-value database in memory: records of 20 bytes to 4 KiB in a skip list (W. Pugh, 1990), which
 * are inserted, updated with a value of another size, deleted, looked up, and scanned in order of
 * their keys. A scan copies what it finds into a result that grows. Keys are numbers from a skewed
 * distribution: some are touched often, most seldom.
 */
#include "workload.h"

#include <stdio.h>

enum { RECORDS, REQUESTS, PARAMETERS };
static struct parameter parameters[] = {
    [RECORDS] = {"records", 60000, 20000, 200},
    [REQUESTS] = {"requests", 1400000, 260000, 3000},
};

enum { LEVELS = 18, SCAN = 50 };

struct record {
    uint64_t key;
    char *value;
    size_t size;
    struct record *next[]; /* by level */
};

static struct record *head;
static struct random random_source;
static size_t scanned_bytes;

static struct record *make(uint64_t key, size_t levels)
{
    struct record *record = block_take(sizeof *record + levels * sizeof *record->next);
    *record = (struct record){.key = key};
    memset(record->next, 0, levels * sizeof *record->next);
    return record;
}

/* The first record whose key is not less; `path` gets the one before it on each level. */
static struct record *seek(uint64_t key, struct record *path[LEVELS])
{
    struct record *at = head;

    for (size_t level = LEVELS; level-- > 0;) {
        while (at->next[level] && at->next[level]->key < key)
            at = at->next[level];
        path[level] = at;
    }
    return at->next[0];
}

static size_t pick_size(void)
{
    return random_below(&random_source, 50) ? random_between(&random_source, 20, 400)
                                            : random_between(&random_source, 400, 4096);
}

static uint64_t pick_key(void)
{
    size_t range = parameters[RECORDS].value * 2, key = random_below(&random_source, range);
    return random_below(&random_source, 3) ? key : key * key / range;
}

static void set(struct record *record)
{
    if (record->value)
        block_end(record->value, record->size, record->key);
    record->size = pick_size();
    record->value = block_new(record->size, record->key);
}

static void insert(uint64_t key)
{
    struct record *path[LEVELS], *found = seek(key, path);

    if (!found || found->key != key) {
        size_t levels = 1;
        while (levels < LEVELS && random_below(&random_source, 4) == 0)
            levels++;
        found = make(key, levels);
        for (size_t level = 0; level < levels; level++) {
            found->next[level] = path[level]->next[level];
            path[level]->next[level] = found;
        }
    }
    set(found);
}

static void drop(struct record *record)
{
    block_end(record->value, record->size, record->key);
    free(record);
}

static void delete (uint64_t key)
{
    struct record *path[LEVELS], *found = seek(key, path);

    if (!found || found->key != key)
        return;
    for (size_t level = 0; level < LEVELS && path[level]->next[level] == found; level++)
        path[level]->next[level] = found->next[level];
    drop(found);
}

static void update(uint64_t key)
{
    struct record *path[LEVELS], *found = seek(key, path);

    if (found)
        set(found);
}

static void look_up(uint64_t key)
{
    struct record *path[LEVELS], *found = seek(key, path);

    if (!found)
        return;
    char *copy = block_take(found->size);
    memcpy(copy, found->value, found->size);
    block_end(copy, found->size, found->key);
}

static void scan(uint64_t key)
{
    struct record *path[LEVELS], *at = seek(key, path);
    char *result = NULL;
    size_t length = 0, room = 0;

    for (size_t i = 0; at && i < SCAN; at = at->next[0], i++) {
        if (length + at->size > room) {
            room = (length + at->size) * 2;
            result = realloc(result, room);
            if (!result)
                workload_fail("out of memory");
        }
        memcpy(result + length, at->value, at->size);
        block_verify(result + length, at->size, at->key);
        length += at->size;
    }
    scanned_bytes += length;
    free(result);
}

static void request(void)
{
    uint64_t key = pick_key();
    size_t what = random_below(&random_source, 100);

    if (what < 40)
        look_up(key);
    else if (what < 65)
        update(key);
    else if (what < 81)
        insert(key);
    else if (what < 97)
        delete (key);
    else
        scan(key);
}

int main(int argc, char **argv)
{
    workload_start(argc, argv, "a key-value database in memory", parameters, PARAMETERS);
    random_source = random_from(37);
    head = make(0, LEVELS);
    for (unsigned long i = 0; i < parameters[RECORDS].value; i++)
        insert(pick_key());
    uint64_t start = clock_now();
    for (unsigned long i = 0; i < parameters[REQUESTS].value; i++)
        request();
    double seconds = (double)(clock_now() - start) / 1e9;
    while (head->next[0]) {
        struct record *first = head->next[0];
        head->next[0] = first->next[0];
        drop(first);
    }
    free(head);
    if (scanned_bytes == 0)
        workload_fail("nothing was found");
    printf("requests_per_second=%.0f\n", (double)parameters[REQUESTS].value / seconds);
    return 0;
}
