//! Orphans that end are reaped at once, however many; and where nothing happens, neither process of orphanguard's does anything.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;
use std::process::Stdio;

use common::{Pid, Running, children, guarded, run, send, start, status_field, wait_until};

#[test]
fn ten_thousand_orphans_that_end_while_command_runs_leave_no_zombie() {
    for options in ["", "--no-sentinel"] {
        let mut job = start(&mut guarded(options, "orphans 10000 say done hold"));
        let command = job.pid_of("done");
        let guard = if options.is_empty() { job.guard() } else { job.pid() };
        wait_until("the last one to be reaped", || children(guard) == [command]);
        if guard != job.pid() {
            assert_eq!(children(job.pid()), [guard]);
        }
        assert_eq!(children(command), []);
        send(command, libc::SIGKILL);
        assert_eq!(job.nobody_left().err, "");
    }
}

#[test]
fn nor_do_orphans_that_end_after_command() {
    let mut job = start(&mut guarded("--on-exit wait", "child [ setsid orphans 1000 say done hold ] exit 3"));
    let stray = job.pid_of("done");
    wait_until("the last one to be reaped", || children(job.guard()) == [stray]);
    send(stray, libc::SIGKILL);
    assert_eq!(job.nobody_left().status.code(), Some(3));
}

/// How often a process has left the processor, and for how many clock ticks it has had it.
fn activity(pid: Pid) -> (u64, u64) {
    let switches = ["voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"];
    let switches = switches.iter().map(|field| status_field(pid, field).unwrap().parse::<u64>().unwrap()).sum();
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let ticks = stat[stat.rfind(')').unwrap()..].split(' ').skip(12).take(2).map(|field| field.parse::<u64>().unwrap());
    (switches, ticks.sum())
}

/// Other jobs come and go, one after the other.
fn let_others_run(count: usize) {
    for _ in 0..count {
        assert_eq!(run(&mut guarded("", "exit 0")).status.code(), Some(0));
    }
}

/// Whoever answers has had all that was to be had; soon after that nothing is left to do for orphanguard.
fn assert_idle(job: &mut Running, options: &str) {
    send(job.pid(), libc::SIGUSR2);
    assert!(job.line().starts_with("got 12 "));
    let mut processes = vec![job.pid()];
    if !options.contains("--no-sentinel") {
        processes.push(job.guard());
    }
    let look = || processes.iter().map(|&pid| activity(pid)).collect::<Vec<_>>();
    let mut before = look();
    wait_until("it to be idle", || {
        let_others_run(3);
        let earlier = std::mem::replace(&mut before, look());
        earlier == before
    });
    let_others_run(100);
    assert_eq!(look(), before, "{options}");
}

#[test]
fn while_command_runs_neither_process_ever_wakes() {
    for options in ["", "--no-sentinel", "-p -t 1h -v"] {
        let mut job = start(&mut guarded(options, "child [ setsid hold ] report 12 ."));
        let command = job.pid_of("ready");
        assert_idle(&mut job, options);
        send(command, libc::SIGUSR1);
        assert_eq!(job.nobody_left().status.code(), Some(0));
    }
}

#[test]
fn nor_while_they_wait_for_what_command_left() {
    // In a grace of an hour, TERM is among the signals that this stray reports.
    for options in ["--on-exit wait", "--grace 1h", "--on-exit wait --no-sentinel", "--spare nobody --grace 1h"] {
        let tree = "child [ setsid report 12 15 . ] await-stdin exit 4";
        let mut job = start(guarded(options, tree).stdin(Stdio::piped()));
        let stray = job.pid_of("ready");
        drop(job.stdin.take());
        if options.contains("--grace") {
            assert!(job.line().starts_with("got 15 "));
        } else {
            let guard = if options.contains("--no-sentinel") { job.pid() } else { job.guard() };
            wait_until("COMMAND to be reaped", || children(guard) == [stray]);
        }
        assert_idle(&mut job, options);
        send(stray, libc::SIGUSR1);
        assert_eq!(job.nobody_left().status.code(), Some(4));
    }
}
