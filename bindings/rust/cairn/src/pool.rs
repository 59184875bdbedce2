// SPDX-License-Identifier: MIT
//! Values of one type that come and go.

use crate::place::{audited, c_layout, Place};
use crate::{out_of_memory, Cairn, OutOfMemory, Source};
use cairn_sys as sys;
use core::alloc::Layout;
use core::fmt;
use core::marker::PhantomData;
use core::mem;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

/// A pool of places for values of one type: nodes of lists and trees, messages.
///
/// [`alloc`](Pool::alloc) puts a value into a place and gives a [`PoolBox`] that owns it; when that
/// ends, the value is dropped, and the place serves again, the last one first. Both take a few
/// instructions.
///
/// ```
/// let pool = cairn::Pool::new();
/// let first = pool.alloc(String::from("a value"));
/// let address: *const String = &*first;
/// drop(first);
/// let second = pool.alloc(String::from("another"));
/// assert_eq!(address, &*second as *const String);
/// ```
///
/// A box cannot outlive its pool:
///
/// ```compile_fail
/// let number = {
///     let pool = cairn::Pool::new();
///     pool.alloc(1)
/// };
/// ```
///
/// **Drop.** A box that is forgotten or leaked is not dropped; its place is freed with the pool.
///
/// **Threads.** One at a time: `Send` if its source is, not `Sync`.
pub struct Pool<T, S: Source = Cairn> {
    raw: Place<sys::cairn_pool>,
    // After raw: the pool gives its chunks back when it is dropped.
    source: S,
    // It makes boxes of T, and has none itself.
    values: PhantomData<fn() -> T>,
}

/// What a pool begins with. `Default`: no bound, chunks from 4 KiB to 64 MiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolOptions {
    /// Values at one time, at most; 0: no bound.
    pub max_blocks: usize,
    /// Bytes of the first chunk; 0: 4 KiB, or of 8 places.
    pub first_chunk_size: usize,
    /// Bytes of the largest; 0: 64 MiB.
    pub max_chunk_size: usize,
}

impl<T> Pool<T> {
    /// A pool on Cairn's heap.
    ///
    /// # Panics
    /// Out of memory.
    #[track_caller]
    pub fn new() -> Pool<T> {
        Pool::new_in(Cairn)
    }
}

impl<T, S: Source> Pool<T, S> {
    /// A pool that takes its chunks from a source.
    ///
    /// # Panics
    /// Out of memory.
    #[track_caller]
    pub fn new_in(source: S) -> Pool<T, S> {
        match Pool::with(PoolOptions::default(), source) {
            Ok(pool) => pool,
            Err(OutOfMemory) => out_of_memory(),
        }
    }

    /// A pool with options.
    ///
    /// ```
    /// use cairn::{Cairn, Pool, PoolOptions};
    ///
    /// let pool = Pool::with(PoolOptions { max_blocks: 1, ..Default::default() }, Cairn)?;
    /// let one = pool.alloc(1);
    /// assert_eq!(pool.try_alloc(2).unwrap_err(), 2);
    /// # Ok::<(), cairn::OutOfMemory>(())
    /// ```
    ///
    /// # Errors
    /// Out of memory, or T takes more than an eighth of the address space.
    pub fn with(options: PoolOptions, source: S) -> Result<Pool<T, S>, OutOfMemory> {
        let opts = sys::cairn_pool_opts {
            source: source.raw(),
            max_blocks: options.max_blocks,
            first_chunk_size: options.first_chunk_size,
            max_chunk_size: options.max_chunk_size,
            checked: false,
        };
        let raw = Place::<sys::cairn_pool>::new()?;
        let block = c_layout(Layout::new::<T>());
        // SAFETY: the place stays where it is; the source outlives the pool: it is dropped after it.
        if unsafe { sys::cairn_pool_init(raw.as_ptr(), block, &opts) } {
            Ok(Pool {
                raw,
                source,
                values: PhantomData,
            })
        } else {
            Err(OutOfMemory)
        }
    }

    /// Puts a value into a place.
    ///
    /// # Panics
    /// Out of memory, or the bound is reached.
    #[inline]
    #[track_caller]
    pub fn alloc(&self, value: T) -> PoolBox<'_, T, S> {
        match self.try_alloc(value) {
            Ok(value) => value,
            Err(_) => out_of_memory(),
        }
    }

    /// The same.
    ///
    /// # Errors
    /// Out of memory, or the bound is reached: the value comes back.
    #[inline]
    pub fn try_alloc(&self, value: T) -> Result<PoolBox<'_, T, S>, T> {
        // SAFETY: the pool is there, and for one thread.
        match NonNull::new(unsafe { sys::cairn_pool_alloc(self.raw.as_ptr()) }.cast::<T>()) {
            Some(place) => {
                // SAFETY: a block for one T.
                unsafe { place.as_ptr().write(value) };
                Ok(PoolBox {
                    value: place,
                    pool: self,
                    owns: PhantomData,
                })
            }
            None => Err(value),
        }
    }

    /// Makes sure that the next `count` values need nothing from the source.
    ///
    /// # Errors
    /// Out of memory, or the bound is in the way.
    pub fn reserve(&self, count: usize) -> Result<(), OutOfMemory> {
        // SAFETY: the pool is there.
        match unsafe { sys::cairn_pool_reserve(self.raw.as_ptr(), count) } {
            true => Ok(()),
            false => Err(OutOfMemory),
        }
    }

    /// Gives chunks without values back to the source. Returns bytes given.
    pub fn trim(&self) -> usize {
        // SAFETY: the pool is there.
        unsafe { sys::cairn_pool_trim(self.raw.as_ptr()) }
    }

    /// Places in all chunks.
    pub fn capacity(&self) -> usize {
        // SAFETY: the pool is there.
        unsafe { sys::cairn_pool_capacity(self.raw.as_ptr()) }
    }

    /// Values in it, those that were forgotten included. Goes through the free places.
    pub fn live(&self) -> usize {
        // SAFETY: the pool is there.
        unsafe { sys::cairn_pool_live(self.raw.as_ptr()) }
    }

    /// Looks whether the pool is sound.
    ///
    /// # Errors
    /// What is wrong.
    pub fn audit(&self) -> Result<(), &'static str> {
        // SAFETY: the pool is there.
        unsafe { audited(sys::cairn_pool_audit(self.raw.as_ptr())) }
    }

    /// Where it takes its memory from.
    pub fn source(&self) -> &S {
        &self.source
    }
}

impl<T> Default for Pool<T> {
    fn default() -> Pool<T> {
        Pool::new()
    }
}

// SAFETY: it holds no values that anybody can reach: boxes borrow it, and are dropped before it goes.
unsafe impl<T, S: Source + Send> Send for Pool<T, S> {}

impl<T, S: Source> Drop for Pool<T, S> {
    fn drop(&mut self) {
        // SAFETY: nobody has a box any more.
        unsafe { sys::cairn_pool_fini(self.raw.as_ptr()) }
    }
}

impl<T, S: Source> fmt::Debug for Pool<T, S> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Pool")
            .field("capacity", &self.capacity())
            .finish()
    }
}

/// A value in a [`Pool`], and its owner: dropped, it drops the value and gives the place back.
pub struct PoolBox<'a, T, S: Source = Cairn> {
    value: NonNull<T>,
    pool: &'a Pool<T, S>,
    owns: PhantomData<T>,
}

impl<'a, T, S: Source> PoolBox<'a, T, S> {
    /// Takes the value out.
    ///
    /// ```
    /// let pool = cairn::Pool::new();
    /// let text = pool.alloc(String::from("text")).into_inner();
    /// assert_eq!(text, "text");
    /// ```
    pub fn into_inner(self) -> T {
        // SAFETY: the box is forgotten; the value is read once, then its place given back.
        unsafe {
            let value = self.value.as_ptr().read();
            sys::cairn_pool_dealloc(self.pool.raw.as_ptr(), self.value.as_ptr().cast());
            mem::forget(self);
            value
        }
    }

    /// Keeps the value in its place until the pool ends, without dropping it then.
    pub fn leak(self) -> &'a mut T {
        let value = self.value;
        mem::forget(self);
        // SAFETY: nobody else has the value, and nobody gives its place back.
        unsafe { &mut *value.as_ptr() }
    }
}

impl<T, S: Source> Deref for PoolBox<'_, T, S> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the box owns the value.
        unsafe { self.value.as_ref() }
    }
}

impl<T, S: Source> DerefMut for PoolBox<'_, T, S> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the box owns the value.
        unsafe { self.value.as_mut() }
    }
}

impl<T, S: Source> Drop for PoolBox<'_, T, S> {
    #[inline]
    fn drop(&mut self) {
        struct GiveBack<'a, T, S: Source>(&'a Pool<T, S>, NonNull<T>);
        impl<T, S: Source> Drop for GiveBack<'_, T, S> {
            fn drop(&mut self) {
                // SAFETY: a block of this pool, which nobody uses any more.
                unsafe { sys::cairn_pool_dealloc(self.0.raw.as_ptr(), self.1.as_ptr().cast()) };
            }
        }
        // Also if the value's drop panics.
        let _give_back = GiveBack(self.pool, self.value);
        // SAFETY: the box owns the value, and ends here.
        unsafe { self.value.as_ptr().drop_in_place() }
    }
}

impl<T: fmt::Debug, S: Source> fmt::Debug for PoolBox<'_, T, S> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(to)
    }
}

impl<T: fmt::Display, S: Source> fmt::Display for PoolBox<'_, T, S> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(to)
    }
}
