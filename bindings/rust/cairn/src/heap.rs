// SPDX-License-Identifier: MIT
//! Heaps of one's own.

use crate::{source::global_alloc, OutOfMemory, Source};
use cairn_sys as sys;
use core::fmt;
use core::ptr::NonNull;

/// A heap of one's own: blocks of all sizes that are freed one by one, or all with the heap.
///
/// Any thread may use it, under its lock. As a [`Source`] it serves others; `GlobalAlloc` gives
/// blocks directly. What is still in it when it is dropped is freed, but not dropped.
///
/// ```
/// let heap = cairn::Heap::new("request")?;
/// let arena = cairn::Arena::new_in(&heap);
/// arena.alloc([0u8; 100]);
/// assert!(heap.stats().live >= 100);
/// # Ok::<(), cairn::OutOfMemory>(())
/// ```
pub struct Heap {
    raw: NonNull<sys::cairn_heap>,
}

/// Figures of a [`Heap`], in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeapStats {
    /// Taken for this heap: live, and what is free in its pages.
    pub committed: usize,
    /// In blocks in use, rounded up to what they can hold.
    pub live: usize,
    /// Blocks in use, in number.
    pub blocks: usize,
}

const NAME_SIZE: usize = 32;

impl Heap {
    /// An empty heap. The name is what statistics call it, up to its 31st byte.
    ///
    /// # Errors
    /// Out of memory.
    pub fn new(name: &str) -> Result<Heap, OutOfMemory> {
        let mut text = [0u8; NAME_SIZE];
        let mut length = name.len().min(NAME_SIZE - 1);
        while !name.is_char_boundary(length) {
            length -= 1;
        }
        text[..length].copy_from_slice(&name.as_bytes()[..length]);
        // SAFETY: the text is terminated, and copied.
        match NonNull::new(unsafe { sys::cairn_heap_create(text.as_ptr().cast()) }) {
            Some(raw) => Ok(Heap { raw }),
            None => Err(OutOfMemory),
        }
    }

    /// What it holds now.
    pub fn stats(&self) -> HeapStats {
        let mut stats = sys::cairn_heap_stats {
            size: core::mem::size_of::<sys::cairn_heap_stats>(),
            ..Default::default()
        };
        // SAFETY: the heap is there; the size says how much may be written.
        unsafe { sys::cairn_heap_stats_get(self.raw.as_ptr(), &mut stats) };
        HeapStats {
            committed: stats.committed,
            live: stats.live,
            blocks: stats.blocks,
        }
    }
}

// SAFETY: the library locks it.
unsafe impl Send for Heap {}
// SAFETY: the library locks it.
unsafe impl Sync for Heap {}

// SAFETY: it serves until it is destroyed, which drop alone does.
unsafe impl Source for Heap {
    fn raw(&self) -> sys::cairn_allocator {
        // SAFETY: the heap is there.
        unsafe { sys::cairn_heap_allocator(self.raw.as_ptr()) }
    }
}

global_alloc!([] Heap);

impl Drop for Heap {
    fn drop(&mut self) {
        // SAFETY: nobody has a reference any more.
        unsafe { sys::cairn_heap_destroy(self.raw.as_ptr()) }
    }
}

impl fmt::Debug for Heap {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Heap")
            .field("stats", &self.stats())
            .finish()
    }
}
