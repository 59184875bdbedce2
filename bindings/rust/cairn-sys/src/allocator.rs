// SPDX-License-Identifier: MIT
//! `cairn/layout.h`, `cairn/allocator.h`, `cairn/system.h`.

use crate::{c_char, c_void};
use core::ptr;

/// What a block must be.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct cairn_layout {
    /// In bytes.
    pub size: usize,
    /// A power of two.
    pub align: usize,
}

/// Whether a block can have it.
#[inline]
pub const fn cairn_layout_is_valid(layout: cairn_layout) -> bool {
    layout.align.is_power_of_two() && layout.size <= isize::MAX as usize - (layout.align - 1)
}

/// An allocator: two words, passed by value.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct cairn_allocator {
    /// What it can do; NULL stands for the default where one is asked for.
    pub ops: *const cairn_allocator_ops,
    /// Handed to each of the ops. C calls it `self`.
    pub this: *mut c_void,
}

impl cairn_allocator {
    /// {NULL, NULL}: none, or the default.
    pub const NONE: cairn_allocator = cairn_allocator {
        ops: ptr::null(),
        this: ptr::null_mut(),
    };
}

/// What an allocator can do. `None`: see the header for what stands in its place.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct cairn_allocator_ops {
    pub name: *const c_char,
    pub alloc: unsafe extern "C" fn(*mut c_void, cairn_layout) -> *mut c_void,
    pub dealloc: unsafe extern "C" fn(*mut c_void, *mut c_void, cairn_layout),
    pub alloc_zeroed: Option<unsafe extern "C" fn(*mut c_void, cairn_layout) -> *mut c_void>,
    pub realloc:
        Option<unsafe extern "C" fn(*mut c_void, *mut c_void, cairn_layout, usize) -> *mut c_void>,
    pub owns: Option<unsafe extern "C" fn(*mut c_void, *const c_void) -> bool>,
    pub usable_size:
        Option<unsafe extern "C" fn(*mut c_void, *const c_void, cairn_layout) -> usize>,
}

/// What the `_visit` functions call for each block and gap.
pub type cairn_visitor = unsafe extern "C" fn(*mut c_void, *mut c_void, usize, bool) -> bool;

extern "C" {
    /// A block of zeroes.
    pub fn cairn_allocator_alloc_zeroed(
        allocator: cairn_allocator,
        layout: cairn_layout,
    ) -> *mut c_void;
    /// Resizes a block.
    pub fn cairn_allocator_realloc(
        allocator: cairn_allocator,
        ptr: *mut c_void,
        layout: cairn_layout,
        new_size: usize,
    ) -> *mut c_void;
    /// The process's own malloc.
    pub fn cairn_system() -> cairn_allocator;
}

/// A block, or NULL.
///
/// # Safety
/// The allocator is one, and may be called by this thread.
#[inline]
pub unsafe fn cairn_allocator_alloc(
    allocator: cairn_allocator,
    layout: cairn_layout,
) -> *mut c_void {
    if !cairn_layout_is_valid(layout) {
        return ptr::null_mut();
    }
    // SAFETY: as the caller promises; the layout is valid.
    unsafe { ((*allocator.ops).alloc)(allocator.this, layout) }
}

/// Ends a block. NULL does nothing.
///
/// # Safety
/// As `cairn_allocator_alloc`; the block is one of it, of this layout.
#[inline]
pub unsafe fn cairn_allocator_dealloc(
    allocator: cairn_allocator,
    ptr: *mut c_void,
    layout: cairn_layout,
) {
    if !ptr.is_null() {
        // SAFETY: as the caller promises.
        unsafe { ((*allocator.ops).dealloc)(allocator.this, ptr, layout) }
    }
}

/// Whether ptr lies in a block of it. False, too, if it cannot tell.
///
/// # Safety
/// As `cairn_allocator_alloc`.
#[inline]
pub unsafe fn cairn_allocator_owns(allocator: cairn_allocator, ptr: *const c_void) -> bool {
    // SAFETY: as the caller promises.
    match unsafe { (*allocator.ops).owns } {
        // SAFETY: as the caller promises.
        Some(owns) if !ptr.is_null() => unsafe { owns(allocator.this, ptr) },
        _ => false,
    }
}
