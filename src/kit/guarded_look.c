/* SPDX-License-Identifier: MIT */
/* What can be asked of a guarded (guarded.h): its blocks one by one, each under the lock. */
#include "cairn/guarded.h"

#include "kit/guarded_breach.h"
#include "kit/guarded_table.h"

typedef struct cairn_guarded_record record;

/*
 * Blocks whose canaries can be looked at: not those that some thread is at work on. The state comes
 * first: whether a BUSY one is closed is that thread's alone to read and write.
 */
static bool can_look(const record *r)
{
    return (r->state == GUARDED_LIVE || r->state == GUARDED_KEPT) && !r->closed;
}

CAIRN_EXPORT size_t cairn_guarded_check(cairn_guarded *guarded)
{
    cairn_guarded_breach breach;
    size_t breaches = 0, index = 0;
    guarded_lock(guarded);
    for (record *r; (r = cairn__guarded_from(guarded, &index)) != NULL; index++) {
        bool kept = r->state == GUARDED_KEPT;
        if (!can_look(r) || LIKELY(cairn__guarded_look(guarded, r, kept, &breach)))
            continue;
        cairn__guarded_repair(guarded, r, kept);
        breaches++;
        guarded_unlock(guarded);
        cairn__guarded_report(guarded, &breach);
        guarded_lock(guarded);
    }
    guarded_unlock(guarded);
    return breaches;
}

CAIRN_EXPORT bool cairn_guarded_explain(const cairn_guarded *guarded, const void *address,
                                        cairn_guarded_breach *breach)
{
    guarded_lock(guarded);
    const record *r = cairn__guarded_around(guarded, address, true);
    bool live = r != NULL && r->state == GUARDED_LIVE;
    ptrdiff_t offset = r == NULL ? 0 : (const char *)address - r->ptr;
    bool found = r != NULL && !(live && offset >= 0 && (size_t)offset < r->size);
    if (found)
        *breach = breach_of(!live        ? CAIRN_GUARDED_ACCESS_AFTER_FREE
                            : offset < 0 ? CAIRN_GUARDED_ACCESS_BEFORE
                                         : CAIRN_GUARDED_ACCESS_AFTER,
                            r, offset);
    guarded_unlock(guarded);
    return found;
}

CAIRN_EXPORT void cairn_guarded_stats_get(const cairn_guarded *guarded, cairn_guarded_stats *stats)
{
    guarded_lock(guarded);
    *stats = guarded->stats;
    guarded_unlock(guarded);
}

CAIRN_EXPORT bool cairn_guarded_visit(const cairn_guarded *guarded, cairn_visitor *visitor,
                                      void *context)
{
    bool on = true;
    size_t index = 0;
    guarded_lock(guarded);
    for (record *r; on && (r = cairn__guarded_from(guarded, &index)) != NULL; index++)
        if (r->state == GUARDED_LIVE || r->state == GUARDED_KEPT)
            on = visitor(context, r->ptr, r->size, r->state == GUARDED_LIVE);
    guarded_unlock(guarded);
    return on;
}

CAIRN_EXPORT const char *cairn_guarded_audit(const cairn_guarded *guarded)
{
    cairn_guarded_breach breach;
    size_t index = 0;
    guarded_lock(guarded);
    const char *wrong = cairn__guarded_audit_notes(guarded);
    for (record *r; wrong == NULL && (r = cairn__guarded_from(guarded, &index)) != NULL; index++)
        if (can_look(r) && !cairn__guarded_look(guarded, r, r->state == GUARDED_KEPT, &breach))
            wrong = r->state == GUARDED_KEPT ? "a freed block was written to"
                                             : "a canary was written to";
    guarded_unlock(guarded);
    return wrong;
}
