//! Standard error: one line on what was ended, each step where asked for, nothing but errors where not, and a sign of life in a long wait.

mod common;

use std::process::Stdio;

use common::{guarded, run, send, start};

#[test]
fn a_job_that_leaves_nothing_is_not_commented_on() {
    assert_eq!(run(&mut guarded("", "exit 3")).err, "");
}

#[test]
fn one_line_names_what_was_ended_and_by_what() {
    let ended = run(&mut guarded("-g 2s", "child [ setsid hold ] ignore 15 child [ setsid hold ] exit 0"));
    assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);
    assert!(ended.err.starts_with("orphanguard: ended 2 orphans: helper["), "{}", ended.err);
    assert!(ended.err.contains("] (TERM), helper[") && ended.err.contains("(KILL after "), "{}", ended.err);
}

/// The group's signal ends them all in no particular order, and COMMAND reaps some of them.
#[test]
fn everyone_is_named_that_is_ended_together_with_the_command() {
    for _ in 0..5 {
        let mut parent = std::process::Command::new("sh");
        parent.args(["-c", "\"$@\"; exit 7", "sh"]).arg(common::orphanguard()).args(["-p", "--"]);
        let tree = "child [ say 1 hold ] child [ say 2 child [ say 3 hold ] hold ] say 4 hold";
        parent.arg(common::helper()).args(tree.split_whitespace());
        let mut job = start(&mut parent);
        (0..4).for_each(|_| _ = job.line());
        send(job.pid(), libc::SIGKILL);
        let ended = job.nobody_left_soon();
        assert!(ended.err.contains("ended 3 orphans: "), "{}", ended.err);
    }
}

#[test]
fn a_long_list_is_cut() {
    let strays = "child [ hold ] ".repeat(14);
    let ended = run(&mut guarded("", &format!("{strays} exit 0")));
    assert!(ended.err.starts_with("orphanguard: ended 14 orphans: helper["), "{}", ended.err);
    assert!(ended.err.ends_with(" and 4 more\n"), "{}", ended.err);
}

#[test]
fn quiet_says_nothing_of_it_but_errors() {
    assert_eq!(run(&mut guarded("-q", "child [ hold ] exit 0")).err, "");
    assert_eq!(run(guarded("", "child [ hold ] exit 0").env("ORPHANGUARD_QUIET", "1")).err, "");
    assert_eq!(run(&mut common::guarding("-q", "/nonexistent")).err.lines().count(), 1);
}

#[test]
fn the_command_line_overrules_the_variable() {
    let ended = run(guarded("-v", "exit 0").env("ORPHANGUARD_QUIET", "1"));
    assert!(ended.err.contains("exited 0"), "{}", ended.err);
}

#[test]
fn verbose_tells_each_step_in_order() {
    let mut job = start(&mut guarded("-v", "child [ setsid say stray hold ] say command on 15 exit 4 say ready hold"));
    let lines = [job.line(), job.line(), job.line()];
    let pid = |word: &str| lines.iter().find_map(|line| line.strip_prefix(word)).unwrap().trim().to_owned();
    send(job.pid(), libc::SIGTERM);
    let ended = job.nobody_left();
    let (command, stray) = (pid("command"), pid("stray"));
    let mut rest = ended.err.as_str();
    for step in [
        format!("started process {command}"),
        format!("received TERM from process {}", std::process::id()),
        format!("sending TERM to process {command}"),
        format!("process {command} exited 4"),
        format!("found helper[{stray}]"),
        format!("sent TERM to helper[{stray}]"),
        format!("helper[{stray}]"),
        "ended 1 orphan".to_owned(),
    ] {
        let at = rest.find(&step).unwrap_or_else(|| panic!("no {step:?} in the rest of {}", ended.err));
        rest = &rest[at + step.len()..];
    }
    let timed =
        ended.err.lines().filter(|line| line.starts_with("orphanguard: [0.") || line.starts_with("orphanguard: ["));
    assert_eq!(timed.count(), ended.err.lines().count() - 1, "{}", ended.err);
}

#[test]
fn a_long_wait_shows_in_a_log_for_what_and_for_how_long() {
    let mut job =
        start(guarded("--on-exit wait", "child [ setsid say stray await-stdin ] exit 0").stdin(Stdio::piped()));
    let stray = job.pid_of("stray");
    let stdin = job.stdin.take();
    let line = job.error_line();
    drop(stdin);
    assert!(line.starts_with(&format!("orphanguard: waiting for 1 process: helper[{stray}] (")), "{line}");
    job.nobody_left();
}

#[test]
fn odd_names_stay_on_their_line() {
    let place = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("odd-{}", std::process::id()));
    std::fs::create_dir_all(&place).unwrap();
    let odd = place.join("a\nb) R 1");
    std::os::unix::fs::symlink(common::helper(), &odd).unwrap();
    let mut command = common::guarding("", &odd);
    let ended = run(command.args(["child", "[", "hold", "]", "exit", "0"]));
    std::fs::remove_dir_all(&place).unwrap();
    assert!(ended.err.starts_with("orphanguard: ended 1 orphan: a\\nb) R 1["), "{}", ended.err);
    assert_eq!(ended.err.lines().count(), 1);
}
