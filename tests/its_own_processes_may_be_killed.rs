//! SIGKILL to any one of orphanguard's own processes, at any moment, leaves nothing of the job.

mod common;

use std::fs;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{
    Ended, Pid, Running, children, guarded, helper, in_namespaces, orphanguard, send, start, wait_for, wait_state,
};

/// COMMAND, a child of it that is deaf and in a session of its own, and a grandchild that is in another; they say so once they are.
const FAMILY: &str = "child [ setsid ignore 15 child [ setsid say grandchild hold ] say child hold ] say command hold";

fn family(options: &str) -> Running {
    with_family(start(&mut guarded(options, FAMILY)))
}

fn with_family(mut job: Running) -> Running {
    for _ in 0..3 {
        let _ = job.line();
    }
    job
}

fn assert_the_sentinel_took_over(ended: &Ended, guard: Pid) {
    assert_eq!(ended.status.code(), Some(137), "{}", ended.err);
    let message = format!("orphanguard: the guard (process {guard}) was killed from outside; ending the job\n");
    assert!(ended.err.contains(&message), "{}", ended.err);
}

fn assert_the_guard_ended_it(ended: &Ended) {
    assert_eq!(ended.status.signal(), Some(libc::SIGKILL), "{}", ended.err);
    assert!(ended.err.contains("orphanguard: the sentinel was killed from outside; ending the job\n"), "{}", ended.err);
}

#[test]
fn the_sentinel() {
    let job = family("");
    send(job.pid(), libc::SIGKILL);
    assert_the_guard_ended_it(&job.nobody_left_soon());
}

#[test]
fn the_guard() {
    for options in ["", "--pdeathsig none", "--on-exit wait", "--on-exit leave", "--group same", "--group session"] {
        let job = family(options);
        let guard = job.guard();
        send(guard, libc::SIGKILL);
        let ended = job.nobody_left();
        assert_the_sentinel_took_over(&ended, guard);
        assert!(ended.err.contains("orphanguard: ended "), "{options}: {}", ended.err);
    }
}

/// As timeout(1) does where its SIGTERM was of no avail: to the process that it has started, and to the group.
#[test]
fn the_one_that_the_caller_knows_and_its_whole_group() {
    for options in ["", "--group same", "--group new"] {
        let job = with_family(start(guarded(options, FAMILY).process_group(0)));
        // Whatever was to be done at the start is done.
        wait_state(job.pid(), 'S');
        wait_state(job.guard(), 'S');
        send(job.pid(), libc::SIGKILL);
        send(-job.pid(), libc::SIGKILL);
        assert_eq!(job.nobody_left_soon().status.signal(), Some(libc::SIGKILL), "{options}");
    }
}

/// Kills one of the two.
fn assert_that_the_other_ends_it(job: Running, guard: Pid, kill_the_guard: bool) {
    if kill_the_guard {
        send(guard, libc::SIGKILL);
        assert_the_sentinel_took_over(&job.nobody_left(), guard);
    } else {
        send(job.pid(), libc::SIGKILL);
        assert_the_guard_ended_it(&job.nobody_left_soon());
    }
}

#[test]
fn either_of_them_while_it_waits_for_a_grace_to_end() {
    for kill_the_guard in [false, true] {
        let tree = "child [ setsid ignore 15 say stray hold ] await-stdin exit 0";
        let mut job = start(guarded("--grace 1h", tree).stdin(Stdio::piped()));
        let (guard, stray) = (job.guard(), job.pid_of("stray"));
        drop(job.stdin.take());
        common::wait_until("the stray to be the only one", || children(guard) == [stray]);
        assert_that_the_other_ends_it(job, guard, kill_the_guard);
    }
}

#[test]
fn the_callers_whole_process_group() {
    for options in ["", "--group new", "--group same", "--group session"] {
        let mut caller = Command::new("sh");
        caller.args(["-c", "\"$@\"; exit 7", "sh"]).arg(orphanguard()).args(options.split_whitespace()).arg("--");
        caller.arg(helper()).args(FAMILY.split_whitespace()).process_group(0);
        let job = with_family(start(&mut caller));
        send(-job.pid(), libc::SIGKILL);
        assert_eq!(job.nobody_left_soon().status.signal(), Some(libc::SIGKILL));
    }
}

#[test]
fn whatever_goes_by_its_name() {
    let job = family("");
    // As `pkill -9 orphanguard` and `killall -9 orphanguard` choose, among the processes of this job alone.
    let mut all = vec![job.pid()];
    let mut next = 0;
    while let Some(&pid) = all.get(next) {
        all.extend(children(pid));
        next += 1;
    }
    assert_eq!(all.len(), 5);
    let is_named = |pid: &Pid| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap().contains("orphanguard");
    all.retain(is_named);
    assert!(!all.is_empty());
    for pid in all {
        send(pid, libc::SIGKILL);
    }
    assert_the_guard_ended_it(&job.nobody_left_soon());
}

#[test]
fn whatever_pkill_finds_by_its_name() {
    // A shell is PID 1, and waits for cat, which reads until the last of the job is gone.
    let script = r#"
        { "$@" 2>&1; echo "exit $?"; } | {
            for line in 1 2 3; do read -r line; done
            pkill -9 orphanguard
            cat
        }"#;
    let Some(mut caller) = in_namespaces("--pid --fork --kill-child --mount-proc", "sh") else { return };
    caller.args(["-c", script, "sh"]).arg(orphanguard()).arg("--").arg(helper()).args(FAMILY.split_whitespace());
    let ended = start(&mut caller).nobody_left();
    assert!(ended.out.contains("exit 137"), "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("the sentinel was killed from outside"), "{}{}", ended.out, ended.err);
}

#[test]
fn a_guard_that_is_stopped_does_not_freeze_the_job() {
    let mut job = start(&mut guarded("", "report 12 ."));
    let _ = job.pid_of("ready");
    let guard = job.guard();
    for _ in 0..20 {
        send(guard, libc::SIGSTOP);
        send(job.pid(), libc::SIGUSR2);
        assert!(job.line().starts_with("got 12 "));
    }
    send(guard, libc::SIGSTOP);
    send(job.pid(), libc::SIGUSR1);
    assert_eq!(job.nobody_left().status.code(), Some(0));
}

#[test]
fn the_sentinel_after_the_guard_was_stopped() {
    for _ in 0..20 {
        let job = family("");
        send(job.guard(), libc::SIGSTOP);
        send(job.pid(), libc::SIGKILL);
        assert_the_guard_ended_it(&job.nobody_left_soon());
    }
}

#[test]
fn the_guard_after_the_sentinel_was_stopped() {
    let job = family("");
    let guard = job.guard();
    send(job.pid(), libc::SIGSTOP);
    wait_state(job.pid(), 'T');
    send(guard, libc::SIGKILL);
    assert_the_sentinel_took_over(&job.nobody_left(), guard);
}

#[test]
fn either_of_them_after_both_were_stopped() {
    for kill_the_guard in [false, true] {
        let job = family("");
        let guard = job.guard();
        // This one first, for it would have the other go on.
        for pid in [job.pid(), guard] {
            send(pid, libc::SIGSTOP);
            wait_state(pid, 'T');
        }
        assert_that_the_other_ends_it(job, guard, kill_the_guard);
    }
}

#[test]
fn the_only_one_takes_command_with_it() {
    let mut job = start(&mut guarded("--no-sentinel", "say command hold"));
    let _ = job.line();
    send(job.pid(), libc::SIGKILL);
    assert_eq!(job.nobody_left_soon().status.signal(), Some(libc::SIGKILL));
}

#[test]
fn command_gets_the_signal_of_its_choice_when_the_guard_dies() {
    let mut job = start(&mut guarded("--no-sentinel --pdeathsig RTMIN+1", "report 35 ."));
    let command = job.pid_of("ready");
    send(job.pid(), libc::SIGKILL);
    assert!(job.line().starts_with("got 35 "));
    send(command, libc::SIGUSR1);
    job.nobody_left_soon();
}

/// The first milliseconds, from end to end, in steps of 40 µs that come in no order.
fn moments() -> impl Iterator<Item = Duration> {
    (0..300u64).map(|n| Duration::from_micros(n * 101 % 300 * 40))
}

fn let_pass(since: Instant, moment: Duration) {
    std::thread::sleep(moment.saturating_sub(since.elapsed()));
}

const YOUNG: &str = "child [ setsid ignore 15 child [ setsid hold ] hold ] hold";

#[test]
fn the_sentinel_at_any_moment_of_the_first_12_ms() {
    for moment in moments() {
        let job = start(&mut guarded("", YOUNG));
        let_pass(Instant::now(), moment);
        send(job.pid(), libc::SIGKILL);
        assert_eq!(job.nobody_left_soon().status.signal(), Some(libc::SIGKILL), "after {moment:?}");
    }
}

#[test]
fn the_guard_at_any_moment_of_the_first_12_ms() {
    for moment in moments() {
        let job = start(&mut guarded("", YOUNG));
        // It is hardly there before it is gone: nothing may sleep between two looks.
        let guard = wait_for("the guard", || (0..1000).find_map(|_| children(job.pid()).first().copied()));
        let_pass(Instant::now(), moment);
        send(guard, libc::SIGKILL);
        let ended = job.nobody_left();
        assert_eq!(ended.status.code(), Some(137), "after {moment:?}: {}", ended.err);
        assert!(ended.err.contains("was killed from outside"), "after {moment:?}: {}", ended.err);
    }
}
