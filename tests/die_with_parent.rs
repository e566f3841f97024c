//! `--die-with-parent`: the death of the process that started orphanguard ends the job; the end of a mere thread of it does not.

mod common;

use std::process::Command;

use common::{Running, children, guarded, helper, in_namespaces, orphanguard, run, send, start, wait_for, wait_until};

/// A shell that starts orphanguard and stays; COMMAND reports USR2, and a deaf child of it is in a session of its own.
fn from_a_shell(options: &str) -> Running {
    let mut parent = Command::new("sh");
    parent.args(["-c", "\"$@\"; exit 7", "sh"]).arg(orphanguard()).args(options.split_whitespace()).arg("--");
    parent.arg(helper()).args("child [ setsid ignore 15 say stray hold ] report 12 .".split_whitespace());
    let mut job = start(&mut parent);
    let _ = (job.line(), job.line());
    job
}

#[test]
fn the_parents_sigkill_ends_the_job() {
    for options in ["-p --grace 50ms", "-p --no-sentinel --grace 50ms", "-p --on-exit leave --grace 50ms"] {
        let job = from_a_shell(options);
        send(job.pid(), libc::SIGKILL);
        let ended = job.nobody_left_soon();
        assert!(ended.err.contains("orphanguard: the parent has died; ending the job\n"), "{options}: {}", ended.err);
    }
}

#[test]
fn without_it_the_job_goes_on() {
    for options in ["--grace 50ms", "--no-sentinel --grace 50ms"] {
        let mut job = from_a_shell(options);
        let orphanguard = wait_for("orphanguard", || children(job.pid()).first().copied());
        send(job.pid(), libc::SIGKILL);
        job.wait();
        send(orphanguard, libc::SIGUSR2);
        assert!(job.line().starts_with("got 12 "));
        send(orphanguard, libc::SIGUSR1);
        assert!(!job.nobody_left_soon().err.contains("the parent has died"));
    }
}

#[test]
fn the_end_of_the_thread_that_started_it_does_not() {
    for options in ["-p", "-p --no-sentinel"] {
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let mut job = start(&mut guarded(options, "report 12 ."));
            let _ = job.pid_of("ready");
            tell.send(nix::unistd::gettid().as_raw()).unwrap();
            job
        });
        let id = told.recv().unwrap();
        let mut job = thread.join().unwrap();
        wait_until("the thread to be gone", || !std::path::Path::new(&format!("/proc/self/task/{id}")).exists());
        // It is alive, and so is orphanguard, which would have noticed by now: it answers in the order of what comes.
        for _ in 0..3 {
            send(job.pid(), libc::SIGUSR2);
            assert!(job.line().starts_with("got 12 "));
        }
        send(job.pid(), libc::SIGUSR1);
        let ended = job.nobody_left();
        assert_eq!((ended.status.code(), ended.err.as_str()), (Some(0), ""));
    }
}

#[test]
fn a_parent_that_cannot_be_seen_is_an_error() {
    // PID 1 of a namespace has its parent outside.
    let Some(mut outside) = in_namespaces("--pid --fork --kill-child", orphanguard()) else { return };
    let ended = run(outside.arg("-p").arg("--").arg(helper()).args(["say", "command"]));
    assert_eq!((ended.status.code(), ended.out.as_str()), (Some(125), ""));
    assert!(ended.err.starts_with("orphanguard: --die-with-parent: the parent is outside "), "{}", ended.err);
}
