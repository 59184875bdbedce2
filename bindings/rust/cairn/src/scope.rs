// SPDX-License-Identifier: MIT
//! A part of an arena's life.

use crate::arena::{alloc_with_drop, allocating};
use crate::out_of_memory;
use cairn_sys as sys;
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;

/// What [`Arena::scope`](crate::Arena::scope) hands to its function: allocates what ends with it.
///
/// `'s` is the scope: what is allocated lives as long, and cannot get out. `'env` is outside: what is
/// dropped at the end may refer only to that, so that no `drop` sees what was dropped before it.
///
/// ```
/// let mut arena = cairn::Arena::new();
/// let log = std::cell::RefCell::new(Vec::new());
///
/// struct Guard<'a>(&'a std::cell::RefCell<Vec<u32>>, u32);
/// impl Drop for Guard<'_> {
///     fn drop(&mut self) {
///         self.0.borrow_mut().push(self.1);
///     }
/// }
///
/// arena.scope(|scope| {
///     scope.alloc_with_drop(Guard(&log, 1));
///     scope.alloc_with_drop(Guard(&log, 2));
///     scope.scope(|inner| {
///         inner.alloc_with_drop(Guard(&log, 3));
///     });
/// });
/// assert_eq!(*log.borrow(), [3, 2, 1]);
/// ```
///
/// A value that is dropped cannot refer to the scope that drops it:
///
/// ```compile_fail
/// struct Guard<'a>(&'a u32);
/// impl Drop for Guard<'_> {
///     fn drop(&mut self) {}
/// }
///
/// let mut arena = cairn::Arena::new();
/// arena.scope(|scope| {
///     let number = scope.alloc(1);
///     scope.alloc_with_drop(Guard(number));
/// });
/// ```
///
/// An inner scope holds the outer one, which would allocate what the inner one's end frees:
///
/// ```compile_fail
/// let mut arena = cairn::Arena::new();
/// arena.scope(|outer| {
///     outer.scope(|_| outer.alloc(1));
/// });
/// ```
pub struct Scope<'s, 'env: 's> {
    raw: *mut sys::cairn_arena,
    scope: PhantomData<Cell<&'s mut ()>>,
    // A Cell: were it covariant, a scope could be taken for one with a shorter 'env, and given a
    // value to drop that refers to what the scope itself holds.
    env: PhantomData<Cell<&'env ()>>,
}

impl<'s, 'env: 's> Scope<'s, 'env> {
    /// # Safety
    /// The arena is there, for this thread, and nobody else uses it until this returns.
    pub(crate) unsafe fn run<R>(
        arena: *mut sys::cairn_arena,
        body: impl for<'i> FnOnce(&mut Scope<'i, 'env>) -> R,
    ) -> R {
        struct End(*mut sys::cairn_arena, sys::cairn_mark);
        impl Drop for End {
            fn drop(&mut self) {
                // SAFETY: nobody has a reference to what came after the mark.
                unsafe { sys::cairn_arena_rewind(self.0, self.1) };
            }
        }
        // SAFETY: the arena is there.
        let _end = End(arena, unsafe { sys::cairn_arena_mark(arena) });
        body(&mut Scope {
            raw: arena,
            scope: PhantomData,
            env: PhantomData,
        })
    }

    /// Calls `body` with a scope in this one; when it returns or panics, what was allocated in it ends.
    ///
    /// Its `'env` is another: what is dropped there may refer to what lies in this scope.
    pub fn scope<'inner, R>(
        &mut self,
        body: impl for<'i> FnOnce(&mut Scope<'i, 'inner>) -> R,
    ) -> R {
        // SAFETY: the arena is there, and this scope borrowed until this returns.
        unsafe { Scope::run(self.raw, body) }
    }

    /// Allocates a value that is dropped when the scope ends, the latest first. A panic then aborts.
    ///
    /// # Panics
    /// Out of memory.
    #[allow(clippy::mut_from_ref)]
    #[track_caller]
    pub fn alloc_with_drop<T: 'env>(&self, value: T) -> &'s mut T {
        match self.try_alloc_with_drop(value) {
            Ok(value) => value,
            Err(_) => out_of_memory(),
        }
    }

    /// The same.
    ///
    /// # Errors
    /// Out of memory: the value comes back.
    #[allow(clippy::mut_from_ref)]
    pub fn try_alloc_with_drop<T: 'env>(&self, value: T) -> Result<&'s mut T, T> {
        // SAFETY: the arena is there as long as the scope; what the value refers to is there when the
        // scope ends, and no value that was dropped before is among it.
        unsafe { alloc_with_drop(self.raw, value) }
    }

    pub(crate) fn as_ptr(&self) -> *mut sys::cairn_arena {
        self.raw
    }

    #[cfg(feature = "allocator_api")]
    pub(crate) fn raw(&self) -> sys::cairn_allocator {
        // SAFETY: the arena is there.
        unsafe { sys::cairn_arena_allocator(self.raw) }
    }
}

/// # Allocating
impl<'s, 'env: 's> Scope<'s, 'env> {
    allocating!([] 's (self: &Self));
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("Scope")
    }
}
