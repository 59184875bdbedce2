// SPDX-License-Identifier: MIT
//! The few functions of the C library that are needed where std is not.

use cairn_sys::{c_int, c_void};

extern "C" {
    pub fn abort() -> !;
    pub fn sched_yield() -> c_int;
    pub fn write(file: c_int, bytes: *const c_void, count: usize) -> isize;
}
