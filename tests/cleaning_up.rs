//! What a process starts in order to end well, once it has been asked to end, is left alone until that process has ended or the grace is over.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::Write;
use std::process::Stdio;

use common::{Pid, Running, guarding, start, try_send};

/// COMMAND leaves a process that is deaf to TERM, and a shell with this trap, and ends once that is set. Gives the PIDs of both. The trap has
/// started that which says "cleaning" when this comes back. It may read standard input to its end-of-file.
fn leave_a_shell(grace: &str, trap: &str) -> (Running, Pid, Pid) {
    let script = r#"
        exec 3<&0
        (trap "" TERM; exec sleep 1000) & deaf=$!
        (trap "$0; exit 0" TERM; echo up; while :; do :; done) <&3 & shell=$!
        read go
        echo deaf $deaf; echo shell $shell"#;
    let mut command = guarding(&format!("-v --grace {grace}"), "sh");
    let mut job = start(command.args(["-c", script, trap]).stdin(Stdio::piped()));
    assert_eq!(job.line(), "up");
    job.stdin.as_mut().unwrap().write_all(b"go\n").unwrap();
    let (deaf, shell) = (job.pid_of("deaf"), job.pid_of("shell"));
    assert_eq!(job.line(), "cleaning");
    (job, deaf, shell)
}

/// Ends the deaf one, after which the guard looks who is left; comes back when that look has come upon what the trap has started.
fn have_it_looked_at(job: &mut Running, deaf: Pid) {
    try_send(deaf, libc::SIGKILL);
    for _ in ["the deaf one", "the shell", "what its trap has started"] {
        job.wait_told("found ");
    }
}

#[test]
fn a_traps_commands_are_not_signalled() {
    let (mut job, deaf, _) = leave_a_shell("1h", "(echo cleaning; exec cat) && echo cleaned");
    have_it_looked_at(&mut job, deaf);
    drop(job.stdin.take());
    assert_eq!(job.line(), "cleaned");
    let err = job.nobody_left().err;
    assert_eq!(err.matches("sent TERM to ").count(), 2, "{err}");
}

#[test]
fn what_is_left_of_them_is() {
    let (mut job, deaf, shell) = leave_a_shell("1h", "sh -c 'echo cleaning; exec cat' <&3 & wait");
    let _stdin = job.stdin.take();
    have_it_looked_at(&mut job, deaf);
    try_send(shell, libc::SIGKILL);
    let err = job.nobody_left().err;
    assert_eq!(err.matches("sent TERM to ").count(), 3, "{err}");
}

#[test]
fn they_have_no_longer_than_the_grace() {
    let (mut job, ..) = leave_a_shell("100ms", "echo cleaning; cat; echo never");
    let _stdin = job.stdin.take();
    let ended = job.nobody_left();
    assert_eq!(ended.out, "");
    assert_eq!(ended.err.matches("sent KILL to ").count(), 3, "{}", ended.err);
}
