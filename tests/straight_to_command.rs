//! What is for COMMAND alone comes to it from the sentinel, without a detour by way of the guard; all else from the guard, which has to think.
#![allow(unsafe_code, clippy::pedantic, clippy::unwrap_used, clippy::panic)]

mod common;

use std::os::unix::process::ExitStatusExt;
use std::time::Instant;

use common::{PATIENCE, Pid, Running, catchable, guarded, helper, in_namespaces, send, start};

/// What may come from a terminal, and goes to groups.
const OF_TERMINALS: [i32; 8] = [
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGCONT,
    libc::SIGTSTP,
    libc::SIGTTIN,
    libc::SIGTTOU,
    libc::SIGWINCH,
];

fn others() -> impl Iterator<Item = i32> {
    catchable().filter(|signal| !OF_TERMINALS.contains(signal))
}

/// A COMMAND that tells each of these, and its PID.
fn reporting(options: &str, signals: impl Iterator<Item = i32>) -> (Running, Pid) {
    let words: Vec<String> = signals.map(|signal| signal.to_string()).collect();
    let mut job = start(&mut guarded(options, &format!("report {} .", words.join(" "))));
    let command = job.pid_of("ready");
    (job, command)
}

/// Sends it to orphanguard; who has sent it to COMMAND.
fn sender(job: &mut Running, signal: i32) -> Pid {
    send(job.pid(), signal);
    let line = job.line();
    let words: Vec<&str> = line.split(' ').collect();
    assert_eq!(words[..2], ["got", &signal.to_string()]);
    words[3].parse().unwrap()
}

/// From when on the guard shows COMMAND, which may be quicker than the guard.
fn wait_until_shown(job: &mut Running) {
    let deadline = Instant::now() + PATIENCE;
    while sender(job, libc::SIGUSR2) != job.pid() {
        assert!(Instant::now() < deadline, "it comes from the guard");
    }
}

fn end(job: Running, command: Pid) {
    send(command, libc::SIGKILL);
    assert_eq!(job.nobody_left().status.signal(), Some(libc::SIGKILL));
}

#[test]
fn what_is_for_command_alone_comes_from_the_sentinel() {
    for options in ["", "--forward command", "--group same", "--rewrite TERM=HUP"] {
        let (mut job, command) = reporting(options, others().chain([libc::SIGHUP]));
        wait_until_shown(&mut job);
        for signal in others().filter(|&signal| signal != libc::SIGTERM || !options.contains("TERM")) {
            assert_eq!(sender(&mut job, signal), job.pid(), "{options} {signal}");
        }
        end(job, command);
    }
}

#[test]
fn what_the_guard_decides_on_comes_from_the_guard() {
    let from_guard: [(&str, Vec<i32>); 5] = [
        ("", OF_TERMINALS.to_vec()),
        ("--forward command", OF_TERMINALS.to_vec()),
        ("--forward group", others().collect()),
        ("--forward tree", others().collect()),
        ("--rewrite TERM=TERM --rewrite USR1=USR1", vec![libc::SIGTERM, libc::SIGUSR1]),
    ];
    for (options, signals) in from_guard {
        let (mut job, command) = reporting(options, signals.iter().copied().chain([libc::SIGUSR2]));
        if !options.contains("group") && !options.contains("tree") {
            wait_until_shown(&mut job);
        }
        for signal in signals {
            assert_eq!(sender(&mut job, signal), job.guard(), "{options} {signal}");
        }
        end(job, command);
    }
}

#[test]
fn what_command_has_died_of_is_not_sent_to_what_it_left() {
    for _ in 0..20 {
        let instructions = "child [ setsid name stray report 15 . ] say command hold";
        let mut job = start(&mut guarded("--on-exit wait", instructions));
        let mut lines = [job.line(), job.line()];
        lines.sort();
        let stray = lines[1].strip_prefix("ready ").unwrap().parse().unwrap();
        send(job.pid(), libc::SIGTERM);
        job.wait_adopted(stray);
        send(stray, libc::SIGUSR1);
        let ended = job.nobody_left();
        assert_eq!((ended.out.as_str(), ended.status.signal()), ("", Some(libc::SIGTERM)));
    }
}

/// The guard, and what it starts, have numbers there that are others' here.
#[test]
fn into_another_pid_namespace_it_goes_by_way_of_the_guard() {
    let Some(mut caller) = in_namespaces("--pid", common::orphanguard()) else { return };
    let mut job = start(caller.arg("--").arg(helper()).args("report 15 10 12 .".split(' ')));
    let _ = job.pid_of("ready");
    for _ in 0..3 {
        for signal in [libc::SIGUSR2, libc::SIGTERM, libc::SIGUSR1] {
            // The guard is the namespace's first process.
            assert_eq!(sender(&mut job, signal), 1);
        }
    }
    send(job.guard(), libc::SIGKILL);
    job.nobody_left();
}

#[test]
fn what_command_dies_of_is_told_before_its_death() {
    for _ in 0..50 {
        let mut job = start(&mut guarded("-v", "say command hold"));
        let command = job.pid_of("command");
        send(job.pid(), libc::SIGUSR1);
        let told = job.nobody_left().err;
        let lines =
            [format!("received USR1 from process {}", std::process::id()), format!("process {command} died of USR1")];
        let places = lines.map(|line| told.find(&line));
        assert!(places[0].is_some() && places[0] < places[1], "{told}");
    }
}
