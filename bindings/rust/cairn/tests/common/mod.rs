// SPDX-License-Identifier: MIT
//! What tests share.
#![allow(dead_code)]

use std::cell::Cell;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::rc::Rc;

/// How many there are of what it hands out.
#[derive(Clone, Default)]
pub struct Census(Rc<Cell<usize>>);

impl Census {
    pub fn live(&self) -> usize {
        self.0.get()
    }

    pub fn born(&self) -> Citizen {
        self.0.set(self.0.get() + 1);
        Citizen {
            census: self.clone(),
            canary: 0x5EED,
        }
    }
}

/// Notices when it is dropped twice, or was overwritten.
pub struct Citizen {
    census: Census,
    canary: u32,
}

impl Citizen {
    pub fn check(&self) {
        assert_eq!(self.canary, 0x5EED);
    }
}

impl Drop for Citizen {
    fn drop(&mut self) {
        self.check();
        self.canary = 0;
        self.census.0.set(self.census.0.get() - 1);
    }
}

/// Whether it panics.
pub fn panics(what: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(what)).is_err()
}

/// Reproducible numbers: xorshift, 64 bits.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

#[repr(align(4096))]
#[derive(Clone, Copy)]
pub struct Page(pub u8);

#[repr(align(64))]
#[derive(Clone, Copy)]
pub struct Line(pub u8);

pub fn is_aligned<T>(ptr: &T) -> bool {
    ptr as *const T as usize % std::mem::align_of::<T>() == 0
}
