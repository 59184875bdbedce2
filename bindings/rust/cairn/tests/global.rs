// SPDX-License-Identifier: MIT
//
// Cairn as the global allocator of this program, test harness included.

use cairn::{Cairn, Stats};
use std::cell::RefCell;
use std::collections::HashMap;

#[global_allocator]
static GLOBAL: Cairn = Cairn;

#[repr(align(256))]
struct Aligned(u8);

#[test]
fn all_that_rust_allocates_is_cairns() {
    let before = Stats::now();
    let mut map = HashMap::new();
    for i in 0..50_000u32 {
        map.insert(i.to_string(), vec![i; i as usize % 10]);
    }
    assert!(map
        .iter()
        .all(|(key, value)| value.iter().all(|i| i.to_string() == *key)));
    assert!(map.keys().all(|key| cairn::owns(key.as_ptr())));
    assert!(Stats::now().live >= before.live + (1 << 20));
    let aligned: Vec<_> = (0..100).map(|i| Box::new(Aligned(i))).collect();
    for (i, one) in aligned.iter().enumerate() {
        assert_eq!(&**one as *const Aligned as usize % 256, 0);
        assert_eq!(one.0, i as u8);
        assert!(cairn::owns(&**one));
    }
    assert_eq!(Stats::now().foreign_frees, 0);
}

#[test]
fn vectors_grow_and_shrink() {
    let mut vector = Vec::new();
    for i in 0..1_000_000u64 {
        vector.push(i);
    }
    vector.truncate(1000);
    vector.shrink_to_fit();
    assert!(vector.iter().enumerate().all(|(i, x)| i as u64 == *x));
    assert!(vec![0u8; 50 << 20].iter().all(|x| *x == 0));
}

#[test]
fn blocks_are_freed_by_other_threads() {
    let (send, receive) = std::sync::mpsc::channel::<Vec<String>>();
    std::thread::scope(|threads| {
        for _ in 0..4 {
            let send = send.clone();
            threads.spawn(move || {
                for i in 0..200 {
                    send.send((0..100).map(|j| format!("{i} {j}")).collect())
                        .unwrap();
                }
            });
        }
        drop(send);
        threads.spawn(move || {
            let texts: Vec<_> = receive.iter().flatten().collect();
            assert_eq!(texts.len(), 4 * 200 * 100);
            assert!(texts.iter().all(|text| text.contains(' ')));
        });
    });
}

/// Thread-local values are dropped when their thread has nearly ended, and allocate then.
#[test]
fn threads_that_end() {
    struct Late(Vec<u8>);
    impl Drop for Late {
        fn drop(&mut self) {
            self.0 = vec![1; 2 * self.0.len()];
        }
    }
    thread_local!(static LATE: RefCell<Late> = RefCell::new(Late(vec![1])));
    for _ in 0..200 {
        std::thread::spawn(|| LATE.with(|late| late.borrow_mut().0.resize(1000, 7)))
            .join()
            .unwrap();
    }
}
