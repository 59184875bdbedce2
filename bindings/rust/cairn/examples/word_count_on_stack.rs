// SPDX-License-Identifier: MIT
//! `word_count` on a stack of allocators: figures and what is left, at the end, on standard error.

use cairn::StackAlloc;

#[path = "common/words.rs"]
mod words;

#[global_allocator]
static GLOBAL: StackAlloc = StackAlloc::new("counted:report,frames=1(slab_set)");

fn main() {
    words::run("a stack", || None);
    GLOBAL.report();
}
