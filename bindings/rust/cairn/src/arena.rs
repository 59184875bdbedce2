// SPDX-License-Identifier: MIT
//! Blocks that end together.

use crate::place::{audited, or_abort};
use crate::{out_of_memory, Cairn, OutOfMemory, Scope, Source};
use cairn_sys as sys;
use core::alloc::Layout;
use core::fmt::{self, Write};
use core::mem::{self, MaybeUninit};
use core::ptr::{self, NonNull};
use core::slice;

/// An arena: blocks that end together, each for the cost of an addition and a compare.
///
/// What is allocated lives until the arena is reset or dropped, or, in a scope, until that ends; the
/// borrow checker holds references to it. [`scope`](Arena::scope) goes back to where the arena was,
/// and keeps its chunks for the next round:
///
/// ```
/// use cairn::Arena;
///
/// let mut arena = Arena::new();
/// for request in ["one", "two"] {
///     let length = arena.scope(|scope| {
///         let text = scope.alloc_str(request);
///         let parts = scope.alloc_slice_with(3, |i| &text[i..]);
///         // A scope in a scope: what is outside stays usable.
///         scope.scope(|inner| inner.alloc(parts[1].len()).to_owned())
///     });
///     assert_eq!(length, 2);
/// }
/// assert_eq!(arena.stats().used, 0);
/// ```
///
/// Nothing gets out of its scope:
///
/// ```compile_fail
/// let mut arena = cairn::Arena::new();
/// let escaped = arena.scope(|scope| scope.alloc(1));
/// ```
///
/// nor is there any of it after a reset:
///
/// ```compile_fail
/// let mut arena = cairn::Arena::new();
/// let number = arena.alloc(1);
/// arena.reset();
/// *number += 1;
/// ```
///
/// **Drop.** What `alloc` and its kin allocate is never dropped, only freed: a `Vec` in an arena
/// leaks what it has from elsewhere. `alloc_with_drop` has its value dropped at the end, the latest
/// first; a panic in such a drop aborts.
///
/// **Threads.** One at a time: `Send` if its source is, not `Sync`.
pub struct Arena<S: Source = Cairn> {
    raw: NonNull<sys::cairn_arena>,
    // After raw: the arena gives its chunks back when it is dropped.
    source: S,
}

/// What an arena begins with. `Default`: no limit, chunks from 4 KiB to 1 MiB, all kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArenaOptions {
    /// Bytes held in chunks, at most; 0: no limit.
    pub limit: usize,
    /// Bytes of the first chunk; 0: 4096. Later ones double.
    pub first_chunk: usize,
    /// Bytes of the largest; 0: 256 times the first.
    pub max_chunk: usize,
    /// What a reset or the end of a scope keeps of empty chunks; 0: all; 1: none.
    pub keep: usize,
}

/// Figures of an arena, in bytes unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArenaStats {
    /// From chunks' starts to their last blocks.
    pub used: usize,
    /// The most of that.
    pub peak: usize,
    /// In chunks, from the source.
    pub reserved: usize,
    /// Of that, in chunks without blocks.
    pub kept: usize,
    /// Of that, behind the last blocks of chunks that were left.
    pub wasted: usize,
    /// Of that, behind the last block of the chunk that is served from.
    pub room: usize,
    /// Chunks, in number.
    pub chunks: usize,
}

impl Arena {
    /// An arena on Cairn's heap.
    ///
    /// # Panics
    /// Out of memory.
    pub fn new() -> Arena {
        Arena::new_in(Cairn)
    }
}

impl<S: Source> Arena<S> {
    /// An arena that takes its chunks from a source.
    ///
    /// # Panics
    /// Out of memory.
    #[track_caller]
    pub fn new_in(source: S) -> Arena<S> {
        match Arena::with(ArenaOptions::default(), source) {
            Ok(arena) => arena,
            Err(OutOfMemory) => out_of_memory(),
        }
    }

    /// An arena with options.
    ///
    /// ```
    /// use cairn::{Arena, ArenaOptions, Cairn};
    ///
    /// let arena = Arena::with(ArenaOptions { limit: 64 << 10, ..Default::default() }, Cairn)?;
    /// assert!(arena.try_alloc([0u8; 100_000]).is_err());
    /// # Ok::<(), cairn::OutOfMemory>(())
    /// ```
    ///
    /// # Errors
    /// Out of memory.
    pub fn with(options: ArenaOptions, source: S) -> Result<Arena<S>, OutOfMemory> {
        let opts = sys::cairn_arena_opts {
            source: source.raw(),
            name: ptr::null(),
            parent: ptr::null_mut(),
            limit: options.limit,
            first_chunk: options.first_chunk,
            max_chunk: options.max_chunk,
            keep: options.keep,
        };
        // SAFETY: the source outlives the arena: it is dropped after it.
        match NonNull::new(unsafe { sys::cairn_arena_create(&opts) }) {
            Some(raw) => Ok(Arena { raw, source }),
            None => Err(OutOfMemory),
        }
    }

    /// Calls `body` with a scope; when it returns or panics, all that was allocated in the scope ends.
    ///
    /// What is dropped then (`alloc_with_drop`) may hold references of `'env`: to what is outside.
    pub fn scope<'env, R>(&mut self, body: impl for<'s> FnOnce(&mut Scope<'s, 'env>) -> R) -> R {
        // SAFETY: the arena is borrowed until this returns.
        unsafe { Scope::run(self.raw.as_ptr(), body) }
    }

    /// Ends all that was allocated; chunks are kept as the options say.
    pub fn reset(&mut self) {
        // SAFETY: nobody has a reference to what is in it.
        unsafe { sys::cairn_arena_reset(self.raw.as_ptr()) }
    }

    /// Gives chunks without blocks back to the source until `keep` bytes of them are left. Returns
    /// bytes given.
    pub fn trim(&mut self, keep: usize) -> usize {
        // SAFETY: the arena is there.
        unsafe { sys::cairn_arena_trim(self.raw.as_ptr(), keep) }
    }

    /// Figures.
    pub fn stats(&self) -> ArenaStats {
        // SAFETY: the arena is there.
        let stats = unsafe { sys::cairn_arena_stats_get(self.raw.as_ptr()) };
        ArenaStats {
            used: stats.used,
            peak: stats.peak,
            reserved: stats.reserved,
            kept: stats.kept,
            wasted: stats.wasted,
            room: stats.room,
            chunks: stats.chunks,
        }
    }

    /// Looks whether the arena is sound.
    ///
    /// # Errors
    /// What is wrong.
    pub fn audit(&self) -> Result<(), &'static str> {
        // SAFETY: the arena is there.
        unsafe { audited(sys::cairn_arena_audit(self.raw.as_ptr())) }
    }

    /// Where it takes its memory from.
    pub fn source(&self) -> &S {
        &self.source
    }

    pub(crate) fn as_ptr(&self) -> *mut sys::cairn_arena {
        self.raw.as_ptr()
    }

    /// Allocates a value that is dropped at the end: when the arena is reset or dropped.
    ///
    /// It may hold no references, and must be fit for another thread, to which the arena may go; in a
    /// scope, neither is asked for.
    ///
    /// # Panics
    /// Out of memory.
    #[allow(clippy::mut_from_ref)]
    #[track_caller]
    pub fn alloc_with_drop<T: Send + 'static>(&self, value: T) -> &mut T {
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
    pub fn try_alloc_with_drop<T: Send + 'static>(&self, value: T) -> Result<&mut T, T> {
        // SAFETY: the arena is there as long as the borrow; the value may be dropped whenever the
        // arena ends, by whatever thread.
        unsafe { alloc_with_drop(self.raw.as_ptr(), value) }
    }
}

/// The functions that an arena and a scope share, with the lifetime of what they return.
macro_rules! allocating {
    ([$($generics:tt)*] $life:lifetime ($self:ident: $me:ty)) => {
        /// Allocates a value, which is not dropped at the end.
        ///
        /// # Panics
        /// Out of memory.
        #[allow(clippy::mut_from_ref)]
        #[inline]
        #[track_caller]
        pub fn alloc<$($generics)* T>($self: $me, value: T) -> &$life mut T {
            match $self.try_alloc(value) {
                Ok(value) => value,
                Err(_) => crate::out_of_memory(),
            }
        }

        /// The same.
        ///
        /// # Errors
        /// Out of memory: the value comes back.
        #[allow(clippy::mut_from_ref)]
        #[inline]
        pub fn try_alloc<$($generics)* T>($self: $me, value: T) -> Result<&$life mut T, T> {
            // SAFETY: the arena is there as long as what is returned.
            unsafe { crate::arena::alloc($self.as_ptr(), value) }
        }

        /// Allocates what `make` returns, made in its place if the compiler can see how.
        ///
        /// # Panics
        /// Out of memory, before `make` is called.
        #[allow(clippy::mut_from_ref)]
        #[inline]
        #[track_caller]
        pub fn alloc_with<$($generics)* T>(
            $self: $me,
            make: impl FnOnce() -> T,
        ) -> &$life mut T {
            // SAFETY: the arena is there as long as what is returned.
            match unsafe { crate::arena::alloc_with($self.as_ptr(), make) } {
                Ok(value) => value,
                Err(crate::OutOfMemory) => crate::out_of_memory(),
            }
        }

        /// Allocates a copy of a slice.
        ///
        /// # Panics
        /// Out of memory.
        #[allow(clippy::mut_from_ref)]
        #[inline]
        #[track_caller]
        pub fn alloc_slice_copy<$($generics)* T: Copy>($self: $me, from: &[T]) -> &$life mut [T] {
            // SAFETY: the arena is there as long as what is returned.
            match unsafe { crate::arena::alloc_slice($self.as_ptr(), from.len(), |i| from[i]) } {
                Ok(slice) => slice,
                Err(crate::OutOfMemory) => crate::out_of_memory(),
            }
        }

        /// Allocates `count` values, each as `make` returns it for its index. They are not dropped
        /// at the end; but if `make` panics, those that it has made.
        ///
        /// # Panics
        /// Out of memory.
        #[allow(clippy::mut_from_ref)]
        #[track_caller]
        pub fn alloc_slice_with<$($generics)* T>(
            $self: $me,
            count: usize,
            make: impl FnMut(usize) -> T,
        ) -> &$life mut [T] {
            match $self.try_alloc_slice_with(count, make) {
                Ok(slice) => slice,
                Err(crate::OutOfMemory) => crate::out_of_memory(),
            }
        }

        /// The same.
        ///
        /// # Errors
        /// Out of memory, before `make` is called.
        #[allow(clippy::mut_from_ref)]
        pub fn try_alloc_slice_with<$($generics)* T>(
            $self: $me,
            count: usize,
            make: impl FnMut(usize) -> T,
        ) -> Result<&$life mut [T], crate::OutOfMemory> {
            // SAFETY: the arena is there as long as what is returned.
            unsafe { crate::arena::alloc_slice($self.as_ptr(), count, make) }
        }

        /// Allocates a copy of a text.
        ///
        /// # Panics
        /// Out of memory.
        #[allow(clippy::mut_from_ref)]
        #[inline]
        #[track_caller]
        pub fn alloc_str<$($generics)*>($self: $me, text: &str) -> &$life mut str {
            let bytes = $self.alloc_slice_copy(text.as_bytes());
            // SAFETY: the bytes of a text.
            unsafe { core::str::from_utf8_unchecked_mut(bytes) }
        }

        /// Allocates a text that is formatted: `alloc_fmt(format_args!("{x}"))`.
        ///
        /// # Panics
        /// Out of memory, or what is formatted returns an error.
        #[track_caller]
        pub fn alloc_fmt<$($generics)*>(
            $self: $me,
            what: core::fmt::Arguments<'_>,
        ) -> &$life str {
            // SAFETY: the arena is there as long as what is returned.
            match unsafe { crate::arena::alloc_fmt($self.as_ptr(), what) } {
                Ok(text) => text,
                Err(core::fmt::Error) => crate::out_of_memory(),
            }
        }

        /// Allocates bytes of a layout, their contents unspecified, that may be used as long as a
        /// reference that `alloc` would return.
        ///
        /// # Errors
        /// Out of memory.
        pub fn try_alloc_layout<$($generics)*>(
            $self: $me,
            layout: core::alloc::Layout,
        ) -> Result<core::ptr::NonNull<u8>, crate::OutOfMemory> {
            // SAFETY: the arena is there.
            unsafe { crate::arena::alloc_layout($self.as_ptr(), layout) }
        }

        /// Makes room for `size` bytes in a row: what fits there needs no chunk.
        ///
        /// # Errors
        /// Out of memory.
        pub fn reserve<$($generics)*>($self: $me, size: usize) -> Result<(), crate::OutOfMemory> {
            // SAFETY: the arena is there.
            match unsafe { cairn_sys::cairn_arena_reserve($self.as_ptr(), size) } {
                true => Ok(()),
                false => Err(crate::OutOfMemory),
            }
        }
    };
}
pub(crate) use allocating;

/// # Allocating
impl<S: Source> Arena<S> {
    allocating!(['a,] 'a (self: &'a Self));
}

impl Default for Arena {
    fn default() -> Arena {
        Arena::new()
    }
}

// SAFETY: what it drops at its end is Send, all else in it is borrowed from the arena, which stays
// where it is meanwhile; the source goes along.
unsafe impl<S: Source + Send> Send for Arena<S> {}

// SAFETY: it serves until it is dropped; its record does not move. A reset, which needs it for
// itself alone, cannot be called while somebody has a reference or owns it as a source.
unsafe impl<S: Source> Source for Arena<S> {
    fn raw(&self) -> sys::cairn_allocator {
        // SAFETY: the arena is there.
        unsafe { sys::cairn_arena_allocator(self.raw.as_ptr()) }
    }
}

impl<S: Source> Drop for Arena<S> {
    fn drop(&mut self) {
        // SAFETY: nobody has a reference any more.
        unsafe { sys::cairn_arena_destroy(self.raw.as_ptr()) }
    }
}

impl<S: Source> fmt::Debug for Arena<S> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Arena")
            .field("stats", &self.stats())
            .finish()
    }
}

/// # Safety
/// The arena is there, and for this thread. So for all that follow; what they return is valid until
/// the arena goes back to before.
#[inline]
pub(crate) unsafe fn alloc_layout(
    arena: *mut sys::cairn_arena,
    layout: Layout,
) -> Result<NonNull<u8>, OutOfMemory> {
    if layout.size() == 0 {
        let ptr = ptr::null_mut::<u8>().wrapping_add(layout.align());
        return NonNull::new(ptr).ok_or(OutOfMemory);
    }
    // SAFETY: as the caller promises.
    let block = unsafe { sys::cairn_arena_alloc(arena, layout.size(), layout.align()) };
    NonNull::new(block.cast()).ok_or(OutOfMemory)
}

/// # Safety
/// As above.
#[inline]
pub(crate) unsafe fn alloc<'a, T>(arena: *mut sys::cairn_arena, value: T) -> Result<&'a mut T, T> {
    // SAFETY: as the caller promises; the block is for one T.
    unsafe {
        match alloc_layout(arena, Layout::new::<T>()) {
            Ok(block) => {
                let place = block.cast::<T>().as_ptr();
                place.write(value);
                Ok(&mut *place)
            }
            Err(OutOfMemory) => Err(value),
        }
    }
}

/// # Safety
/// As above.
#[inline]
pub(crate) unsafe fn alloc_with<'a, T>(
    arena: *mut sys::cairn_arena,
    make: impl FnOnce() -> T,
) -> Result<&'a mut T, OutOfMemory> {
    // SAFETY: as the caller promises; the block is for one T. If make panics, it goes when the arena
    // goes back.
    unsafe {
        let place = alloc_layout(arena, Layout::new::<T>())?
            .cast::<T>()
            .as_ptr();
        place.write(make());
        Ok(&mut *place)
    }
}

/// # Safety
/// As above; and T may be dropped when the arena goes back or ends.
pub(crate) unsafe fn alloc_with_drop<'a, T>(
    arena: *mut sys::cairn_arena,
    value: T,
) -> Result<&'a mut T, T> {
    unsafe extern "C" fn drop_it<T>(value: *mut sys::c_void) {
        or_abort(|| {
            // SAFETY: the value below, which nobody has any more.
            unsafe { value.cast::<T>().drop_in_place() }
        });
    }
    if !mem::needs_drop::<T>() {
        // SAFETY: as the caller promises.
        return unsafe { alloc(arena, value) };
    }
    let layout = Layout::new::<T>();
    // SAFETY: as the caller promises. The value is written before anybody can end the arena.
    unsafe {
        let place = match alloc_layout(arena, layout) {
            Ok(block) => block.cast::<T>().as_ptr(),
            Err(OutOfMemory) => return Err(value),
        };
        if !sys::cairn_arena_add_cleanup(arena, Some(drop_it::<T>), place.cast()) {
            if layout.size() != 0 {
                sys::cairn_arena_dealloc(arena, place.cast(), crate::place::c_layout(layout));
            }
            return Err(value);
        }
        place.write(value);
        Ok(&mut *place)
    }
}

/// # Safety
/// As above.
pub(crate) unsafe fn alloc_slice<'a, T>(
    arena: *mut sys::cairn_arena,
    count: usize,
    mut make: impl FnMut(usize) -> T,
) -> Result<&'a mut [T], OutOfMemory> {
    struct Begun<T> {
        first: *mut T,
        count: usize,
    }
    impl<T> Drop for Begun<T> {
        fn drop(&mut self) {
            // SAFETY: so many were made, and nobody has them.
            unsafe { ptr::slice_from_raw_parts_mut(self.first, self.count).drop_in_place() }
        }
    }
    let layout = Layout::array::<MaybeUninit<T>>(count).map_err(|_| OutOfMemory)?;
    // SAFETY: as the caller promises; the block is for so many T.
    unsafe {
        let first = alloc_layout(arena, layout)?.cast::<T>().as_ptr();
        let mut begun = Begun { first, count: 0 };
        while begun.count < count {
            first.add(begun.count).write(make(begun.count));
            begun.count += 1;
        }
        mem::forget(begun);
        Ok(slice::from_raw_parts_mut(first, count))
    }
}

/// # Safety
/// As above.
pub(crate) unsafe fn alloc_fmt<'a>(
    arena: *mut sys::cairn_arena,
    what: fmt::Arguments<'_>,
) -> Result<&'a str, fmt::Error> {
    struct Text {
        arena: *mut sys::cairn_arena,
        bytes: *mut u8,
        length: usize,
        size: usize,
    }
    impl Write for Text {
        fn write_str(&mut self, more: &str) -> fmt::Result {
            if more.len() > self.size - self.length {
                let wanted = self.length.checked_add(more.len()).ok_or(fmt::Error)?;
                let size = wanted.max(self.size.saturating_mul(2)).max(32);
                let layout = sys::cairn_layout {
                    size: self.size,
                    align: 1,
                };
                // SAFETY: the arena's block of this layout, or NULL.
                let bytes = unsafe {
                    sys::cairn_arena_realloc(self.arena, self.bytes.cast(), layout, size)
                };
                if bytes.is_null() {
                    return Err(fmt::Error);
                }
                self.bytes = bytes.cast();
                self.size = size;
            }
            if !more.is_empty() {
                // SAFETY: there is room for them behind those that are there.
                unsafe {
                    let end = self.bytes.add(self.length);
                    end.copy_from_nonoverlapping(more.as_ptr(), more.len());
                }
                self.length += more.len();
            }
            Ok(())
        }
    }
    let mut text = Text {
        arena,
        bytes: ptr::null_mut(),
        length: 0,
        size: 0,
    };
    text.write_fmt(what)?;
    if text.length == 0 {
        return Ok("");
    }
    let layout = sys::cairn_layout {
        size: text.size,
        align: 1,
    };
    // SAFETY: the block shrinks in place; what is in it was written as text.
    unsafe {
        let bytes = sys::cairn_arena_realloc(arena, text.bytes.cast(), layout, text.length);
        let bytes = if bytes.is_null() {
            text.bytes
        } else {
            bytes.cast()
        };
        Ok(core::str::from_utf8_unchecked(slice::from_raw_parts(
            bytes,
            text.length,
        )))
    }
}
