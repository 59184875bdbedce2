// SPDX-License-Identifier: MIT
//! A stack as the global allocator.

use crate::{libc, source::global_alloc, Cairn, Source, Stack, StackError};
use cairn_sys as sys;
use core::cell::UnsafeCell;
use core::fmt::{self, Write};
use core::sync::atomic::{AtomicU8, Ordering};

/// Any stack of allocators as the global allocator of a program.
///
/// It is built at the first allocation, by the thread that comes first; others wait meanwhile. Its
/// own memory, and what its parts take where no source is named, is Cairn's. If the text is wrong,
/// or the stack does not serve all sizes and alignments, one line on standard error says so, and the
/// program runs on Cairn's heap. A static is never dropped: call [`report`](StackAlloc::report) or
/// [`flush`](StackAlloc::flush) at the end of `main` for what parts hold back.
///
/// ```
/// use cairn::StackAlloc;
///
/// #[global_allocator]
/// static GLOBAL: StackAlloc = StackAlloc::new("counted(fit:best,deferred)");
///
/// assert!(GLOBAL.start().is_ok());
/// let numbers: Vec<u32> = (0..1000).collect();
/// assert_eq!(numbers[999], 999);
/// ```
pub struct StackAlloc {
    text: &'static str,
    foreign: bool,
    state: AtomicU8,
    // Written by the thread that has made state BUILDING; from READY on nobody writes.
    made: UnsafeCell<Option<Made>>,
}

struct Made {
    allocator: sys::cairn_allocator,
    stack: Result<Stack, StackError>,
}

const NOT_BUILT: u8 = 0;
const BUILDING: u8 = 1;
const READY: u8 = 2;

// SAFETY: `made` is written once, before READY is stored with release; it is read after READY was
// loaded with acquire. What is in it is for any thread.
unsafe impl Sync for StackAlloc {}
// SAFETY: a stack may be sent.
unsafe impl Send for StackAlloc {}

impl StackAlloc {
    /// The stack of this text, not built yet. It may not name `foreign`.
    pub const fn new(text: &'static str) -> StackAlloc {
        StackAlloc {
            text,
            foreign: false,
            state: AtomicU8::new(NOT_BUILT),
            made: UnsafeCell::new(None),
        }
    }

    /// The same, of any kinds.
    ///
    /// # Safety
    /// Libraries that it loads are allocators, and keep to the contract of malloc.
    pub const unsafe fn with_foreign(text: &'static str) -> StackAlloc {
        StackAlloc {
            text,
            foreign: true,
            state: AtomicU8::new(NOT_BUILT),
            made: UnsafeCell::new(None),
        }
    }

    /// Builds it, if it is not built yet.
    ///
    /// # Errors
    /// What is wrong with its text; it is Cairn's heap then.
    pub fn start(&self) -> Result<(), StackError> {
        self.stack().map(|_| ())
    }

    /// Writes out what parts hold back: logs of `traced`.
    pub fn flush(&self) {
        if let Ok(stack) = self.stack() {
            stack.flush();
        }
    }

    /// The same, and has the parts that were asked to (`counted:report`) say what they have seen.
    pub fn report(&self) {
        if let Ok(stack) = self.stack() {
            stack.report();
        }
    }

    fn stack(&self) -> Result<&Stack, StackError> {
        match &self.made().stack {
            Ok(stack) => Ok(stack),
            Err(error) => Err(*error),
        }
    }

    #[inline]
    fn made(&self) -> &Made {
        if self.state.load(Ordering::Acquire) != READY {
            self.build();
        }
        // SAFETY: READY: it is there, and nobody writes any more.
        match unsafe { &*self.made.get() } {
            Some(made) => made,
            None => unreachable!(),
        }
    }

    #[cold]
    fn build(&self) {
        let turn =
            self.state
                .compare_exchange(NOT_BUILT, BUILDING, Ordering::Acquire, Ordering::Acquire);
        if turn.is_err() {
            while self.state.load(Ordering::Acquire) != READY {
                // SAFETY: no conditions.
                unsafe { libc::sched_yield() };
            }
            return;
        }
        let stack = self.make();
        let allocator = match &stack {
            Ok(stack) => stack.raw(),
            Err(error) => {
                say(self.text, error);
                Cairn.raw()
            }
        };
        // SAFETY: BUILDING: nobody reads, and this thread alone writes.
        unsafe { *self.made.get() = Some(Made { allocator, stack }) };
        self.state.store(READY, Ordering::Release);
    }

    fn make(&self) -> Result<Stack, StackError> {
        let stack = if self.foreign {
            // SAFETY: with_foreign has been promised what this wants.
            unsafe { Stack::with_foreign(self.text) }?
        } else {
            Stack::new(self.text)?
        };
        if stack.is_general() {
            return Ok(stack);
        }
        Err(StackError::new(
            0,
            "does not serve all sizes and alignments",
        ))
    }
}

/// A line on standard error, written without allocating.
fn say(text: &str, error: &StackError) {
    struct Line {
        bytes: [u8; 400],
        length: usize,
    }
    impl Write for Line {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let room = self.bytes.len() - 1 - self.length;
            let count = text.len().min(room);
            self.bytes[self.length..][..count].copy_from_slice(&text.as_bytes()[..count]);
            self.length += count;
            Ok(())
        }
    }
    let mut line = Line {
        bytes: [0; 400],
        length: 0,
    };
    let _ = write!(
        line,
        "cairn: stack {text:?}, {error}; the program runs on heap"
    );
    line.bytes[line.length] = b'\n';
    // SAFETY: so many bytes are there.
    unsafe { libc::write(2, line.bytes.as_ptr().cast(), line.length + 1) };
}

// SAFETY: the stack, or Cairn's heap, which both keep to the contract; always the same once asked.
unsafe impl Source for StackAlloc {
    #[inline]
    fn raw(&self) -> sys::cairn_allocator {
        self.made().allocator
    }
}

global_alloc!([] StackAlloc);

impl fmt::Debug for StackAlloc {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("StackAlloc")
            .field("text", &self.text)
            .finish()
    }
}
