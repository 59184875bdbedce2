/* SPDX-License-Identifier: MIT */
/*
 * A game loop: what moves in a frame is drawn in it and compared with the frame before; nothing is
 * freed, and nothing is asked of the system after the start.
 *
 *     cc examples/frame_arena.c -lcairn && ./a.out
 */
#include <stdio.h>

#include <cairn/arena_string.h>
#include <cairn/frame_arena.h>

enum { BALLS = 1000 };

struct scene {
    double height[BALLS];
    const char *title;
};

static struct scene *simulate(cairn_frame_arena *frames, const struct scene *before, int frame)
{
    struct scene *scene = cairn_frame_arena_alloc(frames, sizeof *scene, _Alignof(struct scene));
    if (scene == NULL)
        return NULL;
    for (int i = 0; i < BALLS; i++)
        scene->height[i] = before == NULL ? 100 + i : before->height[i] * 0.99;
    scene->title = cairn_arena_printf(cairn_frame_arena_now(frames), "frame %d", frame);
    return scene;
}

int main(void)
{
    cairn_frame_arena *frames = cairn_frame_arena_create(
        &(cairn_frame_arena_opts){.name = "game", .budget = 64 << 10});
    if (frames == NULL)
        return 1;
    const struct scene *before = NULL;
    for (int frame = 1; frame <= 60; frame++) {
        const struct scene *scene = simulate(frames, before, frame);
        if (scene == NULL)
            return 1;
        if (before != NULL && frame % 20 == 0)
            printf("%s after %s: ball 0 fell by %.3f\n", scene->title, before->title,
                   before->height[0] - scene->height[0]);
        before = scene;
        cairn_frame_arena_flip(frames);
    }
    cairn_frame_arena_stats stats = cairn_frame_arena_stats_get(frames);
    printf("%s: %zu frames, %zu of %zu bytes at most, %zu refused\n", stats.name, stats.frames,
           stats.high_water, stats.budget, stats.refused);
    cairn_frame_arena_destroy(frames);
    return 0;
}
