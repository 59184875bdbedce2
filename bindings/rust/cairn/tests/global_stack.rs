// SPDX-License-Identifier: MIT
//
// A stack for one thread at a time, under its lock, as the global allocator of this program; and what
// happens where a text is wrong, in a process of its own.

use cairn::StackAlloc;
use std::alloc::{GlobalAlloc, Layout};
use std::collections::HashMap;
use std::process::Command;
use std::sync::Barrier;

#[global_allocator]
static GLOBAL: StackAlloc = StackAlloc::new("counted(fit:best,deferred)");

#[test]
fn a_program_runs_on_it() {
    GLOBAL.start().unwrap();
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                let map: HashMap<String, usize> = (0..5000).map(|i| (i.to_string(), i)).collect();
                assert!(map.iter().all(|(key, value)| *key == value.to_string()));
            });
        }
    });
    // A free list's block lies within a larger one of the heap.
    let text = String::from("on a free list");
    assert!(!cairn::owns(text.as_ptr()));
}

const THREADS: usize = 8;

/// Many threads come first.
#[test]
fn it_is_built_once() {
    for _ in 0..200 {
        // Takes its time to be built: tables for the records, and a lock around it.
        let stack = StackAlloc::new("limited:64K(counted(counted(counted(slab_set))))");
        let barrier = Barrier::new(THREADS);
        let layout = Layout::new::<[u8; 1000]>();
        let blocks: Vec<usize> = std::thread::scope(|threads| {
            let each: Vec<_> = (0..THREADS)
                .map(|_| {
                    threads.spawn(|| {
                        barrier.wait();
                        // SAFETY: the size is not 0.
                        unsafe { stack.alloc(layout) as usize }
                    })
                })
                .collect();
            each.into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert!(blocks.iter().all(|block| *block != 0));
        for block in blocks {
            // SAFETY: a block of this stack.
            unsafe { stack.dealloc(block as *mut u8, layout) }
        }
        // All are of the same stack, and the same limit: 64 KiB, not several times that.
        // SAFETY: the size is not 0; blocks end with the stack.
        let more = (0..200)
            .filter(|_| unsafe { !stack.alloc(layout).is_null() })
            .count();
        assert!(more <= 65, "{more}");
    }
}

#[test]
fn a_wrong_text_is_said_and_the_heap_serves() {
    if std::env::var_os("CAIRN_TEST_WRONG").is_some() {
        for (text, at, what) in [
            ("fitt", 0, "did you mean fit?"),
            ("pool:64", 0, "all sizes"),
            ("counted(foreign:path=libc.so.6)", 8, "with_foreign"),
        ] {
            let stack = StackAlloc::new(text);
            let layout = Layout::new::<u64>();
            // SAFETY: the size is not 0; the block is this stack's.
            unsafe {
                let block = stack.alloc(layout);
                assert!(cairn::owns(block));
                stack.dealloc(block, layout);
            }
            let error = stack.start().unwrap_err();
            assert_eq!(error.at(), at);
            assert!(error.what().contains(what), "{error}");
        }
        return;
    }
    let run = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "a_wrong_text_is_said_and_the_heap_serves",
            "--nocapture",
        ])
        .env("CAIRN_TEST_WRONG", "1")
        .output()
        .unwrap();
    let said = String::from_utf8(run.stderr).unwrap();
    assert!(run.status.success(), "{said}");
    let lines: Vec<_> = said
        .lines()
        .filter(|line| line.starts_with("cairn: "))
        .collect();
    assert_eq!(lines.len(), 3, "{said}");
    assert!(lines[0].contains(r#"stack "fitt", character 1: no such allocator: fitt"#));
    assert!(lines
        .iter()
        .all(|line| line.ends_with("the program runs on heap")));
}

/// What it was asked to report is said at the end.
#[test]
fn a_report_is_said() {
    static REPORTS: StackAlloc = StackAlloc::new("counted:report(heap)");
    if std::env::var_os("CAIRN_TEST_REPORT").is_some() {
        // SAFETY: the size is not 0. The block is left.
        assert!(!unsafe { REPORTS.alloc(Layout::new::<[u8; 1234]>()) }.is_null());
        REPORTS.flush();
        REPORTS.report();
        return;
    }
    let run = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_report_is_said", "--nocapture"])
        .env("CAIRN_TEST_REPORT", "1")
        .output()
        .unwrap();
    let said = String::from_utf8(run.stderr).unwrap();
    assert!(
        run.status.success() && said.contains("1 blocks, 1234 bytes"),
        "{said}"
    );
}
