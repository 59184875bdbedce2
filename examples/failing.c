/* SPDX-License-Identifier: MIT */
/* Puts a function through every failure of memory that it can meet, and finds the one that leaks. */
#include <stdio.h>
#include <string.h>

#include "cairn/failing.h"
#include "cairn/limited.h"
#include "cairn/system.h"

struct person {
    char *name;
    char *town;
};

static struct person *person_create(cairn_allocator allocator, const char *name, const char *town)
{
    struct person *person = cairn_allocator_alloc(allocator, cairn_layout_of(struct person));
    if (person == NULL)
        return NULL;
    person->name = cairn_allocator_duplicate_string(allocator, name);
    person->town = cairn_allocator_duplicate_string(allocator, town);
    if (person->name == NULL || person->town == NULL) {
        cairn_allocator_dealloc(allocator, person,
                                cairn_layout_of(struct person)); /* and the name? */
        return NULL;
    }
    return person;
}

static void person_destroy(cairn_allocator allocator, struct person *person)
{
    cairn_allocator_dealloc(allocator, person->name, (cairn_layout){strlen(person->name) + 1, 1});
    cairn_allocator_dealloc(allocator, person->town, (cairn_layout){strlen(person->town) + 1, 1});
    cairn_allocator_dealloc(allocator, person, cairn_layout_of(struct person));
}

int main(void)
{
    /* limited without a limit counts what is live. */
    cairn_limited live;
    cairn_limited_init(&live, cairn_system(), NULL);
    cairn_failing failing;
    cairn_failing_init(&failing, cairn_limited_allocator(&live), NULL);
    cairn_allocator allocator = cairn_failing_allocator(&failing);

    size_t n = 0, leaked = 0;
    do {
        cairn_failing_opts schedule = {.at = ++n};
        cairn_failing_arm(&failing, &schedule);
        struct person *person = person_create(allocator, "Ada", "London");
        if (person != NULL)
            person_destroy(allocator, person);

        cairn_limited_stats now;
        cairn_limited_stats_get(&live, &now);
        printf("request %zu fails: %s, %zu blocks leaked\n", n, person ? "made" : "not made",
               now.blocks - leaked);
        leaked = now.blocks;
    } while (cairn_failing_failures(&failing) > 0);
    return 0;
}
