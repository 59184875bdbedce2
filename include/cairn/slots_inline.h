/* SPDX-License-Identifier: MIT */
/*
 * The inline part of slots.h, which says what each function does: once for slots that know the size
 * of their elements, once for a type. A slot is a word, the key or what stands in its place, and the
 * element behind it.
 */
#ifndef CAIRN_SLOTS_INLINE_H
#define CAIRN_SLOTS_INLINE_H

#include "cairn/slots.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CAIRN__SLOTS_NONE UINT32_MAX
#define CAIRN__SLOTS_HIGH ((cairn_slots_key)UINT32_MAX << 32)
#define CAIRN__SLOTS_ONE  ((cairn_slots_key)1 << 32)

void *cairn_slots_add_slow(cairn_slots *slots, cairn_slots_key *key);
bool cairn_slots_remove_slow(cairn_slots *slots, cairn_slots_key key);

static inline cairn_slots_key *cairn__slots_at(const cairn_slots *slots, uint32_t index,
                                               size_t stride)
{
    return (cairn_slots_key *)(void *)(slots->slots + (size_t)index * stride);
}

static inline void *cairn__slots_get(const cairn_slots *slots, cairn_slots_key key, size_t stride,
                                     size_t offset)
{
    if (__builtin_expect((uint32_t)key >= slots->used, 0))
        return NULL;
    cairn_slots_key *slot = cairn__slots_at(slots, (uint32_t)key, stride);
    return __builtin_expect(*slot == key, 1) ? (char *)slot + offset : NULL;
}

static inline void *cairn__slots_add(cairn_slots *slots, cairn_slots_key *key, size_t stride,
                                     size_t offset)
{
    uint32_t index = slots->vacant;
    cairn_slots_key *slot, word;
    if (index != CAIRN__SLOTS_NONE) {
        slot = cairn__slots_at(slots, index, stride);
        word = *slot;
        slots->vacant = (uint32_t)word;
        word = (word & CAIRN__SLOTS_HIGH) | index;
        slots->holes--;
    } else {
        index = slots->used;
        if (__builtin_expect(index >= slots->addable, 0))
            return cairn_slots_add_slow(slots, key);
        slot = cairn__slots_at(slots, index, stride);
        word = slots->first | index;
        slots->used = index + 1;
    }
    *slot = *key = word;
    return (char *)slot + offset;
}

static inline bool cairn__slots_remove(cairn_slots *slots, cairn_slots_key key, void *element,
                                       size_t size, size_t stride, size_t offset)
{
    uint32_t index = (uint32_t)key;
    if (__builtin_expect(index >= slots->used, 0))
        return false;
    cairn_slots_key *slot = cairn__slots_at(slots, index, stride);
    if (__builtin_expect(*slot != key, 0))
        return false;
    if (element != NULL)
        __builtin_memcpy(element, (char *)slot + offset, size);
    if (__builtin_expect(key >= slots->slow_from, 0))
        return cairn_slots_remove_slow(slots, key);
    *slot = ((key & CAIRN__SLOTS_HIGH) + CAIRN__SLOTS_ONE) | slots->vacant;
    slots->vacant = index;
    slots->holes++;
    return true;
}

static inline void *cairn__slots_next(const cairn_slots *slots, uint32_t *cursor,
                                      cairn_slots_key *key, size_t stride, size_t offset)
{
    for (uint32_t index = *cursor; index < slots->used; index++) {
        cairn_slots_key *slot = cairn__slots_at(slots, index, stride);
        if ((uint32_t)*slot != index)
            continue;
        *cursor = index + 1;
        if (key != NULL)
            *key = *slot;
        return (char *)slot + offset;
    }
    *cursor = slots->used;
    return NULL;
}

static inline void *cairn_slots_get(const cairn_slots *slots, cairn_slots_key key)
{
    return cairn__slots_get(slots, key, slots->stride, slots->offset);
}

static inline void *cairn_slots_add(cairn_slots *slots, cairn_slots_key *key)
{
    return cairn__slots_add(slots, key, slots->stride, slots->offset);
}

static inline cairn_slots_key cairn_slots_insert(cairn_slots *slots, const void *element)
{
    cairn_slots_key key;
    void *slot = cairn_slots_add(slots, &key);
    if (slot != NULL)
        __builtin_memcpy(slot, element, slots->element.size);
    return key;
}

static inline bool cairn_slots_remove(cairn_slots *slots, cairn_slots_key key, void *element)
{
    return cairn__slots_remove(slots, key, element, slots->element.size, slots->stride,
                               slots->offset);
}

static inline void *cairn_slots_next(const cairn_slots *slots, uint32_t *cursor,
                                     cairn_slots_key *key)
{
    return cairn__slots_next(slots, cursor, key, slots->stride, slots->offset);
}

#define CAIRN__ROUND_UP(x, align) (((x) + (align)-1) & ~((size_t)(align)-1))
#define CAIRN__SLOT_ALIGN(T)                                                                       \
    (CAIRN__ALIGN_OF(T) > CAIRN__ALIGN_OF(cairn_slots_key) ? CAIRN__ALIGN_OF(T)                    \
                                                           : CAIRN__ALIGN_OF(cairn_slots_key))
#define CAIRN__SLOT_OFFSET(T) CAIRN__ROUND_UP(sizeof(cairn_slots_key), CAIRN__ALIGN_OF(T))
#define CAIRN__SLOT_SHAPE(T)                                                                       \
    CAIRN__ROUND_UP(CAIRN__SLOT_OFFSET(T) + sizeof(T), CAIRN__SLOT_ALIGN(T)), CAIRN__SLOT_OFFSET(T)

#define CAIRN_SLOTS_OF(T, name)                                                                    \
    __attribute__((unused)) static inline bool name##_init(cairn_slots *slots_,                    \
                                                           const cairn_slots_opts *opts_)          \
    {                                                                                              \
        return cairn_slots_init(slots_, cairn_layout_of(T), opts_);                                \
    }                                                                                              \
    __attribute__((unused)) static inline T *name##_get(const cairn_slots *slots_,                 \
                                                        cairn_slots_key key_)                      \
    {                                                                                              \
        return (T *)cairn__slots_get(slots_, key_, CAIRN__SLOT_SHAPE(T));                          \
    }                                                                                              \
    __attribute__((unused)) static inline T *name##_add(cairn_slots *slots_,                       \
                                                        cairn_slots_key *key_)                     \
    {                                                                                              \
        return (T *)cairn__slots_add(slots_, key_, CAIRN__SLOT_SHAPE(T));                          \
    }                                                                                              \
    __attribute__((unused)) static inline cairn_slots_key name##_insert(cairn_slots *slots_,       \
                                                                        T element_)                \
    {                                                                                              \
        cairn_slots_key key_;                                                                      \
        T *slot_ = name##_add(slots_, &key_);                                                      \
        if (__builtin_expect(slot_ != NULL, 1))                                                    \
            *slot_ = element_;                                                                     \
        return key_;                                                                               \
    }                                                                                              \
    __attribute__((unused)) static inline bool name##_remove(cairn_slots *slots_,                  \
                                                             cairn_slots_key key_, T *element_)    \
    {                                                                                              \
        return cairn__slots_remove(slots_, key_, element_, sizeof(T), CAIRN__SLOT_SHAPE(T));       \
    }                                                                                              \
    __attribute__((unused)) static inline T *name##_next(const cairn_slots *slots_,                \
                                                         uint32_t *cursor_, cairn_slots_key *key_) \
    {                                                                                              \
        return (T *)cairn__slots_next(slots_, cursor_, key_, CAIRN__SLOT_SHAPE(T));                \
    }

#ifdef __cplusplus
}
#endif

#endif
