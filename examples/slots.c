/* SPDX-License-Identifier: MIT */
/* Connections known to the outside by a number: one that comes back late finds nothing, though the
 * place has been taken since. */
#include <inttypes.h>
#include <stdio.h>

#include "cairn/slots.h"

struct connection {
    cairn_slots_key self;
    int peer;
    int requests;
};

CAIRN_SLOTS_OF(struct connection, connections)

static cairn_slots_key accept_from(cairn_slots *slots, int peer)
{
    cairn_slots_key key;
    struct connection *made = cairn_slots_claim(slots, &key);
    if (made == NULL)
        return 0;
    *made = (struct connection){.self = key, .peer = peer}; /* it knows its own key */
    cairn_slots_fill(slots, key);
    return key;
}

static const char *request(cairn_slots *slots, cairn_slots_key key)
{
    struct connection *found = connections_get(slots, key);
    if (found == NULL)
        return "no such connection";
    found->requests++;
    return "ok";
}

static bool is_busy(void *context, void *element, cairn_slots_key key)
{
    (void)context, (void)key;
    return ((struct connection *)element)->requests > 0;
}

static bool moved(void *context, void *element, cairn_slots_key old_key, cairn_slots_key new_key)
{
    struct connection *connection = element;
    (void)context;
    printf("peer %d moves from slot %" PRIu32 " to %" PRIu32 "\n", connection->peer,
           (uint32_t)old_key, (uint32_t)new_key);
    connection->self = new_key;
    return true;
}

int main(void)
{
    cairn_slots slots;
    cairn_slots_key keys[6];
    if (!connections_init(&slots, NULL))
        return 1;
    for (int peer = 0; peer < 6; peer++)
        if ((keys[peer] = accept_from(&slots, peer)) == 0)
            return 1;

    printf("peer 1: %s\n", request(&slots, keys[1]));
    connections_remove(&slots, keys[1], NULL);
    cairn_slots_key later = accept_from(&slots, 11);
    printf("the same slot: %s, late request of peer 1: %s\n",
           (uint32_t)later == (uint32_t)keys[1] ? "yes" : "no", request(&slots, keys[1]));

    request(&slots, keys[4]);
    request(&slots, later);
    printf("%zu idle ones closed\n", cairn_slots_retain(&slots, is_busy, NULL));
    cairn_slots_compact(&slots, moved, NULL);
    uint32_t cursor = 0;
    for (struct connection *at; (at = connections_next(&slots, &cursor, NULL)) != NULL;)
        printf("peer %d: %d request\n", at->peer, at->requests);
    cairn_slots_fini(&slots);
    return 0;
}
