/* SPDX-License-Identifier: MIT */
/*
 * A server's arena: each request takes what it needs, and a rewind ends all of it, the table it
 * opened included. After the first request nothing is allocated any more.
 *
 *     cc examples/arena.c -lcairn && ./a.out
 */
#include <stdio.h>
#include <string.h>

#include <cairn/arena.h>
#include <cairn/arena_string.h>
#include <cairn/arena_tree.h>
#include <cairn/arena_vector.h>

struct header {
    const char *name, *value;
};

static void close_table(void *name)
{
    printf("  closed %s\n", (const char *)name);
}

/* "name=value&name=value" */
static cairn_vector parse(cairn_arena *arena, const char *query)
{
    cairn_vector headers;
    cairn_vector_init(&headers, arena, cairn_layout_of(struct header));
    for (const char *at = query; *at != '\0';) {
        size_t name = strcspn(at, "="), value = strcspn(at + name + 1, "&");
        struct header *header = cairn_vector_push(&headers, struct header);
        header->name = cairn_arena_duplicate_text(arena, at, name);
        header->value = cairn_arena_duplicate_text(arena, at + name + 1, value);
        at += name + 1 + value;
        at += *at == '&';
    }
    return headers;
}

static void handle(cairn_arena *arena, int number, const char *query)
{
    char *table = cairn_arena_printf(arena, "table %d", number);
    cairn_arena_add_cleanup(arena, close_table, table);
    cairn_vector headers = parse(arena, query);
    cairn_string answer;
    cairn_string_init(&answer, arena);
    for (size_t i = 0; i < headers.count; i++) {
        const struct header *header = cairn_vector_at(&headers, struct header, i);
        cairn_string_appendf(&answer, "%s%s is %s", i == 0 ? "" : ", ", header->name,
                             header->value);
    }
    printf("  %s: %s\n", table, cairn_string_finish(&answer));
}

int main(void)
{
    static const char *const requests[] = {"user=ada&page=7", "user=grace", "a=1&b=2&c=3"};
    cairn_arena *arena = cairn_arena_create(
        &(cairn_arena_opts){.name = "request", .limit = 8 << 20});
    if (arena == NULL)
        return 1;
    for (int i = 0; i < 3; i++) {
        cairn_mark mark = cairn_arena_mark(arena);
        handle(arena, i + 1, requests[i]);
        cairn_arena_rewind(arena, mark);
    }
    cairn_arena_stats stats = cairn_arena_stats_get(arena);
    printf("%s: %zu bytes used, %zu reserved in %zu chunk, %zu rewinds\n", stats.name, stats.used,
           stats.reserved, stats.chunks, stats.rewinds);
    cairn_arena_destroy(arena);
    return 0;
}
