/* SPDX-License-Identifier: MIT */
/*
 * Writing into the lanes of ring.h. A thread claims one of its own at its first event and leaves it
 * at its end; threads that found none, and those past their end, share the process's common lane
 * under a lock. A thread whose ring is full waits for the recorder.
 *
 * A signal handler that allocates while its thread writes a record uses the common lane, too: its
 * numbers come after that of the record. No handler runs while the common lane is held.
 */
#ifndef CAIRN_RECORD_LANE_H
#define CAIRN_RECORD_LANE_H

#include "record/channel.h"

/* Each is published when it returns. The channel is ready. */
void cairn__lane_event(const struct event *event);

/* The same for a record of words: see ring.h. False: it could not be. */
bool cairn__lane_blob(enum ring_kind kind, uint32_t more, const uint64_t *payload, unsigned words);

/* Claims the common lane, and publishes in it the PROCESS record, before any other of the process.
 * False: there is none to be had. */
bool cairn__lane_open_common(const uint64_t *payload, unsigned words);

/* From now on threads can be told to leave at their end. */
void cairn__lane_watch_threads(void);

/* Whether the calling thread has a lane of its own: then the channel is ready. */
bool cairn__lane_is_open(void);

/*
 * For calls that may come back to us for the same block. The position changes with each event of the
 * thread (0: not known). From hand_on, if that is true, to handed_on its events are passed over.
 */
uint64_t cairn__lane_position(void);
bool cairn__lane_hand_on(void);
void cairn__lane_handed_on(void);

#endif
