//! Whatever orphanguard is started with, it works, and ends as COMMAND did.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use common::{
    Pid, Running, children, guarded, helper, in_namespaces, orphanguard, run, send, start, start_unheard, state,
    status_field, wait_for, wait_state, wait_until,
};

const WITH_AND_WITHOUT: [&str; 2] = ["", "--no-sentinel"];

/// The helper prepares itself by these instructions and then becomes `orphanguard OPTIONS -- helper INSTRUCTIONS`.
fn prepared(prepare: &str, options: &str, instructions: &str) -> Command {
    let mut caller = Command::new(helper());
    caller.args(prepare.split_whitespace()).arg("exec").arg(orphanguard()).args(options.split_whitespace());
    caller.arg("--").arg(helper()).args(instructions.split_whitespace()).stdin(Stdio::null());
    caller
}

// ---- signals ------------------------------------------------------------------------------------------------------

#[test]
fn ends_of_children_that_are_ignored() {
    for options in WITH_AND_WITHOUT {
        for (instructions, code) in
            [("exit 3", 3), ("child [ setsid hold ] exit 4", 4), ("child [ exit 9 ] reap exit 5", 5)]
        {
            let ended = run(&mut prepared("ignore 17", options, instructions));
            assert_eq!(ended.status.code(), Some(code), "{options} {instructions}");
        }
        let mut job = start(&mut prepared("ignore 17", options, "say command hold"));
        let command = job.pid_of("command");
        let ignored = u64::from_str_radix(&status_field(command, "SigIgn").unwrap(), 16).unwrap();
        assert!(ignored & 1 << (libc::SIGCHLD - 1) != 0, "COMMAND has it back as it was");
        send(job.pid(), libc::SIGTERM);
        assert_eq!(job.nobody_left().status.signal(), Some(libc::SIGTERM));
    }
}

#[test]
fn signals_that_are_blocked() {
    for options in WITH_AND_WITHOUT {
        let instructions = "say command child [ setsid hold ] await-stdin report 15 .";
        let mut prepared_job = prepared("mask all", &format!("{options} --grace 50ms"), instructions);
        let mut job = start(prepared_job.stdin(Stdio::piped()));
        let command = job.pid_of("command");
        let blocked = u64::from_str_radix(&status_field(command, "SigBlk").unwrap(), 16).unwrap();
        assert_eq!(blocked, !(1 << (libc::SIGKILL - 1) | 1 << (libc::SIGSTOP - 1)), "COMMAND has the mask as it was");
        drop(job.stdin.take());
        let _ = job.pid_of("ready");
        send(job.pid(), libc::SIGTERM);
        assert!(job.line().starts_with("got 15 "));
        send(command, libc::SIGUSR1);
        assert_eq!(job.nobody_left().status.code(), Some(0));
        // A stray that has it all blocked is deaf, and ended by SIGKILL.
        let ended = run(&mut prepared("mask all", &format!("{options} --grace 50ms"), "child [ setsid hold ] exit 6"));
        assert_eq!(ended.status.code(), Some(6));
        assert!(ended.err.contains("(KILL after "), "{}", ended.err);
    }
}

// ---- children from before -----------------------------------------------------------------------------------------

/// A process that orphanguard has for a child before it starts, with a child of its own; neither holds the job's pipes.
const BEFORE: &str = "child [ setsid say before close 1 close 2 child [ hold ] hold ]";

/// Once it is there, its parent has closed the job's pipes.
fn child_of(before: Pid) -> Pid {
    wait_for("its child", || children(before).first().copied())
}

/// The PIDs of two processes that say these words, in whatever order.
fn both(job: &mut Running, words: [&str; 2]) -> [Pid; 2] {
    let lines = [job.line(), job.line()];
    words.map(|word| {
        let mut pids = lines.iter().filter_map(|line| line.strip_prefix(word)?.trim().parse().ok());
        pids.next().unwrap_or_else(|| panic!("expected {word}, got {lines:?}"))
    })
}

/// What was there before lives on, in both of its generations; then it is ended, by us.
fn assert_unhurt_and_end(before: Pid) {
    let below = child_of(before);
    wait_state(before, 'S');
    wait_state(below, 'S');
    // The lower one becomes somebody else's child by this, and may be reaped any moment: first things first.
    send(below, libc::SIGKILL);
    send(before, libc::SIGKILL);
}

#[test]
fn children_from_before_are_neither_waited_for_nor_ended() {
    for options in ["", "--no-sentinel", "--on-exit wait", "--no-sentinel --on-exit wait", "--on-exit leave"] {
        let mut jobs = vec![("exit 3", 3), ("child [ exit 5 ] exit 5", 5)];
        if !options.contains("--on-exit") {
            jobs.push(("child [ setsid hold ] exit 4", 4));
        }
        for (instructions, code) in jobs {
            let mut job = start(&mut prepared(BEFORE, options, instructions));
            let before = job.pid_of("before");
            let _ = child_of(before);
            let ended = job.nobody_left();
            assert_eq!(ended.status.code(), Some(code), "{options} {instructions}: {}", ended.err);
            assert!(!ended.err.contains(&before.to_string()), "{}", ended.err);
            assert_unhurt_and_end(before);
        }
    }
}

#[test]
fn nor_do_signals_reach_them() {
    for options in ["--forward tree", "--no-sentinel --forward tree", "--no-sentinel --forward group --group same"] {
        let mut job = start(&mut prepared(BEFORE, options, "report 15 ."));
        let [before, command] = both(&mut job, ["before", "ready"]);
        let _ = child_of(before);
        send(job.pid(), libc::SIGTERM);
        assert!(job.line().starts_with("got 15 "));
        send(command, libc::SIGUSR1);
        assert_eq!(job.nobody_left().status.code(), Some(0));
        assert_unhurt_and_end(before);
    }
}

#[test]
fn nor_are_they_hurt_when_the_guard_or_the_sentinel_is_killed() {
    for kill_the_guard in [false, true] {
        let mut job = start(&mut prepared(BEFORE, "", "child [ setsid hold ] say command hold"));
        let [before, _] = both(&mut job, ["before", "command"]);
        let _ = child_of(before);
        let guard = children(job.pid()).into_iter().find(|&pid| pid != before).unwrap();
        send(if kill_the_guard { guard } else { job.pid() }, libc::SIGKILL);
        let ended = job.nobody_left_soon();
        assert_eq!(common::code(ended.status), 137);
        assert_unhurt_and_end(before);
    }
}

#[test]
fn one_that_ends_while_the_job_runs_is_not_command() {
    for options in WITH_AND_WITHOUT {
        let mut job = start(&mut prepared("child [ say before close 1 close 2 hold ]", options, "report 12 ."));
        let [before, command] = both(&mut job, ["before", "ready"]);
        send(before, libc::SIGKILL);
        wait_until("it to be reaped", || state(before).is_none());
        send(job.pid(), libc::SIGUSR2);
        assert!(job.line().starts_with("got 12 "));
        send(command, libc::SIGUSR1);
        let ended = job.nobody_left();
        assert_eq!((ended.status.code(), ended.err.as_str()), (Some(0), ""));
    }
}

// ---- /proc --------------------------------------------------------------------------------------------------------

/// Jobs that need to find what they left, with their codes.
const JOBS: [(&str, &str, i32); 3] = [
    ("--grace 50ms", "exit 3", 3),
    ("--grace 50ms", "child [ setsid child [ setsid hold ] hold ] child [ hold ] exit 4", 4),
    ("--grace 50ms", "ignore all child [ setsid child [ setsid hold ] hold ] exit 5", 5),
];

#[test]
fn no_proc_at_all() {
    for hide in ["umount -l /proc", "mount -t tmpfs none /proc"] {
        for sentinel in WITH_AND_WITHOUT {
            for (options, instructions, code) in JOBS {
                let Some(mut caller) = in_namespaces("--mount", "sh") else { return };
                caller.args(["-c", &format!("{hide} && exec \"$@\""), "sh"]).arg(orphanguard());
                caller.args(options.split(' ')).args(sentinel.split_whitespace()).arg("--").arg(helper());
                let ended = run(caller.args(instructions.split(' ')));
                assert_eq!(ended.status.code(), Some(code), "{hide} {sentinel} {instructions}: {}", ended.err);
            }
        }
    }
}

#[test]
fn no_proc_and_a_killed_guard() {
    let Some(mut caller) = in_namespaces("--mount", "sh") else { return };
    caller.args(["-c", "umount -l /proc && exec \"$@\"", "sh"]).arg(orphanguard()).arg("--").arg(helper());
    let mut job = start(caller.args("child [ setsid child [ setsid hold ] hold ] say command hold".split(' ')));
    let _ = job.pid_of("command");
    send(job.guard(), libc::SIGKILL);
    assert_eq!(job.nobody_left().status.code(), Some(137));
}

/// In a PID namespace whose /proc is still that of the one outside: PID 1 is a shell, and beside the job there is a canary.
fn under_a_foreign_proc(script: &str, options: &str, instructions: &str) -> Option<Command> {
    let mut caller = in_namespaces("--pid --fork --kill-child", "sh")?;
    caller.args(["-c", script, "sh"]).arg(orphanguard()).args(options.split_whitespace()).arg("--");
    caller.arg(helper()).args(instructions.split_whitespace()).env("HELPER", helper());
    Some(caller)
}

#[test]
fn the_proc_of_another_pid_namespace() {
    // The shell waits for the job's last, and then for the canary, which says so if anybody hit it.
    let script = r#"
        "$HELPER" canaries 5 >&2 & canaries=$!
        out=$("$@"); echo "exit $?$out"
        kill -TERM $canaries; wait $canaries"#;
    for sentinel in WITH_AND_WITHOUT {
        for (options, instructions, code) in JOBS {
            let Some(mut caller) = under_a_foreign_proc(script, &format!("{options} {sentinel}"), instructions) else {
                return;
            };
            let ended = run(&mut caller);
            assert_eq!(ended.out, format!("exit {code}\n"), "{sentinel} {instructions}: {}", ended.err);
            assert!(ended.err.contains("unhurt "), "{}", ended.err);
        }
    }
}

/// As unshare(1) without --fork: the first child is the namespace's first process. That is the guard, or COMMAND, which sees no parent.
#[test]
fn a_pid_namespace_that_is_for_our_children() {
    for options in WITH_AND_WITHOUT {
        let Some(mut caller) = in_namespaces("--pid", orphanguard()) else { return };
        caller.args(options.split_whitespace()).arg("--").arg(helper());
        let ended = run(caller.args("child [ setsid hold ] exit 3".split(' ')));
        assert_eq!(ended.status.code(), Some(3), "{options}: {}", ended.err);
    }
}

// ---- standard error -----------------------------------------------------------------------------------------------

/// Jobs about which there is something to say, with the codes in which they end.
const TALKATIVE: [(&str, &str, i32); 3] = [
    ("", "child [ setsid hold ] exit 3", 3),
    ("-v", "child [ setsid hold ] child [ hold ] exit 4", 4),
    ("-v --no-sentinel", "child [ setsid hold ] die 15", 128 + 15),
];

fn talk(mut make_stderr: impl FnMut() -> Stdio, close: &str) {
    for (options, instructions, code) in TALKATIVE {
        let mut caller = prepared(close, options, instructions);
        let ended = start_unheard(caller.stderr(make_stderr())).nobody_left();
        assert_eq!(common::code(ended.status), code, "{options} {instructions}");
    }
    // A usage error, and a COMMAND that is not there.
    for (words, code) in [("--grce", 125), ("no-such-command", 127)] {
        let mut caller = Command::new(helper());
        caller.args(close.split_whitespace()).arg("exec").arg(orphanguard()).arg(words).stdin(Stdio::null());
        let ended = start_unheard(caller.stderr(make_stderr())).nobody_left();
        assert_eq!(ended.status.code(), Some(code), "{words}");
    }
    // The sentinel, too, has something to say.
    let mut caller = prepared(close, "", "child [ setsid hold ] say command hold");
    let mut job = start_unheard(caller.stderr(make_stderr()));
    let _ = job.pid_of("command");
    send(job.guard(), libc::SIGKILL);
    assert_eq!(job.nobody_left().status.code(), Some(137));
}

#[test]
fn standard_error_that_is_closed() {
    talk(Stdio::null, "close 2");
}

#[test]
fn standard_input_and_error_that_are_closed() {
    for options in WITH_AND_WITHOUT {
        // Standard output is the proof, so it stays; what is opened must not land on the others.
        let ended = run(&mut prepared("close 0 close 2", options, "child [ setsid hold ] say command exit 3"));
        assert_eq!(ended.status.code(), Some(3));
        assert!(ended.out.starts_with("command ") && ended.out.lines().count() == 1, "{}", ended.out);
    }
}

#[test]
fn standard_error_that_is_a_broken_pipe() {
    talk(
        || {
            let (reader, writer) = io::pipe().unwrap();
            drop(reader);
            writer.into()
        },
        "",
    );
}

#[test]
fn standard_error_on_a_full_device() {
    talk(|| File::options().write(true).open("/dev/full").unwrap().into(), "");
}

#[test]
fn standard_error_that_is_a_full_pipe_with_nobody_reading() {
    let mut kept = Vec::new();
    talk(
        || {
            let (reader, mut writer) = io::pipe().unwrap();
            kept.push(reader);
            fill(&mut writer);
            writer.into()
        },
        "",
    );
}

/// Fills a pipe to the last byte.
fn fill(writer: &mut io::PipeWriter) {
    use nix::fcntl::{FcntlArg, OFlag, fcntl};
    fcntl(writer.as_fd(), FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    for piece in [&[b'.'; 4096][..], b"."] {
        while writer.write_all(piece).is_ok() {}
    }
    fcntl(writer.as_fd(), FcntlArg::F_SETFL(OFlag::empty())).unwrap();
}

#[test]
fn a_running_job_whose_standard_error_is_full_is_not_held_up() {
    let (_reader, mut writer) = io::pipe().unwrap();
    fill(&mut writer);
    let mut job: Running = start_unheard(guarded("-v", "report 12 .").stderr(writer));
    let command = job.pid_of("ready");
    for _ in 0..200 {
        send(job.pid(), libc::SIGUSR2);
        assert!(job.line().starts_with("got 12 "));
    }
    send(command, libc::SIGUSR1);
    assert_eq!(job.nobody_left().status.code(), Some(0));
}

// ---- limits -------------------------------------------------------------------------------------------------------

#[test]
fn a_small_limit_of_memory() {
    for options in WITH_AND_WITHOUT {
        let script = format!(r#"ulimit -d 3000; exec "$0" {options} -- sh -c "sleep 1000 & exit 3""#);
        let mut caller = Command::new("sh");
        caller.arg("-c").arg(script).arg(orphanguard());
        assert_eq!(run(&mut caller).status.code(), Some(3), "{options}");
    }
}
