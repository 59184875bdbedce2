// SPDX-License-Identifier: MIT
//! `cairn/object_pool.h`.

use crate::{c_char, c_void, cairn_allocator, cairn_layout, opaque};

opaque! {
    /// A pool of objects that stay made.
    cairn_object_pool;
}

/// What it begins with.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct cairn_object_pool_opts {
    pub source: cairn_allocator,
    pub construct: Option<unsafe extern "C" fn(*mut c_void, *mut c_void) -> bool>,
    pub destruct: Option<unsafe extern "C" fn(*mut c_void, *mut c_void)>,
    pub reset: Option<unsafe extern "C" fn(*mut c_void, *mut c_void) -> bool>,
    pub context: *mut c_void,
    pub max_objects: usize,
    pub max_idle: usize,
}

extern "C" {
    /// A pool of objects of this layout.
    pub fn cairn_object_pool_create(
        object: cairn_layout,
        opts: *const cairn_object_pool_opts,
    ) -> *mut cairn_object_pool;
    /// Destructs all objects; how many were in use.
    pub fn cairn_object_pool_destroy(pool: *mut cairn_object_pool) -> usize;
    /// An object, or NULL.
    pub fn cairn_object_pool_acquire(pool: *mut cairn_object_pool) -> *mut c_void;
    /// Gives an object back.
    pub fn cairn_object_pool_release(pool: *mut cairn_object_pool, object: *mut c_void) -> bool;
    /// Makes objects until so many are idle.
    pub fn cairn_object_pool_prefill(pool: *mut cairn_object_pool, count: usize) -> bool;
    /// Destructs idle objects but so many; bytes given back.
    pub fn cairn_object_pool_trim(pool: *mut cairn_object_pool, keep: usize) -> usize;
    /// Whether it is an object in use.
    pub fn cairn_object_pool_is_in_use(
        pool: *const cairn_object_pool,
        object: *const c_void,
    ) -> bool;
    /// Objects in use.
    pub fn cairn_object_pool_in_use(pool: *const cairn_object_pool) -> usize;
    /// Objects that are idle.
    pub fn cairn_object_pool_idle(pool: *const cairn_object_pool) -> usize;
    /// NULL, or what is wrong.
    pub fn cairn_object_pool_audit(pool: *const cairn_object_pool) -> *const c_char;
}
