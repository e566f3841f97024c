//! Under the default policy nothing that COMMAND leaves outlives orphanguard, whatever it does to get away.

mod common;

use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use common::{guarded, run, send, start, wait_state};

#[test]
fn a_stray_in_the_commands_group() {
    let ended = run(&mut guarded("", "child [ hold ] exit 3"));
    assert_eq!(ended.status.code(), Some(3));
    assert!(ended.err.starts_with("orphanguard: ended 1 orphan: helper["), "{}", ended.err);
    assert!(ended.err.ends_with("] (TERM)\n"), "{}", ended.err);
}

#[test]
fn a_double_forked_daemon_in_a_session_of_its_own() {
    let ended = run(&mut guarded("", "child [ setsid child [ hold ] exit 0 ] reap exit 4"));
    assert_eq!(ended.status.code(), Some(4));
    assert!(ended.err.contains("ended 1 orphan"), "{}", ended.err);
}

#[test]
fn one_that_is_deaf_to_every_signal() {
    let ended = run(&mut guarded("--grace 50ms", "ignore all child [ setsid hold ] exit 5"));
    assert_eq!(ended.status.code(), Some(5));
    assert!(ended.err.contains("(KILL after "), "{}", ended.err);
}

#[test]
fn a_stopped_one_hears_the_polite_signal_too() {
    let mut job = start(&mut guarded("--grace 1h", "child [ setsid on 15 exit 0 say stray stop hold ] hold"));
    let stray = job.pid_of("stray");
    wait_state(stray, 'T');
    send(job.pid(), libc::SIGTERM);
    let ended = job.nobody_left();
    assert_eq!(ended.status.signal(), Some(libc::SIGTERM));
    assert!(ended.err.contains(&format!("[{stray}] (TERM)")), "{}", ended.err);
}

#[test]
fn one_cloned_with_clone_parent() {
    let ended = run(&mut guarded("", "sibling [ setsid hold ] exit 6"));
    assert_eq!(ended.status.code(), Some(6));
}

#[test]
fn children_of_a_second_thread() {
    let tree = "child [ setsid ignore 15 thread-child [ setsid say child hold ] hold ] await-stdin exit 0";
    let mut job = start(guarded("--grace 50ms", tree).stdin(Stdio::piped()));
    let child = job.pid_of("child");
    drop(job.stdin.take());
    let ended = job.nobody_left();
    assert_eq!(ended.status.code(), Some(0));
    assert!(ended.err.contains(&format!("helper[{child}] (KILL after ")), "{}", ended.err);
}

#[test]
fn a_chain_that_forks_and_calls_setsid_at_each_hop() {
    let ended = run(&mut guarded("--grace 50ms", "ignore all child [ chain ] exit 7"));
    assert_eq!(ended.status.code(), Some(7));
}

#[test]
fn a_storm_of_forking_processes() {
    for instructions in ["child [ storm 400 ] exit 8", "ignore all child [ setsid storm 400 ] exit 8"] {
        let ended = run(&mut guarded("--grace 50ms", instructions));
        assert_eq!(ended.status.code(), Some(8));
    }
}

#[test]
fn a_whole_tree_under_a_deaf_root() {
    let tree = "child [ setsid ignore 15 child [ setsid child [ setpgid say 1 hold ] hold ] child [ say 2 hold ] hold ] await-stdin exit 9";
    let mut job = start(guarded("--grace 50ms", tree).stdin(Stdio::piped()));
    let _ = (job.line(), job.line());
    drop(job.stdin.take());
    let ended = job.nobody_left();
    assert_eq!(ended.status.code(), Some(9));
    assert!(ended.err.contains("ended 4 orphans"), "{}", ended.err);
}

#[test]
fn the_grace_ends_the_moment_nothing_is_left() {
    let begun = Instant::now();
    let ended = run(&mut guarded("--grace 10m", "child [ setsid hold ] child [ hold ] exit 0"));
    assert_eq!(ended.status.code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(300));
}

/// It leaves COMMAND's group just when that is signalled: it must not count as signalled with it.
#[test]
fn one_that_calls_setsid_while_the_group_is_being_signalled() {
    for _ in 0..100 {
        let ended = run(&mut guarded("--grace 10m", "child [ setsid hold ] exit 0"));
        assert_eq!(ended.status.code(), Some(0));
    }
}

#[test]
fn without_a_sentinel_too() {
    let ended =
        run(&mut guarded("--no-sentinel --grace 50ms", "ignore 15 child [ setsid child [ hold ] hold ] exit 3"));
    assert_eq!(ended.status.code(), Some(3));
}

#[test]
fn the_policy_wait_outlasts_the_last_and_leave_lets_go() {
    let mut job = start(&mut guarded("--on-exit wait", "child [ setsid on 10 exit 0 say stray hold ] exit 2"));
    let stray = job.pid_of("stray");
    job.wait_adopted(stray);
    send(stray, libc::SIGUSR1);
    let ended = job.nobody_left();
    assert_eq!((ended.status.code(), ended.err.as_str()), (Some(2), ""));

    let mut job = start(&mut guarded("--on-exit leave", "child [ setsid say stray hold ] exit 2"));
    let stray = job.pid_of("stray");
    assert_eq!(job.wait().code(), Some(2));
    assert!(matches!(common::state(stray), Some('R' | 'S')));
    send(stray, libc::SIGKILL);
    let ended = job.nobody_left_soon();
    assert_eq!(ended.err, "", "what is let go is no failure to end it");
}

/// A shell's stopped job: nobody has it go on once the shell has ended, and to wait for its end would be for ever.
#[test]
fn the_policy_wait_has_a_stopped_orphan_go_on_with_its_group() {
    let orphan = "child [ setpgid child [ say member stop exit 0 ] say orphan stop reap exit 0 ]";
    let mut job = start(guarded("--on-exit wait", &format!("{orphan} await-stdin exit 2")).stdin(Stdio::piped()));
    for _ in 0..2 {
        let line = job.line();
        let pid = line.split_whitespace().last().and_then(|word| word.parse().ok());
        wait_state(pid.expect("a PID"), 'T');
    }
    drop(job.stdin.take());
    assert_eq!(job.nobody_left().status.code(), Some(2));
}

#[test]
fn those_that_leave_the_commands_group_just_then_hear_the_polite_signal_too() {
    let daemons = "child [ setsid hold ] ".repeat(60);
    for _ in 0..30 {
        // Whoever were to miss it would have an hour to live.
        let ended = run(&mut guarded("--grace 1h", &daemons));
        assert_eq!(ended.status.code(), Some(0));
    }
}

#[test]
fn one_whose_first_thread_has_ended_hears_the_polite_signal_too() {
    let tree = "child [ setsid ignore 15 say parent child [ on 15 exit 0 leaderless [ say stray hold ] ] hold ] await-stdin exit 3";
    let mut job = start(guarded("--grace 1h", tree).stdin(Stdio::piped()));
    let parent = job.pid_of("parent");
    let stray = job.pid_of("stray");
    wait_state(stray, 'Z');
    drop(job.stdin.take());
    // Its parent, which lives on, does not reap it.
    common::wait_until("it to have ended", || common::status_field(stray, "Threads").is_none_or(|count| count == "1"));
    send(parent, libc::SIGKILL);
    assert_eq!(job.nobody_left().status.code(), Some(3));
}
