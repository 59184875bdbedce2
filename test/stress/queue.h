/* SPDX-License-Identifier: MIT */
/* A bounded queue of pointers between threads: one mutex, two conditions, nothing clever. */
#ifndef TEST_STRESS_QUEUE_H
#define TEST_STRESS_QUEUE_H

#include <pthread.h>
#include <stddef.h>

enum { QUEUE_CAPACITY = 256 };

struct queue {
    pthread_mutex_t mutex;
    pthread_cond_t has_room, has_item;
    void *items[QUEUE_CAPACITY];
    size_t first, count;
};

#define QUEUE_INITIALIZER                                                                          \
    {                                                                                              \
        .mutex = PTHREAD_MUTEX_INITIALIZER, .has_room = PTHREAD_COND_INITIALIZER,                  \
        .has_item = PTHREAD_COND_INITIALIZER                                                       \
    }

/* Waits while the queue is full. */
static inline void queue_push(struct queue *queue, void *item)
{
    pthread_mutex_lock(&queue->mutex);
    while (queue->count == QUEUE_CAPACITY) {
        pthread_cond_wait(&queue->has_room, &queue->mutex);
    }
    queue->items[(queue->first + queue->count++) % QUEUE_CAPACITY] = item;
    pthread_cond_signal(&queue->has_item);
    pthread_mutex_unlock(&queue->mutex);
}

/* Waits while the queue is empty. */
static inline void *queue_pop(struct queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    while (queue->count == 0) {
        pthread_cond_wait(&queue->has_item, &queue->mutex);
    }
    void *item = queue->items[queue->first];

    queue->first = (queue->first + 1) % QUEUE_CAPACITY;
    queue->count--;
    pthread_cond_signal(&queue->has_room);
    pthread_mutex_unlock(&queue->mutex);
    return item;
}

#endif
