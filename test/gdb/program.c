/* SPDX-License-Identifier: MIT */
/* What a debugger shall find: one block of each kind, and then the end. */
#include <pthread.h>
#include <stdlib.h>

void *live, *freed, *inside, *large, *huge, *sent, *volatile unsized;
char *on_stack;

/* The last of several, so that the list has others. */
static void *other_thread(void *argument)
{
    free(argument);
    return NULL;
}

__attribute__((noinline)) static void stop_here(void)
{
    abort();
}

int main(void)
{
    char local = 0;
    pthread_t thread;
    for (int i = 0; i < 100; i++)
        unsized = malloc(100);
    live = malloc(100);
    inside = (char *)malloc(200) + 20;
    freed = malloc(300);
    free(freed);
    large = malloc(1000000);
    huge = malloc(100 << 20);
    sent = malloc(400);
    if (pthread_create(&thread, NULL, other_thread, sent) == 0)
        pthread_join(thread, NULL);
    on_stack = &local;
    stop_here();
    return 0;
}
