// SPDX-License-Identifier: MIT
//! `word_count` on the system's allocator.

#[path = "common/words.rs"]
mod words;

fn main() {
    words::run("System", || None);
}
