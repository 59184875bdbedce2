// SPDX-License-Identifier: MIT

mod common;

use cairn::{Arena, ArenaOptions, Cairn, Heap, OutOfMemory, Stack};
use common::{is_aligned, panics, Census, Line, Page, Random};
use std::fmt;

#[test]
fn values_keep_their_contents_and_alignment() {
    let arena = Arena::new();
    let mut numbers = Vec::new();
    let mut lines = Vec::new();
    let mut random = Random(1);
    for i in 0..2000u64 {
        numbers.push(arena.alloc(i));
        if random.below(3) == 0 {
            lines.push(arena.alloc(Line(i as u8)));
        }
        if random.below(50) == 0 {
            let page = arena.alloc(Page(7));
            assert!(is_aligned(page) && page.0 == 7);
        }
        arena.alloc_slice_with(random.below(300), |i| i as u8);
    }
    for (i, number) in numbers.iter().enumerate() {
        assert!(is_aligned(*number));
        assert_eq!(**number, i as u64);
    }
    assert!(lines.iter().all(|line| is_aligned(*line)));
    assert_eq!(arena.audit(), Ok(()));
}

#[test]
fn what_has_no_size_takes_none() {
    #[repr(align(64))]
    struct Empty;
    let arena = Arena::new();
    for _ in 0..1000 {
        assert!(is_aligned(arena.alloc(Empty)));
    }
    assert_eq!(arena.alloc_slice_copy::<u64>(&[]), &[]);
    assert_eq!(arena.alloc_slice_with(1000, |_| ()).len(), 1000);
    assert_eq!(arena.alloc_str(""), "");
    assert_eq!(arena.alloc_fmt(format_args!("")), "");
    assert_eq!(arena.stats().used, 0);
}

#[test]
fn texts() {
    let arena = Arena::new();
    let text = arena.alloc_str("grüße");
    text.make_ascii_uppercase();
    assert_eq!(text, "GRüßE");
    let long = arena.alloc_fmt(format_args!("{:>5000}|{}", 1, text));
    assert_eq!(long.len(), 5001 + text.len());
    assert!(long.ends_with("1|GRüßE"));
}

/// Allocates in the arena while it is being formatted there.
#[test]
fn a_text_may_move_while_it_grows() {
    struct Meddler<'a>(&'a Arena);
    impl fmt::Display for Meddler<'_> {
        fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
            for i in 0..100 {
                self.0.alloc(0xFFu8);
                write!(to, "{i} is a number; ")?;
            }
            Ok(())
        }
    }
    let arena = Arena::new();
    let text = arena.alloc_fmt(format_args!("{}", Meddler(&arena)));
    let expected: String = (0..100).map(|i| format!("{i} is a number; ")).collect();
    assert_eq!(text, expected);
}

#[test]
fn scopes_keep_what_is_outside_and_free_what_is_inside() {
    let mut arena = Arena::new();
    let sum = arena.scope(|outer| {
        let kept = outer.alloc_slice_with(100, |i| i);
        for round in 0..100 {
            outer.scope(|inner| {
                let more = inner.alloc_slice_with(1000, |i| i + round);
                assert_eq!(more[999], 999 + round);
                kept[0] += 1;
            });
        }
        kept.iter().sum::<usize>()
    });
    assert_eq!(sum, 4950 + 100);
    let stats = arena.stats();
    assert_eq!(stats.used, 0);
    // Rounds took the same chunks again.
    assert!(stats.peak < 3 * 8 * 1100, "{stats:?}");
}

#[test]
fn drops_run_at_the_end_of_the_scope_latest_first() {
    let census = Census::default();
    let mut arena = Arena::new();
    arena.scope(|scope| {
        scope.alloc_with_drop(census.born());
        scope.scope(|inner| {
            for _ in 0..10 {
                inner.alloc_with_drop(census.born()).check();
            }
            assert_eq!(census.live(), 11);
        });
        assert_eq!(census.live(), 1);
    });
    assert_eq!(census.live(), 0);
}

#[test]
fn a_scope_ends_when_it_panics() {
    let census = Census::default();
    let mut arena = Arena::new();
    assert!(panics(|| arena.scope(|scope| {
        scope.alloc_with_drop(census.born());
        scope.scope(|inner| {
            inner.alloc_with_drop(census.born());
            panic!();
        })
    })));
    assert_eq!(census.live(), 0);
    assert_eq!(arena.stats().used, 0);
    assert_eq!(arena.audit(), Ok(()));
}

#[test]
fn what_is_dropped_may_refer_to_the_outer_scope() {
    use std::cell::Cell;
    struct Last<'a>(&'a Cell<u32>, u32);
    impl Drop for Last<'_> {
        fn drop(&mut self) {
            self.0.set(self.1);
        }
    }
    let mut arena = Arena::new();
    arena.scope(|outer| {
        let place = outer.alloc(Cell::new(0));
        outer.scope(|inner| {
            inner.alloc_with_drop(Last(place, 7));
            assert_eq!(place.get(), 0);
        });
        assert_eq!(place.get(), 7);
    });
}

#[test]
fn reset_and_drop_of_the_arena_drop_what_was_asked_to() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    struct Counts;
    impl Drop for Counts {
        fn drop(&mut self) {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
    }
    let mut arena = Arena::new();
    arena.alloc_with_drop(Counts);
    arena.alloc_with_drop((Counts, [0u8; 10_000]));
    arena.alloc(Counts);
    arena.reset();
    assert_eq!(DROPPED.load(Ordering::Relaxed), 2);
    arena.alloc_with_drop(Counts);
    // In another thread, to which it may go.
    std::thread::spawn(move || drop(arena)).join().unwrap();
    assert_eq!(DROPPED.load(Ordering::Relaxed), 3);
}

#[test]
fn a_panic_while_a_slice_is_made_leaks_nothing() {
    let census = Census::default();
    let heap = Heap::new("slices").unwrap();
    {
        let arena = Arena::new_in(&heap);
        assert!(panics(|| {
            arena.alloc_slice_with(10, |i| {
                assert!(i < 7);
                census.born()
            });
        }));
        assert_eq!(census.live(), 0);
        assert!(panics(|| {
            arena.alloc_with(|| -> u32 { panic!() });
        }));
        assert_eq!(arena.audit(), Ok(()));
    }
    assert_eq!(heap.stats().blocks, 0);
}

#[test]
fn beyond_the_limit_the_value_comes_back() {
    let census = Census::default();
    let limit = ArenaOptions {
        limit: 16 << 10,
        ..Default::default()
    };
    let arena = Arena::with(limit, Cairn).unwrap();
    let mut count = 0;
    while let Ok(value) = arena.try_alloc((1u64, count)) {
        count += 1;
        assert_eq!(value.0, 1);
    }
    assert!(count > 500);
    assert!(arena.try_alloc_slice_with(1 << 60, |_| 1u64) == Err(OutOfMemory));
    assert!(arena.try_alloc_slice_with(1 << 20, |_| 1u64) == Err(OutOfMemory));
    assert!(arena.reserve(1 << 20).is_err());
    assert!(panics(|| {
        arena.alloc([0u8; 4096]);
    }));
    let mut arena = arena;
    arena.scope(|scope| {
        let back = scope.try_alloc_with_drop((census.born(), [0u8; 4096]));
        assert!(back.is_err());
        assert_eq!(census.live(), 1);
    });
    assert_eq!(census.live(), 0);
}

/// Whatever call of the source fails, nothing is lost, and what was allocated stays.
#[test]
fn a_source_that_fails_at_every_call_in_turn() {
    let census = Census::default();
    let mut failed = 0;
    for nth in 1..40 {
        let source = Stack::new(&format!("failing:nth={nth}(heap)")).unwrap();
        let small = ArenaOptions {
            first_chunk: 8192,
            max_chunk: 8192,
            ..Default::default()
        };
        let mut arena = match Arena::with(small, &source) {
            Ok(arena) => arena,
            Err(OutOfMemory) => {
                failed += 1;
                continue;
            }
        };
        arena.scope(|scope| {
            let mut values = Vec::new();
            for i in 0..100 {
                match scope.try_alloc_with_drop((census.born(), [i as u8; 1000])) {
                    Ok(value) => values.push(value),
                    Err(_) => failed += 1,
                }
                if scope.try_alloc(Page(1)).is_err() {
                    failed += 1;
                }
            }
            assert_eq!(census.live(), values.len());
            assert!(values
                .iter()
                .all(|(_, bytes)| bytes.iter().all(|byte| *byte == bytes[0])));
        });
        assert_eq!(census.live(), 0);
        assert_eq!(arena.audit(), Ok(()));
    }
    assert!(failed >= 20, "{failed}");
}

#[test]
fn an_arena_gives_all_back() {
    let heap = Heap::new("arena").unwrap();
    let mut arena = Arena::new_in(&heap);
    arena.alloc_slice_with(1 << 20, |i| i as u8);
    assert!(heap.stats().live >= 1 << 20);
    arena.reset();
    assert!(arena.trim(0) > 0);
    drop(arena);
    assert_eq!(heap.stats().blocks, 0);
}
