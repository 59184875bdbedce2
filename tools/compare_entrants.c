/* SPDX-License-Identifier: MIT */
/* Who takes part in a comparison, and with which environment: see compare.h. */
#include "compare.h"

#include <stdlib.h>
#include <string.h>

#include "environment.h"
#include "library.h"
#include "message.h"
#include "own_memory.h"

bool compare_choose(const char *words, const char *baseline, const char *library,
                    struct allocator_list *selected)
{
    struct allocator_list known;

    allocators_find(&known, NULL);
    bool good = allocators_select(&known, words, selected);
    if (good && !allocators_named(selected, baseline)) {
        char *with_baseline = memory_format("%s,%s", baseline, words);
        allocators_free(selected);
        good = allocators_select(&known, with_baseline, selected);
        free(with_baseline);
    }
    for (size_t i = 0; good && i < selected->count; i++) {
        if (!selected->items[i].is_cairn)
            continue;
        selected->items[i].path = library_find(library);
        good = selected->items[i].path != NULL;
    }
    allocators_free(&known);
    return good;
}

bool compare_enter(struct comparison *comparison, const struct allocator_list *list,
                   const char *baseline)
{
    extern char **environ;
    size_t rounds = comparison->rounds + comparison->warm_ups;

    comparison->all = list;
    comparison->entrants = memory_take(list->count, sizeof *comparison->entrants);
    for (size_t i = 0; i < list->count; i++) {
        const struct allocator *allocator = &list->items[i];
        bool is_baseline = strcmp(allocator->name, baseline) == 0;
        if (allocator->why_not && (is_baseline || allocator->is_cairn)) {
            message("%s (%s) is %s", allocator->name, allocator->path, allocator->why_not);
            return false;
        }
        if (allocator->why_not)
            continue;
        if (is_baseline)
            comparison->baseline = comparison->count;
        struct entrant *entrant = &comparison->entrants[comparison->count++];
        entrant->allocator = allocator;
        entrant->verified = !allocator->is_cairn;
        entrant->preload = environment_preload(environ, allocator->path);
        entrant->environment = environment_with(
            environ, (const char *const[]){entrant->preload, "CAIRN_RUN_FILE", NULL});
        entrant->runs = memory_take_apart(rounds, sizeof *entrant->runs);
    }
    return true;
}

void compare_leave(struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->count; i++) {
        free(comparison->entrants[i].preload);
        free(comparison->entrants[i].environment);
        free(comparison->entrants[i].failure_note);
    }
    free(comparison->entrants);
}
