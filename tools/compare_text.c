/* SPDX-License-Identifier: MIT */
/* Cells of tables that compare allocators: see compare_text.h. */
#include "compare_text.h"

#include <stdlib.h>
#include <string.h>

#include "own_memory.h"
#include "text.h"

/* Decimals that show `digits` significant digits of the value. */
static int decimals_for(double value, int digits)
{
    int decimals = digits - 1;

    for (; value >= 9.95 && decimals > 0; value /= 10)
        decimals--;
    for (; value < 0.995 && decimals < 3; value *= 10)
        decimals++;
    return decimals;
}

static double half_width(const struct interval *interval)
{
    return (interval->high - interval->low) / 2;
}

/* Three digits of the shortest time, and two of the narrowest interval, if three decimals allow. */
struct compare_scale compare_scale(const struct comparison *comparison)
{
    struct compare_scale scale = {.factor = 1, .unit = "s"};
    const struct entrant *fastest = compare_least(comparison, METRIC_TIME);

    if (!fastest)
        return scale;
    double seconds = fastest->values[METRIC_TIME].median, narrowest = seconds;
    if (seconds < 0.001)
        scale = (struct compare_scale){.factor = 1e6, .unit = text_signs()->microseconds};
    else if (seconds < 1)
        scale = (struct compare_scale){.factor = 1e3, .unit = "ms"};
    for (size_t i = 0; i < comparison->count; i++) {
        const struct interval *time = &comparison->entrants[i].values[METRIC_TIME];
        if (time->count > 1 && half_width(time) < narrowest)
            narrowest = half_width(time);
    }
    int of_time = decimals_for(seconds * scale.factor, 3);
    int of_width = decimals_for(narrowest * scale.factor, 2);
    scale.decimals = of_width > of_time ? of_width : of_time;
    return scale;
}

char *compare_time_text(const struct compare_scale *scale, const struct interval *time)
{
    double shown = time->median * scale->factor;

    if (time->count < 2)
        return memory_format("%.*f %s", scale->decimals, shown, scale->unit);
    return memory_format("%.*f %s %s %.*f", scale->decimals, shown, scale->unit,
                         text_signs()->plus_minus, scale->decimals,
                         half_width(time) * scale->factor);
}

/* "0.88", "~1.01" within noise, "?1.01" where that cannot be told. */
char *compare_ratio_text(const struct interval *ratio, bool is_baseline)
{
    enum statistics_side side = statistics_side(ratio, 1);

    if (ratio->count == 0)
        return memory_copy("-");
    const char *mark = is_baseline            ? ""
                       : side == SIDE_NOISE   ? "~"
                       : side == SIDE_UNKNOWN ? "?"
                                              : "";
    return memory_format("%s%.2f", mark, ratio->median);
}

/* Breaks the text into lines at spaces. */
void compare_print_wrapped(const char *text, FILE *to, size_t columns)
{
    size_t used = 0;

    for (const char *word = text; *word;) {
        size_t length = strcspn(word, " ");
        char *copy = memory_format("%.*s", (int)length, word);
        size_t width = text_width(copy);
        if (used > 0 && used + 1 + width > columns) {
            fputc('\n', to);
            used = 0;
        }
        fprintf(to, "%s%s", used > 0 ? " " : "", copy);
        used += width + (used > 0);
        free(copy);
        word += length + strspn(word + length, " ");
    }
    if (used > 0)
        fputc('\n', to);
}
