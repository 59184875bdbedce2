// SPDX-License-Identifier: MIT
//! Values with keys that are never used again.

use crate::place::{audited, c_layout, or_abort};
use crate::{out_of_memory, Cairn, OutOfMemory, Source};
use cairn_sys as sys;
use core::alloc::Layout;
use core::fmt;
use core::marker::PhantomData;
use core::mem::{self, MaybeUninit};
use core::num::NonZeroU64;
use core::ops::{Index, IndexMut};

/// The key of an element of [`Slots`]: a number that can be stored, sent and shown.
///
/// Once its element is removed it finds nothing, whatever has taken the place since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(NonZeroU64);

impl Key {
    /// The number. It is no secret.
    pub fn to_u64(self) -> u64 {
        self.0.get()
    }

    /// The key of a number; any but 0 is one, and may find nothing.
    pub fn from_u64(number: u64) -> Option<Key> {
        NonZeroU64::new(number).map(Key)
    }
}

/// Values in an array, each known by a [`Key`] that is never used again.
///
/// Look-up, insertion and removal are O(1): a bounds check and a comparison. Insertion moves all
/// elements now and then, as a `Vec` does.
///
/// ```
/// let mut slots = cairn::Slots::new();
/// let ada = slots.insert("Ada");
/// let bob = slots.insert("Bob");
/// assert_eq!(slots.remove(ada), Some("Ada"));
///
/// let eve = slots.insert("Eve"); // in the same place
/// assert_eq!(slots.get(ada), None);
/// assert_eq!(slots[eve], "Eve");
/// assert_eq!(slots.len(), 2);
/// # assert_eq!(slots[bob], "Bob");
/// ```
///
/// A reference holds the slots, which could move their elements:
///
/// ```compile_fail
/// let mut slots = cairn::Slots::new();
/// let key = slots.insert(1);
/// let one = &slots[key];
/// slots.insert(2);
/// assert_eq!(*one, 1);
/// ```
///
/// **Drop.** An element is dropped when it is removed and not taken, by
/// [`clear`](Slots::clear), [`retain`](Slots::retain), and with the slots.
///
/// **Threads.** `Send` and `Sync` if T and its source are.
pub struct Slots<T, S: Source = Cairn> {
    raw: Raw,
    // After raw, which gives its array back when it is dropped.
    _source: S,
    owns: PhantomData<T>,
}

/// The library's part; its array is freed when it is dropped.
struct Raw(sys::cairn_slots);

impl Drop for Raw {
    fn drop(&mut self) {
        // SAFETY: nobody has a reference any more.
        unsafe { sys::cairn_slots_fini(&mut self.0) }
    }
}

// SAFETY: it is the elements and the source. Through a reference elements are only read.
unsafe impl<T: Send, S: Source + Send> Send for Slots<T, S> {}
// SAFETY: as above.
unsafe impl<T: Sync, S: Source + Sync> Sync for Slots<T, S> {}

impl<T> Slots<T> {
    /// Slots on Cairn's heap, without memory yet.
    pub fn new() -> Slots<T> {
        Slots::new_in(Cairn)
    }
}

impl<T, S: Source> Slots<T, S> {
    const LAYOUT: Layout = Layout::new::<T>();
    const ELEMENT: sys::cairn_layout = sys::cairn_layout {
        size: Self::LAYOUT.size(),
        align: Self::LAYOUT.align(),
    };
    const STRIDE: usize = sys::slot_stride(Self::ELEMENT);
    const OFFSET: usize = sys::slot_offset(Self::ELEMENT);

    /// Slots that take their array from a source.
    pub fn new_in(source: S) -> Slots<T, S> {
        Slots::with_max(0, source)
    }

    /// The same with a bound: no more than so many elements; 0: no bound but 2^32.
    pub fn with_max(max: u32, source: S) -> Slots<T, S> {
        let opts = sys::cairn_slots_opts {
            source: source.raw(),
            max_slots: max,
            number: 0,
        };
        let mut raw = MaybeUninit::uninit();
        // SAFETY: init writes all fields, also where it returns false, which only a T of an eighth of
        // the address space could bring about: nothing can be added then. What it has written may be
        // moved. The source outlives the array: it is dropped after it.
        let raw = unsafe {
            sys::cairn_slots_init(raw.as_mut_ptr(), c_layout(Self::LAYOUT), &opts);
            raw.assume_init()
        };
        Slots {
            raw: Raw(raw),
            _source: source,
            owns: PhantomData,
        }
    }

    fn as_ptr(&self) -> *const sys::cairn_slots {
        &self.raw.0
    }

    fn as_mut_ptr(&mut self) -> *mut sys::cairn_slots {
        &mut self.raw.0
    }

    /// Elements.
    pub fn len(&self) -> usize {
        // SAFETY: the slots are there.
        unsafe { sys::cairn_slots_count(self.as_ptr()) }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Slots in the array.
    pub fn capacity(&self) -> usize {
        // SAFETY: the slots are there.
        unsafe { sys::cairn_slots_capacity(self.as_ptr()) }
    }

    /// Adds a value.
    ///
    /// # Panics
    /// Out of memory, or the bound is reached.
    #[inline]
    #[track_caller]
    pub fn insert(&mut self, value: T) -> Key {
        match self.try_insert(value) {
            Ok(key) => key,
            Err(_) => out_of_memory(),
        }
    }

    /// The same.
    ///
    /// # Errors
    /// Out of memory, or the bound is reached: the value comes back.
    #[inline]
    pub fn try_insert(&mut self, value: T) -> Result<Key, T> {
        let mut key = 0;
        // SAFETY: the slots are there, with the stride and offset of T; the place is for one T.
        unsafe {
            let place =
                sys::cairn_slots_add(self.as_mut_ptr(), &mut key, Self::STRIDE, Self::OFFSET);
            match Key::from_u64(key) {
                Some(key) => {
                    place.cast::<T>().write(value);
                    Ok(key)
                }
                None => Err(value),
            }
        }
    }

    /// Adds what `make` returns, which is told the key. If it panics, the key is used up, and nothing
    /// was added.
    ///
    /// ```
    /// struct Node {
    ///     own: cairn::Key,
    /// }
    ///
    /// let mut slots = cairn::Slots::new();
    /// let key = slots.insert_with(|key| Node { own: key });
    /// assert_eq!(slots[key].own, key);
    /// ```
    ///
    /// # Panics
    /// Out of memory, or the bound is reached.
    #[track_caller]
    pub fn insert_with(&mut self, make: impl FnOnce(Key) -> T) -> Key {
        struct Claim(*mut sys::cairn_slots, Key);
        impl Drop for Claim {
            fn drop(&mut self) {
                // SAFETY: claimed below, not filled.
                unsafe { sys::cairn_slots_abandon(self.0, self.1.to_u64()) };
            }
        }
        let raw = self.as_mut_ptr();
        let mut number = 0;
        // SAFETY: the slots are there, and nobody else uses them until this returns.
        let place = unsafe { sys::cairn_slots_claim(raw, &mut number) };
        let key = match Key::from_u64(number) {
            Some(key) if !place.is_null() => key,
            _ => out_of_memory(),
        };
        let claim = Claim(raw, key);
        // SAFETY: the place is for one T; it is an element from here on.
        unsafe {
            place.cast::<T>().write(make(key));
            mem::forget(claim);
            sys::cairn_slots_fill(raw, number);
        }
        key
    }

    fn find(&self, key: Key) -> *mut T {
        // SAFETY: the slots are there, with the stride and offset of T.
        unsafe {
            sys::cairn_slots_get(self.as_ptr(), key.to_u64(), Self::STRIDE, Self::OFFSET).cast()
        }
    }

    /// The element of a key.
    #[inline]
    pub fn get(&self, key: Key) -> Option<&T> {
        // SAFETY: NULL or an element, which stays as long as the slots are borrowed.
        unsafe { self.find(key).as_ref() }
    }

    /// The same, to be changed.
    #[inline]
    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        // SAFETY: as above, and nobody else has it.
        unsafe { self.find(key).as_mut() }
    }

    /// Whether it is the key of an element.
    #[inline]
    pub fn contains(&self, key: Key) -> bool {
        !self.find(key).is_null()
    }

    /// Ends an element, and takes it out.
    #[inline]
    pub fn remove(&mut self, key: Key) -> Option<T> {
        let mut value = MaybeUninit::<T>::uninit();
        // SAFETY: the slots are there, with the stride and offset of T; the value has room for one,
        // and is one if this returns true.
        unsafe {
            let removed = sys::cairn_slots_remove(
                self.as_mut_ptr(),
                key.to_u64(),
                value.as_mut_ptr().cast(),
                Self::LAYOUT.size(),
                Self::STRIDE,
                Self::OFFSET,
            );
            removed.then(|| value.assume_init())
        }
    }

    /// The next element from `*cursor` on.
    fn next(&self, cursor: &mut u32) -> Option<(Key, *mut T)> {
        let mut key = 0;
        // SAFETY: the slots are there, with the stride and offset of T.
        let place = unsafe {
            sys::cairn_slots_next(self.as_ptr(), cursor, &mut key, Self::STRIDE, Self::OFFSET)
        };
        if place.is_null() {
            return None;
        }
        Some((Key::from_u64(key)?, place.cast()))
    }

    /// Drops all elements, and keeps the array.
    pub fn clear(&mut self) {
        struct Rest<'a, T, S: Source>(&'a mut Slots<T, S>, u32);
        impl<T, S: Source> Rest<'_, T, S> {
            fn drop_all(&mut self) {
                while let Some((key, _)) = self.0.next(&mut self.1) {
                    drop(self.0.remove(key));
                }
            }
        }
        impl<T, S: Source> Drop for Rest<'_, T, S> {
            // If a drop panics: the others.
            fn drop(&mut self) {
                self.drop_all();
            }
        }
        if mem::needs_drop::<T>() {
            Rest(self, 0).drop_all();
        } else {
            // SAFETY: the slots are there.
            unsafe { sys::cairn_slots_clear(self.as_mut_ptr()) }
        }
    }

    /// Removes and drops the elements for which `keep` returns false.
    pub fn retain(&mut self, mut keep: impl FnMut(Key, &mut T) -> bool) {
        let mut cursor = 0;
        while let Some((key, place)) = self.next(&mut cursor) {
            // SAFETY: an element, and nobody else has it.
            if !keep(key, unsafe { &mut *place }) {
                drop(self.remove(key));
            }
        }
    }

    /// The elements and their keys, by their places.
    pub fn iter(&self) -> Iter<'_, T, S> {
        Iter {
            slots: self,
            cursor: 0,
        }
    }

    /// The same, to be changed.
    pub fn iter_mut(&mut self) -> IterMut<'_, T, S> {
        IterMut {
            slots: self,
            cursor: 0,
            borrows: PhantomData,
        }
    }

    /// Makes room for `more` elements.
    ///
    /// # Errors
    /// Out of memory, or the bound is in the way.
    pub fn reserve(&mut self, more: usize) -> Result<(), OutOfMemory> {
        // SAFETY: the slots are there.
        match unsafe { sys::cairn_slots_reserve(self.as_mut_ptr(), more) } {
            true => Ok(()),
            false => Err(OutOfMemory),
        }
    }

    /// Cuts off what is vacant at the end.
    pub fn shrink(&mut self) {
        // SAFETY: the slots are there. If the source did not take it, it stays.
        unsafe { sys::cairn_slots_shrink(self.as_mut_ptr()) };
    }

    /// Moves the last elements into vacant slots, then shrinks. `rekey` is told of each that has moved,
    /// with its old and its new key, which counts from now on; its panic aborts. Returns how many.
    ///
    /// ```
    /// let mut slots = cairn::Slots::new();
    /// let first = slots.insert(1);
    /// let mut last = slots.insert(2);
    /// slots.remove(first);
    /// slots.compact(|_, old, new| {
    ///     assert_eq!(old, last);
    ///     last = new;
    /// });
    /// assert_eq!((slots[last], slots.capacity()), (2, 1));
    /// ```
    pub fn compact(&mut self, mut rekey: impl FnMut(&mut T, Key, Key)) -> usize {
        unsafe extern "C" fn call<T, F: FnMut(&mut T, Key, Key)>(
            rekey: *mut sys::c_void,
            element: *mut sys::c_void,
            old: u64,
            new: u64,
        ) -> bool {
            or_abort(|| {
                if let (Some(old), Some(new)) = (Key::from_u64(old), Key::from_u64(new)) {
                    // SAFETY: the function below, and an element that nobody else has: its copy is no
                    // element any more, for this returns true.
                    unsafe { (*rekey.cast::<F>())(&mut *element.cast::<T>(), old, new) }
                }
            });
            true
        }
        fn callback<T, F: FnMut(&mut T, Key, Key)>(_: &F) -> sys::cairn_slots_rekey {
            call::<T, F>
        }
        let function = callback::<T, _>(&rekey);
        let context: *mut _ = &mut rekey;
        // SAFETY: the slots are there; the function is called with what it is made for.
        unsafe { sys::cairn_slots_compact(self.as_mut_ptr(), Some(function), context.cast()) }
    }

    /// Looks whether the slots are sound.
    ///
    /// # Errors
    /// What is wrong.
    pub fn audit(&self) -> Result<(), &'static str> {
        // SAFETY: the slots are there.
        unsafe { audited(sys::cairn_slots_audit(self.as_ptr())) }
    }
}

impl<T> Default for Slots<T> {
    fn default() -> Slots<T> {
        Slots::new()
    }
}

impl<T, S: Source> Drop for Slots<T, S> {
    fn drop(&mut self) {
        if mem::needs_drop::<T>() {
            self.clear();
        }
    }
}

impl<T, S: Source> Index<Key> for Slots<T, S> {
    type Output = T;

    /// Panics if there is none.
    #[inline]
    #[track_caller]
    fn index(&self, key: Key) -> &T {
        match self.get(key) {
            Some(value) => value,
            None => panic!("cairn: no element of this key"),
        }
    }
}

impl<T, S: Source> IndexMut<Key> for Slots<T, S> {
    #[inline]
    #[track_caller]
    fn index_mut(&mut self, key: Key) -> &mut T {
        match self.get_mut(key) {
            Some(value) => value,
            None => panic!("cairn: no element of this key"),
        }
    }
}

impl<T: fmt::Debug, S: Source> fmt::Debug for Slots<T, S> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_map().entries(self.iter()).finish()
    }
}

/// The elements of [`Slots`], and their keys.
pub struct Iter<'a, T, S: Source = Cairn> {
    slots: &'a Slots<T, S>,
    cursor: u32,
}

impl<'a, T, S: Source> Iterator for Iter<'a, T, S> {
    type Item = (Key, &'a T);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, place) = self.slots.next(&mut self.cursor)?;
        // SAFETY: an element, which stays while the slots are borrowed.
        Some((key, unsafe { &*place }))
    }
}

impl<T, S: Source> fmt::Debug for Iter<'_, T, S> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Iter")
            .field("cursor", &self.cursor)
            .finish()
    }
}

/// The elements of [`Slots`] to be changed, and their keys.
pub struct IterMut<'a, T, S: Source = Cairn> {
    // Not a &mut, which would be used again while elements are lent out.
    slots: *const Slots<T, S>,
    cursor: u32,
    borrows: PhantomData<&'a mut Slots<T, S>>,
}

// SAFETY: as a &mut Slots.
unsafe impl<T: Send, S: Source + Send> Send for IterMut<'_, T, S> {}
// SAFETY: as a &mut Slots.
unsafe impl<T: Sync, S: Source + Sync> Sync for IterMut<'_, T, S> {}

impl<'a, T, S: Source> Iterator for IterMut<'a, T, S> {
    type Item = (Key, &'a mut T);

    fn next(&mut self) -> Option<Self::Item> {
        // SAFETY: the slots are borrowed as long as this lives; elements lie apart from them.
        let (key, place) = unsafe { &*self.slots }.next(&mut self.cursor)?;
        // SAFETY: an element that is given out once.
        Some((key, unsafe { &mut *place }))
    }
}

impl<T, S: Source> fmt::Debug for IterMut<'_, T, S> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("IterMut")
            .field("cursor", &self.cursor)
            .finish()
    }
}

impl<'a, T, S: Source> IntoIterator for &'a Slots<T, S> {
    type Item = (Key, &'a T);
    type IntoIter = Iter<'a, T, S>;

    fn into_iter(self) -> Iter<'a, T, S> {
        self.iter()
    }
}

impl<'a, T, S: Source> IntoIterator for &'a mut Slots<T, S> {
    type Item = (Key, &'a mut T);
    type IntoIter = IterMut<'a, T, S>;

    fn into_iter(self) -> IterMut<'a, T, S> {
        self.iter_mut()
    }
}
