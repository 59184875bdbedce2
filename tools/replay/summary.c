/* SPDX-License-Identifier: MIT */
/* What the runs of a replay amount to: see replay.h. */
#include <math.h>
#include <stdlib.h>

#include "own_memory.h"
#include "replay/replay.h"

static double value_of(const struct replay_run *run, enum replay_metric metric)
{
    switch (metric) {
    case REPLAY_TIME:
        return run->wall;
    case REPLAY_CPU:
        return run->cpu;
    case REPLAY_PEAK:
        return (double)run->peak_rss;
    default:
        return (double)(run->minor_faults + run->major_faults);
    }
}

static struct interval values(const struct replay_contest *contest,
                              const struct replay_entrant *entrant, enum replay_metric metric)
{
    double *list = memory_take(contest->options->rounds, sizeof *list);
    size_t count = 0;

    for (unsigned r = 0; r < contest->rounds_done; r++)
        if (entrant->runs[r].good)
            list[count++] = value_of(&entrant->runs[r], metric);
    struct interval result = statistics_interval(list, count);
    free(list);
    return result;
}

/* Of pairs from the same round. */
static struct interval ratio(const struct replay_contest *contest,
                             const struct replay_entrant *entrant,
                             const struct replay_entrant *best)
{
    double *list = memory_take(contest->options->rounds, sizeof *list);
    size_t count = 0;

    for (unsigned r = 0; r < contest->rounds_done; r++)
        if (entrant->runs[r].good && best->runs[r].good && best->runs[r].wall > 0)
            list[count++] = entrant->runs[r].wall / best->runs[r].wall;
    struct interval result = statistics_interval(list, count);
    free(list);
    return result;
}

void replay_summarize(struct replay_contest *contest)
{
    contest->best = contest->count;
    for (size_t i = 0; i < contest->count; i++) {
        struct replay_entrant *entrant = &contest->entrants[i];
        for (enum replay_metric metric = 0; metric < REPLAY_METRICS; metric++)
            entrant->values[metric] = values(contest, entrant, metric);
        entrant->good = entrant->values[REPLAY_TIME].count;
        if (!replay_took_part(entrant) || entrant->good == 0 || entrant->is_alone)
            continue;
        if (contest->best == contest->count ||
            entrant->values[REPLAY_TIME].median <
                contest->entrants[contest->best].values[REPLAY_TIME].median)
            contest->best = i;
    }
    for (size_t i = 0; i < contest->count && contest->best < contest->count; i++)
        contest->entrants[i].ratio = ratio(contest, &contest->entrants[i],
                                           &contest->entrants[contest->best]);
}

bool replay_took_part(const struct replay_entrant *entrant)
{
    return !entrant->failure && !entrant->why_not &&
           (entrant->measured || entrant->values[REPLAY_TIME].count > 0);
}

double replay_ns(const struct replay_contest *contest, const struct replay_entrant *entrant)
{
    uint64_t operations = contest->plan->header.operations;

    return operations && entrant->good
               ? entrant->values[REPLAY_CPU].median * 1e9 / (double)operations
               : NAN;
}

static double over(uint64_t above, uint64_t below)
{
    return below ? (double)above / (double)below : NAN;
}

double replay_granted_ratio(const struct replay_entrant *entrant)
{
    if (!entrant->measured || !entrant->knows_granted)
        return NAN;
    const struct result_sample *peak = &entrant->samples[entrant->peak];
    return over(peak->granted, peak->requested);
}

double replay_rss_ratio(const struct replay_entrant *entrant)
{
    if (!entrant->measured)
        return NAN;
    const struct result_sample *peak = &entrant->samples[entrant->peak];
    return over(peak->rss, peak->requested);
}

double replay_peak(const struct replay_entrant *entrant)
{
    uint64_t most = 0;

    if (entrant->good)
        return entrant->values[REPLAY_PEAK].median;
    for (size_t i = 0; i < entrant->sample_count; i++)
        if (entrant->samples[i].rss > most)
            most = entrant->samples[i].rss;
    return entrant->measured ? (double)most : NAN;
}

double replay_mean_internal(const struct replay_entrant *entrant)
{
    double sum = 0;

    for (size_t i = 0; i < entrant->sample_count; i++)
        sum += (double)entrant->samples[i].granted - (double)entrant->samples[i].requested;
    return entrant->sample_count && entrant->knows_granted ? sum / (double)entrant->sample_count
                                                           : NAN;
}

double replay_mean_external(const struct replay_entrant *entrant)
{
    double sum = 0;

    for (size_t i = 0; i < entrant->sample_count; i++)
        sum += (double)entrant->samples[i].rss - (double)entrant->samples[i].granted;
    return entrant->sample_count && entrant->knows_granted ? sum / (double)entrant->sample_count
                                                           : NAN;
}
