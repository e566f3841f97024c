//! A process that was there before the job is not of the job, also where it becomes a child of one of our processes.

#![allow(clippy::unwrap_used)]

mod common;

use std::io::Write;
use std::process::{Command, Stdio};

use common::{helper, orphanguard, send, start, state};

/// What somebody does who was there before the job, the signal by which COMMAND has it end, and so leave a process behind: one that was
/// there before the job too, or one that it makes meanwhile.
type Stranger = (&'static str, i32);
const LEAVES_AN_OLD_ONE: Stranger = ("child [ say up say stranger hold ] hold", libc::SIGKILL);
const LEAVES_A_NEW_ONE: Stranger = ("block 10 say up await 10 child [ say stranger hold ]", libc::SIGUSR1);

/// A shell starts such a stranger and becomes orphanguard. Once what the stranger leaves is adopted by us, COMMAND does what is to be tried.
fn with_a_stranger((does, signal): Stranger, options: &str, then: &str) {
    let (helper, orphanguard) = (helper(), orphanguard());
    let (helper, orphanguard) = (helper.display(), orphanguard.display());
    let script = format!(
        r#"{helper} {does} &
        first=$!
        read up
        export first starter=$$
        exec {orphanguard} {options} -- sh -c '
            kill -{signal} $first
            read stranger
            until grep -q "^PPid:.$starter\$" /proc/$stranger/status; do :; done
            {then}'"#
    );
    let mut job = start(Command::new("sh").arg("-c").arg(script).stdin(Stdio::piped()));
    let mut stdin = job.stdin.take().unwrap();
    writeln!(stdin, "{}", job.pid_of("up")).unwrap();
    let stranger = job.pid_of("stranger");
    writeln!(stdin, "{stranger}").unwrap();
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
    with_a_stranger(LEAVES_AN_OLD_ONE, "-g 50ms", "exit 3");
    with_a_stranger(LEAVES_AN_OLD_ONE, "-g 50ms --no-sentinel", "exit 3");
}

#[test]
fn what_they_make_and_leave_while_the_job_runs_too() {
    with_a_stranger(LEAVES_A_NEW_ONE, "-g 50ms", "exit 3");
}

#[test]
fn when_the_guard_is_killed() {
    with_a_stranger(LEAVES_AN_OLD_ONE, "", "kill -9 $PPID; exec sleep 1000");
}

#[test]
fn when_a_signal_goes_to_the_whole_tree() {
    with_a_stranger(LEAVES_AN_OLD_ONE, "--no-sentinel --forward tree", "kill -10 $PPID; exec sleep 1000");
}
