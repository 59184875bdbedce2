// SPDX-License-Identifier: MIT
//! Values of one type, for threads that must not wait for each other.

use crate::place::{audited, c_layout};
use crate::{out_of_memory, Cairn, OutOfMemory, Source};
use cairn_sys as sys;
use core::alloc::Layout;
use core::fmt;
use core::marker::PhantomData;
use core::mem;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

/// A pool of places for values of one type that any threads share, without a lock.
///
/// Taking a place and giving it back are one atomic operation each. Growth takes a lock: with
/// `first_blocks == max_blocks` it never grows, and no thread waits for another. A [`LockFreeBox`] may
/// go to another thread and be dropped there.
///
/// ```
/// use cairn::LockFreePool;
///
/// let pool = LockFreePool::new();
/// let one = pool.alloc(vec![1, 2, 3]);
/// let sum: u32 = std::thread::scope(|threads| {
///     // The box, its value and the last use of its place go to the other thread.
///     threads.spawn(move || one.iter().sum()).join().unwrap()
/// });
/// assert_eq!(sum, 6);
/// assert_eq!(pool.live(), 0);
/// ```
///
/// What is not `Send` stays where it is:
///
/// ```compile_fail
/// let pool = cairn::LockFreePool::new();
/// let one = pool.alloc(std::rc::Rc::new(1));
/// std::thread::scope(|threads| {
///     threads.spawn(move || drop(one));
/// });
/// ```
///
/// **Drop.** A box that is forgotten or leaked is not dropped; its place is freed with the pool.
///
/// **Threads.** `Send` and `Sync` if its source is `Send`, which one thread at a time calls.
pub struct LockFreePool<T, S: Source = Cairn> {
    raw: NonNull<sys::cairn_atomic_pool>,
    // After raw: the pool gives its chunks back when it is dropped. Nobody else gets at it.
    _source: S,
    // It makes boxes of T, and has none itself.
    values: PhantomData<fn() -> T>,
}

/// What a lock-free pool begins with. `Default`: 64 KiB, growing without a bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LockFreePoolOptions {
    /// Places taken at first; 0: what 64 KiB hold, but 8 or more.
    pub first_blocks: usize,
    /// Places, at most; 0: no bound.
    pub max_blocks: usize,
}

impl<T> LockFreePool<T> {
    /// A pool on Cairn's heap.
    ///
    /// # Panics
    /// Out of memory.
    #[track_caller]
    pub fn new() -> LockFreePool<T> {
        match LockFreePool::with(LockFreePoolOptions::default(), Cairn) {
            Ok(pool) => pool,
            Err(OutOfMemory) => out_of_memory(),
        }
    }
}

impl<T, S: Source> LockFreePool<T, S> {
    /// A pool with options, on a source.
    ///
    /// ```
    /// use cairn::{Cairn, LockFreePool, LockFreePoolOptions};
    ///
    /// let fixed = LockFreePoolOptions { first_blocks: 2, max_blocks: 2 };
    /// let pool = LockFreePool::with(fixed, Cairn)?;
    /// let (_one, _two) = (pool.alloc(1), pool.alloc(2));
    /// assert_eq!(pool.try_alloc(3).unwrap_err(), 3);
    /// # Ok::<(), cairn::OutOfMemory>(())
    /// ```
    ///
    /// # Errors
    /// Out of memory, or T takes more than 1 GiB.
    pub fn with(
        options: LockFreePoolOptions,
        source: S,
    ) -> Result<LockFreePool<T, S>, OutOfMemory> {
        let opts = sys::cairn_atomic_pool_opts {
            source: source.raw(),
            first_blocks: options.first_blocks,
            max_blocks: options.max_blocks,
        };
        let block = c_layout(Layout::new::<T>());
        // SAFETY: the source outlives the pool: it is dropped after it.
        match NonNull::new(unsafe { sys::cairn_atomic_pool_create(block, &opts) }) {
            Some(raw) => Ok(LockFreePool {
                raw,
                _source: source,
                values: PhantomData,
            }),
            None => Err(OutOfMemory),
        }
    }

    /// Puts a value into a place.
    ///
    /// # Panics
    /// Out of memory, or the bound is reached.
    #[inline]
    #[track_caller]
    pub fn alloc(&self, value: T) -> LockFreeBox<'_, T, S> {
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
    pub fn try_alloc(&self, value: T) -> Result<LockFreeBox<'_, T, S>, T> {
        // SAFETY: the pool is there.
        let place = unsafe { sys::cairn_atomic_pool_alloc(self.raw.as_ptr()) };
        match NonNull::new(place.cast::<T>()) {
            Some(place) => {
                // SAFETY: a block for one T.
                unsafe { place.as_ptr().write(value) };
                Ok(LockFreeBox {
                    value: place,
                    pool: self,
                    owns: PhantomData,
                })
            }
            None => Err(value),
        }
    }

    fn stats(&self) -> sys::cairn_atomic_pool_stats {
        // SAFETY: the pool is there.
        unsafe { sys::cairn_atomic_pool_stats_get(self.raw.as_ptr()) }
    }

    /// Places in all chunks.
    pub fn capacity(&self) -> usize {
        self.stats().blocks
    }

    /// Values in it; exact if nobody uses it meanwhile, else about right.
    pub fn live(&self) -> usize {
        let stats = self.stats();
        stats.blocks.saturating_sub(stats.free)
    }

    /// Looks whether the pool is sound.
    ///
    /// # Errors
    /// What is wrong.
    pub fn audit(&mut self) -> Result<(), &'static str> {
        // SAFETY: the pool is there, and nobody else uses it.
        unsafe { audited(sys::cairn_atomic_pool_audit(self.raw.as_ptr())) }
    }

    /// # Safety
    /// The place of a value that nobody uses any more.
    #[inline]
    unsafe fn give_back(&self, place: NonNull<T>) {
        // SAFETY: a block of this pool, given back once.
        unsafe { sys::cairn_atomic_pool_dealloc(self.raw.as_ptr(), place.as_ptr().cast()) };
    }
}

impl<T> Default for LockFreePool<T> {
    fn default() -> LockFreePool<T> {
        LockFreePool::new()
    }
}

// SAFETY: it holds no values that anybody can reach: boxes borrow it. The source goes along.
unsafe impl<T, S: Source + Send> Send for LockFreePool<T, S> {}
// SAFETY: any thread may take and give back places. The source is called under a lock, by one thread
// at a time, and by nobody else: that is sending it to and fro. Values stay with their boxes.
unsafe impl<T, S: Source + Send> Sync for LockFreePool<T, S> {}

impl<T, S: Source> Drop for LockFreePool<T, S> {
    fn drop(&mut self) {
        // SAFETY: nobody has a box any more.
        unsafe { sys::cairn_atomic_pool_destroy(self.raw.as_ptr()) }
    }
}

impl<T, S: Source> fmt::Debug for LockFreePool<T, S> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut to = to.debug_struct("LockFreePool");
        to.field("capacity", &self.capacity())
            .field("live", &self.live())
            .finish()
    }
}

/// A value in a [`LockFreePool`], and its owner: dropped, in any thread, it drops the value and gives
/// the place back.
pub struct LockFreeBox<'a, T, S: Source = Cairn> {
    value: NonNull<T>,
    pool: &'a LockFreePool<T, S>,
    owns: PhantomData<T>,
}

// SAFETY: it is a T, and a reference to a pool that is Sync.
unsafe impl<T: Send, S: Source + Send> Send for LockFreeBox<'_, T, S> {}
// SAFETY: shared, it gives &T.
unsafe impl<T: Sync, S: Source + Send> Sync for LockFreeBox<'_, T, S> {}

impl<'a, T, S: Source> LockFreeBox<'a, T, S> {
    /// Takes the value out.
    pub fn into_inner(self) -> T {
        // SAFETY: the box is forgotten; the value is read once, then its place given back.
        unsafe {
            let value = self.value.as_ptr().read();
            self.pool.give_back(self.value);
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

impl<T, S: Source> Deref for LockFreeBox<'_, T, S> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the box owns the value.
        unsafe { self.value.as_ref() }
    }
}

impl<T, S: Source> DerefMut for LockFreeBox<'_, T, S> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the box owns the value.
        unsafe { self.value.as_mut() }
    }
}

impl<T, S: Source> Drop for LockFreeBox<'_, T, S> {
    #[inline]
    fn drop(&mut self) {
        struct GiveBack<'a, T, S: Source>(&'a LockFreePool<T, S>, NonNull<T>);
        impl<T, S: Source> Drop for GiveBack<'_, T, S> {
            fn drop(&mut self) {
                // SAFETY: the value was dropped.
                unsafe { self.0.give_back(self.1) }
            }
        }
        // Also if the value's drop panics.
        let _give_back = GiveBack(self.pool, self.value);
        // SAFETY: the box owns the value, and ends here.
        unsafe { self.value.as_ptr().drop_in_place() }
    }
}

impl<T: fmt::Debug, S: Source> fmt::Debug for LockFreeBox<'_, T, S> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(to)
    }
}
