/* SPDX-License-Identifier: MIT */
/*
 * The property test: generated operations against an allocator, every answer checked by the oracle.
 *
 *     property [--seed S] [--ops N] [--threads T] [--churn G] [--profile small|mixed|large]
 *              [--print | --shrink | --replay FILE]
 *
 * N is per thread. With --churn G each lane's operations are cut into G parts and each part is run
 * by a new thread: threads end while others run, with blocks live that others free. --print writes
 * the operations to standard output (one thread), --replay runs such a file, --shrink writes the
 * few operations of a failing run that are enough to fail. CAIRN_TEST_SCALE multiplies N.
 *
 * Exit code: 0 all held, 1 a breach was found, 2 wrong usage, 3 not the allocator that was meant.
 */
#include "property/failure.h"
#include "property/lane.h"
#include "property/oracle.h"
#include "property/process.h"
#include "property/shrink.h"
#include "property/target.h"

#include <getopt.h>
#include <pthread.h>
#include <sys/stat.h>

enum { THREADS_MAX = 64 };

struct options {
    bool print, shrink;
};

struct part {
    struct lane *lane;
    size_t operations;
    bool print;
};

static void *run_part(void *argument)
{
    struct part *part = argument;

    lane_generate(part->lane, part->operations, part->print);
    return NULL;
}

static pthread_t start(struct part *part)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, run_part, part) != 0) {
        fail("pthread_create failed");
    }
    return thread;
}

/* While one lane changes its thread the others run on. */
static void run_threads(struct lane *lanes, bool print)
{
    static struct part parts[THREADS_MAX];
    pthread_t threads[THREADS_MAX];
    size_t operations = (run.operations + run.churn - 1) / run.churn;

    for (unsigned part = 0; part < run.churn; part++) {
        for (unsigned i = 0; i < run.threads; i++) {
            if (part > 0) {
                pthread_join(threads[i], NULL);
            }
            parts[i] = (struct part){lane_at(lanes, i), operations, print};
            threads[i] = start(&parts[i]);
        }
    }
    for (unsigned i = 0; i < run.threads; i++) {
        pthread_join(threads[i], NULL);
    }
}

/*
 * All blocks are freed: what is still in use got lost, but for the caches of threads that live. If
 * the main thread has run the lane, its caches hold blocks of all sizes.
 */
static void check_nothing_lost(size_t before, size_t after)
{
    bool is_own_run = run.threads == 1 && run.churn == 1;
    size_t slack = (size_t)(is_own_run ? 8 : 1) << 20;

    if (after > before + slack) {
        fail("all blocks are freed, and %zu bytes are in use; %zu at the start", after, before);
    }
}

static int generate(bool print)
{
    struct lane *lanes = lanes_create(run.threads, run.profile->slots);
    size_t before = target.in_use();

    if (run.threads == 1 && run.churn == 1) {
        lane_generate(lanes, run.operations, print);
    } else {
        run_threads(lanes, print);
    }
    lanes_drain(lanes, run.threads);
    check_nothing_lost(before, target.in_use());

    struct lane_counts counts = lanes_counts(lanes, run.threads);

    fprintf(stderr,
            "property: ok: %s, seed %llu, profile %s, %u threads, churn %u: %zu operations, "
            "%zu blocks, %zu resized, %zu freed elsewhere, at most %zu MiB live\n",
            target.name, (unsigned long long)run.seed, run.profile->name, run.threads, run.churn,
            counts.operations, counts.born, counts.resized, counts.freed_elsewhere,
            counts.peak_bytes >> 20);
    return 0;
}

/* The file is read and parsed in mapped memory: the allocator sees only what the file asks. */
static char *read_file(const char *path)
{
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);

    if (file < 0 || fstat(file, &status) != 0) {
        fail("cannot read %s", path);
    }
    char *text = oracle_map((size_t)status.st_size + 1);
    ssize_t size = read(file, text, (size_t)status.st_size);

    if (size != status.st_size) {
        fail("cannot read %s", path);
    }
    close(file);
    return text;
}

static size_t parse(const char *text, struct operation *program, unsigned *slots)
{
    size_t length = 0;

    for (const char *line = text; *line != '\0';) {
        const char *end = strchr(line, '\n');

        if (operation_parse(line, &program[length])) {
            if (program[length].slot >= *slots) {
                *slots = program[length].slot + 1;
            }
            length++;
        }
        line = end == NULL ? line + strlen(line) : end + 1;
    }
    return length;
}

static int replay(const char *path)
{
    enum { SHORTEST_LINE = 7, SLOTS_LIMIT = 1 << 24 };
    unsigned slots = 1;
    char *text = read_file(path);
    struct operation *program = oracle_map((strlen(text) / SHORTEST_LINE + 2) *
                                           sizeof(struct operation));
    size_t length = parse(text, program, &slots);

    if (slots > SLOTS_LIMIT) {
        fail("%s names slot %u", path, slots - 1);
    }
    struct lane *lanes = lanes_create(1, slots);

    lane_replay(lanes, program, length);
    lanes_drain(lanes, 1);
    fprintf(stderr, "property: ok: %s, %zu operations of %s\n", target.name, length, path);
    return 0;
}

static void usage(void)
{
    fputs("usage: property [--seed S] [--ops N] [--threads T] [--churn G]\n"
          "                [--profile small|mixed|large] [--print | --shrink | --replay FILE]\n",
          stderr);
    exit(2);
}

static struct options parse_options(int count, char **arguments)
{
    static const struct option names[] = {
        {"seed", required_argument, NULL, 's'},
        {"ops", required_argument, NULL, 'n'},
        {"threads", required_argument, NULL, 't'},
        {"churn", required_argument, NULL, 'c'},
        {"profile", required_argument, NULL, 'p'},
        {"print", no_argument, NULL, 'P'},
        {"shrink", no_argument, NULL, 'S'},
        {"replay", required_argument, NULL, 'r'},
        {0},
    };
    struct options options = {0};
    int option;

    while ((option = getopt_long(count, arguments, "", names, NULL)) != -1) {
        switch (option) {
        case 's':
            run.seed = strtoull(optarg, NULL, 10);
            break;
        case 'n':
            run.operations = strtoull(optarg, NULL, 10);
            break;
        case 't':
            run.threads = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'c':
            run.churn = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'p':
            run.profile = profile_named(optarg);
            break;
        case 'P':
            options.print = true;
            break;
        case 'S':
            options.shrink = true;
            break;
        case 'r':
            run.replay_file = optarg;
            break;
        default:
            usage();
        }
    }
    bool is_single = run.threads == 1 && run.churn == 1;

    if (optind != count || run.profile == NULL || run.threads - 1 >= THREADS_MAX ||
        run.churn == 0 || ((options.print || options.shrink) && !is_single)) {
        usage();
    }
    return options;
}

int main(int count, char **arguments)
{
    run = (struct run){
        .program = arguments[0],
        .seed = 1,
        .operations = 100000,
        .threads = 1,
        .churn = 1,
        .profile = profile_named("mixed"),
    };
    struct options options = parse_options(count, arguments);

    require_cairn_if_expected();
    run.operations = test_scaled(run.operations);
    oracle_init();
    failure_catch_signals();
    if (run.replay_file != NULL) {
        return replay(run.replay_file);
    }
    return options.shrink ? shrink(run.operations) : generate(options.print);
}
