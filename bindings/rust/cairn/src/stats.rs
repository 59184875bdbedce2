// SPDX-License-Identifier: MIT
//! What the allocator holds.

use crate::place::{or_abort, valid_utf8};
use cairn_sys as sys;
use core::fmt::{self, Write};

/// What Cairn holds now, in bytes unless said otherwise. `docs/stats.md` says more of each.
///
/// At all times `committed = live + page_free + page_unused + kept`.
///
/// ```
/// let stats = cairn::Stats::now();
/// assert_eq!(
///     stats.committed,
///     stats.live + stats.page_free + stats.page_unused + stats.kept
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Address space set aside; costs nothing.
    pub reserved: usize,
    /// Of that accessible, plus huge blocks.
    pub mapped: usize,
    /// Held from the system at most: live, plus free memory not yet returned.
    pub committed: usize,
    /// The most that pages and large blocks took, and huge ones.
    pub peak_committed: usize,
    /// In blocks handed out, rounded up to what they can hold.
    pub live: usize,
    /// Part of live: blocks with a mapping of their own.
    pub huge: usize,
    /// How many these are.
    pub huge_count: usize,
    /// Part of live: blocks above 128 KiB that are not huge.
    pub large: usize,
    /// How many these are.
    pub large_count: usize,
    /// Freed blocks, in pages.
    pub page_free: usize,
    /// In pages, never handed out.
    pub page_unused: usize,
    /// Free, in no page, touched.
    pub kept: usize,
    /// Mapped for the allocator's own records.
    pub metadata: usize,
    /// The accessible descriptors of pages.
    pub tables: usize,
    /// Runs of equal blocks, and large blocks, in number.
    pub pages: usize,
    /// Heaps, in number.
    pub heaps: usize,
    /// Pointers that were freed and were no blocks, in number.
    pub foreign_frees: usize,
    /// About what live was asked for.
    pub asked: usize,
    /// Blocks up to 128 KiB handed to threads' caches so far, in number.
    pub handed: usize,
    /// Calls that found their thread's cache empty, in number.
    pub trips: usize,
}

/// How [`Stats::write`] writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatsFormat {
    /// A dozen lines that add up to the process's resident memory.
    Summary,
    /// The summary, then a line for each size of blocks and for each heap.
    Text,
    /// Everything, in one line.
    Json,
}

impl Stats {
    /// The figures of this moment. Other threads go on meanwhile; they add up all the same.
    pub fn now() -> Stats {
        let mut stats = sys::cairn_stats {
            size: core::mem::size_of::<sys::cairn_stats>(),
            ..Default::default()
        };
        // SAFETY: the size says how much may be written.
        unsafe { sys::cairn_stats_get(&mut stats) };
        Stats {
            reserved: stats.reserved,
            mapped: stats.mapped,
            committed: stats.committed,
            peak_committed: stats.peak_committed,
            live: stats.live,
            huge: stats.huge,
            huge_count: stats.huge_count,
            large: stats.large,
            large_count: stats.large_count,
            page_free: stats.page_free,
            page_unused: stats.page_unused,
            kept: stats.kept,
            metadata: stats.metadata,
            tables: stats.tables,
            pages: stats.pages,
            heaps: stats.heaps,
            foreign_frees: stats.foreign_frees,
            asked: stats.asked,
            handed: stats.handed,
            trips: stats.trips,
        }
    }

    /// Writes them, with what the system says is in memory. A panic of `to` aborts.
    ///
    /// ```
    /// use cairn::{Stats, StatsFormat};
    ///
    /// let mut text = String::new();
    /// Stats::write(StatsFormat::Json, &mut text)?;
    /// assert!(text.contains("cairn.stats"));
    /// # Ok::<(), std::fmt::Error>(())
    /// ```
    ///
    /// # Errors
    /// That of `to`, which is not called again then.
    pub fn write(format: StatsFormat, to: &mut dyn Write) -> fmt::Result {
        struct Sink<'a> {
            to: &'a mut dyn Write,
            result: fmt::Result,
        }

        unsafe extern "C" fn put(
            context: *mut sys::c_void,
            bytes: *const sys::c_char,
            count: usize,
        ) {
            // SAFETY: the sink below, and so many bytes.
            let (sink, mut bytes) = unsafe {
                (
                    &mut *context.cast::<Sink<'_>>(),
                    core::slice::from_raw_parts(bytes.cast(), count),
                )
            };
            or_abort(|| {
                // Names of heaps may be anything.
                while sink.result.is_ok() && !bytes.is_empty() {
                    let text = valid_utf8(bytes);
                    sink.result = sink.to.write_str(text);
                    bytes = &bytes[text.len()..];
                    if sink.result.is_ok() && !bytes.is_empty() {
                        sink.result = sink.to.write_char(char::REPLACEMENT_CHARACTER);
                        bytes = &bytes[1..];
                    }
                }
            });
        }

        let mut sink = Sink { to, result: Ok(()) };
        let format = match format {
            StatsFormat::Summary => sys::CAIRN_STATS_SUMMARY,
            StatsFormat::Text => sys::CAIRN_STATS_TEXT,
            StatsFormat::Json => sys::CAIRN_STATS_JSON,
        };
        let context: *mut Sink<'_> = &mut sink;
        // SAFETY: put is called with the sink, which outlives the call.
        unsafe { sys::cairn_stats_print(Some(put), context.cast(), format) };
        sink.result
    }
}
