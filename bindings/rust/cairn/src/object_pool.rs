// SPDX-License-Identifier: MIT
//! Objects that are costly to make, and used many times.

use crate::place::{audited, c_layout, or_abort};
use crate::{out_of_memory, Cairn, OutOfMemory, Source};
use cairn_sys as sys;
use core::alloc::Layout;
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::mem::{self, MaybeUninit};
use core::ops::{Deref, DerefMut};
use core::ptr::{self, NonNull};

/// A pool of objects that stay made while nobody uses them: connections, parsers, buffers.
///
/// [`acquire`](ObjectPool::acquire) takes the object that was released last, or makes one; when its
/// [`ObjectBox`] ends, `reset` makes it fit for the next user, and it is idle. An object is dropped
/// when it is no longer kept: reset returns false or panics, more than `max_idle` are idle, by
/// [`trim`](ObjectPool::trim), or with the pool, forgotten ones included.
///
/// ```
/// use cairn::ObjectPool;
///
/// let pool = ObjectPool::with_reset(
///     || Vec::<u8>::with_capacity(4096),
///     |buffer| {
///         buffer.clear();
///         true
///     },
/// );
/// for _ in 0..10 {
///     let mut buffer = pool.acquire();
///     buffer.extend_from_slice(b"a request");
///     assert_eq!(buffer.len(), 9);
/// }
/// assert_eq!((pool.idle(), pool.in_use()), (1, 0)); // made once
/// ```
///
/// An object cannot outlive its pool:
///
/// ```compile_fail
/// let buffer = {
///     let pool = cairn::ObjectPool::new(Vec::<u8>::new);
///     pool.acquire()
/// };
/// ```
///
/// A panic of `make` or `reset` leaves the pool as it was, without that object; one in the drop of an
/// object aborts, if it is the pool that drops it.
///
/// **Threads.** One at a time: `Send` if T and both functions are, not `Sync`.
pub struct ObjectPool<T, F = fn() -> T, R = fn(&mut T) -> bool> {
    raw: NonNull<sys::cairn_object_pool>,
    make: F,
    reset: R,
    max_idle: usize,
    // The library is dropping objects, and must not be asked to trim meanwhile.
    dropping: Cell<bool>,
    owns: PhantomData<T>,
}

/// What an object pool begins with. `Default`: no bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ObjectPoolOptions {
    /// Objects, idle and in use; 0: no bound.
    pub max_objects: usize,
    /// Idle ones: more than these are dropped when they are released; 0: no bound.
    pub max_idle: usize,
}

/// An object in the library's hands. It is made in Rust, after the library has given its place, so
/// that a panic need not unwind through C.
struct Object<T> {
    is_made: bool,
    next: *mut Object<T>,
    value: MaybeUninit<T>,
}

unsafe extern "C" fn construct<T>(_: *mut sys::c_void, object: *mut sys::c_void) -> bool {
    let object = object.cast::<Object<T>>();
    // SAFETY: the place of an object.
    unsafe {
        ptr::addr_of_mut!((*object).is_made).write(false);
        ptr::addr_of_mut!((*object).next).write(ptr::null_mut());
    }
    true
}

unsafe extern "C" fn destruct<T>(_: *mut sys::c_void, object: *mut sys::c_void) {
    let object = object.cast::<Object<T>>();
    or_abort(|| {
        // SAFETY: an object that was constructed, and has a value if it says so.
        unsafe {
            if mem::replace(&mut (*object).is_made, false) {
                (*object).value.as_mut_ptr().drop_in_place();
            }
        }
    });
}

/// Only what is made is kept; whether it is fit was asked before.
unsafe extern "C" fn is_fit<T>(_: *mut sys::c_void, object: *mut sys::c_void) -> bool {
    // SAFETY: an object that was constructed.
    unsafe { (*object.cast::<Object<T>>()).is_made }
}

fn keep<T>(_: &mut T) -> bool {
    true
}

impl<T, F: Fn() -> T> ObjectPool<T, F> {
    /// A pool whose objects are as their last user left them.
    ///
    /// # Panics
    /// Out of memory.
    #[track_caller]
    pub fn new(make: F) -> ObjectPool<T, F> {
        ObjectPool::with_reset(make, keep)
    }
}

impl<T, F: Fn() -> T, R: Fn(&mut T) -> bool> ObjectPool<T, F, R> {
    /// A pool that resets each object when it is released; false: it cannot be, and is dropped.
    ///
    /// # Panics
    /// Out of memory.
    #[track_caller]
    pub fn with_reset(make: F, reset: R) -> ObjectPool<T, F, R> {
        match ObjectPool::with(ObjectPoolOptions::default(), make, reset) {
            Ok(pool) => pool,
            Err(OutOfMemory) => out_of_memory(),
        }
    }

    /// A pool with options.
    ///
    /// # Errors
    /// Out of memory, or T takes more than an eighth of the address space.
    pub fn with(
        options: ObjectPoolOptions,
        make: F,
        reset: R,
    ) -> Result<ObjectPool<T, F, R>, OutOfMemory> {
        let opts = sys::cairn_object_pool_opts {
            source: Cairn.raw(),
            construct: Some(construct::<T>),
            destruct: Some(destruct::<T>),
            reset: Some(is_fit::<T>),
            context: ptr::null_mut(),
            max_objects: options.max_objects,
            max_idle: options.max_idle,
        };
        let layout = c_layout(Layout::new::<Object<T>>());
        // SAFETY: the source is there for good; the functions are for objects of this layout.
        let raw = NonNull::new(unsafe { sys::cairn_object_pool_create(layout, &opts) });
        Ok(ObjectPool {
            raw: raw.ok_or(OutOfMemory)?,
            make,
            reset,
            max_idle: if options.max_idle == 0 {
                usize::MAX
            } else {
                options.max_idle
            },
            dropping: Cell::new(false),
            owns: PhantomData,
        })
    }

    /// An object, until the box ends.
    ///
    /// # Panics
    /// Out of memory, the bound is reached, or `make` panics.
    #[track_caller]
    pub fn acquire(&self) -> ObjectBox<'_, T> {
        match self.try_acquire() {
            Some(object) => object,
            None => out_of_memory(),
        }
    }

    /// The same. None: out of memory, or the bound is reached.
    ///
    /// # Panics
    /// `make` panics.
    pub fn try_acquire(&self) -> Option<ObjectBox<'_, T>> {
        let object = self.take()?;
        Some(ObjectBox {
            object,
            pool: self,
            owns: PhantomData,
        })
    }

    /// Makes objects until `count` are idle.
    ///
    /// # Errors
    /// Out of memory, or a bound is in the way; what was made stays.
    ///
    /// # Panics
    /// `make` panics; what was made stays.
    pub fn prefill(&self, count: usize) -> Result<(), OutOfMemory> {
        struct Taken<'a, T, F, R>(&'a ObjectPool<T, F, R>, *mut Object<T>);
        impl<T, F, R> Drop for Taken<'_, T, F, R> {
            fn drop(&mut self) {
                while let Some(object) = NonNull::new(self.1) {
                    // SAFETY: taken below, and in nobody's hands.
                    unsafe {
                        self.1 = (*object.as_ptr()).next;
                        self.0.give(object);
                    }
                }
            }
        }
        let mut taken = Taken(self, ptr::null_mut());
        for _ in 0..count.min(self.max_idle) {
            let object = self.take().ok_or(OutOfMemory)?;
            // SAFETY: taken from the pool: nobody else has it.
            unsafe { (*object.as_ptr()).next = taken.1 };
            taken.1 = object.as_ptr();
        }
        if count > self.max_idle {
            return Err(OutOfMemory);
        }
        Ok(())
    }

    /// An object that is made and in use.
    fn take(&self) -> Option<NonNull<Object<T>>> {
        struct Unmade<'a, T, F, R>(&'a ObjectPool<T, F, R>, NonNull<Object<T>>);
        impl<T, F, R> Drop for Unmade<'_, T, F, R> {
            fn drop(&mut self) {
                // SAFETY: taken below; not made, so that it is not kept.
                unsafe { self.0.give(self.1) }
            }
        }
        // SAFETY: the pool is there.
        let object = unsafe { sys::cairn_object_pool_acquire(self.raw.as_ptr()) };
        let object = NonNull::new(object.cast::<Object<T>>())?;
        // SAFETY: constructed, and nobody else's; the value is there if it says so.
        unsafe {
            if !(*object.as_ptr()).is_made {
                let unmade = Unmade(self, object);
                (*object.as_ptr()).value.as_mut_ptr().write((self.make)());
                (*object.as_ptr()).is_made = true;
                mem::forget(unmade);
            }
        }
        Some(object)
    }
}

impl<T, F, R> ObjectPool<T, F, R> {
    /// Drops the idle objects but the `keep` that were released last, and gives memory without objects
    /// back. Returns bytes given. Called by the drop of an object that the pool drops, it does nothing.
    pub fn trim(&self, keep: usize) -> usize {
        if self.dropping.get() {
            return 0;
        }
        self.while_dropping(|| {
            // SAFETY: the pool is there, and in none of the callbacks.
            unsafe { sys::cairn_object_pool_trim(self.raw.as_ptr(), keep) }
        })
    }

    /// Objects in use, forgotten ones included.
    pub fn in_use(&self) -> usize {
        // SAFETY: the pool is there.
        unsafe { sys::cairn_object_pool_in_use(self.raw.as_ptr()) }
    }

    /// Objects that are idle.
    pub fn idle(&self) -> usize {
        // SAFETY: the pool is there.
        unsafe { sys::cairn_object_pool_idle(self.raw.as_ptr()) }
    }

    /// Looks whether the pool is sound.
    ///
    /// # Errors
    /// What is wrong.
    pub fn audit(&self) -> Result<(), &'static str> {
        // SAFETY: the pool is there.
        unsafe { audited(sys::cairn_object_pool_audit(self.raw.as_ptr())) }
    }

    /// # Safety
    /// An object in use, which nobody uses any more.
    unsafe fn give(&self, object: NonNull<Object<T>>) {
        let object = object.as_ptr().cast();
        self.while_dropping(|| {
            // SAFETY: the pool is there; the object is the caller's.
            unsafe { sys::cairn_object_pool_release(self.raw.as_ptr(), object) }
        });
    }

    fn while_dropping<V>(&self, call: impl FnOnce() -> V) -> V {
        let before = self.dropping.replace(true);
        let value = call();
        self.dropping.set(before);
        value
    }
}

// SAFETY: it is its objects and functions; boxes borrow it.
unsafe impl<T: Send, F: Send, R: Send> Send for ObjectPool<T, F, R> {}

impl<T, F, R> Drop for ObjectPool<T, F, R> {
    fn drop(&mut self) {
        // SAFETY: nobody has a box any more.
        unsafe { sys::cairn_object_pool_destroy(self.raw.as_ptr()) };
    }
}

impl<T, F, R> fmt::Debug for ObjectPool<T, F, R> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut to = to.debug_struct("ObjectPool");
        to.field("in_use", &self.in_use())
            .field("idle", &self.idle())
            .finish()
    }
}

/// What a box needs of its pool, whatever the pool's functions are.
trait Release<T> {
    /// # Safety
    /// An object in use, which is made, and which nobody uses any more.
    unsafe fn release(&self, object: NonNull<Object<T>>);
}

impl<T, F, R: Fn(&mut T) -> bool> Release<T> for ObjectPool<T, F, R> {
    unsafe fn release(&self, object: NonNull<Object<T>>) {
        /// Gives the object back, whatever panics.
        struct Give<'a, T, F, R>(&'a ObjectPool<T, F, R>, NonNull<Object<T>>);
        impl<T, F, R> Drop for Give<'_, T, F, R> {
            fn drop(&mut self) {
                // SAFETY: nobody has it.
                unsafe { self.0.give(self.1) }
            }
        }
        /// Drops the value, unless it is forgotten.
        struct Unfit<T>(NonNull<Object<T>>);
        impl<T> Drop for Unfit<T> {
            fn drop(&mut self) {
                // SAFETY: a value that was made, and is not, from here on.
                unsafe {
                    (*self.0.as_ptr()).is_made = false;
                    (*self.0.as_ptr()).value.as_mut_ptr().drop_in_place();
                }
            }
        }
        let _give = Give(self, object);
        let unfit = Unfit(object);
        // SAFETY: made, and nobody else's.
        let value = unsafe { &mut *(*object.as_ptr()).value.as_mut_ptr() };
        if self.idle() < self.max_idle && (self.reset)(value) {
            mem::forget(unfit);
        }
    }
}

/// An object of an [`ObjectPool`], in use until this is dropped.
pub struct ObjectBox<'a, T> {
    object: NonNull<Object<T>>,
    pool: &'a dyn Release<T>,
    owns: PhantomData<T>,
}

impl<T> Deref for ObjectBox<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: made, and this box's.
        unsafe { &*(*self.object.as_ptr()).value.as_ptr() }
    }
}

impl<T> DerefMut for ObjectBox<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: made, and this box's.
        unsafe { &mut *(*self.object.as_ptr()).value.as_mut_ptr() }
    }
}

impl<T> Drop for ObjectBox<'_, T> {
    fn drop(&mut self) {
        // SAFETY: made, and nobody uses it any more.
        unsafe { self.pool.release(self.object) }
    }
}

impl<T: fmt::Debug> fmt::Debug for ObjectBox<'_, T> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(to)
    }
}
