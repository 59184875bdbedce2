/* SPDX-License-Identifier: MIT */
/*
 * Keyed storage (slots.h). What is here grows and shrinks the array, walks it, and does all that the
 * inline functions leave: entries that are claimed, slots that are retired, a first generation for
 * each array.
 *
 * The word of slot i, generation above, tells what it is by its lower half:
 *   i          occupied; the word is the key
 *   CLAIMED    claimed; the key's generation
 *   otherwise  the next vacant slot, or NONE; the generation of the next key. Generation 0 with NONE
 *              is a retired slot, in no list.
 * Slots from `used` on hold nothing; their generation is that of `first`.
 *
 * First generations are multiples of 2^31 divided by the golden ratio, modulo 2^31: of n of them any
 * two are at least 0.38 / n of the whole apart (the three-distance theorem; Knuth, TAOCP vol. 3, 6.4,
 * theorem S). Generations only grow, and 2^32 - 1 is the last.
 *
 * While somebody watches, or a callback runs, the slots are closed: the inline functions find neither
 * a vacant slot nor one beyond `used` nor a key below slow_from, and come here.
 *
 * Invariants:
 *   used <= capacity <= max_slots
 *   holes == length of the list + lost;  lost == claimed + retired slots;  the rest are elements
 *   closed: vacant == NONE, addable == slow_from == 0; else closed_vacant == NONE, addable == capacity
 */
#include "cairn/slots.h"

#include "base/bits.h"
#include "base/config.h"
#include "base/quotient.h"
#include "base/memory.h"
#include "base/visible.h"
#ifndef CAIRN_FREESTANDING
#include "cairn/system.h"
#endif

#define NONE    CAIRN__SLOTS_NONE
#define CLAIMED (CAIRN__SLOTS_NONE - 1)
#define ONE     CAIRN__SLOTS_ONE

#define SLOTS_BOUND   (UINT32_MAX - 15)
#define SIZE_BOUND    ((size_t)PTRDIFF_MAX / 4)
#define FIRST_SLOTS   8
#define GOLDEN_STRIDE 0x4F1BBCDDu         /* 2^31 / 1.618..., and odd */
#define CUT_BOUND     (0xC0000000u * ONE) /* a slot of a generation from here on is not cut off */

typedef cairn_slots_key word;

static word *at(const cairn_slots *slots, uint32_t index)
{
    return cairn__slots_at(slots, index, slots->stride);
}

static void *element_at(const cairn_slots *slots, uint32_t index)
{
    return (char *)at(slots, index) + slots->offset;
}

static word generation(word of)
{
    return of & CAIRN__SLOTS_HIGH;
}

static bool is_occupied(const cairn_slots *slots, uint32_t index)
{
    return (uint32_t)*at(slots, index) == index;
}

static bool is_retired(word of)
{
    return of == NONE;
}

/* On the list, or to be. */
static bool is_vacant(const cairn_slots *slots, uint32_t index)
{
    word of = *at(slots, index);
    return (uint32_t)of != index && (uint32_t)of != CLAIMED && !is_retired(of);
}

/* ---- open and closed ---- */

static bool is_closed(const cairn_slots *slots)
{
    return slots->is_watched || slots->is_busy;
}

static uint32_t first_vacant(const cairn_slots *slots)
{
    return is_closed(slots) ? slots->closed_vacant : slots->vacant;
}

static void set_first_vacant(cairn_slots *slots, uint32_t index)
{
    slots->closed_vacant = is_closed(slots) ? index : NONE;
    slots->vacant = is_closed(slots) ? NONE : index;
    slots->slow_from = is_closed(slots) ? 0 : CAIRN__SLOTS_HIGH;
    slots->addable = is_closed(slots) ? 0 : slots->capacity;
}

static void set_busy(cairn_slots *slots, bool is_busy)
{
    uint32_t first = first_vacant(slots);
    slots->is_busy = is_busy;
    set_first_vacant(slots, first);
}

/* ---- what those who watch see: elements may be touched, what is vacant may not ---- */

static void hide(const cairn_slots *slots, uint32_t index)
{
    if (slots->is_watched)
        cairn__show_unused(element_at(slots, index), slots->element.size);
}

static void show(const cairn_slots *slots, uint32_t index)
{
    if (slots->is_watched)
        cairn__show_usable(element_at(slots, index), slots->element.size);
}

/* ---- begin and end ---- */

/* How many have begun: which one this is. */
static uint32_t next_number(void)
{
    static uint32_t begun;
#ifdef CAIRN_FREESTANDING
    return ++begun;
#else
    return __atomic_add_fetch(&begun, 1, __ATOMIC_RELAXED);
#endif
}

static word first_generation(uint32_t number)
{
    uint32_t first = (number * GOLDEN_STRIDE) & 0x7FFFFFFFu;
    return (first != 0 ? first : 1) * ONE;
}

CAIRN_EXPORT bool cairn_slots_init(cairn_slots *slots, cairn_layout element,
                                   const cairn_slots_opts *opts)
{
    static const cairn_slots_opts defaults;
    if (opts == NULL)
        opts = &defaults;
    memset(slots, 0, sizeof *slots);
    set_first_vacant(slots, NONE);
    if (!cairn_layout_is_valid(element) || element.size > SIZE_BOUND || element.align > SIZE_BOUND)
        return false;
    slots->source = opts->source;
#ifndef CAIRN_FREESTANDING
    if (slots->source.ops == NULL)
        slots->source = cairn_system();
#endif
    if (slots->source.ops == NULL)
        return false;
    slots->element = element;
    size_t align = size_max(element.align, _Alignof(word));
    slots->offset = round_up(sizeof(word), element.align);
    slots->stride = round_up(slots->offset + element.size, align);
    size_t bound = quotient((size_t)PTRDIFF_MAX - align, slots->stride);
    slots->max_slots = opts->max_slots != 0 ? opts->max_slots : SLOTS_BOUND;
    slots->max_slots = slots->max_slots < SLOTS_BOUND ? slots->max_slots : SLOTS_BOUND;
    if (bound < slots->max_slots)
        slots->max_slots = (uint32_t)bound;
    slots->first = first_generation(opts->number != 0 ? opts->number : next_number());
    slots->is_watched = cairn__is_watched();
    set_first_vacant(slots, NONE);
    return true;
}

static cairn_layout layout_of(const cairn_slots *slots, uint32_t capacity)
{
    return cairn__layout(capacity * slots->stride, size_max(slots->element.align, _Alignof(word)));
}

CAIRN_EXPORT void cairn_slots_fini(cairn_slots *slots)
{
    cairn_slots was = *slots;
    memset(slots, 0, sizeof *slots);
    set_first_vacant(slots, NONE);
    if (was.slots == NULL)
        return;
    if (was.is_watched)
        cairn__show_usable(was.slots, layout_of(&was, was.capacity).size);
    cairn_allocator_dealloc(was.source, was.slots, layout_of(&was, was.capacity));
}

/* ---- the array ---- */

/* For the source, which copies all of it. */
static void show_all(const cairn_slots *slots)
{
    if (slots->is_watched && slots->slots != NULL)
        cairn__show_readable(slots->slots, slots->capacity * slots->stride);
}

static void hide_vacant(const cairn_slots *slots)
{
    if (!slots->is_watched || slots->slots == NULL)
        return;
    for (uint32_t i = 0; i < slots->used; i++) {
        word of = *at(slots, i);
        if ((uint32_t)of != i && (uint32_t)of != CLAIMED)
            hide(slots, i);
    }
    cairn__show_unused(at(slots, slots->used), (slots->capacity - slots->used) * slots->stride);
}

/* used <= capacity <= max_slots. False: the array is as it was. */
static bool set_capacity(cairn_slots *slots, uint32_t capacity)
{
    cairn_layout old = layout_of(slots, slots->capacity);
    if (capacity == slots->capacity)
        return true;
    show_all(slots);
    if (capacity == 0) {
        cairn_allocator_dealloc(slots->source, slots->slots, old);
        slots->slots = NULL;
    } else {
        cairn_layout new = layout_of(slots, capacity);
        void *array = slots->slots == NULL
                          ? cairn_allocator_alloc(slots->source, new)
                          : cairn_allocator_realloc(slots->source, slots->slots, old, new.size);
        if (array == NULL) {
            hide_vacant(slots);
            return false;
        }
        slots->slots = array;
    }
    slots->capacity = capacity;
    hide_vacant(slots);
    set_first_vacant(slots, first_vacant(slots));
    return true;
}

/* Room for one more: twice as much, or what can be had. */
static bool grow(cairn_slots *slots)
{
    uint32_t room = slots->max_slots - slots->capacity;
    uint32_t more = slots->capacity > FIRST_SLOTS ? slots->capacity : FIRST_SLOTS;
    if (more > room)
        more = room;
    for (; more != 0; more /= 2)
        if (set_capacity(slots, slots->capacity + more))
            return true;
    return false;
}

CAIRN_EXPORT bool cairn_slots_reserve(cairn_slots *slots, size_t more)
{
    if (slots->is_busy)
        return false;
    size_t vacant = slots->holes - slots->lost;
    if (more <= vacant + (slots->capacity - slots->used))
        return true;
    if (more - vacant > slots->max_slots - slots->used)
        return false;
    return set_capacity(slots, slots->used + (uint32_t)(more - vacant));
}

/* The list anew, by index, of all that is vacant. */
static void list_vacant(cairn_slots *slots)
{
    uint32_t head = NONE;
    for (uint32_t i = slots->used; i-- > 0;)
        if (is_vacant(slots, i)) {
            *at(slots, i) = generation(*at(slots, i)) | head;
            head = i;
        }
    set_first_vacant(slots, head);
}

CAIRN_EXPORT bool cairn_slots_shrink(cairn_slots *slots)
{
    if (slots->is_busy)
        return false;
    uint32_t used = slots->used;
    for (; used > 0 && is_vacant(slots, used - 1); used--) {
        word next = generation(*at(slots, used - 1));
        if (next >= CUT_BOUND)
            break;
        if (next > slots->first)
            slots->first = next;
    }
    slots->holes -= slots->used - used;
    slots->used = used;
    list_vacant(slots);
    hide_vacant(slots);
    return set_capacity(slots, used);
}

/* ---- one element ---- */

CAIRN_EXPORT void *cairn_slots_add_slow(cairn_slots *slots, cairn_slots_key *key)
{
    *key = 0;
    if (slots->is_busy)
        return NULL;
    uint32_t index = first_vacant(slots);
    if (index != NONE) {
        set_first_vacant(slots, (uint32_t)*at(slots, index));
        *key = generation(*at(slots, index)) | index;
        slots->holes--;
    } else {
        if (slots->used == slots->capacity && !grow(slots))
            return NULL;
        index = slots->used++;
        if (slots->is_watched)
            cairn__show_usable(at(slots, index), sizeof(word));
        *key = slots->first | index;
    }
    *at(slots, index) = *key;
    show(slots, index);
    return element_at(slots, index);
}

/* An occupied slot of which the key ends. */
static void vacate(cairn_slots *slots, uint32_t index)
{
    word *slot = at(slots, index), next = generation(*slot) + ONE;
    slots->holes++;
    hide(slots, index);
    if (next == 0) { /* there is no further generation */
        *slot = NONE;
        slots->lost++;
        return;
    }
    *slot = next | first_vacant(slots);
    set_first_vacant(slots, index);
}

CAIRN_EXPORT bool cairn_slots_remove_slow(cairn_slots *slots, cairn_slots_key key)
{
    if (slots->is_busy)
        return false;
    vacate(slots, (uint32_t)key);
    return true;
}

CAIRN_EXPORT void *cairn_slots_claim(cairn_slots *slots, cairn_slots_key *key)
{
    void *place = cairn_slots_add(slots, key);
    if (place == NULL)
        return NULL;
    *at(slots, (uint32_t)*key) = generation(*key) | CLAIMED;
    slots->holes++;
    slots->lost++;
    return place;
}

CAIRN_EXPORT bool cairn_slots_fill(cairn_slots *slots, cairn_slots_key key)
{
    uint32_t index = (uint32_t)key;
    if (slots->is_busy || index >= slots->used || *at(slots, index) != (generation(key) | CLAIMED))
        return false;
    *at(slots, index) = key;
    slots->holes--;
    slots->lost--;
    return true;
}

CAIRN_EXPORT bool cairn_slots_abandon(cairn_slots *slots, cairn_slots_key key)
{
    if (!cairn_slots_fill(slots, key))
        return false;
    vacate(slots, (uint32_t)key);
    return true;
}

/* ---- all elements ---- */

CAIRN_EXPORT size_t cairn_slots_count(const cairn_slots *slots)
{
    return slots->used - slots->holes;
}

CAIRN_EXPORT size_t cairn_slots_capacity(const cairn_slots *slots)
{
    return slots->capacity;
}

CAIRN_EXPORT void cairn_slots_clear(cairn_slots *slots)
{
    if (slots->is_busy)
        return;
    for (uint32_t i = 0; i < slots->used; i++) {
        cairn_slots_fill(slots, generation(*at(slots, i)) | i);
        if (is_occupied(slots, i))
            vacate(slots, i);
    }
    list_vacant(slots);
}

CAIRN_EXPORT size_t cairn_slots_retain(cairn_slots *slots, cairn_slots_keep *keep, void *context)
{
    if (slots->is_busy)
        return 0;
    uint32_t before = slots->holes;
    set_busy(slots, true);
    for (uint32_t i = 0; i < slots->used; i++)
        if (is_occupied(slots, i) && !keep(context, element_at(slots, i), *at(slots, i)))
            vacate(slots, i);
    set_busy(slots, false);
    return slots->holes - before;
}

/* Moves the element of slot `from` to the vacant slot `to`, if the owner of its key agrees. */
static bool move(cairn_slots *slots, uint32_t from, uint32_t to, cairn_slots_rekey *rekey,
                 void *context)
{
    word new_key = generation(*at(slots, to)) | to;
    show(slots, to);
    memcpy(element_at(slots, to), element_at(slots, from), slots->element.size);
    if (!rekey(context, element_at(slots, to), *at(slots, from), new_key)) {
        hide(slots, to);
        return false;
    }
    *at(slots, to) = new_key;
    slots->holes--;
    vacate(slots, from);
    return true;
}

CAIRN_EXPORT size_t cairn_slots_compact(cairn_slots *slots, cairn_slots_rekey *rekey, void *context)
{
    if (slots->is_busy)
        return 0;
    size_t moved = 0;
    set_busy(slots, true);
    for (uint32_t low = 0, high = rekey != NULL ? slots->used : 0; low < high;) {
        if (!is_occupied(slots, high - 1))
            high--;
        else if (!is_vacant(slots, low))
            low++;
        else if (move(slots, --high, low, rekey, context))
            moved++;
    }
    set_busy(slots, false);
    cairn_slots_shrink(slots); /* makes the list anew: some are occupied now that were on it */
    return moved;
}

/* ---- walks ---- */

CAIRN_EXPORT bool cairn_slots_visit(const cairn_slots *slots, cairn_visitor *visitor, void *context)
{
    size_t size = size_max(slots->element.size, 1);
    for (uint32_t i = 0; i < slots->used; i++)
        if (!visitor(context, element_at(slots, i), size, is_occupied(slots, i)))
            return false;
    size_t rest = (slots->capacity - slots->used) * slots->stride;
    return rest == 0 || visitor(context, at(slots, slots->used), rest, false);
}

CAIRN_EXPORT const char *cairn_slots_audit(const cairn_slots *slots)
{
    uint32_t occupied = 0, lost = 0, vacant = 0;
    if (slots->used > slots->capacity || slots->capacity > slots->max_slots ||
        (slots->slots == NULL) != (slots->capacity == 0))
        return "slots: more are used than there are";
    if (slots->addable != (is_closed(slots) ? 0 : slots->capacity) ||
        slots->slow_from != (is_closed(slots) ? 0 : CAIRN__SLOTS_HIGH) ||
        (is_closed(slots) ? slots->vacant : slots->closed_vacant) != NONE)
        return "slots: neither open nor closed";
    for (uint32_t i = 0; i < slots->used; i++) {
        word of = *at(slots, i);
        if (generation(of) == 0 && !is_retired(of))
            return "slots: a slot without a generation";
        if ((uint32_t)of == i)
            occupied++;
        else if ((uint32_t)of == CLAIMED || is_retired(of))
            lost++;
    }
    if (occupied != slots->used - slots->holes || lost != slots->lost)
        return "slots: the counts do not add up";
    for (uint32_t i = first_vacant(slots); i != NONE; i = (uint32_t)*at(slots, i))
        if (i >= slots->used || !is_vacant(slots, i) || ++vacant > slots->used)
            return "slots: the list of vacant slots is broken";
    if (vacant != slots->used - occupied - lost)
        return "slots: a vacant slot is not on the list";
    return NULL;
}
