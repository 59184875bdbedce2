// SPDX-License-Identifier: MIT
//! A log of each call of a source.

use crate::place::{with_c_text, Place};
use crate::{source::global_alloc, Cairn, Source};
use cairn_sys as sys;
use core::{fmt, ptr};

/// A source whose every call is logged, to a file or to standard error.
///
/// As text, or in the binary form that `cairn trace` reads; `cairn/traced.h` says what is in a line.
/// What the log does neither allocates nor takes a lock of the program's. It is as thread-safe as
/// its source: `Send` and `Sync` where that is. Dropped, it writes what is left; blocks that are
/// still in use then are the source's.
///
/// ```
/// use cairn::{Arena, Cairn, Traced};
///
/// let path = std::env::temp_dir().join(format!("cairn-doc-{}.log", std::process::id()));
/// let path = path.to_str().unwrap();
/// {
///     let traced = Traced::to_file(path, Cairn)?;
///     let arena = Arena::new_in(&traced);
///     arena.alloc(1);
/// }
/// assert!(std::fs::read_to_string(path).unwrap().contains(" alloc "));
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), cairn::LogError>(())
/// ```
pub struct Traced<S: Source = Cairn> {
    raw: Place<sys::cairn_traced>,
    // After raw: what ends the log may still call it.
    source: S,
}

/// How a [`Traced`] logs. `Default`: text, buffered, without questions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TracedOptions {
    /// The compact form instead of lines.
    pub binary: bool,
    /// Write each event at once.
    pub unbuffered: bool,
    /// Log owns and usable_size, too.
    pub questions: bool,
    /// Bytes of a buffer; 0: 32 KiB.
    pub buffer_size: usize,
    /// How many buffers; 0: 16.
    pub buffers: u32,
}

/// The log's file cannot be opened, or there is no memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogError;

impl fmt::Display for LogError {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("the log cannot be opened, or there is no memory for it")
    }
}

#[cfg(feature = "std")]
impl std::error::Error for LogError {}

impl<S: Source> Traced<S> {
    /// Logs the calls of `source` to a file, which is made, or emptied. `%p` in its path becomes the
    /// number of the process.
    ///
    /// # Errors
    /// The file cannot be opened, its path is longer than 4095 bytes, or there is no memory.
    pub fn to_file(path: &str, source: S) -> Result<Traced<S>, LogError> {
        Traced::with(Some(path), TracedOptions::default(), source)
    }

    /// Logs to standard error.
    ///
    /// # Errors
    /// It is closed, or there is no memory.
    pub fn to_stderr(source: S) -> Result<Traced<S>, LogError> {
        Traced::with(None, TracedOptions::default(), source)
    }

    /// The same, with options. No path: standard error.
    ///
    /// # Errors
    /// As above.
    pub fn with(
        path: Option<&str>,
        options: TracedOptions,
        source: S,
    ) -> Result<Traced<S>, LogError> {
        let raw = Place::<sys::cairn_traced>::new().map_err(|_| LogError)?;
        let init = |path| {
            let opts = sys::cairn_traced_opts {
                path,
                file: 0,
                binary: options.binary,
                unbuffered: options.unbuffered,
                questions: options.questions,
                buffer_size: options.buffer_size,
                buffers: options.buffers,
                records: Cairn.raw(),
            };
            // SAFETY: the place stays where it is; the source lives as long, for it is dropped
            // after the log has ended.
            unsafe { sys::cairn_traced_init(raw.as_ptr(), source.raw(), &opts) }
        };
        let made = match path {
            Some(path) => with_c_text(path, init).unwrap_or(false),
            None => init(ptr::null()),
        };
        if made {
            Ok(Traced { raw, source })
        } else {
            Err(LogError)
        }
    }

    /// Writes all buffers.
    pub fn flush(&self) {
        // SAFETY: the log is there; any thread may flush.
        unsafe { sys::cairn_traced_flush(self.raw.as_ptr()) }
    }

    /// Events that were written so far.
    pub fn written(&self) -> usize {
        // SAFETY: the log is there.
        unsafe { sys::cairn_traced_written(self.raw.as_ptr()) }
    }

    /// Events that could not be written.
    pub fn lost(&self) -> usize {
        // SAFETY: the log is there.
        unsafe { sys::cairn_traced_lost(self.raw.as_ptr()) }
    }

    /// The source itself, whose calls by this way are not logged.
    pub fn source(&self) -> &S {
        &self.source
    }
}

// SAFETY: the log locks itself; the source goes along.
unsafe impl<S: Source + Send> Send for Traced<S> {}
// SAFETY: the log locks itself; the source is called by any thread that calls this.
unsafe impl<S: Source + Sync> Sync for Traced<S> {}

// SAFETY: it serves until it is dropped; its place does not move.
unsafe impl<S: Source> Source for Traced<S> {
    fn raw(&self) -> sys::cairn_allocator {
        // SAFETY: the log is there.
        unsafe { sys::cairn_traced_allocator(self.raw.as_ptr()) }
    }
}

global_alloc!([S: Source] Traced<S>);

impl<S: Source> Drop for Traced<S> {
    fn drop(&mut self) {
        // SAFETY: nobody has a reference any more.
        unsafe { sys::cairn_traced_fini(self.raw.as_ptr()) };
    }
}

impl<S: Source> fmt::Debug for Traced<S> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut to = to.debug_struct("Traced");
        to.field("written", &self.written())
            .field("lost", &self.lost())
            .finish()
    }
}
