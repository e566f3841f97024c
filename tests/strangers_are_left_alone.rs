//! A process that was there before the job is not of the job, also where it becomes a child of one of our processes.

#![allow(clippy::unwrap_used)]

mod common;

use std::process::{Command, Stdio};

use common::{helper, orphanguard, send, start, state};

/// A shell starts a process and that one another, and becomes orphanguard. COMMAND kills the first; so the second is adopted by us. Then
/// COMMAND does what is to be tried.
fn with_a_stranger(options: &str, then: &str) {
    let (helper, orphanguard) = (helper(), orphanguard());
    let (helper, orphanguard) = (helper.display(), orphanguard.display());
    let script = format!(
        r#"{helper} child [ say stranger hold ] hold &
        first=$!
        read stranger
        export first stranger starter=$$
        exec {orphanguard} {options} -- sh -c '
            kill -9 $first
            until grep -q "^PPid:.$starter\$" /proc/$stranger/status; do :; done
            {then}'"#
    );
    let mut job = start(Command::new("sh").arg("-c").arg(script).stdin(Stdio::piped()));
    let stranger = job.pid_of("stranger");
    std::io::Write::write_all(&mut job.stdin.take().unwrap(), format!("{stranger}\n").as_bytes()).unwrap();
    job.wait();
    let lives = state(stranger).is_some_and(|state| state != 'T' && state != 'Z');
    if state(stranger).is_some() {
        send(stranger, libc::SIGKILL);
    }
    let ended = job.nobody_left_soon();
    assert!(lives, "the stranger was hit: {}", ended.err);
}

#[test]
fn when_the_command_ends() {
    with_a_stranger("-g 50ms", "exit 3");
    with_a_stranger("-g 50ms --no-sentinel", "exit 3");
}

#[test]
fn when_the_guard_is_killed() {
    with_a_stranger("", "kill -9 $PPID; exec sleep 1000");
}

#[test]
fn when_a_signal_goes_to_the_whole_tree() {
    with_a_stranger("--no-sentinel --forward tree", "kill -10 $PPID; exec sleep 1000");
}
