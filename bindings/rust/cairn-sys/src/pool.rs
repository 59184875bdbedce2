// SPDX-License-Identifier: MIT
//! `cairn/pool.h`, `cairn/atomic_pool.h`.

use crate::{c_char, c_void, cairn_allocator, cairn_layout, opaque};

/// What a pool begins with.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct cairn_pool_opts {
    pub source: cairn_allocator,
    pub max_blocks: usize,
    pub first_chunk_size: usize,
    pub max_chunk_size: usize,
    pub checked: bool,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Link {
    next: *mut Link,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Stock {
    free: *mut Link,
    next: *mut c_char,
    end: *mut c_char,
}

/// A pool; all fields are private. It must not be moved after `cairn_pool_init`.
#[repr(C)]
#[derive(Debug)]
pub struct cairn_pool {
    open: Stock,
    stride: usize,
    is_slow: bool,
    is_watched: bool,
    is_checked: bool,
    shift: u8,
    inverse: usize,
    closed: Stock,
    current: *mut c_void,
    begun: *mut c_void,
    fresh: *mut c_void,
    region: [usize; 5],
    block_size: usize,
    block_align: usize,
    blocks: usize,
    max_blocks: usize,
    held: usize,
    first_chunk_size: usize,
    max_chunk_size: usize,
    source: cairn_allocator,
}

extern "C" {
    /// A pool of blocks of this layout; false: one that gives nothing.
    pub fn cairn_pool_init(
        pool: *mut cairn_pool,
        block: cairn_layout,
        opts: *const cairn_pool_opts,
    ) -> bool;
    /// Gives all back.
    pub fn cairn_pool_fini(pool: *mut cairn_pool);
    /// What `cairn_pool_alloc` does where there is no free block.
    pub fn cairn_pool_alloc_slow(pool: *mut cairn_pool) -> *mut c_void;
    /// What `cairn_pool_dealloc` does where it has to look.
    pub fn cairn_pool_dealloc_slow(pool: *mut cairn_pool, ptr: *mut c_void) -> bool;
    /// Makes sure of the next blocks.
    pub fn cairn_pool_reserve(pool: *mut cairn_pool, count: usize) -> bool;
    /// Gives chunks without blocks back.
    pub fn cairn_pool_trim(pool: *mut cairn_pool) -> usize;
    /// Blocks in all chunks.
    pub fn cairn_pool_capacity(pool: *const cairn_pool) -> usize;
    /// Blocks in use.
    pub fn cairn_pool_live(pool: *const cairn_pool) -> usize;
    /// NULL, or what is wrong.
    pub fn cairn_pool_audit(pool: *const cairn_pool) -> *const c_char;
    /// As an allocator.
    pub fn cairn_pool_allocator(pool: *mut cairn_pool) -> cairn_allocator;
}

/// A block, or NULL.
///
/// # Safety
/// The pool is one, and no other thread uses it.
#[inline]
pub unsafe fn cairn_pool_alloc(pool: *mut cairn_pool) -> *mut c_void {
    // SAFETY: the pool is one; what is on its list is a free block, which begins with a link.
    unsafe {
        let block = (*pool).open.free;
        if !block.is_null() {
            (*pool).open.free = (*block).next;
            return block.cast();
        }
        let next = (*pool).open.next;
        if next != (*pool).open.end {
            (*pool).open.next = next.wrapping_add((*pool).stride);
            return next.cast();
        }
        cairn_pool_alloc_slow(pool)
    }
}

/// Ends a block. False: it is none, and the pool has noticed.
///
/// # Safety
/// As `cairn_pool_alloc`; ptr is NULL or a block of this pool that is in use.
#[inline]
pub unsafe fn cairn_pool_dealloc(pool: *mut cairn_pool, ptr: *mut c_void) -> bool {
    // SAFETY: the pool is one; the block is nobody else's now, and has room for a link.
    unsafe {
        if ptr.is_null() || (*pool).is_slow {
            return cairn_pool_dealloc_slow(pool, ptr);
        }
        let block: *mut Link = ptr.cast();
        (*block).next = (*pool).open.free;
        (*pool).open.free = block;
        true
    }
}

opaque! {
    /// A lock-free pool.
    cairn_atomic_pool;
}

/// What a lock-free pool begins with.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct cairn_atomic_pool_opts {
    pub source: cairn_allocator,
    pub first_blocks: usize,
    pub max_blocks: usize,
}

/// Figures of a lock-free pool.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct cairn_atomic_pool_stats {
    pub blocks: usize,
    pub free: usize,
    pub chunks: usize,
    pub bytes: usize,
}

extern "C" {
    /// A pool of blocks of this layout.
    pub fn cairn_atomic_pool_create(
        block: cairn_layout,
        opts: *const cairn_atomic_pool_opts,
    ) -> *mut cairn_atomic_pool;
    /// Gives all back.
    pub fn cairn_atomic_pool_destroy(pool: *mut cairn_atomic_pool);
    /// A block, or NULL.
    pub fn cairn_atomic_pool_alloc(pool: *mut cairn_atomic_pool) -> *mut c_void;
    /// Ends a block.
    pub fn cairn_atomic_pool_dealloc(pool: *mut cairn_atomic_pool, ptr: *mut c_void) -> bool;
    /// Whether it lies in a block in use.
    pub fn cairn_atomic_pool_owns(pool: *const cairn_atomic_pool, ptr: *const c_void) -> bool;
    /// Figures.
    pub fn cairn_atomic_pool_stats_get(pool: *const cairn_atomic_pool) -> cairn_atomic_pool_stats;
    /// NULL, or what is wrong.
    pub fn cairn_atomic_pool_audit(pool: *const cairn_atomic_pool) -> *const c_char;
}
