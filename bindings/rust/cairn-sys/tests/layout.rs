// SPDX-License-Identifier: MIT
//
// Each struct is as C has it: a C program with the same headers says the sizes and offsets.

use std::env;
use std::fs;
use std::mem::{align_of, size_of};
use std::path::PathBuf;
use std::process::Command;

use cairn_sys::*;

macro_rules! sizes {
    ($($(#[$tag:meta])? $name:ident $(as $c:literal)?;)*) => {{
        let rust = vec![$((size_of::<$name>(), align_of::<$name>())),*];
        let c = vec![$(sizes!(@ $name $($c)?)),*];
        (rust, c)
    }};
    (@ $name:ident) => { stringify!($name) };
    (@ $name:ident $c:literal) => { $c };
}

/// What a C program prints, whose main has this body; None: there is no C compiler.
fn c_says(name: &str, body: &str) -> Option<String> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let source = folder.join(format!("{name}-{}.c", std::process::id()));
    let program = source.with_extension("out");
    let text = format!(
        "#include <stdio.h>\n#include <stddef.h>\n#include <cairn.h>\n#include <cairn/arena.h>\n\
         #include <cairn/pool.h>\n#include <cairn/atomic_pool.h>\n#include <cairn/object_pool.h>\n\
         #include <cairn/slots.h>\n#include <cairn/stack.h>\n#include <cairn/locked.h>\n#include <cairn/traced.h>\n\
         int main(void) {{\n{body}return 0;\n}}\n"
    );
    fs::write(&source, text).unwrap();
    let compiler = env::var("CC").unwrap_or_else(|_| "cc".into());
    let status = Command::new(compiler)
        .arg("-I")
        .arg(env!("CAIRN_SYS_INCLUDE"))
        .arg(&source)
        .arg("-o")
        .arg(&program)
        .status()
        .ok()?;
    assert!(status.success());
    let said = Command::new(&program).output().unwrap();
    fs::remove_file(&source).unwrap();
    fs::remove_file(&program).unwrap();
    Some(String::from_utf8(said.stdout).unwrap())
}

#[test]
fn structs_are_as_in_c() {
    let (rust, c) = sizes! {
        cairn_layout;
        cairn_allocator;
        cairn_allocator_ops;
        cairn_stats as "struct cairn_stats";
        cairn_heap_stats as "struct cairn_heap_stats";
        cairn_arena_opts;
        cairn_mark;
        cairn_arena_stats;
        cairn_pool_opts;
        cairn_pool;
        cairn_atomic_pool_opts;
        cairn_atomic_pool_stats;
        cairn_object_pool_opts;
        cairn_slots_opts;
        cairn_slots;
        cairn_stack_error;
        cairn_locked;
        cairn_traced_opts;
        cairn_traced;
    };
    let body: String = c
        .iter()
        .map(|name| format!("printf(\"%zu %zu\\n\", sizeof({name}), _Alignof({name}));\n"))
        .collect();
    let said = match c_says("structs", &body) {
        Some(said) => said,
        None => return eprintln!("skip: no C compiler"),
    };
    for ((line, name), (size, align)) in said.lines().zip(&c).zip(rust) {
        assert_eq!(line, format!("{size} {align}"), "{name}");
    }
    assert_eq!(said.lines().count(), c.len());
}

/// The fields that the functions written out in Rust use, by their place in a struct of words.
#[test]
fn fields_are_where_c_has_them() {
    let fields = [
        ("cairn_arena", "next", 0),
        ("cairn_arena", "end", 8),
        ("cairn_pool", "open.free", 0),
        ("cairn_pool", "open.next", 8),
        ("cairn_pool", "open.end", 16),
        ("cairn_pool", "stride", 24),
        ("cairn_pool", "is_slow", 32),
        ("cairn_slots", "slots", 0),
        ("cairn_slots", "used", 24),
        ("cairn_slots", "holes", 28),
        ("cairn_slots", "vacant", 32),
        ("cairn_slots", "addable", 36),
        ("cairn_slots", "slow_from", 40),
        ("cairn_slots", "first", 48),
    ];
    let body: String = fields
        .iter()
        .map(|(of, field, _)| format!("printf(\"%zu\\n\", offsetof({of}, {field}));\n"))
        .collect();
    let said = match c_says("fields", &body) {
        Some(said) => said,
        None => return eprintln!("skip: no C compiler"),
    };
    for (line, (of, field, offset)) in said.lines().zip(fields) {
        assert_eq!(line, offset.to_string(), "{of}.{field}");
    }
}

/// The slots' own idea of stride and offset, against the constants that Rust uses.
#[test]
fn slots_have_the_stride_that_rust_expects() {
    for size in 0..70 {
        for align in [1, 2, 4, 8, 16, 64, 256] {
            let element = cairn_layout { size, align };
            let stride = slot_stride(element);
            let offset = slot_offset(element);
            // SAFETY: zeroes are no slots, but init writes all of it.
            let mut slots: cairn_slots = unsafe { std::mem::zeroed() };
            // SAFETY: one thread; the slots end here.
            unsafe {
                assert!(cairn_slots_init(&mut slots, element, std::ptr::null()));
                let mut keys = [0; 2];
                let first = cairn_slots_add_slow(&mut slots, &mut keys[0]) as usize;
                let second = cairn_slots_add_slow(&mut slots, &mut keys[1]) as usize;
                assert_eq!(second - first, stride);
                assert_eq!(
                    cairn_slots_get(&slots, keys[1], stride, offset) as usize,
                    second
                );
                assert!(cairn_slots_get(&slots, keys[1] ^ 1 << 40, stride, offset).is_null());
                cairn_slots_fini(&mut slots);
            }
        }
    }
}
