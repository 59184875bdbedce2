// SPDX-License-Identifier: MIT
//! Stacks of allocators, from text.

use crate::place::{audited, valid_utf8, with_c_text, Place};
use crate::{source::global_alloc, Source};
use cairn_sys as sys;
use core::fmt;
use core::ptr::NonNull;

/// A stack of allocators, written as it nests: `counted(fit:best,deferred)`.
///
/// `docs/choosing-an-allocator.md` lists the kinds and their options. As a [`Source`] it serves other
/// allocators; `GlobalAlloc` gives blocks directly. Any thread may use it: where one of its parts is
/// for one thread at a time, a lock is put around the whole. Dropped, it reports what it was asked to
/// (`counted:report`) and ends all its parts; what is still in use then is freed, but not dropped.
///
/// ```
/// use cairn::{Arena, Stack};
///
/// let stack = Stack::new("limited:64K(heap)")?;
/// let arena = Arena::new_in(&stack);
/// assert!(arena.try_alloc([0u8; 100_000]).is_err());
///
/// let wrong = Stack::new("counted(fitt)").unwrap_err();
/// assert_eq!(wrong.at(), 8);
/// assert!(wrong.to_string().contains("did you mean fit?"));
/// # Ok::<(), cairn::StackError>(())
/// ```
pub struct Stack {
    raw: NonNull<sys::cairn_stack>,
    lock: Option<Place<sys::cairn_locked>>,
}

/// What is wrong with the text of a stack, and where.
#[derive(Clone, Copy)]
pub struct StackError {
    at: usize,
    text: [u8; TEXT_SIZE],
    length: u8,
}

/// Longer ones are cut: an error is to stay small.
const TEXT_SIZE: usize = 111;

impl StackError {
    pub(crate) fn new(at: usize, what: &str) -> StackError {
        let mut text = [0; TEXT_SIZE];
        let length = valid_utf8(&what.as_bytes()[..what.len().min(TEXT_SIZE)]).len();
        text[..length].copy_from_slice(&what.as_bytes()[..length]);
        StackError {
            at,
            text,
            length: length as u8,
        }
    }

    fn from_c(error: &sys::cairn_stack_error) -> StackError {
        let mut text = [0; TEXT_SIZE];
        let mut length = 0;
        for (to, from) in text.iter_mut().zip(error.text) {
            if from == 0 {
                break;
            }
            *to = from as u8;
            length += 1;
        }
        StackError {
            at: error.at,
            text,
            length,
        }
    }

    /// The character of the text where it is, from 0.
    pub fn at(&self) -> usize {
        self.at
    }

    /// What it is.
    pub fn what(&self) -> &str {
        valid_utf8(&self.text[..usize::from(self.length)])
    }
}

impl fmt::Display for StackError {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "character {}: {}", self.at + 1, self.what())
    }
}

impl fmt::Debug for StackError {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("StackError")
            .field("at", &self.at)
            .field("what", &self.what())
            .finish()
    }
}

#[cfg(feature = "std")]
impl std::error::Error for StackError {}

/// Where `foreign` stands in the text, in whatever letters.
fn find_foreign(text: &str) -> Option<usize> {
    let name = b"foreign";
    text.as_bytes()
        .windows(name.len())
        .position(|part| part.eq_ignore_ascii_case(name))
}

impl Stack {
    /// Builds a stack. A text with the word `foreign` in it is refused: see [`Stack::with_foreign`].
    ///
    /// # Errors
    /// The text is wrong, or there is no memory.
    pub fn new(text: &str) -> Result<Stack, StackError> {
        if let Some(at) = find_foreign(text) {
            return Err(StackError::new(
                at,
                "foreign loads code: use Stack::with_foreign",
            ));
        }
        Stack::build(text)
    }

    /// The same, of any kinds.
    ///
    /// # Safety
    /// Libraries that it loads are allocators, and keep to the contract of malloc.
    ///
    /// # Errors
    /// As above, and those libraries cannot be loaded.
    pub unsafe fn with_foreign(text: &str) -> Result<Stack, StackError> {
        Stack::build(text)
    }

    fn build(text: &str) -> Result<Stack, StackError> {
        let mut error = sys::cairn_stack_error {
            at: 0,
            text: [0; 160],
        };
        let made = with_c_text(text, |text| {
            // SAFETY: the text is terminated, and not kept.
            unsafe { sys::cairn_stack_create(text, sys::cairn_allocator::NONE, &mut error) }
        });
        let raw = match made {
            Some(raw) => NonNull::new(raw).ok_or_else(|| StackError::from_c(&error))?,
            None => return Err(StackError::new(0, "a NUL in the text, or out of memory")),
        };
        let mut stack = Stack { raw, lock: None };
        // SAFETY: the stack is there.
        if !unsafe { sys::cairn_stack_is_thread_safe(raw.as_ptr()) } {
            let lock = Place::new().map_err(|_| StackError::new(0, "out of memory"))?;
            // SAFETY: the place stays; the stack is called only under the lock from now on.
            unsafe {
                let inner = sys::cairn_stack_allocator(raw.as_ptr());
                sys::cairn_locked_init(lock.as_ptr(), inner);
            }
            stack.lock = Some(lock);
        }
        Ok(stack)
    }

    /// Whether it serves all sizes and alignments, and so can be a program's global allocator.
    pub fn is_general(&self) -> bool {
        // SAFETY: the stack is there.
        unsafe { sys::cairn_stack_is_general(self.raw.as_ptr()) }
    }

    /// Writes out what parts hold back: logs of `traced`.
    pub fn flush(&self) {
        self.hold();
        // SAFETY: the stack is there, and held if it is not for all threads.
        unsafe { sys::cairn_stack_flush(self.raw.as_ptr()) };
        self.let_go();
    }

    /// The same, and has the parts that were asked to (`counted:report`, `timed:report`) say on
    /// standard error what they have seen.
    pub fn report(&self) {
        self.hold();
        // SAFETY: the stack is there, and held if it is not for all threads.
        unsafe { sys::cairn_stack_report(self.raw.as_ptr()) };
        self.let_go();
    }

    /// Looks whether all parts are sound.
    ///
    /// # Errors
    /// What is wrong.
    pub fn audit(&mut self) -> Result<(), &'static str> {
        // SAFETY: nobody else uses it.
        unsafe { audited(sys::cairn_stack_audit(self.raw.as_ptr())) }
    }

    fn hold(&self) {
        if let Some(lock) = &self.lock {
            // SAFETY: it is there; this thread does not hold it, for nobody is called back.
            unsafe { sys::cairn_locked_acquire(lock.as_ptr()) }
        }
    }

    fn let_go(&self) {
        if let Some(lock) = &self.lock {
            // SAFETY: held by hold.
            unsafe { sys::cairn_locked_release(lock.as_ptr()) }
        }
    }
}

// SAFETY: all its parts are for any thread, or a lock is around them.
unsafe impl Send for Stack {}
// SAFETY: as above.
unsafe impl Sync for Stack {}

// SAFETY: it serves until it is dropped; neither stack nor lock move.
unsafe impl Source for Stack {
    fn raw(&self) -> sys::cairn_allocator {
        match &self.lock {
            // SAFETY: the lock is there.
            Some(lock) => unsafe { sys::cairn_locked_allocator(lock.as_ptr()) },
            // SAFETY: the stack is there.
            None => unsafe { sys::cairn_stack_allocator(self.raw.as_ptr()) },
        }
    }
}

global_alloc!([] Stack);

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: nobody has a reference any more.
        unsafe {
            if let Some(lock) = &self.lock {
                sys::cairn_locked_fini(lock.as_ptr());
            }
            sys::cairn_stack_destroy(self.raw.as_ptr());
        }
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Stack")
            .field("is_locked", &self.lock.is_some())
            .finish()
    }
}
