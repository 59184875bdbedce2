// SPDX-License-Identifier: MIT
//! `cairn/stack.h`, `cairn/locked.h`.

use crate::{c_char, cairn_allocator, opaque};

opaque! {
    /// A stack of allocators.
    cairn_stack;
}

/// What is wrong with a text, and where.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct cairn_stack_error {
    /// The character, from 0.
    pub at: usize,
    /// One line, terminated.
    pub text: [c_char; 160],
}

extern "C" {
    /// Builds a stack from its text.
    pub fn cairn_stack_create(
        text: *const c_char,
        memory: cairn_allocator,
        error: *mut cairn_stack_error,
    ) -> *mut cairn_stack;
    /// Ends all its parts.
    pub fn cairn_stack_destroy(stack: *mut cairn_stack);
    /// As an allocator.
    pub fn cairn_stack_allocator(stack: *mut cairn_stack) -> cairn_allocator;
    /// Whether any thread may use it.
    pub fn cairn_stack_is_thread_safe(stack: *const cairn_stack) -> bool;
    /// Whether it serves all sizes and alignments.
    pub fn cairn_stack_is_general(stack: *const cairn_stack) -> bool;
    /// NULL, or what is wrong.
    pub fn cairn_stack_audit(stack: *const cairn_stack) -> *const c_char;
    /// Writes out what parts hold back.
    pub fn cairn_stack_flush(stack: *mut cairn_stack);
    /// And has them report.
    pub fn cairn_stack_report(stack: *mut cairn_stack);
}

/// A lock around a source (`cairn/locked.h`); all fields are private. It must not be moved after
/// `cairn_locked_init`.
#[repr(C)]
#[derive(Debug)]
pub struct cairn_locked {
    source: cairn_allocator,
    lock: u32,
}

extern "C" {
    /// Puts a lock around a source.
    pub fn cairn_locked_init(locked: *mut cairn_locked, source: cairn_allocator);
    /// Ends it.
    pub fn cairn_locked_fini(locked: *mut cairn_locked);
    /// As an allocator.
    pub fn cairn_locked_allocator(locked: *mut cairn_locked) -> cairn_allocator;
    /// Holds the lock.
    pub fn cairn_locked_acquire(locked: *mut cairn_locked);
    /// Lets it go.
    pub fn cairn_locked_release(locked: *mut cairn_locked);
}
