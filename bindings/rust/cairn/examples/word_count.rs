// SPDX-License-Identifier: MIT
//! A real program on Cairn: the words of a text, counted. `word_count_on_system` is the same on the
//! system's allocator.
//!
//!     cargo run --release --example word_count [FILE]

use cairn::{Cairn, Stats};

#[path = "common/words.rs"]
mod words;

#[global_allocator]
static GLOBAL: Cairn = Cairn;

fn main() {
    words::run("Cairn", || Some(Stats::now().live));
}
