//! As PID 1 of a PID namespace, which a container's ENTRYPOINT is, orphanguard keeps its promises alone, and before the kernel ends the
//! namespace. Here without a container runtime, by unshare(1); `in_containers.rs` has the rest.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use common::{
    Ended, Pid, Running, children, code, guarded, guarding, helper, send, start, status_field, wait_for, wait_until,
};

/// How unshare(1) and nsenter(1) make and join a namespace here; `None` where we may not.
fn namespaces() -> Option<[&'static [&'static str]; 2]> {
    static ALLOWED: OnceLock<Option<[&'static [&'static str]; 2]>> = OnceLock::new();
    *ALLOWED.get_or_init(|| {
        let ways: [[&[&str]; 2]; 2] = [
            [&["--mount-proc"], &["--pid", "--mount"]],
            [&["--mount-proc", "--user", "--map-root-user"], &["--pid", "--mount", "--user", "--preserve-credentials"]],
        ];
        let works = |[unshare, _]: &[&[&str]; 2]| {
            let mut trial = Command::new("unshare");
            let trial = trial.args(UNSHARE).args(*unshare).arg("true").stderr(Stdio::null());
            trial.status().is_ok_and(|status| status.success())
        };
        let way = ways.into_iter().find(works);
        if way.is_none() {
            assert!(!common::containers_required(), "no PID namespace can be made here");
            // Past the test harness, which shows what is printed only where a test fails.
            let _ = std::io::stderr().write_all(b"as_pid_1: skipped, for no PID namespace can be made here\n");
        }
        way
    })
}

const UNSHARE: [&str; 3] = ["--pid", "--fork", "--kill-child"];

/// A job whose orphanguard is PID 1. Dropped, it ends with its namespace.
struct Job {
    running: Option<Running>,
}

/// `unshare … orphanguard OPTIONS -- helper INSTRUCTIONS`; `None` where no namespace can be made.
fn as_pid_1(options: &str, instructions: &str) -> Option<Job> {
    let [unshare, _] = namespaces()?;
    Some(Job::start(unshare, &guarded(options, instructions)))
}

impl Job {
    fn start(unshare: &[&str], guarded: &Command) -> Self {
        let mut command = Command::new("unshare");
        command.args(UNSHARE).args(unshare).arg(guarded.get_program()).args(guarded.get_args());
        for (name, value) in guarded.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        Self { running: Some(start(command.stdin(Stdio::piped()))) }
    }

    fn running(&mut self) -> &mut Running {
        self.running.as_mut().unwrap()
    }

    fn line(&mut self) -> String {
        self.running().line()
    }

    /// The PID, in the namespace, at the end of the next line, which begins with this word.
    fn pid_of(&mut self, word: &str) -> Pid {
        self.running().pid_of(word)
    }

    fn close_stdin(&mut self) {
        drop(self.running().stdin.take());
    }

    /// PID 1, by the number that it has out here.
    fn init(&mut self) -> Pid {
        children(self.running().pid())[0]
    }

    /// What a PID in the namespace is out here.
    fn outside(&mut self, inside: Pid) -> Pid {
        let init = self.init();
        // The files that say whose child it is may miss it while it changes parents.
        wait_for("the process to be found", || {
            let mut below = vec![init];
            while let Some(pid) = below.pop() {
                let numbers = status_field(pid, "NSpid").unwrap_or_default();
                if numbers.split_whitespace().last() == Some(&inside.to_string()) {
                    return Some(pid);
                }
                below.extend(children(pid));
            }
            None
        })
    }

    /// Waits for the end of PID 1.
    fn end(mut self) -> Ended {
        self.running().wait();
        self.running.take().unwrap().nobody_left()
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            // It takes the namespace with it: --kill-child.
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
    }
}

#[test]
fn it_is_one_process_with_the_command_below_it() {
    let Some(mut job) = as_pid_1("", "say command hold") else { return };
    let command = job.pid_of("command");
    let (init, command) = (job.init(), job.outside(command));
    assert_eq!(status_field(init, "NSpid").unwrap().split_whitespace().last(), Some("1"));
    assert_eq!(status_field(init, "Name").unwrap(), "orphanguard");
    assert_eq!(status_field(init, "Threads").unwrap(), "1");
    // But for the moment in which it has not reaped yet what has made COMMAND's group.
    wait_until("COMMAND to be its only child", || children(init) == [command]);
}

#[test]
fn it_exits_as_the_command_did_or_128_plus_its_signal() {
    let ends = [("exit 0", 0), ("exit 7", 7), ("exit 255", 255), ("die 15", 143), ("die 9", 137), ("die 6", 134)];
    for (instructions, expected) in ends.into_iter().chain([("die 34", 162), ("die 64", 192)]) {
        let Some(job) = as_pid_1("", instructions) else { return };
        let ended = job.end();
        assert_eq!((ended.status.code(), ended.err.as_str()), (Some(expected), ""), "{instructions}");
    }
}

#[test]
fn a_command_that_is_not_there_is_127() {
    let Some([unshare, _]) = namespaces() else { return };
    let ended = Job::start(unshare, &guarding("", "/nowhere")).end();
    assert_eq!(ended.status.code(), Some(127));
}

/// Every signal that can be caught, but for SIGCHLD, which is ours, and SIGUSR1, which ends the report.
fn forwarded() -> Vec<i32> {
    let not = [libc::SIGKILL, libc::SIGSTOP, libc::SIGCHLD, libc::SIGUSR1];
    (1..=64).filter(|signal| !not.contains(signal)).collect()
}

fn words(numbers: &[i32]) -> String {
    numbers.iter().map(i32::to_string).collect::<Vec<_>>().join(" ")
}

#[test]
fn signals_that_the_kernel_drops_for_pid_1_reach_the_command() {
    let Some(mut job) = as_pid_1("", &format!("report {} .", words(&forwarded()))) else { return };
    job.pid_of("ready");
    for signal in forwarded() {
        send(job.init(), signal);
        let line = job.line();
        assert!(line.starts_with(&format!("got {signal} ")), "sent {signal}, {line}");
    }
    send(job.init(), libc::SIGUSR1);
    assert_eq!(job.end().status.code(), Some(0));
}

#[test]
fn signals_from_within_the_namespace_reach_it_too() {
    let mut signals = forwarded();
    // A stop signal takes back a SIGCONT that still waits, before anybody has seen it (signal(7)).
    signals.retain(|&signal| signal != libc::SIGCONT);
    let sends: Vec<String> = signals.iter().map(|signal| format!("send {signal} 1")).collect();
    let instructions = format!("child [ setsid await-stdin {} ] report {} .", sends.join(" "), words(&signals));
    let Some(mut job) = as_pid_1("", &instructions) else { return };
    job.pid_of("ready");
    job.close_stdin();
    let mut got: Vec<i32> = signals.iter().map(|_| job.line().split(' ').nth(1).unwrap().parse().unwrap()).collect();
    got.sort_unstable();
    assert_eq!(got, signals);
}

#[test]
fn it_reaps_every_orphan() {
    let Some(mut job) = as_pid_1("", "orphans 200 say done hold") else { return };
    let command = job.pid_of("done");
    let (init, command) = (job.init(), job.outside(command));
    // Zombies are among them until they are reaped.
    wait_until("the orphans to be reaped", || children(init) == [command]);
}

#[test]
fn a_stray_gets_sigterm_and_can_say_goodbye() {
    let Some(mut job) = as_pid_1("", "child [ setsid block 15 say stray await 15 say bye ] await-stdin exit 3") else {
        return;
    };
    let stray = job.pid_of("stray");
    job.close_stdin();
    assert_eq!(job.line(), format!("bye {stray}"));
    let ended = job.end();
    assert_eq!(ended.status.code(), Some(3));
    assert_eq!(ended.err, format!("orphanguard: ended 1 orphan: helper[{stray}] (TERM)\n"));
}

#[test]
fn a_stray_may_take_its_grace_for_that() {
    let stray = "child [ setsid block 15 say stray await 15 say asked await-stdin say bye ]";
    let Some(mut job) = as_pid_1("--grace 1h", &format!("block 10 {stray} await 10 exit 3")) else { return };
    let stray = job.pid_of("stray");
    send(job.init(), libc::SIGUSR1);
    assert_eq!(job.line(), format!("asked {stray}"));
    let init = job.init();
    wait_until("the stray to be all that is left", || children(init).len() == 1);
    job.close_stdin();
    assert_eq!(job.line(), format!("bye {stray}"));
    assert_eq!(job.end().status.code(), Some(3));
}

#[test]
fn a_deaf_stray_gets_sigkill_after_its_grace() {
    let Some(mut job) = as_pid_1("--grace 50ms", "block 10 child [ setsid ignore 15 say stray hold ] await 10 exit 3")
    else {
        return;
    };
    let stray = job.pid_of("stray");
    send(job.init(), libc::SIGUSR1);
    let ended = job.end();
    assert_eq!(ended.status.code(), Some(3));
    assert!(ended.err.contains(&format!("ended 1 orphan: helper[{stray}] (KILL after ")), "{}", ended.err);
}

#[test]
fn the_policy_wait_outlasts_the_last() {
    let Some(mut job) = as_pid_1("--on-exit wait", "child [ setsid say stray await-stdin say bye ] exit 2") else {
        return;
    };
    let stray = job.pid_of("stray");
    let (init, outside) = (job.init(), job.outside(stray));
    wait_until("the command to be gone", || children(init) == [outside]);
    job.close_stdin();
    assert_eq!(job.line(), format!("bye {stray}"));
    let ended = job.end();
    assert_eq!((ended.status.code(), ended.err.as_str()), (Some(2), ""));
}

#[test]
fn under_the_policy_leave_it_says_that_the_kernel_ends_what_is_left() {
    let strays = "child [ setsid say one hold ] child [ setsid say two hold ] await-stdin exit 2";
    let ends = |options: &str| {
        let mut job = as_pid_1(options, strays)?;
        let mut strays = [job.line(), job.line()].map(|line| line.split(' ').nth(1).unwrap().to_owned());
        strays.sort();
        job.close_stdin();
        let ended = job.end();
        assert_eq!(ended.status.code(), Some(2));
        Some((ended.err, strays))
    };
    for options in ["--on-exit leave", "--spare help*"] {
        let Some((err, [one, two])) = ends(options) else { return };
        let left = format!("orphanguard: leaving helper[{one}], helper[{two}], which the kernel kills as PID 1 ends\n");
        assert_eq!(err, left, "{options}");
    }
    assert_eq!(ends("--on-exit leave --quiet").unwrap().0, "");
    assert_eq!(as_pid_1("--on-exit leave", "exit 0").unwrap().end().err, "");
}

#[test]
fn a_stopped_command_hangs_nothing() {
    let Some(mut job) = as_pid_1("", "on 15 exit 4 child [ setsid orphans 20 ] say command stop exit 5") else {
        return;
    };
    let command = job.pid_of("command");
    let (init, command) = (job.init(), job.outside(command));
    common::wait_state(command, 'T');
    // It is reaping meanwhile,
    wait_until("the orphans to be reaped", || children(init) == [command]);
    // and what ends the command reaches it.
    send(init, libc::SIGTERM);
    assert_eq!(job.end().status.code(), Some(4));

    let Some(mut job) = as_pid_1("", "say command stop exit 5") else { return };
    let command = job.pid_of("command");
    let command = job.outside(command);
    common::wait_state(command, 'T');
    send(job.init(), libc::SIGCONT);
    assert_eq!(job.end().status.code(), Some(5));
}

/// A process that enters the namespace from outside, as `podman exec` has it: its parent is not in there.
fn enter(job: &mut Job, instructions: &str) -> Running {
    let [_, nsenter] = namespaces().unwrap();
    let mut command = Command::new("nsenter");
    command.arg("--target").arg(job.init().to_string()).args(nsenter).arg(helper());
    start(command.args(instructions.split_whitespace()).stdin(Stdio::null()))
}

#[test]
fn what_one_leaves_that_came_from_outside_is_adopted_reaped_and_ended() {
    let Some(mut job) = as_pid_1("", "say command hold") else { return };
    let command = job.pid_of("command");
    let (init, command) = (job.init(), job.outside(command));

    let entered = enter(&mut job, "orphans 20 exit 6").nobody_left_soon();
    assert_eq!(entered.status.code(), Some(6));
    wait_until("the orphans to be reaped", || children(init) == [command]);

    let mut entered = enter(&mut job, "child [ setsid block 15 say stray await 15 say bye ] exit 6");
    let stray = entered.pid_of("stray");
    assert_eq!(entered.wait().code(), Some(6));
    wait_until("the stray to be adopted", || children(init).len() == 2);
    send(init, libc::SIGTERM);
    assert_eq!(entered.line(), format!("bye {stray}"));
    let ended = job.end();
    assert_eq!(code(ended.status), 128 + libc::SIGTERM);
    assert!(ended.err.contains(&format!("ended 1 orphan: helper[{stray}] (TERM)")), "{}", ended.err);
}

#[test]
fn one_that_came_from_outside_is_not_of_the_job_and_is_not_waited_for() {
    for options in ["", "--on-exit wait"] {
        let Some(mut job) = as_pid_1(options, "say command await-stdin exit 3") else { return };
        job.pid_of("command");
        let mut entered = enter(&mut job, "block 15 say inside await 15 say bye");
        entered.pid_of("inside");
        job.close_stdin();
        assert_eq!(job.end().status.code(), Some(3));
        let entered = entered.nobody_left();
        assert_eq!((entered.status.signal(), entered.out.as_str()), (Some(libc::SIGKILL), ""));
    }
}

#[test]
fn without_a_proc_of_its_own_it_does_the_same() {
    if namespaces().is_none() {
        return;
    }
    // The one that is mounted shows other processes under the numbers of ours.
    let unshare: &[&str] = if namespaces().unwrap()[0].len() == 1 { &[] } else { &["--user", "--map-root-user"] };
    let tree = "child [ setsid ignore 15 child [ setsid block 15 say deep await 15 say bye ] hold ] await-stdin exit 3";
    let mut job = Job::start(unshare, &guarded("--grace 50ms --spare *", tree));
    let deep = job.pid_of("deep");
    job.close_stdin();
    let ended = job.end();
    assert_eq!(ended.status.code(), Some(3));
    let (shallow, deep) = (format!("?[{}] (KILL after ", deep - 1), format!("?[{deep}] (KILL after "));
    assert!(ended.err.contains("ended 2 orphans") && ended.err.contains(&shallow), "{}", ended.err);
    assert!(ended.err.contains(&deep), "{}", ended.err);
}
