//! A time limit ends the whole job, as timeout(1) ends its command.

mod common;

use std::os::unix::process::{CommandExt, ExitStatusExt};

use common::{guarded, run, send, start};

#[test]
fn it_exits_124_and_ends_daemons_too() {
    let ended = run(&mut guarded("-t 100ms", "child [ setsid child [ setsid hold ] exit 0 ] hold"));
    assert_eq!(ended.status.code(), Some(124));
    assert!(ended.err.contains("the time limit of 100ms is over"), "{}", ended.err);
    assert!(ended.err.contains("ended 1 process: helper["), "{}", ended.err);
}

#[test]
fn it_exits_137_where_the_command_took_sigkill() {
    let ended = run(&mut guarded("-t 200ms -k 50ms", "ignore all hold"));
    assert_eq!(ended.status.code(), Some(137));
    assert!(ended.err.contains("took SIGKILL"), "{}", ended.err);
}

#[test]
fn a_stray_that_took_sigkill_does_not_make_it_137() {
    let ended = run(&mut guarded("-t 300ms -k 50ms", "child [ setsid ignore all hold ] hold"));
    assert_eq!(ended.status.code(), Some(124));
    assert!(ended.err.contains("(KILL after "), "{}", ended.err);
}

#[test]
fn a_command_that_stops_when_it_is_to_end_is_killed_all_the_same() {
    let mut job = start(&mut guarded("-t 200ms -k 2s", "ignore 15 say command hold"));
    let command = job.pid_of("command");
    job.wait_told("the time limit of 200ms is over");
    send(command, libc::SIGSTOP);
    assert_eq!(job.nobody_left().status.code(), Some(137));
}

#[test]
fn a_signal_that_sends_nothing_leaves_the_end_to_sigkill() {
    assert_eq!(run(&mut guarded("-t 50ms -s 0 -k 50ms", "hold")).status.code(), Some(137));
    assert_eq!(run(&mut guarded("-t 50ms -s KILL -k 10m", "hold")).status.code(), Some(137));
}

#[test]
fn the_signal_is_the_one_that_was_asked_for() {
    let ended = run(&mut guarded("-t 300ms -s USR1 --preserve-status", "on 10 exit 42 hold"));
    assert_eq!(ended.status.code(), Some(42));
}

#[test]
fn preserve_status_exits_as_the_command_did() {
    let ended = run(&mut guarded("-t 50ms --preserve-status", "hold"));
    assert_eq!(ended.status.signal(), Some(libc::SIGTERM));
}

#[test]
fn a_command_that_ends_in_time_is_not_waited_for() {
    for limit in ["0", "1d", "1e400", "99999999999999999999999y", "10m"] {
        assert_eq!(run(&mut guarded(&format!("-t {limit} -k 10m"), "exit 7")).status.code(), Some(7), "{limit}");
    }
}

#[test]
fn a_job_that_has_ended_is_not_waited_for_until_the_kill() {
    let ended = run(&mut guarded("-t 100ms -k 1h", "child [ setsid hold ] hold"));
    assert_eq!(ended.status.code(), Some(124));
}

#[test]
fn what_is_no_limit_is_refused_and_the_command_does_not_run() {
    for limit in ["-1", "", "10x", "€", "nan", "inf"] {
        let mut command = std::process::Command::new(common::orphanguard());
        command.arg(format!("--timeout={limit}")).arg("--").arg("echo").arg("ran");
        let ended = run(&mut command);
        assert_eq!((ended.status.code(), ended.out.as_str()), (Some(125), ""), "{limit}");
        assert!(ended.err.starts_with("orphanguard: --timeout: ") && ended.err.lines().count() == 1, "{}", ended.err);
    }
}

#[test]
fn it_ends_what_wait_waits_for_and_what_leave_would_leave() {
    for grace in ["5s", "0"] {
        let options = format!("--on-exit wait -t 200ms --grace {grace}");
        let ended = run(&mut guarded(&options, "child [ setsid hold ] exit 3"));
        assert_eq!(ended.status.code(), Some(124));
        assert!(ended.err.contains("the time limit of 200ms is over"), "{}", ended.err);
    }
    let ended = run(&mut guarded("--on-exit leave -t 200ms", "child [ setsid hold ] hold"));
    assert_eq!(ended.status.code(), Some(124));
}

#[test]
fn signals_after_the_first_do_not_put_the_kill_off() {
    let mut job = start(&mut guarded("-t 200ms -k 200ms", "ignore 15 ignore 10 say ready hold"));
    job.line();
    common::wait_until("SIGKILL in spite of the signals", || {
        common::try_send(job.pid(), libc::SIGTERM);
        common::try_send(job.pid(), libc::SIGUSR1);
        job.child.try_wait().unwrap().is_some()
    });
    assert_eq!(job.nobody_left().status.code(), Some(137));
}

#[test]
fn the_limit_stands_still_while_the_job_is_made_to_pause() {
    // In a group of its own, as a shell's job: where nobody could have it go on, SIGTSTP stops nobody (setpgid(2)).
    let mut job = start(guarded("-t 3s", "say command hold").process_group(0));
    let command = job.pid_of("command");
    send(job.pid(), libc::SIGTSTP);
    common::wait_state(command, 'T');
    common::wait_state(job.pid(), 'T');
    let begun = std::time::Instant::now();
    // Longer than the limit: had it run out, COMMAND would have been continued to hear of it.
    common::wait_until("the limit to have been over", || begun.elapsed().as_millis() > 3200);
    assert_eq!(common::state(command), Some('T'));
    send(job.pid(), libc::SIGCONT);
    assert_eq!(job.nobody_left().status.code(), Some(124));
}

#[test]
fn but_a_job_that_stops_by_itself_runs_into_it() {
    for options in ["", "--no-sentinel"] {
        assert_eq!(run(&mut guarded(&format!("-t 100ms {options}"), "stop hold")).status.code(), Some(124));
    }
}
