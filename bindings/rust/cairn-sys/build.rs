// SPDX-License-Identifier: MIT
//
// Finds Cairn's C library, or makes it. The first of these that applies:
//   CAIRN_LIB_DIR      the folder of libcairn.a or libcairn.so; CAIRN_INCLUDE_DIR that of cairn.h
//                      (else ../include beside it, or the tree's)
//   the source tree    that this crate lies in, built by its own CMake; not if CAIRN_INSTALLED=1
//   pkg-config         an installed one, of this version
// CAIRN_LINK=static or shared says which of the two libraries; else it is the static one where there
// is one, for a program whose malloc it is should start without looking for it.
//
// Crates that depend on this one see DEP_CAIRN_INCLUDE and DEP_CAIRN_LIB, the two folders.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{exit, Command};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let (lib, include) = find().unwrap_or_else(|what| {
        eprintln!("cairn-sys: {what}");
        exit(1);
    });
    let kind = kind(&lib).unwrap_or_else(|what| {
        eprintln!("cairn-sys: {what}");
        exit(1);
    });
    println!("cargo:rustc-link-search=native={}", lib.display());
    println!("cargo:rustc-link-lib={kind}=cairn");
    println!("cargo:lib={}", lib.display());
    println!("cargo:include={}", include.display());
    println!("cargo:rustc-env=CAIRN_SYS_INCLUDE={}", include.display());
}

fn variable(name: &str) -> Option<OsString> {
    println!("cargo:rerun-if-env-changed={name}");
    env::var_os(name).filter(|value| !value.is_empty())
}

/// The folders of the library and of the headers.
fn find() -> Result<(PathBuf, PathBuf), String> {
    let include = variable("CAIRN_INCLUDE_DIR").map(PathBuf::from);
    let tree = Path::new(&env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("../../..");
    let is_tree = tree.join("src/FLOORS").exists() && tree.join("CMakeLists.txt").exists();
    if let Some(lib) = variable("CAIRN_LIB_DIR").map(PathBuf::from) {
        let beside = lib.join("../include");
        let found = if is_tree && !beside.exists() {
            tree.join("include")
        } else {
            beside
        };
        return Ok((lib, include.unwrap_or(found)));
    }
    if is_tree && variable("CAIRN_INSTALLED").map_or(true, |value| value == "0") {
        let lib = build(&tree)?;
        return Ok((lib, include.unwrap_or_else(|| tree.join("include"))));
    }
    let lib = pkg_config(&["--variable=libdir"])?;
    let found = pkg_config(&["--variable=includedir"])?;
    Ok((lib, include.unwrap_or(found)))
}

/// `static` or `dylib`.
fn kind(lib: &Path) -> Result<&'static str, String> {
    let is_there = |name| {
        let file = lib.join(name);
        if file.exists() {
            // It becomes part of the crate: when it changes, so does that.
            println!("cargo:rerun-if-changed={}", file.display());
        }
        file.exists()
    };
    let has_static = is_there("libcairn.a");
    let has_shared = is_there("libcairn.so");
    match variable("CAIRN_LINK")
        .as_ref()
        .and_then(|link| link.to_str())
    {
        None if has_static => Ok("static"),
        Some("static") if has_static => Ok("static"),
        None | Some("shared") if has_shared => Ok("dylib"),
        None => Err(format!(
            "neither libcairn.a nor libcairn.so is in {}",
            lib.display()
        )),
        Some("static") => Err(format!("no libcairn.a in {}", lib.display())),
        Some("shared") => Err(format!("no libcairn.so in {}", lib.display())),
        Some(other) => Err(format!("CAIRN_LINK is `static` or `shared`, not `{other}`")),
    }
}

/// What pkg-config answers about the installed library of this version.
fn pkg_config(question: &[&str]) -> Result<PathBuf, String> {
    variable("PKG_CONFIG_PATH");
    let command = variable("PKG_CONFIG").unwrap_or_else(|| "pkg-config".into());
    let version = env::var("CARGO_PKG_VERSION").unwrap();
    let wanted = format!("cairn >= {version}");
    let answer = Command::new(&command)
        .args(question)
        .args(["--print-errors", &wanted])
        .output()
        .map_err(|error| format!("{}: {error}", command.to_string_lossy()))?;
    let path = String::from_utf8_lossy(&answer.stdout).trim().to_string();
    if !answer.status.success() || path.is_empty() {
        return Err(format!(
            "no installed Cairn {version}: set CAIRN_LIB_DIR, or build within the source tree\n{}",
            String::from_utf8_lossy(&answer.stderr)
        ));
    }
    Ok(PathBuf::from(path))
}

/// Builds the static library of the tree. Always with optimisation: a debug build of a program is no
/// reason for a slow malloc.
fn build(tree: &Path) -> Result<PathBuf, String> {
    for part in ["CMakeLists.txt", "cmake", "src", "include"] {
        println!("cargo:rerun-if-changed={}", tree.join(part).display());
    }
    let folder = Path::new(&env::var_os("OUT_DIR").unwrap()).join("cairn");
    let mut configure = Command::new("cmake");
    configure.arg("-S").arg(tree).arg("-B").arg(&folder).args([
        "-DCMAKE_BUILD_TYPE=Release",
        "-DCAIRN_MALLOC=OFF",
        "-DCAIRN_COMMAND=OFF",
        "-DCAIRN_TESTS=OFF",
    ]);
    let target = env::var("TARGET").unwrap();
    let for_target = variable(&format!("CC_{}", target.replace('-', "_")));
    if let Some(compiler) = for_target.or_else(|| variable("CC")) {
        let mut argument = OsString::from("-DCMAKE_C_COMPILER=");
        argument.push(compiler);
        configure.arg(argument);
    }
    if target != env::var("HOST").unwrap() {
        let machine = target.split('-').next().unwrap();
        configure.arg("-DCMAKE_SYSTEM_NAME=Linux");
        configure.arg(format!("-DCMAKE_SYSTEM_PROCESSOR={machine}"));
    }
    run(&mut configure)?;
    let jobs = env::var("NUM_JOBS").unwrap_or_else(|_| "1".into());
    let mut make = Command::new("cmake");
    make.arg("--build")
        .arg(&folder)
        .args(["--target", "cairn-static", "--parallel", &jobs]);
    // Not cargo's own job server: its descriptors are not there for CMake's children.
    make.env_remove("MAKEFLAGS").env_remove("CARGO_MAKEFLAGS");
    run(&mut make)?;
    Ok(folder.join("lib"))
}

fn run(command: &mut Command) -> Result<(), String> {
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!(
            "{command:?} failed\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )),
        Err(error) => Err(format!("{command:?}: {error}")),
    }
}
