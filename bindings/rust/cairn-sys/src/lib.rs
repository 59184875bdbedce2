// SPDX-License-Identifier: MIT
//! The C functions of Cairn, a memory allocator, as they are.
//!
//! What each of them does, costs and promises stands in the C header of the same name: this crate
//! only declares. `cairn` is the crate with safe types. Functions that are `static inline` in the
//! headers, and so in no library, are written out here in Rust.
//!
//! How the library is found or built: `CAIRN_LIB_DIR` (and `CAIRN_INCLUDE_DIR`) names its folder;
//! else, within Cairn's source tree, CMake builds it; else pkg-config finds an installed one.
//! `CAIRN_LINK=static` or `shared` chooses. 64-bit Linux, as the library.
//!
//! ```
//! // SAFETY: a block is written within its size, and freed once.
//! unsafe {
//!     let block = cairn_sys::cairn_malloc(100);
//!     assert!(!block.is_null());
//!     block.cast::<u8>().write_bytes(7, 100);
//!     cairn_sys::cairn_free(block);
//! }
//! ```

#![no_std]
#![allow(non_camel_case_types)]
#![warn(missing_docs, missing_debug_implementations, unsafe_op_in_unsafe_fn)]

mod allocator;
mod arena;
mod heap;
mod malloc;
mod object_pool;
mod pool;
mod slots;
mod stack;
mod traced;

pub use allocator::*;
pub use arena::*;
pub use heap::*;
pub use malloc::*;
pub use object_pool::*;
pub use pool::*;
pub use slots::*;
pub use stack::*;
pub use traced::*;

pub use core::ffi::c_void;

/// C's `char`, which core has a name for only since Rust 1.64.
#[cfg(any(target_arch = "aarch64", target_arch = "arm", target_arch = "riscv64"))]
pub type c_char = u8;
/// C's `char`, which core has a name for only since Rust 1.64.
#[cfg(not(any(target_arch = "aarch64", target_arch = "arm", target_arch = "riscv64")))]
pub type c_char = i8;
/// C's `int`.
pub type c_int = i32;
/// C's `unsigned int`, and its enumerations.
pub type c_uint = u32;

/// A type of which only the library knows the inside.
macro_rules! opaque {
    ($(#[$doc:meta] $name:ident;)*) => {$(
        #[$doc]
        #[repr(C)]
        pub struct $name {
            private: [u8; 0],
            // Neither sent nor shared, nor moved, by those who do not know better.
            marker: core::marker::PhantomData<(*mut u8, core::marker::PhantomPinned)>,
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, to: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                to.write_str(stringify!($name))
            }
        }
    )*};
}
pub(crate) use opaque;
