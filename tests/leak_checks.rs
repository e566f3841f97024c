//! What a CI job asks of its leftovers: a status that tells of them, some that are spared, orphans that are ended at once.

mod common;

use std::process::Stdio;

use common::{guarded, helper, run, send, start, state, wait_until};

#[test]
fn an_orphan_status_tells_that_a_success_left_processes() {
    assert_eq!(run(&mut guarded("--orphan-status 9", "child [ hold ] exit 0")).status.code(), Some(9));
    assert_eq!(run(&mut guarded("--orphan-status 9", "exit 0")).status.code(), Some(0));
    assert_eq!(run(&mut guarded("--orphan-status 9", "child [ hold ] exit 2")).status.code(), Some(2));
}

#[test]
fn it_tells_under_every_policy() {
    let mut job = start(
        guarded("-v --on-exit wait --orphan-status 9", "child [ say stray await-stdin ] exit 0").stdin(Stdio::piped()),
    );
    let stray = job.pid_of("stray");
    job.wait_told(&format!("found helper[{stray}]"));
    drop(job.stdin.take());
    assert_eq!(job.nobody_left().status.code(), Some(9));

    let mut job = start(&mut guarded("--on-exit leave --orphan-status 9", "child [ setsid say stray hold ] exit 0"));
    let stray = job.pid_of("stray");
    assert_eq!(job.wait().code(), Some(9));
    send(stray, libc::SIGKILL);
    job.nobody_left_soon();
}

#[test]
fn a_spared_name_lives_on_and_is_no_leak() {
    for pattern in ["helper", "help*", "[gh]elper"] {
        let options = format!("--spare {pattern} --orphan-status 9");
        let mut job =
            start(&mut guarded(&options, "child [ setsid say daemon child [ say worker hold ] hold ] exit 0"));
        let (daemon, worker) = (job.pid_of("daemon"), job.pid_of("worker"));
        assert_eq!(job.wait().code(), Some(0));
        assert!(state(daemon).is_some() && state(worker).is_some());
        send(worker, libc::SIGKILL);
        send(daemon, libc::SIGKILL);
        assert_eq!(job.nobody_left_soon().err, "");
    }
}

#[test]
fn a_spared_process_in_the_commands_own_group_is_not_hit_by_the_groups_signal() {
    let mut job = start(&mut guarded("--spare helper -g 50ms", "child [ say daemon hold ] exit 0"));
    let daemon = job.pid_of("daemon");
    assert_eq!(job.wait().code(), Some(0));
    assert!(state(daemon).is_some_and(|state| state != 'T'));
    send(daemon, libc::SIGKILL);
    job.nobody_left_soon();
}

#[test]
fn a_process_with_the_mark_is_spared_and_others_are_not() {
    let script = format!(
        "ORPHANGUARD_SPARE=1 {0} setsid say daemon hold & {0} setsid say stray hold & read line; exit 0",
        helper().display()
    );
    let mut command = common::guarding("--orphan-status 9", "sh");
    let mut job = start(command.arg("-c").arg(script).stdin(Stdio::piped()));
    let mut pids = [job.line(), job.line()];
    pids.sort();
    let [daemon, stray] = pids.map(|line| line.split(' ').nth(1).unwrap().parse().unwrap());
    drop(job.stdin.take());
    assert_eq!(job.wait().code(), Some(9));
    assert_eq!(state(stray), None);
    assert!(state(daemon).is_some());
    send(daemon, libc::SIGKILL);
    let ended = job.nobody_left_soon();
    assert!(ended.err.contains(&format!("ended 1 orphan: helper[{stray}]")), "{}", ended.err);
}

#[test]
fn a_mark_that_the_whole_job_inherits_spares_nobody() {
    let ended = run(guarded("", "child [ hold ] exit 0").env("ORPHANGUARD_SPARE", "1"));
    assert!(ended.err.contains("ended 1 orphan"), "{}", ended.err);
}

#[test]
fn the_variable_takes_patterns_as_the_option_does() {
    let mut job =
        start(guarded("", "child [ setsid say daemon hold ] exit 0").env("ORPHANGUARD_SPARE", "sccache*,help*"));
    let daemon = job.pid_of("daemon");
    job.wait();
    assert!(state(daemon).is_some());
    send(daemon, libc::SIGKILL);
    job.nobody_left_soon();
}

#[test]
fn an_orphan_is_ended_while_the_command_runs() {
    let tree = "child [ child [ setsid ignore 15 say orphan hold ] exit 0 ] reap await-stdin exit 0";
    let mut job = start(guarded("--on-orphan kill --grace 50ms --orphan-status 9", tree).stdin(Stdio::piped()));
    let orphan = job.pid_of("orphan");
    wait_until("the orphan to be ended", || state(orphan).is_none());
    drop(job.stdin.take());
    let ended = job.nobody_left();
    assert_eq!(ended.status.code(), Some(9));
    assert!(ended.err.contains(&format!("ended 1 orphan: helper[{orphan}] (KILL after ")), "{}", ended.err);
}

#[test]
fn what_has_a_parent_is_no_orphan() {
    let tree =
        "child [ child [ child [ setsid say orphan hold ] exit 0 ] reap say kept await-stdin ] say command reap exit 0";
    let mut job = start(guarded("--on-orphan kill", tree).stdin(Stdio::piped()));
    let mut kept = 0;
    let mut orphan = 0;
    for line in [job.line(), job.line(), job.line()] {
        let (word, pid) = line.split_once(' ').unwrap();
        match word {
            "kept" => kept = pid.parse().unwrap(),
            "orphan" => orphan = pid.parse().unwrap(),
            _ => {}
        }
    }
    wait_until("the orphan to be ended", || state(orphan).is_none());
    assert!(state(kept).is_some());
    drop(job.stdin.take());
    let ended = job.nobody_left();
    assert_eq!(ended.status.code(), Some(0));
    assert!(ended.err.contains(&format!("helper[{orphan}] (TERM)")) && !ended.err.contains(&format!("[{kept}]")));
}
