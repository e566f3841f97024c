//! Without a terminal, as in a script that CI or cron runs: COMMAND is in a process group that is not the script's, and that it does not lead.
#![allow(unsafe_code, clippy::pedantic, clippy::undocumented_unsafe_blocks, clippy::multiple_unsafe_ops_per_block)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::Command;

use common::{Pid, Running, guarded, guarding, run, send, start, status_field, wait_until};

const WITH_AND_WITHOUT: [&str; 2] = ["", "--no-sentinel"];

/// Has the command run without a terminal, should the tests have one. It leads no group, as they start it in their own.
fn in_a_script(mut command: Command) -> Command {
    let leave_terminal = || {
        if let Ok(terminal) = File::open("/dev/tty") {
            unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCNOTTY) };
        }
        Ok(())
    };
    unsafe { command.pre_exec(leave_terminal) };
    command
}

/// COMMAND's group, which is neither the tests' nor led by COMMAND, once the guard has left it.
fn group_of(job: &Running, command: Pid) -> Pid {
    let group = unsafe { libc::getpgid(command) };
    assert!(![-1, command, unsafe { libc::getpgrp() }].contains(&group), "{group} of {command}");
    let guard = parent(command);
    assert_eq!(guard, group);
    wait_until("the guard to leave it", || unsafe { libc::getpgid(guard) } != group);
    assert_ne!(unsafe { libc::getpgid(job.pid()) }, group);
    group
}

fn parent(pid: Pid) -> Pid {
    status_field(pid, "PPid").unwrap().parse().unwrap()
}

#[test]
fn what_begins_a_session_of_its_own_is_waited_for_and_tells_its_status() {
    for options in WITH_AND_WITHOUT {
        // Where it leads a group, setsid(1) forks and does not wait.
        let ended = run(in_a_script(guarding(&format!("{options} -- setsid"), "sh")).args(["-c", "exit 6"]));
        assert_eq!((ended.status.code(), ended.err.as_str()), (Some(6), ""), "{options}");
    }
}

#[test]
fn what_command_sends_its_group_reaches_it_once() {
    for options in WITH_AND_WITHOUT {
        let mut job = start(&mut in_a_script(guarded(options, "report 15 18 40 .")));
        let command = job.pid_of("ready");
        let group = group_of(&job, command);
        for signal in [libc::SIGTERM, libc::SIGCONT] {
            send(-group, signal);
            assert!(job.line().starts_with(&format!("got {signal} ")), "{options}");
            // What orphanguard passed on would come before this, which it passes on as well.
            send(job.pid(), 40);
            assert!(job.line().starts_with("got 40 "), "{options}");
        }
        send(command, libc::SIGKILL);
        job.nobody_left();
    }
}

/// The guard is in the group, too, until it comes to leave it.
#[test]
fn nor_is_it_passed_on_if_it_comes_before_the_guard_has_done_anything() {
    let on_one_cpu = || {
        let mut one = unsafe { std::mem::zeroed::<libc::cpu_set_t>() };
        unsafe { libc::CPU_SET(libc::sched_getcpu() as usize, &mut one) };
        let set = unsafe { libc::sched_setaffinity(0, size_of_val(&one), &raw const one) };
        if set == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
    };
    // There, COMMAND mostly comes first.
    for _ in 0..10 {
        let mut command = in_a_script(guarded("-v", "block 15 send 15 0 exit 0"));
        let ended = run(unsafe { command.pre_exec(on_one_cpu) });
        assert_eq!(ended.status.code(), Some(0), "{}", ended.err);
        assert!(!ended.err.contains("received TERM"), "{}", ended.err);
    }
}

#[test]
fn a_sigkill_to_its_group_leaves_the_rest_its_grace() {
    for options in WITH_AND_WITHOUT {
        let mut job =
            start(&mut in_a_script(guarded(options, "say ready child [ setsid on 15 exit 0 say up hold ] hold")));
        let command = job.pid_of("ready");
        job.pid_of("up");
        send(-group_of(&job, command), libc::SIGKILL);
        let ended = job.nobody_left();
        assert_eq!(ended.status.signal(), Some(libc::SIGKILL), "{options}: {}", ended.err);
        assert!(ended.err.starts_with("orphanguard: ended 1 orphan: helper["), "{options}: {}", ended.err);
        assert!(ended.err.ends_with("(TERM)\n"), "{options}: {}", ended.err);
    }
}

#[test]
fn a_stop_for_want_of_a_terminal_is_none_where_nobody_could_have_it_go_on() {
    for options in WITH_AND_WITHOUT {
        for signal in ["TTIN", "TTOU", "TSTP"] {
            // Nobody does job control over the leader of a session. That it leads one is its script's doing.
            let script = format!("setsid -w \"$0\" {options} -- sh -c 'kill -{signal} $$; exit 5'; exit $?");
            let ended = run(in_a_script(Command::new("sh")).args(["-c", &script]).arg(common::orphanguard()));
            assert_eq!((ended.status.code(), ended.err.as_str()), (Some(5), ""), "{options} {signal}");
        }
    }
}
