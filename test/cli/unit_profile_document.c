/* SPDX-License-Identifier: MIT */
/*
 * What is made of profiles: the tree of calls, the places that allocate, suppressions, documents,
 * differences and the text for a terminal. Traces and names are made by hand: the offset of a node is
 * the number of its symbol below.
 */
#define _GNU_SOURCE
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "hand_trace.h"
#include "profile/call_tree.h"
#include "profile/difference.h"
#include "profile/profile_document.h"
#include "profile/sites.h"
#include "profile/suppressions.h"
#include "text.h"

/*
 * --- names --------------------------------------------------------------------------------------
 */

enum { MAIN, PARSE, LEAK, VECTOR, RENAMED, CHURN, MALLOC, SYMBOLS };

static const struct symbol_call main_calls[] = {{"main", "/src/main.c", 10, false}};
static const struct symbol_call parse_calls[] = {{"token", "/src/parse.c", 21, true},
                                                 {"parse", "/src/parse.c", 30, false}};
static const struct symbol_call leak_calls[] = {{"leak_list", "/src/leak.c", 7, false}};
static const struct symbol_call vector_calls[] = {
    {"std::vector<int, std::allocator<int> >::push_back(int const&)", "/usr/stl_vector.h", 99,
     true},
    {"fill(std::vector<int>&)", "/src/fill.cc", 5, false}};
static const struct symbol_call renamed_calls[] = {{"leak_list", "/src/leak.c", 8, false}};
static const struct symbol_call churn_calls[] = {{"libchurn.so+0x12", NULL, 0, false}};
static const struct symbol_call malloc_calls[] = {{"xmalloc", "/src/xmalloc.c", 3, false}};

static const struct symbol table[SYMBOLS] = {
    [MAIN] = {main_calls, 1, "/bin/hand"},           [PARSE] = {parse_calls, 2, "/bin/hand"},
    [LEAK] = {leak_calls, 1, "/bin/hand"},           [VECTOR] = {vector_calls, 2, "/bin/hand"},
    [RENAMED] = {renamed_calls, 1, "/bin/hand"},     [CHURN] = {churn_calls, 1, "/lib/libchurn.so"},
    [MALLOC] = {malloc_calls, 1, "/lib/libbase.so"},
};

struct symbols {
    const struct trace_reader *reader;
};

const struct symbol *symbols_of(struct symbols *of, uint32_t node)
{
    return &table[trace_node(of->reader, node).offset];
}

/*
 * --- the profile --------------------------------------------------------------------------------
 */

static struct profile profile;
static struct symbols symbols_of_profile;

static void read_hand(void)
{
    assert_true(profile_read(&profile, "hand", &(struct profile_choice){.all_processes = true}));
    symbols_of_profile.reader = profile.reader;
}

/*
 * main > parse[token]          two blocks of 100, freed
 * main > leak_list             10 and 20, kept
 * main > fill[push_back]       4000, freed
 * main > parse[token] > xmalloc  8, freed at once
 * libchurn.so+0x12             1, freed at once; without main
 */
static void make_profile(void)
{
    hand_begin();
    uint32_t main_node = hand_node(0, 0, MAIN), parse = hand_node(main_node, 0, PARSE);
    uint32_t leak = hand_node(main_node, 0, LEAK), fill = hand_node(main_node, 0, VECTOR);
    uint32_t wrapped = hand_node(parse, 0, MALLOC), churn = hand_node(0, 0, CHURN);

    hand_alloc(0, 0, parse, 0x1000, 100);
    hand_alloc(1000000000, 0, parse, 0x2000, 100);
    hand_alloc(1500000000, 0, leak, 0x3000, 10);
    hand_alloc(2000000000, 0, fill, 0x4000, 4000); /* the peak */
    hand_free(2500000000, 0, 0x1000);
    hand_free(2500000000, 0, 0x2000);
    hand_alloc(3000000000, 0, leak, 0x3100, 20);
    hand_free(3000000000, 0, 0x4000);
    hand_alloc(3000000000, 0, wrapped, 0x5000, 8);
    hand_free(3000000000, 0, 0x5000);
    hand_alloc(3000000000, 0, churn, 0x5000, 1);
    hand_free(4000000000, 0, 0x5000);
    read_hand();
}

static int finish(void **state)
{
    (void)state;
    if (profile.reader)
        profile_fini(&profile);
    return 0;
}

/*
 * --- the tree -----------------------------------------------------------------------------------
 */

/* The node at a path of names from the root, or NULL. */
static const struct call_node *find(const struct call_tree *tree, const char *const *path)
{
    size_t at = 0;

    for (; *path; path++) {
        size_t i = at + 1;
        while (i < tree->count &&
               (tree->nodes[i].parent != at || strcmp(call_tree_name(tree, i), *path) != 0))
            i++;
        if (i == tree->count)
            return NULL;
        at = i;
    }
    return &tree->nodes[at];
}

#define PATH(...) ((const char *const[]){__VA_ARGS__, NULL})

static void tree_by_name(void **state)
{
    struct call_tree tree;

    (void)state;
    make_profile();
    call_tree_init(&tree);
    call_tree_add(&tree, &profile, &symbols_of_profile, 0);
    call_tree_sum(&tree);
    const struct call_node *token = find(&tree, PATH("main", "parse", "token"));
    assert_non_null(token);
    assert_true(token->own[CALL_BYTES] == 200 && token->all[CALL_BYTES] == 208);
    assert_true(token->own[CALL_BLOCKS] == 2 && token->all[CALL_TEMPORARY] == 1);
    const struct call_node *leak = find(&tree, PATH("main", "leak_list"));
    assert_true(leak->own[CALL_LEFT] == 30 && leak->own[CALL_PEAK] == 10);
    assert_non_null(find(&tree, PATH("libchurn.so+0x12")));
    assert_true(tree.nodes[0].all[CALL_BYTES] == 4239);
    assert_true(tree.nodes[0].all[CALL_PEAK] == 4210);
    assert_true(find(&tree, PATH("main"))->all[CALL_BYTES] == 4238);
    assert_int_equal(tree.count, 9); /* with the root */
    call_tree_fini(&tree);
}

/* 1 of 20,000 bytes and blocks is below a ten-thousandth; so is what its callee had. */
static void tree_leaves_out_little(void **state)
{
    struct call_tree tree;
    uint64_t time = 0;

    (void)state;
    hand_begin();
    uint32_t main_node = hand_node(0, 0, MAIN), leak = hand_node(main_node, 0, LEAK);
    uint32_t parse = hand_node(main_node, 0, PARSE), deep = hand_node(parse, 0, VECTOR);
    uint32_t churn = hand_node(leak, 0, CHURN);
    for (unsigned i = 0; i < 30000; i++) {
        hand_alloc(time++, 0, leak, 0x1000, 10);
        hand_alloc(time++, 0, leak, 0x2000, 10);
        hand_free(time++, 0, 0x1000);
        hand_free(time++, 0, 0x2000);
    }
    hand_alloc(time++, 0, parse, 0x1000, 1);
    hand_alloc(time++, 0, deep, 0x2000, 2);
    hand_alloc(time++, 0, churn, 0x3000, 4);
    hand_free(time++, 0, 0x1000);
    hand_free(time++, 0, 0x2000);
    hand_free(time++, 0, 0x3000);
    read_hand();
    call_tree_init(&tree);
    call_tree_add(&tree, &profile, &symbols_of_profile, 0);
    call_tree_prune(&tree, CALL_TEMPORARY, 1000);
    assert_null(find(&tree, PATH("main", "parse")));
    assert_true(find(&tree, PATH("main", "(other)"))->own[CALL_BYTES] == 3);
    assert_true(find(&tree, PATH("main", "(other)"))->own[CALL_BLOCKS] == 2);
    assert_true(find(&tree, PATH("main", "leak_list", "(other)"))->own[CALL_BYTES] == 4);
    assert_true(tree.nodes[0].all[CALL_BYTES] == 600007);
    assert_int_equal(tree.count, 5);
    call_tree_prune(&tree, CALL_TEMPORARY, 1); /* two matter: too many */
    assert_in_range(tree.count, 2, 3);
    assert_true(tree.nodes[0].all[CALL_BYTES] == 600007);
    call_tree_fini(&tree);
}

/*
 * --- places -------------------------------------------------------------------------------------
 */

static void assert_site(const struct site *site, const char *function, unsigned line,
                        uint64_t bytes)
{
    assert_string_equal(site->function, function);
    assert_int_equal(site->line, line);
    assert_int_equal(site->sums.bytes, bytes);
}

static void places(void **state)
{
    struct sites sites;

    (void)state;
    make_profile();
    sites_find(&sites, &profile, &symbols_of_profile, true);
    assert_int_equal(sites.count, 4);
    sites_sort(&sites, SITE_PEAK); /* past the vector, and past xmalloc */
    assert_site(&sites.items[0], "fill(std::vector<int>&)", 5, 4000);
    assert_site(&sites.items[1], "token", 21, 208);
    assert_site(&sites.items[2], "leak_list", 7, 30);
    assert_site(&sites.items[3], "libchurn.so+0x12", 0, 1);
    sites_sort(&sites, SITE_LEFT);
    assert_site(&sites.items[0], "leak_list", 7, 30);
    assert_int_equal(sites.items[0].sums.live_blocks, 2);
    sites_sort(&sites, SITE_TEMPORARY);
    assert_site(&sites.items[0], "token", 21, 208);
    assert_site(&sites.items[1], "libchurn.so+0x12", 0, 1);
    assert_int_equal(trace_node(profile.reader, sites.items[0].top[SITE_TEMPORARY]).offset, MALLOC);
    assert_int_equal(trace_node(profile.reader, sites.items[0].top[SITE_PEAK]).offset, PARSE);
    sites_fini(&sites);
}

static void only_machinery(void **state)
{
    struct sites sites;

    (void)state;
    hand_begin();
    hand_alloc(0, 0, hand_node(0, 0, MALLOC), 0x1000, 5);
    hand_alloc(0, 0, 0, 0x2000, 6);
    read_hand();
    sites_find(&sites, &profile, &symbols_of_profile, true);
    sites_sort(&sites, SITE_PEAK);
    assert_int_equal(sites.count, 2);
    assert_site(&sites.items[0], "(unknown)", 0, 6);
    assert_site(&sites.items[1], "xmalloc", 3, 5);
    sites_fini(&sites);
}

/*
 * --- suppressions -------------------------------------------------------------------------------
 */

static uint64_t left_with(const char *text)
{
    char path[] = "/tmp/cairn-unit-suppressions-XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    struct suppressions *suppressions = suppressions_read(path);
    unlink(path);
    if (!suppressions)
        return UINT64_MAX;
    make_profile();
    suppressions_apply(suppressions, &profile, &symbols_of_profile);
    suppressions_free(suppressions);
    uint64_t left = profile.whole.live_bytes;
    assert_int_equal(left + profile.suppressed_bytes, 30);
    assert_int_equal(profile.whole.live_blocks + profile.suppressed_blocks, 2);
    profile_fini(&profile);
    return left;
}

static void suppressing(void **state)
{
    static const struct {
        const char *text;
        uint64_t left;
    } cases[] = {
        {"# nothing\n\n", 30},
        {"leak:leak_list\n", 0},
        {"  leak:eak_li  \r\n", 0},
        {"leak:^eak_list$\n", 30},
        {"leak:^leak*ist$\n", 0},
        {"leak:^leak$\n", 30},
        {"leak:l*t*z\nleak:main.c\n", 0}, /* the file of an outer call */
        {"leak:/bin/hand", 0},
        {"leak:/lib/", 30},
        {"leak:leak?list", 30}, /* no sign of its own */
        {"leak:[l]eak", 30},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(left_with(cases[i].text), cases[i].left);
    assert_true(left_with("race:foo\n") == UINT64_MAX);
    assert_true(left_with("leak:\n") == UINT64_MAX);
    assert_null(suppressions_read("/nowhere/at-all"));
}

/* What was freed has its lifetime, whatever is left out of what was not. */
static void suppressing_leaves_lifetimes(void **state)
{
    char path[] = "/tmp/cairn-unit-suppressions-XXXXXX";
    int fd = mkstemp(path);

    (void)state;
    assert_int_equal(write(fd, "leak:main\n", 10), 10);
    close(fd);
    struct suppressions *suppressions = suppressions_read(path);
    unlink(path);
    hand_begin();
    uint32_t leak = hand_node(hand_node(0, 0, MAIN), 0, LEAK);
    hand_alloc(0, 0, leak, 0x1000, 10);
    hand_alloc(0, 0, leak, 0x2000, 10);
    hand_free(2000000000, 0, 0x1000);
    read_hand();
    suppressions_apply(suppressions, &profile, &symbols_of_profile);
    suppressions_free(suppressions);
    json_t *made = profile_document(&profile, &symbols_of_profile, NULL), *section;
    size_t i;
    double lifetime = 0;
    json_array_foreach(json_object_get(made, "sections"), i, section)
    {
        const char *title = json_string_value(json_object_get(section, "title"));
        json_t *row = json_array_get(json_object_get(section, "rows"), 0);
        if (strcmp(title, "Most live at the peak") == 0)
            lifetime = json_real_value(json_array_get(row, 5));
    }
    assert_true(lifetime == 2); /* seconds, of the one that was freed */
    json_decref(made);
}

/*
 * --- documents ----------------------------------------------------------------------------------
 */

static const json_t *section(const json_t *document, const char *title)
{
    size_t i;
    json_t *at;

    json_array_foreach(json_object_get(document, "sections"), i,
                       at) if (strcmp(json_string_value(json_object_get(at, "title")), title) ==
                               0) return at;
    return NULL;
}

static const json_t *cell(const json_t *document, const char *title, size_t row, size_t column)
{
    const json_t *rows = json_object_get(section(document, title), "rows");
    const json_t *found = json_array_get(json_array_get(rows, row), column);

    assert_non_null(found);
    return found;
}

static json_int_t number(const json_t *object, const char *key)
{
    assert_true(json_is_number(json_object_get(object, key)));
    return (json_int_t)json_number_value(json_object_get(object, key));
}

static double sum_of_bins(const json_t *histogram, const char *key)
{
    const json_t *list = json_object_get(histogram, "bins");
    double sum = 0, end = -1;
    size_t i;
    json_t *bin;

    json_array_foreach(list, i, bin)
    {
        double from = json_real_value(json_object_get(bin, "from"));
        assert_true(i == 0 || fabs(from - end) < 1e-12); /* each begins where one ends */
        end = json_real_value(json_object_get(bin, "to"));
        assert_true(end > from);
        sum += json_real_value(json_object_get(bin, key));
    }
    return sum;
}

static void document(void **state)
{
    char *const command[] = {"cairn", "report", "hand", NULL};

    (void)state;
    make_profile();
    json_t *made = profile_document(&profile, &symbols_of_profile, command);
    assert_string_equal(json_string_value(json_object_get(made, "schema")), "cairn.profile");
    assert_int_equal(number(made, "version"), 1);
    const json_t *summary = json_object_get(made, "summary");
    assert_int_equal(number(summary, "peak_bytes"), 4210);
    assert_int_equal(number(summary, "never_freed_bytes"), 30);
    assert_int_equal(number(summary, "temporary_blocks"), 2);
    assert_int_equal(number(summary, "events"), 12);
    assert_true(json_is_null(json_object_get(made, "damage")));
    assert_null(section(made, "Incomplete"));
    assert_string_equal(json_string_value(cell(made, "Never freed", 0, 0)), "leak_list");
    assert_string_equal(json_string_value(cell(made, "Never freed", 0, 1)), "leak.c:7");
    assert_int_equal(json_integer_value(cell(made, "Never freed", 0, 2)), 30);
    assert_int_equal(json_integer_value(cell(made, "Never freed", 0, 3)), 2);
    assert_true(json_is_null(cell(made, "Never freed", 0, 5))); /* none was freed */
    assert_int_equal(json_array_size(json_object_get(section(made, "Never freed"), "rows")), 1);
    assert_true(json_real_value(cell(made, "Most live at the peak", 0, 5)) == 1); /* second */
    assert_int_equal(json_integer_value(cell(made, "Most temporary allocations", 0, 2)), 1);
    assert_true(sum_of_bins(section(made, "Sizes"), "count") == 7);
    assert_true(sum_of_bins(section(made, "Sizes"), "bytes") == 4239);
    assert_true(sum_of_bins(section(made, "Lifetimes"), "count") == 5);
    const json_t *nodes = json_object_get(section(made, "Calls"), "nodes");
    assert_int_equal(json_array_size(nodes), 9);
    assert_int_equal(json_integer_value(json_array_get(json_array_get(nodes, 0), 0)), -1);
    assert_int_equal(json_array_size(json_object_get(section(made, "Threads"), "rows")), 1);
    const json_t *stacks = json_object_get(made, "stacks");
    assert_int_equal(json_array_size(stacks), 5);
    assert_int_equal(number(json_array_get(stacks, 0), "peak_bytes"), 4000);
    assert_int_equal(json_array_size(json_object_get(json_array_get(stacks, 0), "calls")), 3);
    json_decref(made);
}

static void damaged(void **state)
{
    (void)state;
    make_profile();
    profile.damage = "cut short at byte 4096, after event 17";
    json_t *made = profile_document(&profile, &symbols_of_profile, NULL);
    assert_non_null(strstr(json_string_value(json_object_get(section(made, "Incomplete"), "text")),
                           "byte 4096"));
    json_decref(made);
}

static void empty(void **state)
{
    (void)state;
    hand_begin();
    read_hand();
    json_t *made = profile_document(&profile, &symbols_of_profile, NULL);
    assert_non_null(section(made, "In short"));
    assert_null(section(made, "Never freed"));
    assert_null(section(made, "Address space at the peak"));
    json_decref(made);
}

static void bars(void **state)
{
    static const char expected[] = "96:112:1:105 112:128:2:247 128:160:1:128 ";
    char *text = NULL;
    size_t length, i;
    json_t *bin;

    (void)state;
    hand_begin();
    hand_alloc(0, 0, 0, 0x1000, 105);
    hand_alloc(0, 0, 0, 0x2000, 120);
    hand_alloc(0, 0, 0, 0x3000, 127);
    hand_alloc(0, 0, 0, 0x4000, 128);
    read_hand();
    json_t *made = profile_document(&profile, &symbols_of_profile, NULL);
    FILE *stream = open_memstream(&text, &length);
    json_array_foreach(json_object_get(section(made, "Sizes"), "bins"), i, bin) fprintf(
        stream, "%.0f:%.0f:%.0f:%.0f ", json_real_value(json_object_get(bin, "from")),
        json_real_value(json_object_get(bin, "to")), json_real_value(json_object_get(bin, "count")),
        json_real_value(json_object_get(bin, "bytes")));
    fclose(stream);
    assert_string_equal(text, expected);
    free(text);
    json_decref(made);
}

/* The runs as text: state and KiB each. */
static char *runs_of(const json_t *made)
{
    const json_t *frames = json_object_get(section(made, "Address space at the peak"), "frames");
    const json_t *runs = json_object_get(json_array_get(frames, 0), "runs");
    char *text = NULL;
    size_t length, i;
    json_t *run;

    FILE *stream = open_memstream(&text, &length);
    json_array_foreach(runs, i, run)
        fprintf(stream, "%d:%.0f ", (int)json_integer_value(json_array_get(run, 0)),
                json_real_value(json_array_get(run, 1)) / 1024);
    fclose(stream);
    return text;
}

static void heap_map(void **state)
{
    (void)state;
    hand_begin();
    uint32_t node = hand_node(0, 0, MAIN);
    hand_alloc(0, 0, node, 0x10000, 1024);    /* a quarter */
    hand_alloc(0, 0, node, 0x11000, 1025);    /* a little more */
    hand_alloc(0, 0, node, 0x13000, 3072);    /* after a free page: three quarters */
    hand_alloc(0, 0, node, 0x14000, 0x8000);  /* eight pages */
    hand_alloc(0, 0, node, 0x1d000, 4096);    /* after another free page */
    hand_alloc(0, 0, node, 0x40000000, 4000); /* far away */
    read_hand();
    json_t *made = profile_document(&profile, &symbols_of_profile, NULL);
    char *text = runs_of(made);
    assert_string_equal(text, "1:4 2:4 0:4 3:4 4:32 0:4 4:4 5:64 4:4 ");
    free(text);
    json_decref(made);
    profile_fini(&profile);

    hand_begin(); /* more runs than are drawn: every second page is full */
    node = hand_node(0, 0, MAIN);
    for (uint64_t i = 0; i < 5000; i++)
        hand_alloc(i, 0, node, 0x100000 + i * 0x2000, 0x1000);
    read_hand();
    made = profile_document(&profile, &symbols_of_profile, NULL);
    text = runs_of(made);
    assert_string_equal(text, "2:40000 "); /* half full in steps of two pages */
    const json_t *frames = json_object_get(section(made, "Address space at the peak"), "frames");
    assert_non_null(
        strstr(json_string_value(json_object_get(json_array_get(frames, 0), "label")), "of 8 KiB"));
    free(text);
    json_decref(made);
}

/*
 * --- differences --------------------------------------------------------------------------------
 */

static struct profile later;

/* After make_profile(), whose reader is the same: only the figures are another's. */
static struct profile_named make_later(void)
{
    later = profile;
    uint32_t count = trace_nodes(profile.reader);
    later.stacks = malloc(count * sizeof *later.stacks);
    assert_non_null(later.stacks);
    memcpy(later.stacks, profile.stacks, count * sizeof *later.stacks);
    for (uint32_t i = 1; i < count; i++) {
        struct profile_sums *sums = &later.stacks[i];
        if (trace_node(profile.reader, i).offset == LEAK)
            sums->live_bytes += 70, sums->peak_bytes += 5;
        if (trace_node(profile.reader, i).offset == VECTOR)
            sums->peak_bytes -= 1000;
    }
    later.whole.live_bytes += 70;
    later.whole.peak_bytes -= 995;
    return (struct profile_named){&later, &symbols_of_profile};
}

static void difference(void **state)
{
    struct profile_named before = {&profile, &symbols_of_profile};

    (void)state;
    make_profile();
    struct profile_named after = make_later();
    json_t *made = profile_difference(before, after, NULL);
    assert_string_equal(json_string_value(json_object_get(made, "schema")), "cairn.diff");
    const json_t *peak = json_object_get(json_object_get(made, "summary"), "peak_bytes");
    assert_int_equal(number(peak, "change"), -995);
    assert_int_equal(number(peak, "before"), 4210);
    assert_string_equal(json_string_value(cell(made, "More never freed", 0, 0)), "leak_list");
    assert_int_equal(json_real_value(cell(made, "More never freed", 0, 2)), 70);
    assert_int_equal(json_integer_value(cell(made, "More never freed", 0, 4)), 100);
    assert_int_equal(json_array_size(json_object_get(section(made, "More never freed"), "rows")),
                     1);
    assert_null(section(made, "Less never freed"));
    assert_int_equal(json_real_value(cell(made, "Less live at the peak", 0, 2)), -1000);
    assert_int_equal(json_real_value(cell(made, "More live at the peak", 0, 2)), 5);
    assert_null(section(made, "More allocations"));
    const json_t *lines = json_object_get(section(made, "Live bytes over time"), "lines");
    assert_int_equal(json_array_size(lines), 4);
    double values[8] = {0};
    const json_t *nodes = json_object_get(section(made, "Calls"), "nodes");
    for (size_t i = 0; i < json_array_size(nodes); i++)
        for (size_t k = 0; k < 8; k++)
            values[k] += json_real_value(json_array_get(json_array_get(nodes, i), k + 2));
    assert_true(values[0] == 5 && values[1] == 1000 && values[2] == 70 && values[3] == 0);
    json_decref(made);
    free(later.stacks);
}

static void same_name_in_another_line(void **state)
{
    struct changes changes;
    struct profile_named same = {&profile, &symbols_of_profile};

    (void)state;
    hand_begin();
    hand_alloc(0, 0, hand_node(0, 0, LEAK), 0x1000, 5);
    hand_alloc(0, 0, hand_node(0, 0, RENAMED), 0x2000, 6);
    read_hand();
    changes_find(&changes, same, same);
    assert_int_equal(changes.count, 1);
    assert_int_equal(changes.items[0].before.bytes, 11);
    assert_int_equal(changes.items[0].after.bytes, 11);
    changes_fini(&changes);
    struct sites sites;
    sites_find(&sites, &profile, &symbols_of_profile, true);
    assert_int_equal(sites.count, 2);
    sites_fini(&sites);
}

static void only_before_or_only_after(void **state)
{
    struct changes changes;
    struct profile_named before = {&profile, &symbols_of_profile};

    (void)state;
    make_profile();
    struct profile_named after = make_later();
    for (uint32_t i = 1; i < trace_nodes(profile.reader); i++) {
        if (trace_node(profile.reader, i).offset == VECTOR) /* the first by name */
            profile.stacks[i] = (struct profile_sums){0};
        if (trace_node(profile.reader, i).offset == PARSE ||
            trace_node(profile.reader, i).offset == MALLOC) /* the last */
            later.stacks[i] = (struct profile_sums){0};
    }
    changes_find(&changes, before, after);
    assert_int_equal(changes.count, 4);
    changes_sort(&changes, SITE_BLOCKS);
    assert_string_equal(changes.items[0].function, "fill(std::vector<int>&)");
    assert_int_equal(changes.items[0].before.blocks, 0);
    assert_int_equal(changes.items[0].after.blocks, 1);
    assert_string_equal(changes.items[3].function, "token");
    assert_int_equal(changes.items[3].before.blocks, 3);
    assert_int_equal(changes.items[3].after.blocks, 0);
    changes_fini(&changes);
    changes_find(&changes, after, before);
    assert_int_equal(changes.count, 4);
    assert_string_equal(changes.items[3].function, "token");
    assert_int_equal(changes.items[3].before.blocks, 0);
    assert_int_equal(changes.items[3].after.blocks, 3);
    changes_fini(&changes);
    free(later.stacks);
}

/*
 * --- text ---------------------------------------------------------------------------------------
 */

static char *printed(size_t columns, bool as_difference)
{
    struct profile_named before = {&profile, &symbols_of_profile};
    char *text = NULL;
    size_t length;
    FILE *stream = open_memstream(&text, &length);

    if (as_difference)
        profile_difference_print(before, make_later(), stream, columns, false);
    else
        profile_print(&profile, &symbols_of_profile, stream, columns, false);
    fclose(stream);
    if (as_difference)
        free(later.stacks);
    return text;
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no \"%s\" in:\n%s", part, text);
}

static void text(void **state)
{
    (void)state;
    make_profile();
    char *all = printed(100, false);
    assert_has(all, "by hand\n");
    assert_has(all, "  peak                4.1 KiB in 4 blocks, after 2.00 s of 4.00 s\n");
    assert_has(all, "  never freed         30 B in 2 blocks\n");
    assert_has(all, "  temporary           28.6 % of the allocations\n");
    assert_has(all, "    3.9 KiB           1   95 %  fill (fill.cc:5) < main\n");
    assert_has(all, "       30 B           2  100 %  leak_list (leak.c:7) < main\n");
    assert_has(all, "          1           3   50 %  token (parse.c:21) < parse < main\n");
    assert_null(strstr(all, "leaked"));
    free(all);
    all = printed(100, true);
    assert_has(all, "  peak                -995 B, from 4.1 KiB to 3.1 KiB (-23.6 %)\n");
    assert_has(all, "      +70 B       100 B  leak_list (leak.c)\n");
    assert_has(all, "    -1000 B     2.9 KiB  fill (fill.cc)\n");
    free(all);
}

/* A caller that is known by its file only is passed over. */
static void callers(void **state)
{
    (void)state;
    hand_begin();
    uint32_t churn = hand_node(hand_node(0, 0, MAIN), 0, CHURN);
    hand_alloc(0, 0, hand_node(churn, 0, LEAK), 0x1000, 10);
    read_hand();
    char *all = printed(100, false);
    assert_has(all, "  leak_list (leak.c:7) < main\n");
    free(all);
}

static void fits(void **state)
{
    (void)state;
    make_profile();
    for (size_t columns = 50; columns < 120; columns += 6) {
        for (int difference = 0; difference < 2; difference++) {
            char *all = printed(columns, difference), *rest = all, *line;
            while ((line = strsep(&rest, "\n")))
                assert_in_range(text_width(line), 0, columns);
            free(all);
        }
    }
}

#define test(name) cmocka_unit_test_teardown(name, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(tree_by_name),
        test(tree_leaves_out_little),
        test(places),
        test(only_machinery),
        test(suppressing),
        test(suppressing_leaves_lifetimes),
        test(document),
        test(damaged),
        test(empty),
        test(heap_map),
        test(difference),
        test(same_name_in_another_line),
        test(only_before_or_only_after),
        test(bars),
        test(text),
        test(callers),
        test(fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
