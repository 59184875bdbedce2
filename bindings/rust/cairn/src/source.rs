// SPDX-License-Identifier: MIT
//! Where memory comes from: Cairn itself, the C program's malloc, and the trait that all have.

use crate::place::c_layout;
use cairn_sys as sys;
use core::alloc::{GlobalAlloc, Layout};
use core::ptr;

/// What others can take memory from: an allocator of the kit behind its two words.
///
/// `&S` is one where `S` is, so an allocator can serve several others by reference: these can then
/// go to another thread only if it may be used from several (`S: Sync`).
///
/// # Safety
/// `raw` returns an allocator that keeps to the contract of `cairn/allocator.h`; always the same one,
/// wherever `self` is moved to; it serves until `self` is dropped, and may be called by any thread
/// that has a `&self`.
pub unsafe trait Source {
    /// The allocator as C sees it.
    fn raw(&self) -> sys::cairn_allocator;
}

// SAFETY: it lives at least as long as the reference.
unsafe impl<S: Source + ?Sized> Source for &S {
    fn raw(&self) -> sys::cairn_allocator {
        (**self).raw()
    }
}

/// Cairn's malloc: the global allocator of a program, or the source of other allocators.
///
/// Every thread may use it, and free what another one allocated. Costs and limits are those of
/// `cairn_malloc`.
///
/// ```
/// #[global_allocator]
/// static GLOBAL: cairn::Cairn = cairn::Cairn;
///
/// let words: Vec<String> = (0..1000).map(|i| i.to_string()).collect();
/// assert!(cairn::owns(words.as_ptr()));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Cairn;

/// What every block of `cairn_malloc` is aligned to.
const NATURAL_ALIGN: usize = 16;

// SAFETY: blocks of cairn_malloc and cairn_aligned_alloc have the size and alignment asked for, and
// are the caller's until they are freed. Nothing unwinds.
unsafe impl GlobalAlloc for Cairn {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= NATURAL_ALIGN {
            // SAFETY: no conditions.
            unsafe { sys::cairn_malloc(layout.size()).cast() }
        } else {
            // SAFETY: the alignment is a power of two.
            unsafe { sys::cairn_aligned_alloc(layout.align(), layout.size()).cast() }
        }
    }

    #[inline]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller's block, of this size.
        unsafe { sys::cairn_free_sized(ptr.cast(), layout.size()) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= NATURAL_ALIGN {
            // SAFETY: no conditions.
            return unsafe { sys::cairn_calloc(1, layout.size()).cast() };
        }
        // SAFETY: as the caller promises.
        let block = unsafe { self.alloc(layout) };
        if !block.is_null() {
            // SAFETY: the block has so many bytes.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if layout.align() <= NATURAL_ALIGN {
            // SAFETY: the caller's block; new_size is not 0.
            return unsafe { sys::cairn_realloc(block.cast(), new_size).cast() };
        }
        // SAFETY: the caller's block and layout, and a new one of the same alignment; both hold
        // what is copied.
        unsafe {
            let new = sys::cairn_aligned_alloc(layout.align(), new_size).cast::<u8>();
            if !new.is_null() {
                ptr::copy_nonoverlapping(block, new, layout.size().min(new_size));
                self.dealloc(block, layout);
            }
            new
        }
    }
}

// SAFETY: the heaps of the threads, for good.
unsafe impl Source for Cairn {
    fn raw(&self) -> sys::cairn_allocator {
        // SAFETY: no conditions.
        unsafe { sys::cairn_heap_allocator(ptr::null_mut()) }
    }
}

/// The malloc of the C library, or of what is preloaded in its place, as a source.
///
/// ```
/// let arena = cairn::Arena::new_in(cairn::System);
/// assert_eq!(*arena.alloc(7), 7);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

// SAFETY: malloc, for good.
unsafe impl Source for System {
    fn raw(&self) -> sys::cairn_allocator {
        // SAFETY: no conditions.
        unsafe { sys::cairn_system() }
    }
}

/// # Safety
/// As `GlobalAlloc::alloc`, of the allocator.
#[inline]
pub(crate) unsafe fn alloc(from: sys::cairn_allocator, layout: Layout) -> *mut u8 {
    // SAFETY: as the caller promises.
    unsafe { sys::cairn_allocator_alloc(from, c_layout(layout)).cast() }
}

/// # Safety
/// As `GlobalAlloc::alloc_zeroed`, of the allocator.
#[inline]
pub(crate) unsafe fn alloc_zeroed(from: sys::cairn_allocator, layout: Layout) -> *mut u8 {
    // SAFETY: as the caller promises.
    unsafe { sys::cairn_allocator_alloc_zeroed(from, c_layout(layout)).cast() }
}

/// # Safety
/// As `GlobalAlloc::dealloc`, of the allocator.
#[inline]
pub(crate) unsafe fn dealloc(from: sys::cairn_allocator, ptr: *mut u8, layout: Layout) {
    // SAFETY: as the caller promises.
    unsafe { sys::cairn_allocator_dealloc(from, ptr.cast(), c_layout(layout)) }
}

/// # Safety
/// As `GlobalAlloc::realloc`, of the allocator.
#[inline]
pub(crate) unsafe fn realloc(
    from: sys::cairn_allocator,
    ptr: *mut u8,
    layout: Layout,
    new_size: usize,
) -> *mut u8 {
    // SAFETY: as the caller promises.
    unsafe { sys::cairn_allocator_realloc(from, ptr.cast(), c_layout(layout), new_size).cast() }
}

/// GlobalAlloc for a source, so that blocks can be had from it directly.
macro_rules! global_alloc {
    ([$($generics:tt)*] $name:ty) => {
        // SAFETY: a source keeps to the contract of cairn/allocator.h, which is that of GlobalAlloc.
        unsafe impl<$($generics)*> core::alloc::GlobalAlloc for $name {
            #[inline]
            unsafe fn alloc(&self, layout: core::alloc::Layout) -> *mut u8 {
                // SAFETY: as the caller promises.
                unsafe { crate::source::alloc(crate::Source::raw(self), layout) }
            }

            #[inline]
            unsafe fn dealloc(&self, ptr: *mut u8, layout: core::alloc::Layout) {
                // SAFETY: as the caller promises.
                unsafe { crate::source::dealloc(crate::Source::raw(self), ptr, layout) }
            }

            #[inline]
            unsafe fn alloc_zeroed(&self, layout: core::alloc::Layout) -> *mut u8 {
                // SAFETY: as the caller promises.
                unsafe { crate::source::alloc_zeroed(crate::Source::raw(self), layout) }
            }

            #[inline]
            unsafe fn realloc(
                &self,
                ptr: *mut u8,
                layout: core::alloc::Layout,
                new_size: usize,
            ) -> *mut u8 {
                // SAFETY: as the caller promises.
                unsafe { crate::source::realloc(crate::Source::raw(self), ptr, layout, new_size) }
            }
        }
    };
}
pub(crate) use global_alloc;

global_alloc!([] System);
