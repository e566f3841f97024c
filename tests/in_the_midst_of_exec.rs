//! A process that starts another program just now has no environment for a moment: its marks count all the same.
#![allow(unsafe_code, clippy::pedantic, clippy::undocumented_unsafe_blocks)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
use std::fs;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

use common::{PATIENCE, Pid, helper, start};
use orphanguard::environment::{self, Patience};
use orphanguard::finder::scan;
use orphanguard::finder::snapshot::Process;
use orphanguard::spare::MARK;

/// Waits until that thread of ours sleeps.
fn until_asleep(thread: Pid) {
    let deadline = Instant::now() + PATIENCE;
    while fs::read_to_string(format!("/proc/self/task/{thread}/stat")).is_ok_and(|stat| !stat.contains(") S ")) {
        assert!(Instant::now() < deadline, "it does not wait");
        std::thread::yield_now();
    }
}

/// Whether a marked process is seen as such by this look, which begins while the process has no environment, and is in wait for one when it comes.
fn sees_the_mark(look: impl Fn(Pid, Duration) -> bool + Sync) -> bool {
    let mut command = Command::new(helper());
    command.args(["blank", "say", "blank", "await-stdin", "unblank", "hold"]);
    let mut marked = start(command.env("ORPHANGUARD_SPARE", "1").stdin(Stdio::piped()));
    let pid = marked.pid_of("blank");
    assert!(
        !look(pid, Duration::from_millis(1)),
        "it is not in the midst of execve(2), or is waited for beyond all patience"
    );
    let thread = AtomicI32::new(0);
    let stdin = marked.stdin.take();
    let is_seen = std::thread::scope(|scope| {
        let look = scope.spawn(|| {
            thread.store(unsafe { libc::gettid() }, Ordering::Relaxed);
            look(pid, PATIENCE)
        });
        while thread.load(Ordering::Relaxed) == 0 {
            std::thread::yield_now();
        }
        until_asleep(thread.load(Ordering::Relaxed));
        drop(stdin);
        look.join().unwrap()
    });
    marked.child.kill().unwrap();
    marked.wait();
    is_seen
}

#[test]
fn the_guard_waits_for_it() {
    assert!(sees_the_mark(|pid, patience| environment::has(pid, MARK, &Patience::new(patience))));
}

#[test]
fn the_finder_waits_for_it() {
    let look = |pid, patience| {
        scan::take(&Patience::new(patience)).unwrap().processes.get(&pid).is_some_and(Process::is_spared)
    };
    assert!(sees_the_mark(look));
}
