/* SPDX-License-Identifier: MIT */
/* object_pool.h: who is constructed and destructed when, bounds, and releases that must be refused. */
#include "unit/unit.h"

#include "base/visible.h"
#include "cairn/object_pool.h"
#include "nth_source.h"

struct thing {
    uint64_t magic; /* ALIVE between construct and destruct */
    uint64_t uses, owner;
    unsigned char body[40];
};

#define ALIVE 0xA11FEu

struct world {
    struct nth_source source;
    size_t constructed, destructed, resets;
    size_t construct_fails_at; /* that call; 0: none */
    size_t construct_calls;
    bool spoilt; /* reset refuses */
};

static bool construct(void *context, void *object)
{
    struct world *world = context;
    struct thing *thing = object;
    if (++world->construct_calls == world->construct_fails_at)
        return false;
    memset(thing, 0x33, sizeof *thing);
    thing->magic = ALIVE;
    thing->uses = thing->owner = 0;
    world->constructed++;
    return true;
}

static void destruct(void *context, void *object)
{
    struct thing *thing = object;
    REQUIRE(thing->magic == ALIVE);
    thing->magic = 0;
    ((struct world *)context)->destructed++;
}

static bool reset(void *context, void *object)
{
    struct world *world = context;
    struct thing *thing = object;
    REQUIRE(thing->magic == ALIVE);
    thing->owner = 0;
    thing->uses++;
    world->resets++;
    return !world->spoilt;
}

static cairn_object_pool_opts opts_of(struct world *world)
{
    memset(world, 0, sizeof *world);
    return (cairn_object_pool_opts){.source = nth_begin(&world->source),
                                    .construct = construct,
                                    .destruct = destruct,
                                    .reset = reset,
                                    .context = world};
}

static void sound(const cairn_object_pool *pool)
{
    const char *wrong = cairn_object_pool_audit(pool);
    if (wrong != NULL)
        unit_fail(wrong, __FILE__, __LINE__);
}

static cairn_object_pool *create(const cairn_object_pool_opts *opts)
{
    cairn_object_pool *pool = cairn_object_pool_create(cairn_layout_of(struct thing), opts);
    REQUIRE(pool != NULL);
    return pool;
}

/* Ends it, and looks whether all is back. */
static void end(struct world *world, cairn_object_pool *pool, size_t in_use)
{
    sound(pool);
    REQUIRE(cairn_object_pool_destroy(pool) == in_use);
    REQUIRE(world->constructed == world->destructed);
    nth_end(&world->source);
}

TEST(what_cannot_be_created)
{
    struct world world;
    cairn_object_pool_opts opts = opts_of(&world);
    static const cairn_layout bad[] = {{8, 0}, {8, 3}, {SIZE_MAX, 1}, {PTRDIFF_MAX, 1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        REQUIRE(cairn_object_pool_create(bad[i], &opts) == NULL);
    world.source.fail_at = 1;
    REQUIRE(cairn_object_pool_create((cairn_layout){8, 8}, &opts) == NULL);
    REQUIRE(cairn_object_pool_destroy(NULL) == 0);
    nth_end(&world.source);
}

TEST(constructed_once_and_used_often)
{
    struct world world;
    cairn_object_pool_opts opts = opts_of(&world);
    cairn_object_pool *pool = create(&opts);
    struct thing *a = cairn_object_pool_acquire(pool), *b = cairn_object_pool_acquire(pool);
    REQUIRE(a != b && a->magic == ALIVE && b->magic == ALIVE && world.constructed == 2);
    a->owner = 7;
    REQUIRE(cairn_object_pool_release(pool, a));
    REQUIRE(cairn_object_pool_in_use(pool) == 1 && cairn_object_pool_idle(pool) == 1);
    for (uint64_t i = 1; i < 10; i++) {
        struct thing *again = cairn_object_pool_acquire(pool);
        REQUIRE(again == a && again->uses == i && again->owner == 0 && again->body[39] == 0x33);
        REQUIRE(cairn_object_pool_release(pool, again));
        sound(pool);
    }
    REQUIRE(world.constructed == 2 && world.destructed == 0 && world.resets == 10);
    end(&world, pool, 1);
}

TEST(the_last_released_is_the_next)
{
    cairn_object_pool *pool = create(NULL);
    void *a = cairn_object_pool_acquire(pool), *b = cairn_object_pool_acquire(pool);
    cairn_object_pool_release(pool, b);
    cairn_object_pool_release(pool, a);
    REQUIRE(cairn_object_pool_acquire(pool) == a && cairn_object_pool_acquire(pool) == b);
    REQUIRE(cairn_object_pool_destroy(pool) == 2);
}

TEST(releases_that_are_refused)
{
    struct world world, other_world;
    cairn_object_pool_opts opts = opts_of(&world), other_opts = opts_of(&other_world);
    cairn_object_pool *pool = create(&opts), *other = create(&other_opts);
    struct thing own = {0}, *foreign = cairn_object_pool_acquire(other);
    enum { COUNT = 300 };
    struct thing *object[COUNT];
    for (int i = 0; i < COUNT; i++)
        object[i] = cairn_object_pool_acquire(pool);
    REQUIRE(!cairn_object_pool_release(pool, &own) && !cairn_object_pool_release(pool, foreign));
    REQUIRE(!cairn_object_pool_release(pool, pool));
    REQUIRE(!cairn_object_pool_release(pool, (void *)1));
    REQUIRE(!cairn_object_pool_release(pool, (void *)UINTPTR_MAX));
    REQUIRE(cairn_object_pool_release(pool, NULL));
    for (int i = 0; i < COUNT; i++) {
        char *at = (char *)object[i];
        for (size_t skip = 1; skip < sizeof(struct thing); skip++)
            REQUIRE(!cairn_object_pool_release(pool, at + skip));
        REQUIRE(cairn_object_pool_is_in_use(pool, at) && !cairn_object_pool_is_in_use(other, at));
        REQUIRE(!cairn_object_pool_release(other, at));
        REQUIRE(cairn_object_pool_release(pool, at) && !cairn_object_pool_release(pool, at));
        REQUIRE(!cairn_object_pool_is_in_use(pool, at));
        REQUIRE(cairn_object_pool_in_use(pool) == (size_t)(COUNT - 1 - i));
    }
    sound(pool);
    REQUIRE(world.resets == COUNT && cairn_object_pool_idle(pool) == COUNT);
    cairn_object_pool_trim(pool, 0);
    for (int i = 0; i < COUNT; i++)
        REQUIRE(!cairn_object_pool_release(pool, object[i]));
    end(&world, pool, 0);
    end(&other_world, other, 1);
}

TEST(construct_may_fail)
{
    struct world world;
    cairn_object_pool_opts opts = opts_of(&world);
    opts.max_objects = 39; /* a failure takes nothing away */
    cairn_object_pool *pool = create(&opts);
    for (size_t i = 1; i < 40; i++) {
        world.construct_fails_at = world.construct_calls + 1;
        REQUIRE(cairn_object_pool_acquire(pool) == NULL);
        world.construct_fails_at = world.construct_calls + 1;
        REQUIRE(!cairn_object_pool_prefill(pool, 1));
        sound(pool);
        cairn_object_pool_release(pool, cairn_object_pool_acquire(pool));
        REQUIRE(cairn_object_pool_acquire(pool) != NULL);
        REQUIRE(cairn_object_pool_in_use(pool) == i);
        sound(pool);
    }
    end(&world, pool, 39);
}

TEST(what_reset_refuses_is_destructed)
{
    struct world world;
    cairn_object_pool_opts opts = opts_of(&world);
    cairn_object_pool *pool = create(&opts);
    void *object = cairn_object_pool_acquire(pool);
    world.spoilt = true;
    REQUIRE(cairn_object_pool_release(pool, object));
    REQUIRE(world.destructed == 1 && cairn_object_pool_idle(pool) == 0);
    REQUIRE(!cairn_object_pool_release(pool, object));
    REQUIRE(cairn_object_pool_acquire(pool) == object && world.constructed == 2);
    end(&world, pool, 1);
}

TEST(bounds)
{
    struct world world;
    cairn_object_pool_opts opts = opts_of(&world);
    opts.max_objects = 13;
    opts.max_idle = 5;
    cairn_object_pool *pool = create(&opts);
    REQUIRE(!cairn_object_pool_prefill(pool, 6) && cairn_object_pool_idle(pool) == 5);
    void *object[13];
    for (int i = 0; i < 13; i++)
        REQUIRE((object[i] = cairn_object_pool_acquire(pool)) != NULL);
    REQUIRE(cairn_object_pool_acquire(pool) == NULL && !cairn_object_pool_prefill(pool, 1));
    REQUIRE(world.constructed == 13);
    for (int i = 0; i < 13; i++) {
        REQUIRE(cairn_object_pool_release(pool, object[i]));
        sound(pool);
    }
    REQUIRE(cairn_object_pool_idle(pool) == 5 && world.destructed == 8);
    REQUIRE(world.resets == 5); /* what is not kept need not be reset */
    for (int i = 0; i < 13; i++)
        REQUIRE(cairn_object_pool_acquire(pool) != NULL);
    REQUIRE(cairn_object_pool_acquire(pool) == NULL);
    end(&world, pool, 13);
}

TEST(prefill)
{
    struct world world;
    cairn_object_pool_opts opts = opts_of(&world);
    cairn_object_pool *pool = create(&opts);
    REQUIRE(cairn_object_pool_prefill(pool, 0) && world.constructed == 0);
    REQUIRE(cairn_object_pool_prefill(pool, 100) && world.constructed == 100);
    REQUIRE(cairn_object_pool_prefill(pool, 50) && world.constructed == 100);
    world.source.fail_at = 1;
    world.source.fail_after = true;
    for (int i = 0; i < 100; i++)
        REQUIRE(cairn_object_pool_acquire(pool) != NULL);
    REQUIRE(world.constructed == 100 && !cairn_object_pool_prefill(pool, 100));
    size_t made = world.constructed;
    REQUIRE(cairn_object_pool_idle(pool) == made - 100);
    end(&world, pool, 100);
}

TEST(trim_keeps_the_last)
{
    struct world world;
    cairn_object_pool_opts opts = opts_of(&world);
    cairn_object_pool *pool = create(&opts);
    enum { COUNT = 1000 };
    static struct thing *object[COUNT];
    for (int i = 0; i < COUNT; i++) {
        object[i] = cairn_object_pool_acquire(pool);
        object[i]->owner = (uint64_t)i;
    }
    REQUIRE(cairn_object_pool_trim(pool, 0) == 0 && world.destructed == 0);
    for (int i = 100; i < COUNT; i++)
        cairn_object_pool_release(pool, object[i]);
    size_t bytes = cairn_checked_live_bytes(&world.source.oracle);
    size_t given = cairn_object_pool_trim(pool, 10);
    REQUIRE(given > 0 && cairn_checked_live_bytes(&world.source.oracle) == bytes - given);
    REQUIRE(cairn_object_pool_idle(pool) == 10 && world.destructed == COUNT - 110);
    sound(pool);
    for (int i = 0; i < 10; i++)
        REQUIRE(cairn_object_pool_acquire(pool) == object[COUNT - 1 - i]);
    for (int i = 0; i < 100; i++)
        REQUIRE(object[i]->owner == (uint64_t)i && cairn_object_pool_release(pool, object[i]));
    for (int i = 0; i < 300; i++) /* chunks come again, in the rows that are free */
        REQUIRE(cairn_object_pool_acquire(pool) != NULL);
    sound(pool);
    end(&world, pool, 310);
}

/* ---- callbacks that use the pool ---- */

struct node {
    struct node *child;
    int depth;
};

static cairn_object_pool *nodes;
static size_t live_nodes;

static bool construct_node(void *context, void *object)
{
    struct node *node = object;
    static int depth;
    (void)context;
    node->child = NULL;
    if (depth < 5) {
        depth++;
        node->child = cairn_object_pool_acquire(nodes);
        depth--;
        if (node->child == NULL)
            return false;
    }
    live_nodes++;
    return true;
}

static void destruct_node(void *context, void *object)
{
    struct node *node = object;
    (void)context;
    live_nodes--;
    if (node->child != NULL)
        cairn_object_pool_release(nodes, node->child); /* false if it went before its parent */
    REQUIRE(!cairn_object_pool_release(nodes, node));
}

TEST(objects_that_hold_objects)
{
    struct nth_source source;
    cairn_object_pool_opts opts = {.source = nth_begin(&source),
                                   .construct = construct_node,
                                   .destruct = destruct_node,
                                   .max_objects = 50,
                                   .max_idle = 4};
    nodes = cairn_object_pool_create(cairn_layout_of(struct node), &opts);
    struct node *top[20];
    size_t got = 0;
    while (got < 20 && (top[got] = cairn_object_pool_acquire(nodes)) != NULL) {
        got++;
        sound(nodes);
    }
    REQUIRE(got >= 8 && live_nodes <= 50);
    for (size_t i = 0; i < got; i += 2) {
        REQUIRE(cairn_object_pool_release(nodes, top[i]));
        REQUIRE(cairn_object_pool_idle(nodes) <= 4);
        sound(nodes);
    }
    cairn_object_pool_trim(nodes, 1);
    sound(nodes);
    REQUIRE(cairn_object_pool_destroy(nodes) > 0 && live_nodes == 0);
    nth_end(&source);
}

static bool reset_node(void *context, void *object)
{
    struct node *node = object;
    (void)context;
    if (node->child != NULL)
        REQUIRE(cairn_object_pool_release(nodes, node->child));
    node->child = NULL;
    return true;
}

/* Each release releases the rest of a chain, and the bound on idle ones holds. */
TEST(a_release_that_releases)
{
    cairn_object_pool_opts opts = {.reset = reset_node, .max_idle = 3};
    nodes = cairn_object_pool_create(cairn_layout_of(struct node), &opts);
    struct node *chain = NULL;
    for (int i = 0; i < 10; i++) {
        struct node *node = cairn_object_pool_acquire(nodes);
        node->child = chain;
        chain = node;
    }
    REQUIRE(cairn_object_pool_release(nodes, chain));
    REQUIRE(cairn_object_pool_in_use(nodes) == 0 && cairn_object_pool_idle(nodes) == 3);
    sound(nodes);
    REQUIRE(cairn_object_pool_destroy(nodes) == 0);
}

/* ---- at random, and where memory ends ---- */

static void use_at_random(struct world *world, cairn_object_pool *pool, size_t rounds,
                          uint64_t seed)
{
    enum { HELD = 150 };
    struct thing *held[HELD] = {NULL};
    size_t live = 0;
    for (size_t round = 0; round < rounds; round++) {
        size_t i = unit_below(&seed, HELD);
        if (held[i] == NULL) {
            held[i] = cairn_object_pool_acquire(pool);
            live += held[i] != NULL;
            if (held[i] != NULL) {
                REQUIRE(held[i]->magic == ALIVE && held[i]->owner == 0);
                held[i]->owner = i + 1;
            }
        } else {
            REQUIRE(held[i]->magic == ALIVE && held[i]->owner == i + 1);
            REQUIRE(cairn_object_pool_release(pool, held[i]));
            held[i] = NULL;
            live--;
        }
        world->spoilt = unit_below(&seed, 10) == 0;
        if (unit_below(&seed, 60) == 0)
            cairn_object_pool_trim(pool, unit_below(&seed, 20));
        if (unit_below(&seed, 60) == 0)
            (void)cairn_object_pool_prefill(pool, unit_below(&seed, 30));
        REQUIRE(cairn_object_pool_in_use(pool) == live);
        REQUIRE(world->constructed - world->destructed == live + cairn_object_pool_idle(pool));
        sound(pool);
    }
}

TEST(at_random)
{
    for (size_t max = 0; max < 200; max += 40) {
        struct world world;
        cairn_object_pool_opts opts = opts_of(&world);
        opts.max_objects = max;
        opts.max_idle = max / 4;
        cairn_object_pool *pool = create(&opts);
        use_at_random(&world, pool, unit_rounds(8000), max);
        cairn_object_pool_trim(pool, 0);
        end(&world, pool, cairn_object_pool_in_use(pool));
    }
}

TEST(exhaustion_at_each_call)
{
    for (int after = 0; after < 2; after++) {
        bool reached = true;
        for (size_t at = 2; reached && at < 60; at++) {
            struct world world;
            cairn_object_pool_opts opts = opts_of(&world);
            world.source.fail_at = at;
            world.source.fail_after = after != 0;
            cairn_object_pool *pool = create(&opts);
            use_at_random(&world, pool, 300, at);
            reached = world.source.calls >= at;
            end(&world, pool, cairn_object_pool_in_use(pool));
        }
    }
}

TEST(where_memory_is_short_a_small_chunk_will_do)
{
    struct world world;
    cairn_object_pool_opts opts = opts_of(&world);
    cairn_object_pool *pool = create(&opts);
    world.source.max_size = 3 * sizeof(struct thing);
    for (int i = 0; i < 20; i++)
        REQUIRE(cairn_object_pool_acquire(pool) != NULL);
    end(&world, pool, 20);
}

TEST(layouts)
{
    static const cairn_layout layouts[] = {{0, 1},  {1, 1},   {3, 1}, {7, 1},
                                           {24, 8}, {64, 64}, {5, 1}};
    for (size_t l = 0; l < sizeof layouts / sizeof *layouts; l++) {
        cairn_object_pool *pool = cairn_object_pool_create(layouts[l], NULL);
        unsigned char *object[200];
        for (size_t i = 0; i < 200; i++) {
            object[i] = cairn_object_pool_acquire(pool);
            REQUIRE(((uintptr_t)object[i] & (layouts[l].align - 1)) == 0);
            unit_fill(object[i], layouts[l].size, i);
        }
        for (size_t i = 0; i < 200; i++) {
            REQUIRE(unit_is_filled(object[i], layouts[l].size, i));
            REQUIRE(cairn_object_pool_release(pool, object[i]));
        }
        sound(pool);
        REQUIRE(cairn_object_pool_destroy(pool) == 0);
    }
}

/* ---- walks, types, watchers ---- */

struct walk {
    size_t in_use, calls, stop_at;
};

static bool on_object(void *context, void *ptr, size_t size, bool in_use)
{
    struct walk *walk = context;
    (void)ptr, (void)size;
    walk->in_use += in_use;
    return ++walk->calls != walk->stop_at;
}

TEST(a_walk)
{
    cairn_object_pool *pool = create(NULL);
    struct walk walk = {0};
    REQUIRE(cairn_object_pool_visit(pool, on_object, &walk) && walk.calls == 0);
    void *object[20];
    for (int i = 0; i < 20; i++)
        object[i] = cairn_object_pool_acquire(pool);
    for (int i = 0; i < 20; i += 2)
        cairn_object_pool_release(pool, object[i]);
    REQUIRE(cairn_object_pool_visit(pool, on_object, &walk));
    REQUIRE(walk.in_use == 10 && walk.calls == 21);
    for (size_t stop = 1; stop <= 21; stop++) {
        struct walk short_walk = {.stop_at = stop};
        REQUIRE(!cairn_object_pool_visit(pool, on_object, &short_walk));
        REQUIRE(short_walk.calls == stop);
    }
    cairn_object_pool_destroy(pool);
}

CAIRN_OBJECT_POOL_OF(struct thing, things)

TEST(by_type)
{
    struct world world;
    cairn_object_pool_opts opts = opts_of(&world);
    things pool;
    REQUIRE(things_create(&pool, &opts));
    struct thing *a = things_acquire(&pool);
    REQUIRE(a->magic == ALIVE && things_release(&pool, a) && !things_release(&pool, a));
    REQUIRE(cairn_object_pool_idle(pool.pool) == 1);
    REQUIRE(things_destroy(&pool) == 0 && things_destroy(&pool) == 0);
    nth_end(&world.source);
}

__attribute__((weak)) int __asan_address_is_poisoned(const volatile void *ptr);

TEST(an_object_released_is_hidden)
{
    if (!cairn__is_watched() || __asan_address_is_poisoned == NULL)
        return;
    struct world world;
    cairn_object_pool_opts opts = opts_of(&world);
    cairn_object_pool *pool = create(&opts);
    REQUIRE(cairn_object_pool_prefill(pool, 3));
    struct thing *a = cairn_object_pool_acquire(pool), *b = cairn_object_pool_acquire(pool);
    REQUIRE(!__asan_address_is_poisoned(a) && !__asan_address_is_poisoned(b));
    cairn_object_pool_release(pool, a);
    REQUIRE(__asan_address_is_poisoned(a) && !__asan_address_is_poisoned(b));
    REQUIRE(cairn_object_pool_acquire(pool) == a && a->magic == ALIVE && a->uses == 1);
    world.spoilt = true;
    cairn_object_pool_release(pool, a);
    REQUIRE(__asan_address_is_poisoned(a));
    end(&world, pool, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_created),
        cmocka_unit_test(constructed_once_and_used_often),
        cmocka_unit_test(the_last_released_is_the_next),
        cmocka_unit_test(releases_that_are_refused),
        cmocka_unit_test(construct_may_fail),
        cmocka_unit_test(what_reset_refuses_is_destructed),
        cmocka_unit_test(bounds),
        cmocka_unit_test(prefill),
        cmocka_unit_test(trim_keeps_the_last),
        cmocka_unit_test(objects_that_hold_objects),
        cmocka_unit_test(a_release_that_releases),
        cmocka_unit_test(at_random),
        cmocka_unit_test(exhaustion_at_each_call),
        cmocka_unit_test(where_memory_is_short_a_small_chunk_will_do),
        cmocka_unit_test(layouts),
        cmocka_unit_test(a_walk),
        cmocka_unit_test(by_type),
        cmocka_unit_test(an_object_released_is_hidden),
    };
    return UNIT_MAIN(tests);
}
