// SPDX-License-Identifier: MIT
//! `core::alloc::Allocator`, which is not stable yet, for all that can be a source.

// Nightly compilers have more than the oldest that the rest is for.
#![allow(clippy::incompatible_msrv)]

use crate::{source, Arena, Cairn, Heap, Scope, Source, Stack, StackAlloc, System, Traced};
use core::alloc::{AllocError, Allocator, Layout};
use core::ptr::{self, NonNull};

use cairn_sys as sys;

fn block(ptr: *mut u8, size: usize) -> Result<NonNull<[u8]>, AllocError> {
    let ptr = NonNull::new(ptr).ok_or(AllocError)?;
    Ok(NonNull::slice_from_raw_parts(ptr, size))
}

/// What stands for a block of no bytes.
fn empty(layout: Layout) -> NonNull<[u8]> {
    let ptr = NonNull::new(ptr::null_mut::<u8>().wrapping_add(layout.align()));
    // An alignment is never 0.
    NonNull::slice_from_raw_parts(ptr.unwrap_or_else(NonNull::dangling), 0)
}

fn allocate(from: sys::cairn_allocator, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
    if layout.size() == 0 {
        return Ok(empty(layout));
    }
    // SAFETY: from a source that this thread may use.
    block(unsafe { source::alloc(from, layout) }, layout.size())
}

fn allocate_zeroed(
    from: sys::cairn_allocator,
    layout: Layout,
) -> Result<NonNull<[u8]>, AllocError> {
    if layout.size() == 0 {
        return Ok(empty(layout));
    }
    // SAFETY: from a source that this thread may use.
    block(unsafe { source::alloc_zeroed(from, layout) }, layout.size())
}

/// # Safety
/// As `Allocator::deallocate`.
unsafe fn deallocate(from: sys::cairn_allocator, ptr: NonNull<u8>, layout: Layout) {
    if layout.size() != 0 {
        // SAFETY: the caller's block.
        unsafe { source::dealloc(from, ptr.as_ptr(), layout) }
    }
}

/// # Safety
/// As `Allocator::grow` and `shrink`.
unsafe fn resize(
    from: sys::cairn_allocator,
    ptr: NonNull<u8>,
    old: Layout,
    new: Layout,
) -> Result<NonNull<[u8]>, AllocError> {
    if old.align() == new.align() && old.size() != 0 && new.size() != 0 {
        // SAFETY: the caller's block, whose alignment stays.
        return block(
            unsafe { source::realloc(from, ptr.as_ptr(), old, new.size()) },
            new.size(),
        );
    }
    let moved = allocate(from, new)?;
    // SAFETY: both hold so many bytes and do not overlap; the old block is the caller's.
    unsafe {
        let size = old.size().min(new.size());
        ptr::copy_nonoverlapping(ptr.as_ptr(), moved.as_ptr().cast::<u8>(), size);
        deallocate(from, ptr, old);
    }
    Ok(moved)
}

macro_rules! allocator {
    ([$($generics:tt)*] $name:ty, $raw:expr) => {
        // SAFETY: blocks are valid until the source is dropped, which its owner or the reference
        // prevents; copies of a reference are the same allocator.
        unsafe impl<$($generics)*> Allocator for $name {
            #[inline]
            fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
                allocate($raw(self), layout)
            }

            #[inline]
            fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
                allocate_zeroed($raw(self), layout)
            }

            #[inline]
            unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
                // SAFETY: as the caller promises.
                unsafe { deallocate($raw(self), ptr, layout) }
            }

            #[inline]
            unsafe fn grow(
                &self,
                ptr: NonNull<u8>,
                old: Layout,
                new: Layout,
            ) -> Result<NonNull<[u8]>, AllocError> {
                // SAFETY: as the caller promises.
                unsafe { resize($raw(self), ptr, old, new) }
            }

            #[inline]
            unsafe fn grow_zeroed(
                &self,
                ptr: NonNull<u8>,
                old: Layout,
                new: Layout,
            ) -> Result<NonNull<[u8]>, AllocError> {
                // SAFETY: as the caller promises; what is beyond the old size is within the new.
                unsafe {
                    let grown = resize($raw(self), ptr, old, new)?;
                    let rest = grown.as_ptr().cast::<u8>().add(old.size());
                    rest.write_bytes(0, new.size() - old.size());
                    Ok(grown)
                }
            }

            #[inline]
            unsafe fn shrink(
                &self,
                ptr: NonNull<u8>,
                old: Layout,
                new: Layout,
            ) -> Result<NonNull<[u8]>, AllocError> {
                // SAFETY: as the caller promises.
                unsafe { resize($raw(self), ptr, old, new) }
            }
        }
    };
}

allocator!([] Cairn, Source::raw);
allocator!([] System, Source::raw);
allocator!([] Heap, Source::raw);
allocator!([] Stack, Source::raw);
allocator!([] StackAlloc, Source::raw);
allocator!([S: Source] Traced<S>, Source::raw);
// The arena's memory ends with a reset, which a reference prevents; not so an arena that is owned.
allocator!(['a, S: Source] &'a Arena<S>, Source::raw);
allocator!(['a, 's, 'env: 's] &'a Scope<'s, 'env>, |scope: &&'a Scope<'s, 'env>| scope.raw());
