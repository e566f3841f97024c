//! The ways in which a Python program's processes are orphaned, or only seem to be, under each policy.
//!
//! The programs are in `tests/python/`. Where one of their processes goes on, it does so until standard input ends, which a test holds
//! open until it has seen what it wants to see.

mod common;

use std::path::Path;
use std::process::{Command, Stdio};

use common::{Ended, Pid, Running, guarding, start, state, status_field, wait_state, wait_until};

const POLICIES: [&str; 3] = ["kill", "wait", "leave"];

/// With fork a child is a copy of its parent. With spawn it is a new interpreter, and main has one child more: multiprocessing's resource
/// tracker, which ignores SIGTERM, and ends once the last of the others has.
const START_METHODS: [&str; 2] = ["fork", "spawn"];

/// With a grace that no test lives to see the end of: the polite signal must do. Where much is waited for, a slow machine would be told so.
fn python(policy: &str, program: &str, start_method: &str) -> Command {
    let quiet = if policy == "wait" { "--quiet" } else { "" };
    let mut command = guarding(&format!("--on-exit {policy} --grace 1h {quiet}"), "python3");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(program).with_extension("py"));
    command.arg(start_method).stdin(Stdio::piped());
    command
}

/// A job whose COMMAND, main, is about to end and to leave an orphan.
struct Orphaning {
    job: Running,
    main: Pid,
    orphan: Pid,
    /// What the orphan is called.
    name: &'static str,
    /// What is still written before main ends, whatever becomes of the orphan.
    before: String,
}

impl Orphaning {
    fn wait_until_main_is_gone(&self) {
        wait_until("main to be reaped", || state(self.main).is_none());
        let parent = status_field(self.orphan, "PPid");
        assert_eq!(parent, Some(self.job.guard().to_string()), "the guard adopts the orphan");
    }

    /// All that is written from here on where the orphan may go on.
    fn to_the_last_line(&self) -> String {
        let name = self.name;
        let notices = if self.before.is_empty() { format!("{name}: orphaned? True\n") } else { self.before.clone() };
        format!("{notices}{name}: done\n")
    }
}

/// Looks at each program that leaves an orphan, in turn.
fn each_orphaning(policy: &str, check: impl Fn(Orphaning)) {
    check(level_1_is_terminated(policy));
    for start_method in START_METHODS {
        check(main_calls_os_exit(policy, start_method));
    }
}

/// By fork only: since Python 3.12.10 main waits for the resource tracker as it ends, and so for the orphan too.
fn level_1_is_terminated(policy: &str) -> Orphaning {
    let mut job = start(&mut python(policy, "level_1_is_terminated", "fork"));
    let main = job.pid_of("main: I am");
    assert_eq!(job.line(), "level 2: orphaned? False");
    let orphan = job.pid_of("main: level 2 is");
    let before = "level 2: orphaned? True\nmain: level 2 is an orphan, for level 1 ended with -15\n".into();
    Orphaning { job, main, orphan, name: "level 2", before }
}

fn main_calls_os_exit(policy: &str, start_method: &str) -> Orphaning {
    let mut job = start(&mut python(policy, "main_calls_os_exit", start_method));
    let main = job.pid_of("main: I am");
    assert_eq!(job.line(), "child: orphaned? False");
    let orphan = job.pid_of("main: the child is");
    Orphaning { job, main, orphan, name: "child", before: String::new() }
}

#[test]
fn kill_ends_what_main_orphans() {
    each_orphaning("kill", |mut it| {
        let stdin = it.job.stdin.take();
        let ended = it.job.nobody_left();
        drop(stdin);
        assert_eq!(ended.status.code(), Some(0));
        assert!(ended.err.contains(&format!("[{}] (TERM)", it.orphan)), "{}", ended.err);
        let rest = ended.out.strip_prefix(&it.before).unwrap_or_else(|| panic!("{}", ended.out));
        // It may have noticed what became of it, or been ended while it said so; it did not get further.
        let notices = format!("{}: orphaned? True\n", it.name);
        assert!(notices.starts_with(rest), "{rest}");
    });
}

#[test]
fn wait_outlasts_what_main_orphans() {
    each_orphaning("wait", |mut it| {
        it.wait_until_main_is_gone();
        let all = it.to_the_last_line();
        drop(it.job.stdin.take());
        let ended = it.job.nobody_left();
        assert_eq!((ended.status.code(), ended.err.as_str()), (Some(0), ""));
        assert_eq!(ended.out, all);
    });
}

#[test]
fn leave_lets_what_main_orphans_go_on() {
    each_orphaning("leave", |mut it| {
        assert_eq!(it.job.wait().code(), Some(0));
        assert!(state(it.orphan).is_some_and(|state| state != 'Z'), "the orphan goes on");
        let all = it.to_the_last_line();
        drop(it.job.stdin.take());
        let ended = it.job.nobody_left_soon();
        assert_eq!((ended.out, ended.err), (all, String::new()));
    });
}

#[test]
fn main_has_no_parent_process() {
    for policy in POLICIES {
        let ended = start(&mut python(policy, "main_has_no_parent", "fork")).nobody_left();
        assert_eq!((ended.status.code(), ended.err.as_str()), (Some(0), ""));
        assert_eq!(ended.out, "main: parent_process() is None\n");
    }
}

/// A program in which a process comes to its end before its child does. Gives how the job ended when the child was let go at last.
fn waits_for_its_child(policy: &str, program: &str, start_method: &str, [parent, child]: [&str; 2]) -> Ended {
    let mut job = start(&mut python(policy, program, start_method));
    let parent = job.pid_of(&format!("{parent}: I am"));
    let child = job.pid_of(&format!("{child}: I am"));
    // It has nothing to do any more but to sleep until the child has ended.
    wait_state(parent, 'S');
    assert_eq!(status_field(child, "PPid"), Some(parent.to_string()));
    drop(job.stdin.take());
    job.nobody_left()
}

#[test]
fn sys_exit_in_level_1_orphans_nobody() {
    for policy in POLICIES {
        let ended = waits_for_its_child(policy, "level_1_calls_sys_exit", "fork", ["level 1", "level 2"]);
        assert_eq!((ended.status.code(), ended.err.as_str()), (Some(0), ""));
        assert_eq!(ended.out, "level 2: orphaned? False\nmain: level 1 ended with 3\n");
    }
}

#[test]
fn sys_exit_in_main_waits_for_its_child() {
    for policy in POLICIES {
        let ended = waits_for_its_child(policy, "main_calls_sys_exit", "fork", ["main", "child"]);
        assert_eq!((ended.status.code(), ended.err.as_str()), (Some(3), ""));
        assert_eq!(ended.out, "child: orphaned? False\n");
    }
}

#[test]
fn the_resource_tracker_is_not_left_behind() {
    for policy in ["kill", "wait"] {
        let ended = waits_for_its_child(policy, "main_calls_sys_exit", "spawn", ["main", "child"]);
        assert_eq!(ended.status.code(), Some(3));
        assert_eq!(ended.out, "child: orphaned? False\n");
    }
}

#[test]
fn main_cannot_terminate_itself() {
    for policy in POLICIES {
        let ended = waits_for_its_child(policy, "main_terminates_itself", "fork", ["main", "child"]);
        assert_eq!(ended.status.code(), Some(1));
        assert_eq!(ended.out, "child: orphaned? False\n");
        assert_only_an_attribute_error(&ended.err);
    }
}

#[test]
fn a_child_cannot_terminate_its_parent() {
    for policy in POLICIES {
        let ended = start(&mut python(policy, "child_terminates_its_parent", "fork")).nobody_left();
        assert_eq!(ended.status.code(), Some(0));
        assert_eq!(ended.out, "main: the child ended with 1\n");
        assert_only_an_attribute_error(&ended.err);
    }
}

fn assert_only_an_attribute_error(err: &str) {
    assert!(err.contains("AttributeError: 'NoneType' object has no attribute 'terminate'"), "{err}");
    assert!(!err.contains("orphanguard:"), "{err}");
}

#[test]
fn an_orphan_can_tell_that_the_guard_has_adopted_it() {
    let ended = start(&mut python("wait", "am_i_orphaned", "fork")).nobody_left();
    assert_eq!((ended.status.code(), ended.err.as_str()), (Some(0), ""));
    let expected = "main: am I orphaned? no\n\
                    child: am I orphaned? no\n\
                    child: am I orphaned? yes, and orphanguard has adopted me\n";
    assert_eq!(ended.out, expected);
}
