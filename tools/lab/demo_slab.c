/* SPDX-License-Identifier: MIT */
/* The demonstration of slots, with keys, and of the slab, with pointers: see demo.h. */
#define _GNU_SOURCE
#include "lab/demo.h"

#include <inttypes.h>
#include <string.h>

#include "cairn/slab.h"
#include "cairn/slots.h"
#include "message.h"

struct user {
    char name[24];
    int visits;
};

static const char *const names[] = {"Ada", "Grace", "Edsger", "Barbara"};
enum { USERS = sizeof names / sizeof *names };

static const char *name_of(const cairn_slots *slots, cairn_slots_key key)
{
    const struct user *user = cairn_slots_get(slots, key);
    return user ? user->name : "nothing: the key is stale";
}

static cairn_slots_key add_user(cairn_slots *slots, const char *name)
{
    struct user user = {.visits = 1};

    strncpy(user.name, name, sizeof user.name - 1);
    return cairn_slots_insert(slots, &user);
}

static void show_key(struct demo *demo, const char *what, cairn_slots_key key)
{
    demo_show(demo, what, "slot %" PRIu32 ", key %#" PRIx64, (uint32_t)key, key);
}

static bool play_slots(struct demo *demo, cairn_slots *slots)
{
    cairn_slots_key keys[USERS];

    demo_say(demo, "Slots hold things that others know by a key: connections, players, handles. A "
                   "key is the number of the place, and how often the place was used.");
    for (size_t i = 0; i < USERS; i++) {
        keys[i] = add_user(slots, names[i]);
        if (keys[i] == 0)
            return false;
        show_key(demo, names[i], keys[i]);
    }
    demo_show(demo, "elements, and places for them", "%zu, %zu", cairn_slots_count(slots),
              cairn_slots_capacity(slots));
    fputc('\n', demo->to);

    demo_say(demo, "Grace leaves, and Tony comes. He gets her place, and another key; who still "
                   "holds hers finds nothing, not Tony.");
    cairn_slots_remove(slots, keys[1], NULL);
    cairn_slots_key tony = add_user(slots, "Tony");
    show_key(demo, "Tony", tony);
    demo_show(demo, "Tony's key finds", "%s", name_of(slots, tony));
    demo_show(demo, "Grace's key finds", "%s", name_of(slots, keys[1]));
    demo_show(demo, "removing by Grace's key", "%s",
              cairn_slots_remove(slots, keys[1], NULL) ? "done (this should not be)" : "refused");
    demo_show(demo, "a made-up key finds", "%s",
              cairn_slots_get(slots, 12345) ? "something (this should not be)" : "nothing");
    fputc('\n', demo->to);
    return true;
}

struct counts {
    int constructed, destructed;
};

static bool construct(void *context, void *object)
{
    struct counts *counts = context;
    struct user *user = object;

    counts->constructed++;
    user->visits = 0;
    return true;
}

static void destruct(void *context, void *object)
{
    struct counts *counts = context;

    (void)object;
    counts->destructed++;
}

static bool play_slab(struct demo *demo, cairn_slab *slab, const struct counts *counts)
{
    cairn_slab_stats stats;
    struct user *first = cairn_slab_alloc(slab), *second = cairn_slab_alloc(slab);

    if (!first || !second)
        return false;
    first->visits = 7;
    cairn_slab_dealloc(slab, first);
    struct user *again = cairn_slab_alloc(slab);
    demo_show(demo, "an object given back and taken again", "%s, with %d visits",
              again == first ? "the same place" : "another place", again ? again->visits : 0);
    demo_show(demo, "given back once", "%s", cairn_slab_dealloc(slab, again) ? "taken" : "refused");
    demo_show(demo, "given back twice", "%s",
              cairn_slab_dealloc(slab, again) ? "taken (this should not be)" : "refused");
    demo_show(demo, "a pointer into the middle", "%s",
              cairn_slab_dealloc(slab, (char *)second + 4) ? "taken (this should not be)"
                                                           : "refused");
    cairn_slab_stats_get(slab, &stats);
    demo_show(demo, "objects in a slab; constructed so far", "%zu; %d", stats.slab_objects,
              counts->constructed);
    cairn_slab_dealloc(slab, second);
    demo_show(demo, "slabs given back when none is in use", "%zu", cairn_slab_shrink(slab));
    demo_show(demo, "destructed", "%d", counts->destructed);
    fputc('\n', demo->to);
    return true;
}

bool demo_slab(struct demo *demo)
{
    struct counts counts = {0, 0};
    cairn_slots slots;
    cairn_slots_opts opts = {.number = 1}; /* the same keys each time */

    bool good = cairn_slots_init(&slots, cairn_layout_of(struct user), &opts) &&
                play_slots(demo, &slots);
    cairn_slots_fini(&slots);
    if (good) {
        demo_say(demo, "A slab does the same for who wants pointers. Its objects are made once, by "
                       "a constructor, and stay made while they wait for their next user; and it "
                       "knows what is in use, bit by bit.");
        cairn_slab *slab = cairn_slab_create(cairn_layout_of(struct user),
                                             &(cairn_slab_opts){.slab_size = 4096,
                                                                .construct = construct,
                                                                .destruct = destruct,
                                                                .context = &counts});
        good = slab && play_slab(demo, slab, &counts);
        cairn_slab_destroy(slab);
    }
    if (!good)
        message("lab: the slots had no memory");
    else
        demo_say(demo, "next: examples/slots.c, examples/slab.c; cairn lab run --pattern fixed "
                       "--size 32 --allocator slab,pool,slab_set,buddy");
    return good;
}
