// SPDX-License-Identifier: MIT
//! `cairn/heap.h`.

use crate::{c_char, c_void, cairn_allocator, opaque};

opaque! {
    /// A heap of one's own.
    cairn_heap;
}

/// Figures of a heap; `size` is set by the caller.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)]
pub struct cairn_heap_stats {
    pub size: usize,
    pub committed: usize,
    pub live: usize,
    pub blocks: usize,
}

extern "C" {
    /// An empty heap.
    pub fn cairn_heap_create(name: *const c_char) -> *mut cairn_heap;
    /// Frees all its blocks, and the heap.
    pub fn cairn_heap_destroy(heap: *mut cairn_heap);
    /// A block of this heap.
    pub fn cairn_heap_malloc(heap: *mut cairn_heap, size: usize) -> *mut c_void;
    /// A zeroed block.
    pub fn cairn_heap_calloc(heap: *mut cairn_heap, count: usize, size: usize) -> *mut c_void;
    /// An aligned block.
    pub fn cairn_heap_aligned_alloc(
        heap: *mut cairn_heap,
        align: usize,
        size: usize,
    ) -> *mut c_void;
    /// Resizes a block where it is, or makes one here.
    pub fn cairn_heap_realloc(heap: *mut cairn_heap, ptr: *mut c_void, size: usize) -> *mut c_void;
    /// Whose block it is.
    pub fn cairn_heap_of(ptr: *const c_void) -> *mut cairn_heap;
    /// The heap as an allocator; NULL: the heaps of the threads.
    pub fn cairn_heap_allocator(heap: *mut cairn_heap) -> cairn_allocator;
    /// Figures.
    pub fn cairn_heap_stats_get(heap: *mut cairn_heap, stats: *mut cairn_heap_stats);
}
