//! A job that turns against its guard, with all that a process may do to another of its user, gets nowhere.

#![allow(clippy::unwrap_used)]

mod common;

use common::{code, guarded, run, send, start};

#[test]
fn a_guard_that_may_open_no_file_ends_the_job() {
    for options in ["-g 50ms", "-g 50ms --no-sentinel"] {
        let starve = format!("starve {} 0", libc::RLIMIT_NOFILE);
        let ended =
            run(&mut guarded(options, &format!("ignore 15 {starve} child [ setsid child [ hold ] hold ] exit 5")));
        assert_eq!(code(ended.status), 5, "{options}");
    }
}

/// Without `/proc` nobody tells who they are, and a search by number must find the chains while it lasts.
#[test]
fn chains_and_strays_of_a_job_that_lets_sentinel_and_guard_open_no_file_are_ended() {
    for options in ["-g 50ms", "-g 50ms --no-sentinel"] {
        let starve = format!("starve {} 0", libc::RLIMIT_NOFILE);
        let (chains, strays) = ("child [ setsid chain ] ".repeat(8), "child [ setsid hold ] ".repeat(50));
        let ended = run(&mut guarded(options, &format!("ignore 15 {starve} {chains} {strays} exit 5")));
        assert_eq!(code(ended.status), 5, "{options}");
        assert!(!ended.err.contains("could not end"), "{options}: {}", ended.err);
    }
}

#[test]
fn a_guard_that_gets_no_memory_ends_the_job() {
    for resource in [libc::RLIMIT_AS, libc::RLIMIT_DATA] {
        let strays = "child [ setsid hold ] ".repeat(300);
        let ended = run(&mut guarded("-g 50ms", &format!("ignore 15 starve {resource} 0 {strays} exit 6")));
        assert_eq!(code(ended.status), 6, "{}", ended.err);
    }
}

/// It asks each whether it is spared, for which it reads its environment, and keeps what it is to report of each.
#[test]
fn a_guard_that_gets_no_memory_reads_much_all_the_same() {
    let scratch = common::Scratch::new("reads-much");
    let report = scratch.path().join("report");
    // In the report they would have an argument for each word of the helper's otherwise.
    let strays = "child [ setsid exec /bin/sleep 1000 ] ".repeat(300);
    let instructions = format!("ignore 15 starve {} 0 {strays} exit 6", libc::RLIMIT_DATA);
    for options in ["-g 50ms".into(), format!("-g 50ms --report {}", report.display())] {
        let ended = run(guarded(&options, &instructions).env("LARGE", "x".repeat(30_000)));
        assert_eq!(code(ended.status), 6, "{options} {}", ended.err);
    }
}

#[test]
fn nobody_but_root_can_attach_to_the_guard() {
    // Root without its capabilities is a user like any other here.
    let mut command = if common::is_root() {
        let mut command = std::process::Command::new("setpriv");
        command.args(["--bounding-set=-all", "--inh-caps=-all"]).arg(common::orphanguard());
        command
    } else {
        std::process::Command::new(common::orphanguard())
    };
    let ended = run(command.arg("--").arg(common::helper()).arg("attach"));
    assert!(ended.out.starts_with("refused"), "{} {}", ended.out, ended.err);
}

#[test]
fn a_command_that_makes_the_guard_its_tracer_is_let_go() {
    assert_eq!(code(run(&mut guarded("", "traceme exec /bin/sh -c true")).status), 0);
    // The signals that it would have got without a tracer, it gets.
    assert_eq!(code(run(&mut guarded("", "traceme die 10")).status), 128 + 10);
    assert_eq!(code(run(&mut guarded("", "traceme on 12 exit 7 say ready die 12")).status), 128 + 12);
    let mut job = start(&mut guarded("--group session", "traceme say command stop exit 8"));
    let command = job.pid_of("command");
    common::wait_state(command, 'T');
    send(command, libc::SIGCONT);
    assert_eq!(code(job.nobody_left().status), 8);
}

#[test]
fn a_stray_that_makes_the_guard_its_tracer_is_ended() {
    let ended = run(&mut guarded("-g 50ms", "sibling [ setsid ignore 15 traceme stop hold ] exit 9"));
    assert_eq!(code(ended.status), 9);
}

/// Whoever kills the guard and then stops the sentinel again and again does not keep the job alive.
#[test]
fn a_sentinel_that_is_stopped_while_it_ends_the_job_goes_on() {
    let mut job = start(&mut guarded("", "child [ setsid say stray hold ] say command hold"));
    let _ = (job.line(), job.line());
    let guard = job.guard();
    send(guard, libc::SIGKILL);
    job.wait_told("was killed from outside");
    for _ in 0..20 {
        common::try_send(job.pid(), libc::SIGSTOP);
        // Stopped, it goes on before long; or it has ended.
        common::wait_until("the sentinel to go on", || common::state(job.pid()) != Some('T'));
    }
    assert_eq!(code(job.nobody_left().status), 137);
}
