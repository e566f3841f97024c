//! A terminal that is hung up (its window closed, its connection lost) tells COMMAND so, once, whoever leads its session.
#![allow(unsafe_code, clippy::undocumented_unsafe_blocks, clippy::multiple_unsafe_ops_per_block)]
#![allow(clippy::pedantic, clippy::unwrap_used)]

mod common;

use std::fs::File;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::Command;
use std::ptr;

use common::{Pid, Running, guarded, orphanguard, send, start, status_field};

/// Starts a command as the leader of a session whose controlling terminal is new; the terminal hangs up when what is given besides is dropped.
fn on_a_terminal(command: &mut Command) -> (Running, OwnedFd) {
    let (mut ours, mut theirs) = (0, 0);
    let made = unsafe { libc::openpty(&mut ours, &mut theirs, ptr::null_mut(), ptr::null(), ptr::null()) };
    assert_eq!(made, 0, "cannot make a terminal: {}", io::Error::last_os_error());
    for fd in [ours, theirs] {
        unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    let (ours, theirs) = unsafe { (OwnedFd::from_raw_fd(ours), File::from_raw_fd(theirs)) };
    command.stdin(theirs);
    let become_leader = || {
        let done = unsafe { libc::setsid() >= 0 && libc::ioctl(0, libc::TIOCSCTTY, 0) == 0 };
        if done { Ok(()) } else { Err(io::Error::last_os_error()) }
    };
    unsafe { command.pre_exec(become_leader) };
    (start(command), ours)
}

fn parent(pid: Pid) -> Pid {
    status_field(pid, "PPid").unwrap().parse().unwrap()
}

/// The kernel tells the session's leader alone. That is us, where a terminal's window or ssh(1) starts us and no shell.
#[test]
fn as_the_sessions_leader() {
    for options in ["", "--no-sentinel", "--group same"] {
        let (mut job, terminal) = on_a_terminal(&mut guarded(options, "say up hold"));
        let _ = job.pid_of("up");
        drop(terminal);
        assert_eq!(job.nobody_left().status.signal(), Some(libc::SIGHUP), "{options}");
    }
}

/// The kernel tells a shell, and, as the shell ends of that, all of the terminal's group, COMMAND too: that gets no copy from us.
#[test]
fn under_a_shell_that_leads_the_session() {
    for options in ["", "--no-sentinel"] {
        let mut shell = Command::new("sh");
        shell.args(["-c", "\"$@\"; exit", "sh"]).arg(orphanguard()).args(options.split_whitespace()).arg("--");
        shell.arg(common::helper()).args(["report", "1", "."]);
        let (mut job, terminal) = on_a_terminal(&mut shell);
        let guard = parent(job.pid_of("ready"));
        let ours = if options.is_empty() { parent(guard) } else { guard };
        drop(terminal);
        assert!(job.line().starts_with("got 1 "));
        // It ends COMMAND, and takes the way that a copy would take, behind it.
        send(ours, libc::SIGUSR1);
        assert_eq!(job.nobody_left_soon().out, "", "{options}");
    }
}
