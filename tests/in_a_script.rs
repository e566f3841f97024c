//! Without a terminal, as in a script that CI or cron runs: COMMAND is in a process group that is not the script's, and that it does not lead.
#![allow(unsafe_code, clippy::pedantic, clippy::undocumented_unsafe_blocks, clippy::multiple_unsafe_ops_per_block)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::Command;

use common::{Ended, Pid, Running, guarded, guarding, parent, run, send, start, wait_state};

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

/// COMMAND's group, which is neither the tests' nor one of orphanguard's, nor led by COMMAND.
fn group_of(job: &Running, command: Pid) -> Pid {
    let group = unsafe { libc::getpgid(command) };
    assert!(![-1, command, unsafe { libc::getpgrp() }].contains(&group), "{group} of {command}");
    for pid in [job.pid(), parent(command)] {
        assert_ne!(unsafe { libc::getpgid(pid) }, group);
    }
    group
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

/// On one CPU, where COMMAND mostly comes before the guard has done anything more.
fn at_once(instructions: &str, options: &str) -> Ended {
    let on_one_cpu = || {
        let mut one = unsafe { std::mem::zeroed::<libc::cpu_set_t>() };
        unsafe { libc::CPU_SET(libc::sched_getcpu() as usize, &mut one) };
        let set = unsafe { libc::sched_setaffinity(0, size_of_val(&one), &raw const one) };
        if set == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
    };
    let mut command = in_a_script(guarded(options, instructions));
    run(unsafe { command.pre_exec(on_one_cpu) })
}

#[test]
fn what_it_sends_its_group_first_of_all_reaches_nobody_of_orphanguards() {
    for options in ["-v", "-v --no-sentinel"] {
        for _ in 0..10 {
            let ended = at_once("block 15 send 15 0 exit 0", options);
            assert_eq!(ended.status.code(), Some(0), "{options}: {}", ended.err);
            assert!(!ended.err.contains("received TERM"), "{options}: {}", ended.err);
            let ended = at_once("child [ setsid hold ] send 9 0", options);
            assert_eq!(ended.status.signal(), Some(libc::SIGKILL), "{options}: {}", ended.err);
            assert!(!ended.err.contains("killed from outside"), "{options}: {}", ended.err);
        }
    }
}

#[test]
fn a_stop_of_its_group_first_of_all_stops_nobody_else() {
    for options in WITH_AND_WITHOUT {
        for _ in 0..10 {
            let mut job = start(&mut in_a_script(guarded(options, "say command send 19 0 exit 5")));
            let command = job.pid_of("command");
            wait_state(command, 'T');
            wait_state(job.pid(), 'T');
            send(job.pid(), libc::SIGCONT);
            assert_eq!(job.nobody_left().status.code(), Some(5), "{options}");
        }
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
            // In a session that no shell leads which does job control: orphanguard does, or a script.
            for script in ["exec \"$@\"", "\"$@\"; exit $?"] {
                let mut command = in_a_script(Command::new("setsid"));
                command
                    .args(["-w", "sh", "-c", script, "sh"])
                    .arg(common::orphanguard())
                    .args(options.split_whitespace());
                let ended = run(command.args(["--", "sh", "-c", &format!("kill -{signal} $$; exit 5")]));
                assert_eq!((ended.status.code(), ended.err.as_str()), (Some(5), ""), "{options} {signal} {script}");
            }
        }
    }
}

/// And what it waits for then goes on, with its time limit.
#[test]
fn nor_is_one_of_what_command_left() {
    for options in WITH_AND_WITHOUT {
        let left = "child [ setsid say left await 10 exit 0 ] exit 3";
        let mut command = in_a_script(Command::new("setsid"));
        command.arg("-w").arg(common::orphanguard()).args(options.split_whitespace());
        command.args(["-v", "--on-exit", "wait", "--timeout", "1h", "--"]).arg(common::helper());
        let mut job = start(command.args(left.split_whitespace()));
        let left = job.pid_of("left");
        job.wait_told("exited 3");
        send(job.pid(), libc::SIGTTIN);
        job.wait_told("received TTIN");
        send(job.pid(), libc::SIGUSR1);
        let ended = job.nobody_left();
        assert_eq!(ended.status.code(), Some(3), "{options}: {}", ended.err);
        assert!(ended.err.contains(&format!("sending CONT to process {left}\n")), "{options}: {}", ended.err);
    }
}
