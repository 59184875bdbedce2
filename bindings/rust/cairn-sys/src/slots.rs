// SPDX-License-Identifier: MIT
//! `cairn/slots.h`. The inline functions take the stride of a slot and the offset of the element in
//! it, as `slot_stride` and `slot_offset` give them: constants, where the type is known.

use crate::{c_char, c_void, cairn_allocator, cairn_layout};
use core::ptr;

/// A key; 0 is none.
pub type cairn_slots_key = u64;

/// What slots begin with.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct cairn_slots_opts {
    pub source: cairn_allocator,
    pub max_slots: u32,
    pub number: u32,
}

/// Slots; all fields are private.
#[repr(C)]
#[derive(Debug)]
pub struct cairn_slots {
    slots: *mut c_char,
    stride: usize,
    offset: usize,
    used: u32,
    holes: u32,
    vacant: u32,
    addable: u32,
    slow_from: cairn_slots_key,
    first: cairn_slots_key,
    capacity: u32,
    max_slots: u32,
    lost: u32,
    closed_vacant: u32,
    is_watched: bool,
    is_busy: bool,
    element: cairn_layout,
    source: cairn_allocator,
}

/// What `cairn_slots_compact` calls for an element that has moved.
pub type cairn_slots_rekey =
    unsafe extern "C" fn(*mut c_void, *mut c_void, cairn_slots_key, cairn_slots_key) -> bool;

extern "C" {
    /// Slots without memory; false: nothing can be added to them.
    pub fn cairn_slots_init(
        slots: *mut cairn_slots,
        element: cairn_layout,
        opts: *const cairn_slots_opts,
    ) -> bool;
    /// Gives all memory back.
    pub fn cairn_slots_fini(slots: *mut cairn_slots);
    /// What `cairn_slots_add` does where it has to look.
    pub fn cairn_slots_add_slow(slots: *mut cairn_slots, key: *mut cairn_slots_key) -> *mut c_void;
    /// What `cairn_slots_remove` does where it has to look.
    pub fn cairn_slots_remove_slow(slots: *mut cairn_slots, key: cairn_slots_key) -> bool;
    /// A place and its key, not yet an element.
    pub fn cairn_slots_claim(slots: *mut cairn_slots, key: *mut cairn_slots_key) -> *mut c_void;
    /// Makes it an element.
    pub fn cairn_slots_fill(slots: *mut cairn_slots, key: cairn_slots_key) -> bool;
    /// Ends it.
    pub fn cairn_slots_abandon(slots: *mut cairn_slots, key: cairn_slots_key) -> bool;
    /// Elements.
    pub fn cairn_slots_count(slots: *const cairn_slots) -> usize;
    /// Slots.
    pub fn cairn_slots_capacity(slots: *const cairn_slots) -> usize;
    /// Room for more.
    pub fn cairn_slots_reserve(slots: *mut cairn_slots, more: usize) -> bool;
    /// Ends all elements.
    pub fn cairn_slots_clear(slots: *mut cairn_slots);
    /// Moves the last elements into vacant slots, then shrinks.
    pub fn cairn_slots_compact(
        slots: *mut cairn_slots,
        rekey: Option<cairn_slots_rekey>,
        context: *mut c_void,
    ) -> usize;
    /// Cuts off what is vacant at the end.
    pub fn cairn_slots_shrink(slots: *mut cairn_slots) -> bool;
    /// NULL, or what is wrong.
    pub fn cairn_slots_audit(slots: *const cairn_slots) -> *const c_char;
}

const NONE: u32 = u32::MAX;
const HIGH: u64 = (u32::MAX as u64) << 32;
const ONE: u64 = 1 << 32;
const KEY_SIZE: usize = 8;

const fn round_up(size: usize, align: usize) -> usize {
    (size + align - 1) & !(align - 1)
}

/// Where the element lies in its slot.
pub const fn slot_offset(element: cairn_layout) -> usize {
    round_up(KEY_SIZE, element.align)
}

/// From a slot to the next.
pub const fn slot_stride(element: cairn_layout) -> usize {
    let align = if element.align > KEY_SIZE {
        element.align
    } else {
        KEY_SIZE
    };
    round_up(slot_offset(element) + element.size, align)
}

/// # Safety
/// index < used.
#[inline(always)]
unsafe fn at(slots: *const cairn_slots, index: u32, stride: usize) -> *mut cairn_slots_key {
    // SAFETY: the array has so many slots.
    unsafe { (*slots).slots.add(index as usize * stride).cast() }
}

/// The element of a key, or NULL.
///
/// # Safety
/// The slots are some, of this stride and offset; no other thread changes them.
#[inline(always)]
pub unsafe fn cairn_slots_get(
    slots: *const cairn_slots,
    key: cairn_slots_key,
    stride: usize,
    offset: usize,
) -> *mut c_void {
    // SAFETY: slots below `used` are in the array.
    unsafe {
        if key as u32 >= (*slots).used {
            return ptr::null_mut();
        }
        let slot = at(slots, key as u32, stride);
        if *slot != key {
            return ptr::null_mut();
        }
        slot.cast::<u8>().add(offset).cast()
    }
}

/// A new element, and its key; NULL and 0: no room.
///
/// # Safety
/// As `cairn_slots_get`; no other thread uses them.
#[inline(always)]
pub unsafe fn cairn_slots_add(
    slots: *mut cairn_slots,
    key: &mut cairn_slots_key,
    stride: usize,
    offset: usize,
) -> *mut c_void {
    // SAFETY: a vacant slot is below `used`, one that is addable within the array.
    unsafe {
        let mut index = (*slots).vacant;
        let slot;
        if index != NONE {
            slot = at(slots, index, stride);
            (*slots).vacant = *slot as u32;
            *key = (*slot & HIGH) | u64::from(index);
            (*slots).holes -= 1;
        } else {
            index = (*slots).used;
            if index >= (*slots).addable {
                return cairn_slots_add_slow(slots, key);
            }
            slot = at(slots, index, stride);
            *key = (*slots).first | u64::from(index);
            (*slots).used = index + 1;
        }
        *slot = *key;
        slot.cast::<u8>().add(offset).cast()
    }
}

/// Ends an element, of which `size` bytes go to `element` first, unless that is NULL. False: there is
/// none of that key.
///
/// # Safety
/// As `cairn_slots_add`.
#[inline(always)]
pub unsafe fn cairn_slots_remove(
    slots: *mut cairn_slots,
    key: cairn_slots_key,
    element: *mut c_void,
    size: usize,
    stride: usize,
    offset: usize,
) -> bool {
    // SAFETY: as for get; what was the element's is the library's now.
    unsafe {
        let from = cairn_slots_get(slots, key, stride, offset);
        if from.is_null() {
            return false;
        }
        if !element.is_null() {
            ptr::copy_nonoverlapping(from.cast::<u8>(), element.cast(), size);
        }
        if key >= (*slots).slow_from {
            return cairn_slots_remove_slow(slots, key);
        }
        let index = key as u32;
        *at(slots, index, stride) = ((key & HIGH) + ONE) | u64::from((*slots).vacant);
        (*slots).vacant = index;
        (*slots).holes += 1;
        true
    }
}

/// The next element from `*cursor` on, and its key; NULL: no more.
///
/// # Safety
/// As `cairn_slots_get`.
#[inline(always)]
pub unsafe fn cairn_slots_next(
    slots: *const cairn_slots,
    cursor: &mut u32,
    key: &mut cairn_slots_key,
    stride: usize,
    offset: usize,
) -> *mut c_void {
    // SAFETY: slots below `used` are in the array.
    unsafe {
        let used = (*slots).used;
        for index in *cursor..used {
            let slot = at(slots, index, stride);
            if *slot as u32 == index {
                *cursor = index + 1;
                *key = *slot;
                return slot.cast::<u8>().add(offset).cast();
            }
        }
        *cursor = used;
        ptr::null_mut()
    }
}
