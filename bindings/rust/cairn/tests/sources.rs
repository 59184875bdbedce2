// SPDX-License-Identifier: MIT

mod common;

use cairn::*;
use common::Random;
use std::alloc::{GlobalAlloc, Layout};
use std::marker::PhantomData;
use std::rc::Rc;

/// Blocks of all sizes and alignments, resized and zeroed: apart from each other, and kept.
fn exercise(source: &dyn GlobalAlloc, rounds: usize) {
    let mut random = Random(4);
    let mut blocks: Vec<(*mut u8, Layout, u8)> = Vec::new();
    let is_filled = |&(ptr, layout, byte): &(*mut u8, Layout, u8)| {
        // SAFETY: a block of ours, written in full.
        (0..layout.size()).all(|i| unsafe { *ptr.add(i) } == byte)
    };
    for round in 0..rounds {
        let bits = random.below(14);
        let size = 1 + random.below(1 << bits);
        let layout = Layout::from_size_align(size, 1 << random.below(10)).unwrap();
        let byte = round as u8;
        // SAFETY: layouts and blocks are those of this list, sizes are not 0.
        unsafe {
            match random.below(4) {
                0 | 1 => {
                    let zeroed = random.below(2) == 0;
                    let ptr = if zeroed {
                        source.alloc_zeroed(layout)
                    } else {
                        source.alloc(layout)
                    };
                    assert!(!ptr.is_null());
                    assert_eq!(ptr as usize % layout.align(), 0);
                    assert!(!zeroed || is_filled(&(ptr, layout, 0)));
                    ptr.write_bytes(byte, size);
                    blocks.push((ptr, layout, byte));
                }
                2 if !blocks.is_empty() => {
                    let i = random.below(blocks.len());
                    let (old, layout, byte) = blocks[i];
                    let ptr = source.realloc(old, layout, size);
                    let new = Layout::from_size_align(size, layout.align()).unwrap();
                    assert!(!ptr.is_null());
                    assert_eq!(ptr as usize % layout.align(), 0);
                    let kept = Layout::from_size_align(size.min(layout.size()), 1).unwrap();
                    assert!(is_filled(&(ptr, kept, byte)));
                    ptr.write_bytes(byte, size);
                    blocks[i] = (ptr, new, byte);
                }
                _ if !blocks.is_empty() => {
                    let block = blocks.swap_remove(random.below(blocks.len()));
                    assert!(is_filled(&block));
                    source.dealloc(block.0, block.1);
                }
                _ => (),
            }
        }
    }
    assert!(blocks.iter().all(is_filled));
    for (ptr, layout, _) in blocks {
        // SAFETY: as above.
        unsafe { source.dealloc(ptr, layout) }
    }
}

#[test]
fn all_sources_keep_to_the_contract() {
    exercise(&Cairn, 5000);
    exercise(&System, 5000);
    exercise(&Heap::new("exercise").unwrap(), 5000);
    exercise(
        &Traced::with(Some("/dev/null"), Default::default(), Cairn).unwrap(),
        2000,
    );
    for text in [
        "heap",
        "system",
        "fit:best,deferred",
        "slab_set",
        "buddy",
        "counted(heap)",
    ] {
        let mut stack = Stack::new(text).unwrap();
        exercise(&stack, 2000);
        assert_eq!(stack.audit(), Ok(()), "{text}");
    }
    // The oracle, which stops the process at the first breach.
    exercise(&Stack::new("checked(fit:segregated)").unwrap(), 2000);
}

#[test]
fn too_much_is_null() {
    let layout = Layout::from_size_align(isize::MAX as usize - 4096, 1).unwrap();
    // SAFETY: the size is not 0.
    assert!(unsafe { Cairn.alloc(layout) }.is_null());
    // SAFETY: as above.
    assert!(unsafe { Heap::new("small").unwrap().alloc(layout) }.is_null());
}

#[test]
fn a_stack_for_one_thread_gets_a_lock() {
    let stack = Stack::new("fit:best").unwrap();
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| exercise(&stack, 1000));
        }
    });
    let mut stack = stack;
    assert_eq!(stack.audit(), Ok(()));
    assert!(stack.is_general());
    assert!(!Stack::new("pool:64").unwrap().is_general());
}

#[test]
fn what_is_wrong_with_a_text() {
    let error = Stack::new("counted(fitt)").unwrap_err();
    assert_eq!(
        (error.at(), error.what()),
        (8, "no such allocator: fitt (did you mean fit?)")
    );
    assert_eq!(error.to_string(), format!("character 9: {}", error.what()));
    assert!(Stack::new("").is_err());
    assert!(Stack::new("heap\0").is_err());
    assert!(Stack::new("locked(Foreign:path=libc.so.6)")
        .unwrap_err()
        .what()
        .contains("loads code"));
    let long = "x".repeat(10_000);
    assert!(Stack::new(&long).is_err());
}

#[test]
fn a_log_holds_every_call() {
    let path = std::env::temp_dir().join(format!("cairn-rust-{}.log", std::process::id()));
    let name = path.to_str().unwrap();
    let heap = Heap::new("logged").unwrap();
    {
        let traced = Traced::to_file(name, &heap).unwrap();
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| exercise(&traced, 500));
            }
        });
        traced.flush();
        assert_eq!(traced.lost(), 0);
        assert!(traced.written() > 1000);
        assert_eq!(traced.source().stats().blocks, 0);
        let moved = Box::new(traced);
        exercise(&*moved, 100);
    }
    let log = std::fs::read_to_string(&path).unwrap();
    let count = |word: &str| log.lines().filter(|line| line.contains(word)).count();
    assert_eq!(
        count(" alloc ") + count(" alloc_zeroed "),
        count(" dealloc ")
    );
    assert_eq!(count(" thread "), 5);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(
        Traced::to_file("/no/such/folder/log", Cairn).unwrap_err(),
        LogError
    );
}

#[test]
fn figures() {
    let before = Stats::now();
    let heap = Heap::new(&"long name ".repeat(10)).unwrap();
    let arena = Arena::new_in(&heap);
    arena.alloc_slice_with(1 << 20, |i| i as u8);
    let stats = Stats::now();
    assert!(stats.heaps >= 1 && stats.live >= before.live / 2 && stats.live >= 1 << 20);
    assert_eq!(
        stats.committed,
        stats.live + stats.page_free + stats.page_unused + stats.kept
    );
    for format in [StatsFormat::Summary, StatsFormat::Text, StatsFormat::Json] {
        let mut text = String::new();
        Stats::write(format, &mut text).unwrap();
        assert!(text.len() > 100);
        assert_eq!(text.contains("\"schema\""), format == StatsFormat::Json);
    }
    /// Takes ten bytes.
    struct Short(usize);
    impl std::fmt::Write for Short {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            self.0 = self.0.checked_sub(text.len()).ok_or(std::fmt::Error)?;
            Ok(())
        }
    }
    assert!(Stats::write(StatsFormat::Text, &mut Short(10)).is_err());
}

#[test]
fn a_heap_ends_with_all_its_blocks() {
    let heap = Heap::new("request").unwrap();
    let layout = Layout::from_size_align(1000, 8).unwrap();
    for _ in 0..1000 {
        // SAFETY: the size is not 0; the blocks are freed with the heap.
        assert!(!unsafe { heap.alloc(layout) }.is_null());
    }
    assert_eq!(heap.stats().blocks, 1000);
}

#[test]
fn memory_and_the_system() {
    assert!(owns(&*Arena::new().alloc(1)) || !is_active());
    assert!(!owns(std::ptr::null::<u8>()));
    assert!(good_size(100) >= 100);
    assert!(reserve(1 << 20).is_ok());
    assert!(reserve(0).is_ok());
    purge();
}

/// Whether a type is Send or Sync, found out without failing to compile: the function of the type
/// itself goes before that of a trait, if its bound holds.
struct Probe<T>(PhantomData<T>);

impl<T: Send> Probe<T> {
    fn send(&self) -> bool {
        true
    }
}

impl<T: Sync> Probe<T> {
    fn sync(&self) -> bool {
        true
    }
}

trait Otherwise {
    fn send(&self) -> bool {
        false
    }
    fn sync(&self) -> bool {
        false
    }
}

impl<T> Otherwise for Probe<T> {}

macro_rules! send_and_sync {
    ($type:ty) => {
        (
            Probe::<$type>(PhantomData).send(),
            Probe::<$type>(PhantomData).sync(),
        )
    };
}

type Local = Rc<u8>;
type Lent = &'static Arena;
type Function = fn() -> u8;

#[test]
fn who_may_go_to_another_thread() {
    assert_eq!(send_and_sync!(Cairn), (true, true));
    assert_eq!(send_and_sync!(Heap), (true, true));
    assert_eq!(send_and_sync!(Stack), (true, true));
    assert_eq!(send_and_sync!(StackAlloc), (true, true));
    assert_eq!(send_and_sync!(Traced), (true, true));
    assert_eq!(send_and_sync!(Traced<Arena>), (true, false));
    assert_eq!(send_and_sync!(Traced<Lent>), (false, false));

    assert_eq!(send_and_sync!(Arena), (true, false));
    assert_eq!(send_and_sync!(Arena<&'static Heap>), (true, false));
    assert_eq!(send_and_sync!(Arena<Lent>), (false, false));
    assert_eq!(send_and_sync!(Scope<'static, 'static>), (false, false));

    assert_eq!(send_and_sync!(Pool<u8>), (true, false));
    assert_eq!(send_and_sync!(Pool<u8, Lent>), (false, false));
    assert_eq!(send_and_sync!(PoolBox<'static, u8>), (false, false));

    assert_eq!(send_and_sync!(LockFreePool<u8>), (true, true));
    assert_eq!(send_and_sync!(LockFreePool<u8, Arena>), (true, true));
    assert_eq!(send_and_sync!(LockFreePool<u8, Lent>), (false, false));
    assert_eq!(send_and_sync!(LockFreeBox<'static, u8>), (true, true));
    assert_eq!(
        send_and_sync!(LockFreeBox<'static, std::cell::Cell<u8>>),
        (true, false)
    );
    assert_eq!(send_and_sync!(LockFreeBox<'static, Local>), (false, false));
    assert_eq!(
        send_and_sync!(LockFreeBox<'static, u8, Lent>),
        (false, false)
    );

    assert_eq!(send_and_sync!(ObjectPool<u8>), (true, false));
    assert_eq!(send_and_sync!(ObjectPool<Local>), (false, false));
    assert_eq!(
        send_and_sync!(ObjectPool<u8, Box<dyn Fn() -> u8>>),
        (false, false)
    );
    assert_eq!(send_and_sync!(ObjectPool<u8, Function>), (true, false));
    assert_eq!(send_and_sync!(ObjectBox<'static, u8>), (false, false));

    assert_eq!(send_and_sync!(Slots<u8>), (true, true));
    assert_eq!(send_and_sync!(Slots<std::cell::Cell<u8>>), (true, false));
    assert_eq!(send_and_sync!(Slots<Local>), (false, false));
    assert_eq!(send_and_sync!(Slots<u8, Arena>), (true, false));
    assert_eq!(send_and_sync!(IterMut<'static, u8>), (true, true));
    assert_eq!(send_and_sync!(IterMut<'static, Local>), (false, false));
    assert_eq!(send_and_sync!(Iter<'static, Local>), (false, false));
}
