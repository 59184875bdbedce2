/* SPDX-License-Identifier: MIT */
/* Experiments: see experiment.h. */
#define _GNU_SOURCE
#include "lab/experiment.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "own_memory.h"

enum { REGION_STEP = 4096, PROBE_SHARE = 8, ROBSON_UNIT = 32 };

/* A region in which a program like this would be at home, with half as much again to spare; for
 * Robson's, what the worst allocator of all would need. */
static size_t usual_region(const struct experiment_plan *plan)
{
    uint64_t bytes = plan->ops.peak_bytes + plan->ops.peak_blocks * 16;
    uint64_t times = 3;

    if (strcmp(plan->pattern.name, "robson") == 0)
        for (uint64_t size = ROBSON_UNIT; size <= plan->ops.largest; size *= 2)
            times += 2;
    bytes = bytes * times / 2 + REGION_STEP;
    return (size_t)(bytes + REGION_STEP - 1) / REGION_STEP * REGION_STEP;
}

void experiment_settle(struct experiment_plan *plan)
{
    if (plan->region == SIZE_MAX)
        plan->region = usual_region(plan);
    if (plan->probe == UINT64_MAX)
        plan->probe = (plan->region ? plan->region : usual_region(plan)) / PROBE_SHARE;
}

static void take_sample(struct experiment *experiment, struct player *player, uint64_t probe)
{
    struct experiment_sample *sample = &experiment->samples[experiment->count++];

    sample->at = player->now.at;
    metrics_take(&sample->metrics, player, probe);
}

static void take_frame(struct experiment *experiment, const struct player *player)
{
    struct experiment_frame *frame = &experiment->frames[experiment->frame_count];

    frame->at = player->now.at;
    if (map_take(&frame->map, player))
        experiment->frame_count++;
}

/* Whether the moment `at` of `count` is one of `wanted` of equal distance. */
static bool is_due(size_t at, size_t count, size_t wanted)
{
    if (wanted >= count)
        return wanted > 0;
    return wanted > 0 && at * wanted / count != (at - 1) * wanted / count;
}

static bool play(struct experiment *experiment, const struct experiment_plan *plan,
                 struct player *player)
{
    size_t count = plan->ops.count;

    for (size_t at = 1; at <= count; at++) {
        if (!player_step(player) || (plan->audit && !player_audit(player)))
            return false;
        if (is_due(at, count, plan->samples))
            take_sample(experiment, player, plan->probe);
        if (is_due(at, count, plan->frames))
            take_frame(experiment, player);
    }
    experiment->first_failure = player->now.first_failure;
    return player_audit(player);
}

static bool is_worse(enum metric metric, double value, double than)
{
    const char *better = metric_definitions[metric].better;

    if (!better || !isfinite(value))
        return false;
    return !isfinite(than) || (strcmp(better, "less") == 0 ? value > than : value < than);
}

static void sum_up(struct experiment *experiment, enum metric metric)
{
    double sum = 0, worst = NAN;
    size_t known = 0;

    for (size_t i = 0; i < experiment->count; i++) {
        double value = experiment->samples[i].metrics.values[metric];
        if (isfinite(value)) {
            sum += value;
            known++;
        }
        if (is_worse(metric, value, worst)) {
            worst = value;
            experiment->worst_at[metric] = experiment->samples[i].at;
        }
    }
    experiment->mean.values[metric] = known ? sum / (double)known : NAN;
    experiment->worst.values[metric] = worst;
}

static bool run_on(struct experiment *experiment, const struct experiment_plan *plan,
                   struct subject *subject)
{
    struct player player;

    experiment->tells_free = subject_sees_free(subject);
    player_init(&player, subject, &plan->ops, false);
    if (!play(experiment, plan, &player))
        return false; /* its blocks may be anything: they are left */
    player_fini(&player);
    subject_close(subject);
    return true;
}

static void know_nothing(struct experiment *experiment)
{
    experiment->is_empty = true;
    experiment->count = 1;
    for (size_t i = 0; i < METRICS; i++)
        experiment->samples[0].metrics.values[i] = NAN;
}

bool experiment_run(struct experiment *experiment, const struct experiment_plan *plan,
                    const struct subject_choice *choice)
{
    cairn_layout largest = {plan->ops.largest, (size_t)1 << plan->ops.largest_align};
    struct subject subject;
    bool good = true;

    *experiment = (struct experiment){.count = 0};
    subject_name(choice, experiment->name, sizeof experiment->name);
    experiment->samples = memory_take(plan->samples + 2, sizeof *experiment->samples);
    experiment->frames = memory_take(plan->frames + 2, sizeof *experiment->frames);
    if (subject_open(&subject, choice, plan->region, largest))
        good = run_on(experiment, plan, &subject);
    else
        know_nothing(experiment);
    for (size_t i = 0; i < METRICS; i++)
        sum_up(experiment, (enum metric)i);
    return good;
}

void experiment_fini(struct experiment *experiment)
{
    for (size_t i = 0; i < experiment->frame_count; i++)
        map_fini(&experiment->frames[i].map);
    free(experiment->frames);
    free(experiment->samples);
    *experiment = (struct experiment){.count = 0};
}

const struct metrics *experiment_end(const struct experiment *experiment)
{
    return &experiment->samples[experiment->count - 1].metrics;
}
