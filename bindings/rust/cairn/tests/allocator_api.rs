// SPDX-License-Identifier: MIT
//
// core::alloc::Allocator, on nightly compilers: the standard containers on all sources.
#![cfg(feature = "allocator_api")]
#![feature(allocator_api)]

use cairn::{Arena, Cairn, Heap, Stack, StackAlloc, System, Traced};
use std::alloc::{Allocator, Layout};
use std::collections::VecDeque;

fn exercise<A: Allocator + Clone>(source: A) {
    let mut vector = Vec::new_in(source.clone());
    let mut queue = VecDeque::new_in(source.clone());
    for i in 0..10_000u32 {
        vector.push(i);
        queue.push_front(Box::new_in(i, source.clone()));
        if i % 3 == 0 {
            queue.pop_back();
        }
    }
    assert!(vector.iter().enumerate().all(|(i, x)| i as u32 == *x));
    vector.truncate(10);
    vector.shrink_to_fit();
    assert_eq!(vector, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(**queue.front().unwrap(), 9999);
    let _nothing = Box::new_in((), source.clone());

    // Grown to a larger alignment, zeroed, shrunk to none, and back.
    let layout = |size, align| Layout::from_size_align(size, align).unwrap();
    // SAFETY: each block with its layout, once.
    unsafe {
        let block = source.allocate_zeroed(layout(100, 8)).unwrap().cast::<u8>();
        block.as_ptr().write_bytes(7, 100);
        let block = source
            .grow_zeroed(block, layout(100, 8), layout(300, 512))
            .unwrap()
            .cast::<u8>();
        assert_eq!(block.as_ptr() as usize % 512, 0);
        let bytes = std::slice::from_raw_parts(block.as_ptr(), 300);
        assert!(bytes[..100].iter().all(|x| *x == 7) && bytes[100..].iter().all(|x| *x == 0));
        let block = source
            .shrink(block, layout(300, 512), layout(0, 8))
            .unwrap()
            .cast::<u8>();
        let block = source
            .grow(block, layout(0, 8), layout(50, 16))
            .unwrap()
            .cast::<u8>();
        source.deallocate(block, layout(50, 16));
    }
}

#[test]
fn the_standard_containers() {
    exercise(Cairn);
    exercise(System);
    exercise(&Heap::new("containers").unwrap());
    exercise(&Traced::to_file("/dev/null", Cairn).unwrap());
    static STACK: StackAlloc = StackAlloc::new("fit:segregated");
    exercise(&STACK);
    let stack = Stack::new("checked(slab_set)").unwrap();
    exercise(&stack);
    let mut arena = Arena::new();
    exercise(&arena);
    arena.reset();
    arena.scope(|outer| {
        exercise(&*outer);
        outer.scope(|inner| exercise(&*inner));
        let mut vector = Vec::new_in(&*outer);
        vector.extend(0..100);
        assert_eq!(vector.len(), 100);
    });
}
