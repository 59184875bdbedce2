// SPDX-License-Identifier: MIT

mod common;

use cairn::{Cairn, Heap, Key, Slots, Stack};
use common::{is_aligned, panics, Census, Page, Random};
use std::collections::HashMap;

#[test]
fn as_a_map_would() {
    let census = Census::default();
    let heap = Heap::new("slots").unwrap();
    {
        let mut slots = Slots::new_in(&heap);
        let mut map = HashMap::new();
        let mut gone = Vec::new();
        let mut random = Random(3);
        for i in 0..20_000 {
            match random.below(10) {
                0..=4 => {
                    let key = slots.insert((i, census.born()));
                    assert!(map.insert(key, i).is_none());
                }
                5..=7 if !map.is_empty() => {
                    let key = *map.keys().next().unwrap();
                    let value = map.remove(&key).unwrap();
                    assert_eq!(slots.remove(key).unwrap().0, value);
                    gone.push(key);
                }
                8 => {
                    let key = slots.insert_with(|_| (i, census.born()));
                    map.insert(key, i);
                }
                _ if !gone.is_empty() => {
                    let key = gone[random.below(gone.len())];
                    assert!(slots.get(key).is_none() && slots.remove(key).is_none());
                }
                _ => (),
            }
        }
        assert_eq!((slots.len(), census.live()), (map.len(), map.len()));
        assert!(map.iter().all(|(key, value)| slots[*key].0 == *value));
        let seen: HashMap<_, _> = slots.iter().map(|(key, value)| (key, value.0)).collect();
        assert_eq!(seen, map);
        for (_, value) in &mut slots {
            value.0 += 1;
        }
        assert!(map.iter().all(|(key, value)| slots[*key].0 == *value + 1));
        slots.retain(|_, value| value.0 % 2 == 0);
        map.retain(|_, value| *value % 2 == 1);
        assert_eq!((slots.len(), census.live()), (map.len(), map.len()));

        let mut renamed = HashMap::new();
        slots.compact(|value, old, new| {
            value.1.check();
            renamed.insert(old, new);
        });
        assert_eq!(slots.capacity(), slots.len());
        for (key, value) in &map {
            let now = renamed.get(key).unwrap_or(key);
            assert_eq!(slots[*now].0, *value + 1);
            assert_eq!(slots.contains(*key), !renamed.contains_key(key));
        }
        assert_eq!(slots.audit(), Ok(()));
    }
    assert_eq!((census.live(), heap.stats().blocks), (0, 0));
}

#[test]
fn a_stale_key_finds_nothing() {
    let mut slots = Slots::new();
    let first = slots.insert(0);
    slots.remove(first);
    for i in 0..100_000 {
        let key = slots.insert(i);
        assert_ne!(key, first);
        assert!(!slots.contains(first));
        slots.remove(key);
    }
    assert!(panics(|| {
        let _ = slots[first];
    }));
    assert_eq!(Key::from_u64(0), None);
    assert_eq!(Key::from_u64(first.to_u64()), Some(first));
    let other: Slots<i32> = Slots::new();
    assert!(!other.contains(first));
    assert_eq!(std::mem::size_of::<Option<Key>>(), 8);
}

#[test]
fn a_panic_of_make_adds_nothing() {
    let mut slots: Slots<Box<u32>> = Slots::with_max(1, Cairn);
    let mut used = None;
    assert!(panics(|| {
        slots.insert_with(|key| {
            used = Some(key);
            panic!()
        });
    }));
    assert!(slots.is_empty() && !slots.contains(used.unwrap()));
    let key = slots.insert(Box::new(1));
    assert_ne!(Some(key), used);
    assert_eq!(slots.audit(), Ok(()));
}

#[test]
fn drops_go_on_when_one_panics() {
    let census = Census::default();
    struct Panics(#[allow(dead_code)] common::Citizen, bool);
    impl Drop for Panics {
        fn drop(&mut self) {
            assert!(!self.1);
        }
    }
    let mut slots = Slots::new();
    for i in 0..10 {
        slots.insert(Panics(census.born(), i == 3));
    }
    assert!(panics(|| slots.clear()));
    assert_eq!((slots.len(), census.live()), (0, 0));
    slots.insert(Panics(census.born(), true));
    slots.insert(Panics(census.born(), false));
    assert!(panics(|| drop(slots)));
    assert_eq!(census.live(), 0);
}

#[test]
fn what_has_no_size_and_what_is_aligned() {
    let mut empty = Slots::new();
    let keys: Vec<_> = (0..100).map(|_| empty.insert(())).collect();
    assert_eq!(empty.len(), 100);
    assert!(keys.into_iter().all(|key| empty.remove(key) == Some(())));
    let mut pages = Slots::new();
    let keys: Vec<_> = (0..50).map(|i| pages.insert(Page(i))).collect();
    for (i, key) in keys.into_iter().enumerate() {
        assert!(is_aligned(&pages[key]));
        assert_eq!(pages[key].0, i as u8);
    }
}

#[test]
fn moved_with_all_they_hold() {
    let mut slots = Slots::new();
    let keys: Vec<_> = (0..100).map(|i| slots.insert(i.to_string())).collect();
    let mut moved = Box::new(slots);
    for _ in 0..10 {
        moved.insert("more".into());
    }
    let slots = std::thread::spawn(move || *moved).join().unwrap();
    assert!(keys
        .iter()
        .enumerate()
        .all(|(i, key)| slots[*key] == i.to_string()));
    assert_eq!(slots.audit(), Ok(()));
}

#[test]
fn beyond_the_bound_and_without_memory_the_value_comes_back() {
    let census = Census::default();
    let mut slots = Slots::with_max(2, Cairn);
    slots.insert(census.born());
    slots.insert(census.born());
    assert!(slots.try_insert(census.born()).is_err());
    assert!(slots.reserve(1).is_err());
    assert!(panics(|| {
        slots.insert(census.born());
    }));
    assert!(panics(|| {
        slots.insert_with(|_| unreachable!());
    }));
    assert_eq!(census.live(), 2);
    drop(slots);

    let mut failed = 0;
    for nth in 1..12 {
        let source = Stack::new(&format!("failing:from={nth}(heap)")).unwrap();
        let mut slots = Slots::new_in(&source);
        for _ in 0..1000 {
            failed += usize::from(slots.try_insert(census.born()).is_err());
        }
        assert_eq!(slots.len(), census.live());
        assert_eq!(slots.audit(), Ok(()));
    }
    assert!(failed > 0);
    assert_eq!(census.live(), 0);
}
