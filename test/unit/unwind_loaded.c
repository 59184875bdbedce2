/* SPDX-License-Identifier: MIT */
/*
 * A library to be loaded and unloaded: calls back from its constructor, and from a function whose
 * frame has SIZE bytes: two such libraries have the same instructions, and other rules.
 */
extern void (*loaded_in_constructor)(void) __attribute__((weak)); /* the program's */
int loaded_call(int (*callback)(void));

static __attribute__((constructor)) void at_start(void)
{
    if (&loaded_in_constructor != 0 && loaded_in_constructor != 0)
        loaded_in_constructor();
}

int loaded_call(int (*callback)(void))
{
    volatile char room[SIZE];
    room[0] = 1;
    return callback() + room[0] - 1;
}
