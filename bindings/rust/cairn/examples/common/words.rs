// SPDX-License-Identifier: MIT
//! Counts the words of a text, in threads, as a program that thinks of no allocator would: a String
//! for each word, a map for each piece of the text, a vector for each line a word is in.

use std::collections::HashMap;
use std::time::Instant;

const THREADS: usize = 4;
const LINES: usize = 60_000;

/// A text of its own making, the same each time: few words are frequent, most are rare.
fn make_text() -> String {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut text = String::new();
    for _ in 0..LINES {
        for _ in 0..4 + random() % 12 {
            let rank = 1 << (random() % 16);
            let mut word = random() % rank;
            loop {
                text.push((b'a' + (word % 26) as u8) as char);
                word /= 26;
                if word == 0 {
                    break;
                }
            }
            text.push(if random() % 9 == 0 { '.' } else { ' ' });
        }
        text.push('\n');
    }
    text
}

#[derive(Default)]
struct Word {
    count: usize,
    lines: Vec<u32>,
}

type Words = HashMap<String, Word>;

fn count(lines: &[(u32, &str)]) -> Words {
    let mut words = Words::new();
    for (number, line) in lines {
        for word in line
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
        {
            let word = words.entry(word.to_lowercase()).or_default();
            word.count += 1;
            if word.lines.last() != Some(number) {
                word.lines.push(*number);
            }
        }
    }
    words
}

/// Counts the words of the file named on the command line, or of a text of its own. `holds` says what
/// the allocator has handed out, to be called while the words are there.
pub fn run(name: &str, holds: impl Fn() -> Option<usize>) {
    let text = match std::env::args().nth(1) {
        Some(path) => std::fs::read_to_string(path).expect("the text"),
        None => make_text(),
    };
    let start = Instant::now();
    let lines: Vec<_> = (0..).zip(text.lines()).collect();
    let piece = lines.len() / THREADS + 1;
    let mut words = std::thread::scope(|threads| {
        let pieces: Vec<_> = lines
            .chunks(piece)
            .map(|lines| threads.spawn(move || count(lines)))
            .collect();
        let mut words = Words::new();
        for piece in pieces {
            for (word, found) in piece.join().expect("a thread") {
                let sum = words.entry(word).or_default();
                sum.count += found.count;
                sum.lines.extend(found.lines);
            }
        }
        words
    });
    let held = holds();
    let distinct = words.len();
    let total: usize = words.values().map(|word| word.count).sum();
    let mut top: Vec<_> = words.drain().collect();
    top.sort_by(|(a, x), (b, y)| y.count.cmp(&x.count).then_with(|| a.cmp(b)));
    println!("{total} words, {distinct} different");
    for (word, found) in top.iter().take(10) {
        println!("{:8} in {:6} lines: {word}", found.count, found.lines.len());
    }
    let held = held.map_or(String::new(), |bytes| {
        format!(", {} KiB in its blocks", bytes >> 10)
    });
    eprintln!(
        "on {name}: {} ms, peak RSS {}{held}",
        start.elapsed().as_millis(),
        peak()
    );
}

fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.unwrap_or("unknown").trim().to_owned()
}
