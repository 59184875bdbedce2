// SPDX-License-Identifier: MIT
//! `cairn.h`, `cairn/stats.h`.

use crate::{c_char, c_uint, c_void};

extern "C" {
    /// "0.1.0", of the library.
    pub fn cairn_version() -> *const c_char;
    /// Whether the C program's malloc is Cairn's.
    pub fn cairn_is_active() -> bool;

    /// A block.
    pub fn cairn_malloc(size: usize) -> *mut c_void;
    /// A zeroed block.
    pub fn cairn_calloc(count: usize, size: usize) -> *mut c_void;
    /// Resizes a block; above 16 bytes it keeps no alignment.
    pub fn cairn_realloc(ptr: *mut c_void, size: usize) -> *mut c_void;
    /// The same with a product that is checked.
    pub fn cairn_reallocarray(ptr: *mut c_void, count: usize, size: usize) -> *mut c_void;
    /// A block aligned to any power of two.
    pub fn cairn_aligned_alloc(align: usize, size: usize) -> *mut c_void;
    /// Frees a block.
    pub fn cairn_free(ptr: *mut c_void);
    /// Frees a block of a known size.
    pub fn cairn_free_sized(ptr: *mut c_void, size: usize);
    /// Many blocks of a size.
    pub fn cairn_alloc_batch(size: usize, blocks: *mut *mut c_void, count: usize) -> usize;
    /// Frees many blocks.
    pub fn cairn_free_batch(blocks: *mut *mut c_void, count: usize);

    /// Bytes that a block holds.
    pub fn cairn_usable_size(ptr: *const c_void) -> usize;
    /// Bytes that a block of `size` bytes holds.
    pub fn cairn_good_size(size: usize) -> usize;
    /// Whether a block of Cairn's begins here.
    pub fn cairn_owns(ptr: *const c_void) -> bool;
    /// Gives free memory back to the system.
    pub fn cairn_purge() -> bool;
    /// Makes memory ready.
    pub fn cairn_reserve(size: usize) -> bool;

    /// Fills in `stats`, whose `size` the caller has set.
    pub fn cairn_stats_get(stats: *mut cairn_stats);
    /// Prints statistics; without a function on stderr.
    pub fn cairn_stats_print(
        write: Option<unsafe extern "C" fn(*mut c_void, *const c_char, usize)>,
        context: *mut c_void,
        format: cairn_stats_format,
    );
}

/// `enum cairn_stats_format`: one of the three below.
pub type cairn_stats_format = c_uint;
/// A dozen lines.
pub const CAIRN_STATS_SUMMARY: cairn_stats_format = 0;
/// These, and a line for each size and each heap.
pub const CAIRN_STATS_TEXT: cairn_stats_format = 1;
/// Everything, in one line.
pub const CAIRN_STATS_JSON: cairn_stats_format = 2;

/// What the allocator holds; `cairn/stats.h` says what each figure is.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)]
pub struct cairn_stats {
    pub size: usize,
    pub reserved: usize,
    pub mapped: usize,
    pub committed: usize,
    pub peak_committed: usize,
    pub live: usize,
    pub huge: usize,
    pub huge_count: usize,
    pub metadata: usize,
    pub pages: usize,
    pub heaps: usize,
    pub foreign_frees: usize,
    pub large: usize,
    pub large_count: usize,
    pub page_free: usize,
    pub page_unused: usize,
    pub kept: usize,
    pub tables: usize,
    pub asked: usize,
    pub handed: usize,
    pub trips: usize,
    pub handed_large: usize,
    pub recent_large: usize,
}
