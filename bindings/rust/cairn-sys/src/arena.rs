// SPDX-License-Identifier: MIT
//! `cairn/arena.h`, and the cleanups of `cairn/arena_tree.h`.

use crate::{c_char, c_void, cairn_allocator, cairn_layout};
use core::marker::{PhantomData, PhantomPinned};

/// An arena, made by `cairn_arena_create` only: what lies behind the two fields is not declared.
#[repr(C)]
#[derive(Debug)]
pub struct cairn_arena {
    next: *mut c_char,
    end: *mut c_char,
    marker: PhantomData<PhantomPinned>,
}

/// What an arena begins with.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct cairn_arena_opts {
    pub source: cairn_allocator,
    pub name: *const c_char,
    pub parent: *mut cairn_arena,
    pub limit: usize,
    pub first_chunk: usize,
    pub max_chunk: usize,
    pub keep: usize,
}

/// A place to go back to.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct cairn_mark {
    pub arena: *const cairn_arena,
    pub serial: u64,
}

/// Figures of an arena.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct cairn_arena_stats {
    pub name: *const c_char,
    pub used: usize,
    pub peak: usize,
    pub reserved: usize,
    pub kept: usize,
    pub wasted: usize,
    pub room: usize,
    pub chunks: usize,
    pub resets: usize,
    pub rewinds: usize,
}

/// What is called when an arena ends.
pub type cairn_arena_cleanup = unsafe extern "C" fn(*mut c_void);

extern "C" {
    /// An arena without chunks.
    pub fn cairn_arena_create(opts: *const cairn_arena_opts) -> *mut cairn_arena;
    /// Ends it.
    pub fn cairn_arena_destroy(arena: *mut cairn_arena);
    /// What `cairn_arena_alloc` does where the chunk is full.
    pub fn cairn_arena_alloc_slow(
        arena: *mut cairn_arena,
        size: usize,
        align: usize,
    ) -> *mut c_void;
    /// A block of zeroes.
    pub fn cairn_arena_alloc_zeroed(
        arena: *mut cairn_arena,
        size: usize,
        align: usize,
    ) -> *mut c_void;
    /// Resizes a block.
    pub fn cairn_arena_realloc(
        arena: *mut cairn_arena,
        ptr: *mut c_void,
        layout: cairn_layout,
        new_size: usize,
    ) -> *mut c_void;
    /// Gives back the last block.
    pub fn cairn_arena_dealloc(arena: *mut cairn_arena, ptr: *mut c_void, layout: cairn_layout);
    /// Makes room.
    pub fn cairn_arena_reserve(arena: *mut cairn_arena, size: usize) -> bool;
    /// A place to go back to.
    pub fn cairn_arena_mark(arena: *mut cairn_arena) -> cairn_mark;
    /// Goes back.
    pub fn cairn_arena_rewind(arena: *mut cairn_arena, mark: cairn_mark) -> bool;
    /// Ends everything in it.
    pub fn cairn_arena_reset(arena: *mut cairn_arena);
    /// Gives chunks without blocks back.
    pub fn cairn_arena_trim(arena: *mut cairn_arena, keep: usize) -> usize;
    /// Figures.
    pub fn cairn_arena_stats_get(arena: *const cairn_arena) -> cairn_arena_stats;
    /// NULL, or what is wrong.
    pub fn cairn_arena_audit(arena: *const cairn_arena) -> *const c_char;
    /// As an allocator.
    pub fn cairn_arena_allocator(arena: *mut cairn_arena) -> cairn_allocator;
    /// Has a function called when the arena ends, or is rewound to before this.
    pub fn cairn_arena_add_cleanup(
        arena: *mut cairn_arena,
        cleanup: Option<cairn_arena_cleanup>,
        argument: *mut c_void,
    ) -> bool;
}

/// A block of `size` bytes at a multiple of `align`; NULL: out of memory, or beyond the limit.
///
/// # Safety
/// The arena is one, and no other thread uses it.
#[inline]
pub unsafe fn cairn_arena_alloc(arena: *mut cairn_arena, size: usize, align: usize) -> *mut c_void {
    // SAFETY: the arena is one.
    let (next, end) = unsafe { ((*arena).next, (*arena).end) };
    let mask = align.wrapping_sub(1);
    let padding = (next as usize).wrapping_neg() & mask;
    let room = (end as usize).wrapping_sub(next as usize);
    // Up to 16 the padding cannot pass `end`. Size 0 fails the last compare, as does no room.
    if align & mask == 0
        && (mask < 16 || padding <= room)
        && size.wrapping_sub(1) < room.wrapping_sub(padding)
    {
        let at = next.wrapping_add(padding);
        // SAFETY: the arena is one.
        unsafe { (*arena).next = at.wrapping_add(size) };
        return at.cast();
    }
    // SAFETY: as the caller promises.
    unsafe { cairn_arena_alloc_slow(arena, size, align) }
}
