// SPDX-License-Identifier: MIT
//! `cairn/traced.h`.

use crate::{c_char, c_int, c_uint, c_void, cairn_allocator};

/// What a log begins with.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct cairn_traced_opts {
    pub path: *const c_char,
    pub file: c_int,
    pub binary: bool,
    pub unbuffered: bool,
    pub questions: bool,
    pub buffer_size: usize,
    pub buffers: c_uint,
    pub records: cairn_allocator,
}

/// A source that is logged; all fields are private. It must not be moved after `cairn_traced_init`.
#[repr(C)]
#[derive(Debug)]
pub struct cairn_traced {
    source: cairn_allocator,
    log: *mut c_void,
}

extern "C" {
    /// Begins to log a source.
    pub fn cairn_traced_init(
        traced: *mut cairn_traced,
        source: cairn_allocator,
        opts: *const cairn_traced_opts,
    ) -> bool;
    /// Writes what is left and ends; events that were lost.
    pub fn cairn_traced_fini(traced: *mut cairn_traced) -> usize;
    /// As an allocator.
    pub fn cairn_traced_allocator(traced: *mut cairn_traced) -> cairn_allocator;
    /// Writes all buffers.
    pub fn cairn_traced_flush(traced: *mut cairn_traced);
    /// Events that were written.
    pub fn cairn_traced_written(traced: *const cairn_traced) -> usize;
    /// Events that were lost.
    pub fn cairn_traced_lost(traced: *const cairn_traced) -> usize;
}
