//! A shim over the library.
//!
//! With a C `main`, Rust's runtime never runs: it would ignore SIGPIPE and open closed descriptors 0 to 2 before we could see how they were
//! inherited, and takes some 80 µs for that.
#![no_main]

// Elsewhere, the linker's unwinder may have other parts.
#[cfg(all(panic = "abort", target_env = "gnu", target_arch = "x86_64"))]
mod backtrace;

use std::ffi::{c_char, c_int};

use orphanguard::exit;
use orphanguard::run;
use orphanguard::sys::CStrings;
use orphanguard::sys::reserve::WithReserve;

#[global_allocator]
static MEMORY: WithReserve = WithReserve;

/// Where the C library starts us.
#[unsafe(no_mangle)]
#[allow(unsafe_code)]
extern "C" fn main(_argc: c_int, argv: *const *const c_char) -> c_int {
    // SAFETY: the C library passes argv as it came from the kernel, ended by NULL, and nothing changes it.
    let argv = unsafe { CStrings::new(argv) };
    exit::end(run(argv))
}
