/* SPDX-License-Identifier: MIT */
/*
 * A bump over a static buffer, as a small device would have it: what is set up at start stays, what
 * a command needs is gone after it, and there is no other memory.
 *
 *     cc examples/bump.c -lcairn && ./a.out
 */
#include <stdio.h>

#include <cairn/bump.h>

static _Alignas(16) char memory[1024];

struct sensor {
    int pin;
    double last;
};

int main(void)
{
    cairn_bump bump;
    cairn_bump_init(&bump, memory, sizeof memory);
    struct sensor *sensors = cairn_bump_alloc(&bump, 4 * sizeof *sensors, _Alignof(struct sensor));
    for (int i = 0; i < 4; i++)
        sensors[i] = (struct sensor){i + 10, 20.5 + i};
    size_t ready = cairn_bump_mark(&bump);
    printf("ready: %zu bytes used\n", ready);

    for (size_t samples = 25; samples <= 200; samples *= 2) {
        double *trace = cairn_bump_alloc(&bump, samples * sizeof *trace, _Alignof(double));
        if (trace == NULL) {
            printf("%zu samples: no room, %zu bytes left\n", samples, cairn_bump_room(&bump));
            continue;
        }
        double sum = 0;
        for (size_t i = 0; i < samples; i++)
            sum += trace[i] = sensors[i % 4].last;
        printf("%zu samples: mean %.2f\n", samples, sum / (double)samples);
        cairn_bump_rewind(&bump, ready);
    }
    printf("%zu bytes used, %zu at most\n", cairn_bump_used(&bump), cairn_bump_peak(&bump));
    cairn_bump_fini(&bump);
    return 0;
}
