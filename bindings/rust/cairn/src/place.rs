// SPDX-License-Identifier: MIT
//! What the safe types share: a place in memory that does not move, text for C, and what happens to
//! a panic that would unwind through C.

use crate::{libc, OutOfMemory};
use cairn_sys as sys;
use core::alloc::Layout;
use core::ptr::NonNull;

/// Memory for one T, from Cairn, at an address that stays. What is in it is not dropped.
pub(crate) struct Place<T> {
    ptr: NonNull<T>,
}

impl<T> Place<T> {
    /// Its contents are unspecified.
    pub(crate) fn new() -> Result<Place<T>, OutOfMemory> {
        let layout = Layout::new::<T>();
        // SAFETY: the alignment is a power of two.
        let block = unsafe { sys::cairn_aligned_alloc(layout.align(), layout.size()) };
        match NonNull::new(block.cast()) {
            Some(ptr) => Ok(Place { ptr }),
            None => Err(OutOfMemory),
        }
    }

    pub(crate) fn as_ptr(&self) -> *mut T {
        self.ptr.as_ptr()
    }
}

impl<T> Drop for Place<T> {
    fn drop(&mut self) {
        // SAFETY: the block of `new`, freed here only.
        unsafe { sys::cairn_free(self.ptr.as_ptr().cast()) }
    }
}

/// Calls what C has called us for: a panic must not unwind through C, and ends the process.
pub(crate) fn or_abort<R>(call: impl FnOnce() -> R) -> R {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            // SAFETY: no conditions.
            unsafe { libc::abort() }
        }
    }
    let bomb = Bomb;
    let result = call();
    core::mem::forget(bomb);
    result
}

/// Calls with the text as C has it. None: there is a NUL in it, or no memory.
pub(crate) fn with_c_text<R>(text: &str, call: impl FnOnce(*const sys::c_char) -> R) -> Option<R> {
    struct Block(*mut u8);
    impl Drop for Block {
        fn drop(&mut self) {
            // SAFETY: a block or NULL, freed here only.
            unsafe { sys::cairn_free(self.0.cast()) }
        }
    }
    if text.bytes().any(|byte| byte == 0) {
        return None;
    }
    // SAFETY: no conditions.
    let block = Block(unsafe { sys::cairn_malloc(text.len() + 1) }.cast());
    if block.0.is_null() {
        return None;
    }
    // SAFETY: the block has room for the text and its end.
    unsafe {
        block.0.copy_from_nonoverlapping(text.as_ptr(), text.len());
        block.0.add(text.len()).write(0);
    }
    Some(call(block.0 as *const sys::c_char))
}

/// A C text that is there for good; what is no UTF-8 is cut off.
///
/// # Safety
/// NULL, or a terminated text that stays.
pub(crate) unsafe fn static_text(text: *const sys::c_char) -> Option<&'static str> {
    if text.is_null() {
        return None;
    }
    let mut length = 0;
    // SAFETY: it is terminated.
    while unsafe { *text.add(length) } != 0 {
        length += 1;
    }
    // SAFETY: so many bytes are there, and stay.
    let bytes = unsafe { core::slice::from_raw_parts(text.cast::<u8>(), length) };
    Some(valid_utf8(bytes))
}

/// The part of it that is UTF-8.
pub(crate) fn valid_utf8(bytes: &[u8]) -> &str {
    match core::str::from_utf8(bytes) {
        Ok(text) => text,
        // SAFETY: up to there it is valid.
        Err(error) => unsafe { core::str::from_utf8_unchecked(&bytes[..error.valid_up_to()]) },
    }
}

/// NULL is Ok; else what is wrong, which the library keeps as constants.
///
/// # Safety
/// What an audit of the library has returned.
pub(crate) unsafe fn audited(said: *const sys::c_char) -> Result<(), &'static str> {
    // SAFETY: audits return NULL or a constant.
    match unsafe { static_text(said) } {
        None => Ok(()),
        Some(what) => Err(what),
    }
}

/// The layout for C.
pub(crate) fn c_layout(layout: Layout) -> sys::cairn_layout {
    sys::cairn_layout {
        size: layout.size(),
        align: layout.align(),
    }
}
