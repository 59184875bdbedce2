// SPDX-License-Identifier: MIT
//! Cairn, a memory allocator, and its kit.
//!
//! As the allocator of a program:
//!
//! ```
//! #[global_allocator]
//! static GLOBAL: cairn::Cairn = cairn::Cairn;
//!
//! assert!(cairn::owns(Box::leak(Box::new(1))));
//! ```
//!
//! or any stack of allocators, written as it nests: [`StackAlloc`]. Beside it, allocators that fit
//! the work:
//!
//! | | for | threads | runs `Drop` |
//! |---|---|---|---|
//! | [`Arena`] | blocks that end together, in scopes | one | where asked to: `alloc_with_drop` |
//! | [`Pool`] | values of one type that come and go | one | when a [`PoolBox`] ends |
//! | [`ObjectPool`] | objects that are costly to make, and used again | one | when an object is no longer kept |
//! | [`LockFreePool`] | values of one type, shared by threads that must not wait | any | when a [`LockFreeBox`] ends |
//! | [`Slots`] | values with keys that are never used again | one | when an element is removed |
//! | [`Heap`] | blocks of all sizes, freed one by one or together | any | no |
//! | [`Stack`], [`Traced`] | combinations, written as text; a log of each call | any | no |
//!
//! Each takes its memory from a [`Source`], which is [`Cairn`] unless another one is given.
//!
//! Functions that can run out of memory come in pairs: `alloc` panics, `try_alloc` hands the value
//! back. Values of no size and of any alignment are served. Every type says what it is to `Send` and
//! `Sync`. The crate is `no_std` without its default feature `std`, which adds
//! `std::error::Error` for the errors; it needs neither std nor alloc otherwise. The feature
//! `allocator_api` implements `core::alloc::Allocator`, on nightly compilers.

#![no_std]
#![cfg_attr(feature = "allocator_api", feature(allocator_api))]
#![warn(missing_docs, missing_debug_implementations, unsafe_op_in_unsafe_fn)]
#![warn(clippy::undocumented_unsafe_blocks)]

#[cfg(any(feature = "std", test))]
extern crate std;

#[cfg(feature = "allocator_api")]
mod allocator_api;
mod arena;
mod heap;
mod libc;
mod lock_free_pool;
mod object_pool;
mod place;
mod pool;
mod scope;
mod slots;
mod source;
mod stack;
mod stack_alloc;
mod stats;
mod traced;

pub use arena::{Arena, ArenaOptions, ArenaStats};
pub use heap::{Heap, HeapStats};
pub use lock_free_pool::{LockFreeBox, LockFreePool, LockFreePoolOptions};
pub use object_pool::{ObjectBox, ObjectPool, ObjectPoolOptions};
pub use pool::{Pool, PoolBox, PoolOptions};
pub use scope::Scope;
pub use slots::{Iter, IterMut, Key, Slots};
pub use source::{Cairn, Source, System};
pub use stack::{Stack, StackError};
pub use stack_alloc::StackAlloc;
pub use stats::{Stats, StatsFormat};
pub use traced::{LogError, Traced, TracedOptions};

use cairn_sys as sys;
use core::fmt;

/// There was not so much memory, or a limit is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

impl fmt::Display for OutOfMemory {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("out of memory")
    }
}

#[cfg(feature = "std")]
impl std::error::Error for OutOfMemory {}

/// What the functions that cannot return an error do.
#[cold]
#[track_caller]
pub(crate) fn out_of_memory() -> ! {
    panic!("cairn: out of memory")
}

/// The version of the library that is linked: `0.1.0`.
///
/// ```
/// assert_eq!(cairn::version(), env!("CARGO_PKG_VERSION"));
/// ```
pub fn version() -> &'static str {
    // SAFETY: a constant of the library.
    unsafe { place::static_text(sys::cairn_version()) }.unwrap_or("")
}

/// Whether the malloc of the C code in this process is Cairn's, too (it is preloaded, say).
pub fn is_active() -> bool {
    // SAFETY: no conditions.
    unsafe { sys::cairn_is_active() }
}

/// Whether a block of Cairn's begins at this address. Any pointer may be asked about.
///
/// ```
/// let number = 7;
/// assert!(!cairn::owns(&number));
/// ```
pub fn owns<T: ?Sized>(ptr: *const T) -> bool {
    // SAFETY: it is not followed.
    unsafe { sys::cairn_owns(ptr.cast()) }
}

/// What a block of `size` bytes holds: a container that grows to it wastes nothing.
///
/// ```
/// assert!(cairn::good_size(100) >= 100);
/// ```
pub fn good_size(size: usize) -> usize {
    // SAFETY: no conditions.
    unsafe { sys::cairn_good_size(size) }
}

/// Returns all free memory to the system. Whether there was any.
pub fn purge() -> bool {
    // SAFETY: no conditions.
    unsafe { sys::cairn_purge() }
}

/// Makes at least `size` bytes ready, which are kept until the next call of this or of [`purge`].
///
/// # Errors
/// There is less memory, or the library is the hardened one; nothing has changed.
pub fn reserve(size: usize) -> Result<(), OutOfMemory> {
    // SAFETY: no conditions.
    if unsafe { sys::cairn_reserve(size) } {
        Ok(())
    } else {
        Err(OutOfMemory)
    }
}
