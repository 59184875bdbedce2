// SPDX-License-Identifier: MIT

mod common;

use cairn::{Arena, Cairn, Heap, LockFreePool, LockFreePoolOptions, Pool, PoolOptions, Stack};
use common::{is_aligned, panics, Census, Line, Page, Random};
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn values_come_and_go() {
    let heap = Heap::new("pool").unwrap();
    let census = Census::default();
    {
        let pool = Pool::new_in(&heap);
        let mut boxes = Vec::new();
        let mut random = Random(2);
        for _ in 0..5000 {
            if random.below(3) > 0 {
                boxes.push(pool.alloc(census.born()));
            } else if !boxes.is_empty() {
                boxes.swap_remove(random.below(boxes.len())).check();
            }
            assert_eq!(census.live(), boxes.len());
        }
        assert_eq!(pool.live(), boxes.len());
        assert!(boxes.iter().all(|value| is_aligned(&**value)));
        assert_eq!(pool.audit(), Ok(()));
        drop(boxes);
        assert_eq!((pool.live(), census.live()), (0, 0));
        assert!(pool.trim() > 0);
    }
    assert_eq!(heap.stats().blocks, 0);
}

#[test]
fn what_has_no_size_and_what_is_aligned() {
    let empty = Pool::new();
    let (one, two) = (empty.alloc(()), empty.alloc(()));
    assert_eq!((*one, *two, empty.live()), ((), (), 2));
    let census = Census::default();
    #[repr(align(256))]
    struct Empty;
    impl Drop for Empty {
        fn drop(&mut self) {
            assert!(is_aligned(self));
        }
    }
    drop(Pool::new().alloc(Empty));
    let pages = Pool::new();
    let boxes: Vec<_> = (0..50)
        .map(|i| pages.alloc((Page(i), census.born())))
        .collect();
    assert!(boxes
        .iter()
        .enumerate()
        .all(|(i, page)| is_aligned(&page.0) && page.0 .0 == i as u8));
    drop(boxes);
    assert_eq!(census.live(), 0);
    let lines = LockFreePool::new();
    let boxes: Vec<_> = (0..500).map(|i| lines.alloc(Line(i as u8))).collect();
    assert!(boxes
        .iter()
        .enumerate()
        .all(|(i, line)| is_aligned(&**line) && line.0 == i as u8));
    let empty = LockFreePool::new();
    let boxes = (empty.alloc(()), empty.alloc(()));
    assert_eq!(empty.live(), 2);
    drop(boxes);
    assert_eq!(empty.live(), 0);
}

#[test]
fn taking_out_forgetting_and_leaking() {
    let census = Census::default();
    {
        let pool = Pool::new();
        let taken = pool.alloc(census.born()).into_inner();
        assert_eq!((census.live(), pool.live()), (1, 0));
        drop(taken);
        std::mem::forget(pool.alloc(census.born()));
        pool.alloc(census.born()).leak().check();
        assert_eq!((census.live(), pool.live()), (2, 2));

        let pool = LockFreePool::new();
        drop(pool.alloc(census.born()).into_inner());
        assert_eq!((census.live(), pool.live()), (2, 0));
        pool.alloc(census.born()).leak().check();
        assert_eq!((census.live(), pool.live()), (3, 1));
    }
    // Freed, not dropped.
    assert_eq!(census.live(), 3);
}

#[test]
fn a_value_may_use_its_pool_when_it_is_dropped() {
    struct Next<'a>(&'a Pool<u32>);
    impl Drop for Next<'_> {
        fn drop(&mut self) {
            assert_eq!(*self.0.alloc(7), 7);
        }
    }
    let numbers = Pool::new();
    let pool = Pool::new();
    drop(pool.alloc(Next(&numbers)));
    assert_eq!(numbers.live(), 0);
}

#[test]
fn a_panic_in_a_drop_gives_the_place_back() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!();
        }
    }
    let pool = Pool::new();
    assert!(panics(|| drop(pool.alloc(Panics))));
    assert_eq!(pool.live(), 0);
    let pool = LockFreePool::new();
    assert!(panics(|| drop(pool.alloc(Panics))));
    assert_eq!(pool.live(), 0);
}

#[test]
fn beyond_the_bound_the_value_comes_back() {
    let census = Census::default();
    let options = PoolOptions {
        max_blocks: 3,
        ..Default::default()
    };
    let pool = Pool::with(options, Cairn).unwrap();
    assert!(pool.reserve(3).is_ok() && pool.reserve(4).is_err());
    let boxes: Vec<_> = (0..3).map(|_| pool.alloc(census.born())).collect();
    assert!(pool.try_alloc(census.born()).is_err());
    assert!(panics(|| drop(pool.alloc(census.born()))));
    assert_eq!(census.live(), 3);
    drop(boxes);

    let options = LockFreePoolOptions {
        first_blocks: 3,
        max_blocks: 3,
    };
    let pool = LockFreePool::with(options, Cairn).unwrap();
    let boxes: Vec<_> = (0..3).map(|_| pool.alloc(census.born())).collect();
    assert!(pool.try_alloc(census.born()).is_err());
    assert_eq!(census.live(), 3);
    drop(boxes);
}

#[test]
fn a_source_that_fails_at_every_call_in_turn() {
    let census = Census::default();
    let mut failed = 0;
    for nth in 1..30 {
        let source = Stack::new(&format!("failing:nth={nth}(heap)")).unwrap();
        let pool = Pool::new_in(&source);
        let mut boxes = Vec::new();
        for _ in 0..1000 {
            match pool.try_alloc((census.born(), [0u64; 20])) {
                Ok(value) => boxes.push(value),
                Err(_) => failed += 1,
            }
        }
        assert_eq!(census.live(), boxes.len());
        assert_eq!(pool.audit(), Ok(()));
    }
    assert_eq!(census.live(), 0);
    for nth in 1..30 {
        let source = Stack::new(&format!("failing:nth={nth}(heap)")).unwrap();
        let options = LockFreePoolOptions {
            first_blocks: 8,
            max_blocks: 0,
        };
        match LockFreePool::with(options, &source) {
            Ok(mut pool) => {
                let boxes: Vec<_> = (0..1000)
                    .filter_map(|_| pool.try_alloc(census.born()).ok())
                    .collect();
                failed += 1000 - boxes.len();
                assert_eq!(census.live(), boxes.len());
                drop(boxes);
                assert_eq!(pool.audit(), Ok(()));
            }
            Err(cairn::OutOfMemory) => failed += 1,
        };
    }
    assert_eq!(census.live(), 0);
    assert!(failed > 0);
}

/// Owned, an arena is a source for one: what is freed goes back to the pool, not to the arena.
#[test]
fn a_pool_on_an_arena_of_its_own() {
    let pool = Pool::new_in(Arena::new());
    let boxes: Vec<_> = (0..1000).map(|i| pool.alloc(i)).collect();
    assert!(boxes.iter().enumerate().all(|(i, value)| i == **value));
    assert!(pool.source().stats().used >= 8000);
}

#[test]
fn boxes_go_from_thread_to_thread() {
    static LIVE: AtomicUsize = AtomicUsize::new(0);
    struct Value(u64, u64);
    impl Value {
        fn new(x: u64) -> Value {
            LIVE.fetch_add(1, Ordering::Relaxed);
            Value(x, !x)
        }
    }
    impl Drop for Value {
        fn drop(&mut self) {
            assert_eq!(self.0, !self.1);
            self.1 = self.0;
            LIVE.fetch_sub(1, Ordering::Relaxed);
        }
    }
    let pool = LockFreePool::new();
    std::thread::scope(|threads| {
        for seed in 1..=4 {
            let (send, receive) = std::sync::mpsc::sync_channel(100);
            let pool = &pool;
            threads.spawn(move || {
                let mut random = Random(seed);
                let mut own = Vec::new();
                for i in 0..20_000 {
                    let value = pool.alloc(Value::new(i));
                    match random.below(3) {
                        0 => drop(value),
                        1 => own.push(value),
                        _ => send.send(value).unwrap(),
                    }
                    if own.len() > 200 {
                        own.clear();
                    }
                }
            });
            threads.spawn(move || receive.into_iter().for_each(drop));
        }
    });
    assert_eq!(LIVE.load(Ordering::Relaxed), 0);
    assert_eq!(pool.live(), 0);
    let mut pool = pool;
    assert_eq!(pool.audit(), Ok(()));
}

/// A source for one thread at a time, under a pool for all.
#[test]
fn a_shared_pool_on_an_arena() {
    let pool = LockFreePool::with(LockFreePoolOptions::default(), Arena::new()).unwrap();
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                let boxes: Vec<_> = (0..5000).map(|i| pool.alloc([i; 8])).collect();
                assert!(boxes.iter().enumerate().all(|(i, value)| **value == [i; 8]));
            });
        }
    });
    assert_eq!(pool.live(), 0);
}
