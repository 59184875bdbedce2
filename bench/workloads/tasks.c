/* SPDX-License-Identifier: MIT */
/*
 * A thread pool: one thread submits tasks, each an allocated descriptor with a payload, to a bounded
 * queue under a lock; workers take them, allocate scratch and a result, free the payload, and put the
 * result into a second queue, from which the submitter frees it.
 */
#include "workload.h"

#include <pthread.h>
#include <stdio.h>

enum { WORKERS, TASKS, SCRATCH, PARAMETERS };
static struct parameter parameters[] = {
    [WORKERS] = {"workers", 4, 4, 2},
    [TASKS] = {"tasks", 1000000, 150000, 1000},
    [SCRATCH] = {"scratch", 12, 12, 6},
};

struct task {
    struct task *next;
    uint64_t mark;
    size_t payload_size, result_size;
    void *payload, *result;
};

/* A list under the queue's lock; `room` bounds what waits in it. */
struct queue {
    pthread_mutex_t lock;
    pthread_cond_t filled, emptied;
    struct task *first, **last;
    size_t waiting;
    bool closed;
};

enum { ROOM = 256, MOST_SCRATCH = 64 };
static struct queue todo = {PTHREAD_MUTEX_INITIALIZER,
                            PTHREAD_COND_INITIALIZER,
                            PTHREAD_COND_INITIALIZER,
                            NULL,
                            &todo.first,
                            0,
                            false};
static struct queue done = {PTHREAD_MUTEX_INITIALIZER,
                            PTHREAD_COND_INITIALIZER,
                            PTHREAD_COND_INITIALIZER,
                            NULL,
                            &done.first,
                            0,
                            false};

static void push(struct queue *queue, struct task *task, bool bounded)
{
    pthread_mutex_lock(&queue->lock);
    while (bounded && queue->waiting >= ROOM)
        pthread_cond_wait(&queue->emptied, &queue->lock);
    task->next = NULL;
    *queue->last = task;
    queue->last = &task->next;
    if (queue->waiting++ == 0)
        pthread_cond_signal(&queue->filled);
    pthread_mutex_unlock(&queue->lock);
}

/* NULL if the queue is empty, and closed or not to be waited for. */
static struct task *pull(struct queue *queue, bool wait)
{
    pthread_mutex_lock(&queue->lock);
    while (wait && !queue->first && !queue->closed)
        pthread_cond_wait(&queue->filled, &queue->lock);
    struct task *task = queue->first;
    if (task) {
        queue->first = task->next;
        if (!queue->first)
            queue->last = &queue->first;
        else if (wait)
            pthread_cond_signal(&queue->filled);
        if (queue->waiting-- == ROOM)
            pthread_cond_signal(&queue->emptied);
    }
    pthread_mutex_unlock(&queue->lock);
    return task;
}

static void work(struct task *task, struct random *random)
{
    void *scratch[MOST_SCRATCH];
    size_t sizes[MOST_SCRATCH], count = parameters[SCRATCH].value;

    for (size_t i = 0; i < count; i++) {
        sizes[i] = random_size(random);
        scratch[i] = block_new(sizes[i], task->mark + i);
    }
    block_end(task->payload, task->payload_size, task->mark);
    task->result_size = random_size(random);
    task->result = block_new(task->result_size, ~task->mark);
    while (count-- > 0)
        block_end(scratch[count], sizes[count], task->mark + count);
}

static void serve(size_t index)
{
    struct random random = random_from(index + 1);
    struct task *task;

    while ((task = pull(&todo, true))) {
        work(task, &random);
        push(&done, task, false);
    }
}

static size_t collect(void)
{
    size_t count = 0;
    struct task *task;

    for (; (task = pull(&done, false)); count++) {
        block_end(task->result, task->result_size, ~task->mark);
        free(task);
    }
    return count;
}

static void *submit(void *argument)
{
    struct random random = random_from(99);
    size_t collected = 0;

    for (unsigned long i = 0; i < parameters[TASKS].value; i++) {
        struct task *task = block_take(sizeof *task);
        *task = (struct task){.mark = i, .payload_size = random_size(&random)};
        task->payload = block_new(task->payload_size, task->mark);
        push(&todo, task, true);
        if (i % 32 == 0)
            collected += collect();
    }
    pthread_mutex_lock(&todo.lock);
    todo.closed = true;
    pthread_cond_broadcast(&todo.filled);
    pthread_mutex_unlock(&todo.lock);
    *(size_t *)argument = collected;
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t submitter;
    size_t collected;

    workload_start(argc, argv, "a thread pool with allocated tasks and results", parameters,
                   PARAMETERS);
    if (parameters[SCRATCH].value > MOST_SCRATCH || parameters[WORKERS].value > MOST_THREADS)
        workload_fail("too many");
    uint64_t start = clock_now();
    if (pthread_create(&submitter, NULL, submit, &collected) != 0)
        workload_fail("cannot start a thread");
    threads_run(parameters[WORKERS].value, serve);
    pthread_join(submitter, NULL);
    if (collected + collect() != parameters[TASKS].value)
        workload_fail("tasks were lost");
    printf("tasks_per_second=%.0f\n",
           (double)parameters[TASKS].value / ((double)(clock_now() - start) / 1e9));
    return 0;
}
