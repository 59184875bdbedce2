// SPDX-License-Identifier: MIT

mod common;

use cairn::{ObjectPool, ObjectPoolOptions};
use common::{is_aligned, panics, Census, Citizen, Page};
use std::cell::Cell;
use std::rc::{Rc, Weak};

#[test]
fn objects_are_made_once_and_reset() {
    let census = Census::default();
    let made = Cell::new(0);
    let pool = ObjectPool::with_reset(
        || {
            made.set(made.get() + 1);
            (census.born(), 0)
        },
        |object| {
            object.1 += 1;
            true
        },
    );
    for round in 0..100 {
        let object = pool.acquire();
        object.0.check();
        assert_eq!(object.1, round);
    }
    let (one, two) = (pool.acquire(), pool.acquire());
    assert_eq!(
        (made.get(), pool.in_use(), pool.idle(), census.live()),
        (2, 2, 0, 2)
    );
    drop((one, two));
    assert_eq!((pool.in_use(), pool.idle()), (0, 2));
    assert!(pool.trim(1) == 0 && pool.idle() == 1 && census.live() == 1);
    assert!(pool.trim(0) > 0);
    assert_eq!(census.live(), 0);
    assert_eq!(pool.audit(), Ok(()));
}

#[test]
fn what_cannot_be_reset_is_dropped() {
    let census = Census::default();
    let fit = Cell::new(true);
    let pool = ObjectPool::with_reset(|| census.born(), |_| fit.get());
    drop(pool.acquire());
    assert_eq!((pool.idle(), census.live()), (1, 1));
    fit.set(false);
    drop(pool.acquire());
    assert_eq!((pool.idle(), pool.in_use(), census.live()), (0, 0, 0));
    assert_eq!(pool.audit(), Ok(()));
}

#[test]
fn a_panic_leaves_the_pool_as_it_was() {
    let census = Census::default();
    let fails = Cell::new(0);
    let pool = ObjectPool::with_reset(
        || {
            assert_ne!(fails.get(), 1);
            census.born()
        },
        |_| {
            assert_ne!(fails.get(), 2);
            true
        },
    );
    fails.set(1);
    assert!(panics(|| drop(pool.acquire())));
    assert_eq!((pool.idle(), pool.in_use(), census.live()), (0, 0, 0));
    fails.set(2);
    assert!(panics(|| drop(pool.acquire())));
    assert_eq!((pool.idle(), pool.in_use(), census.live()), (0, 0, 0));
    fails.set(0);
    pool.acquire().check();
    assert_eq!((pool.idle(), census.live()), (1, 1));
    fails.set(1);
    assert!(panics(|| {
        let _ = pool.prefill(3);
    }));
    assert_eq!((pool.idle(), pool.in_use(), census.live()), (1, 0, 1));
    assert_eq!(pool.audit(), Ok(()));
}

#[test]
fn prefill_makes_them() {
    let census = Census::default();
    let pool = ObjectPool::new(|| census.born());
    pool.prefill(5).unwrap();
    assert_eq!((pool.idle(), census.live()), (5, 5));
    pool.prefill(3).unwrap();
    assert_eq!((pool.idle(), census.live()), (5, 5));
    let used = pool.acquire();
    pool.prefill(5).unwrap();
    assert_eq!((pool.idle(), pool.in_use()), (5, 1));
    drop(used);
}

#[test]
fn bounds() {
    let census = Census::default();
    let options = ObjectPoolOptions {
        max_objects: 4,
        max_idle: 2,
    };
    let pool = ObjectPool::with(options, || census.born(), |_| true).unwrap();
    assert!(pool.prefill(3).is_err());
    assert_eq!(pool.idle(), 2);
    let all: Vec<_> = (0..4).map(|_| pool.acquire()).collect();
    assert!(pool.try_acquire().is_none());
    assert!(panics(|| drop(pool.acquire())));
    assert_eq!(census.live(), 4);
    drop(all);
    assert_eq!((pool.idle(), census.live()), (2, 2));
    assert_eq!(pool.audit(), Ok(()));
}

#[test]
fn what_was_forgotten_is_dropped_with_the_pool() {
    let census = Census::default();
    let pool = ObjectPool::new(|| census.born());
    std::mem::forget(pool.acquire());
    drop(pool.acquire());
    assert_eq!(census.live(), 2);
    drop(pool);
    assert_eq!(census.live(), 0);
}

#[test]
fn what_has_no_size_and_what_is_aligned() {
    let empty = ObjectPool::new(|| ());
    let (one, two) = (empty.acquire(), empty.acquire());
    assert_eq!((*one, *two), ((), ()));
    let pages = ObjectPool::new(|| Page(7));
    let boxes: Vec<_> = (0..20).map(|_| pages.acquire()).collect();
    assert!(boxes.iter().all(|page| is_aligned(&**page) && page.0 == 7));
}

/// An object that uses its own pool when it is dropped: it may take and give others, and to trim
/// does nothing.
#[test]
fn an_object_may_use_its_pool_when_it_is_dropped() {
    struct Nosy {
        pool: Weak<ObjectPool<Nosy, Box<dyn Fn() -> Nosy>>>,
        _citizen: Citizen,
    }
    impl Drop for Nosy {
        fn drop(&mut self) {
            if let Some(pool) = self.pool.upgrade() {
                assert_eq!(pool.trim(0), 0);
                drop(pool.try_acquire());
            }
        }
    }
    let census = Census::default();
    let pool = Rc::new_cyclic(|pool: &Weak<_>| {
        let (pool, census) = (pool.clone(), census.clone());
        let make: Box<dyn Fn() -> Nosy> = Box::new(move || Nosy {
            pool: pool.clone(),
            _citizen: census.born(),
        });
        ObjectPool::new(make)
    });
    pool.prefill(10).unwrap();
    pool.trim(5);
    assert!(census.live() >= 5);
    assert_eq!(pool.audit(), Ok(()));
    drop(pool);
    assert_eq!(census.live(), 0);
}

#[test]
fn a_named_type() {
    struct Server {
        buffers: ObjectPool<Vec<u8>>,
    }
    let server = Server {
        buffers: ObjectPool::new(Vec::new),
    };
    server.buffers.acquire().push(1);
    assert_eq!(*server.buffers.acquire(), [1]);
}
