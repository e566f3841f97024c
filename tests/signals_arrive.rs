//! Every signal that can be caught reaches COMMAND once, from the first millisecond on; none is lost, merged or made up.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{
    Pid, Running, catchable, children, guarded, guarding, helper, orphanguard, queue, run, send, start, wait_until,
};

/// `report` with these signals.
fn reporting(signals: impl IntoIterator<Item = i32>) -> String {
    signals.into_iter().fold("report".into(), |text, signal| format!("{text} {signal}")) + " ."
}

/// Who got which signal, from the next line.
fn got(job: &mut Running) -> (String, i32) {
    let line = job.line();
    let mut words = line.split(' ');
    (words.next().unwrap().to_owned(), words.next().unwrap_or_else(|| panic!("got {line:?}")).parse().unwrap())
}

/// COMMAND as the only child, for a caller that has blocked or ignored something: what orphanguard inherits, the helper sets.
fn from_a_caller(prepared: &str, options: &str, instructions: &str) -> Command {
    let mut caller = Command::new(helper());
    caller.args(prepared.split_whitespace()).arg("exec").arg(orphanguard()).args(options.split_whitespace());
    caller.arg("--").arg(helper()).args(instructions.split_whitespace()).stdin(Stdio::null());
    caller
}

#[test]
fn each_that_can_be_caught_arrives_once() {
    for options in ["", "--no-sentinel", "--forward command", "--forward group", "--forward tree", "--group same"] {
        let mut job = start(&mut guarded(options, &reporting(catchable())));
        let command = job.pid_of("ready");
        // A second copy of any of them would show between the others.
        for _ in 0..2 {
            for signal in catchable() {
                send(job.pid(), signal);
                assert_eq!(got(&mut job), ("got".into(), signal), "{options}");
            }
        }
        send(command, libc::SIGKILL);
        let ended = job.nobody_left();
        assert_eq!((ended.out.as_str(), ended.status.signal()), ("", Some(libc::SIGKILL)), "{options}");
    }
}

#[test]
fn each_that_is_sent_to_the_guard_itself_arrives_once() {
    let mut job = start(&mut guarded("", &reporting(catchable())));
    let command = job.pid_of("ready");
    for signal in catchable() {
        send(job.guard(), signal);
        assert_eq!(got(&mut job), ("got".into(), signal));
    }
    send(command, libc::SIGKILL);
    assert_eq!(job.nobody_left().out, "");
}

#[test]
fn two_hundred_that_were_queued_arrive_as_two_hundred_with_their_values() {
    for options in ["", "--no-sentinel", "--rewrite 12=10"] {
        let mut job = start(&mut guarded(options, "report 34 50 ."));
        let command = job.pid_of("ready");
        for n in 0..100 {
            queue(job.pid(), 34, n);
            queue(job.pid(), 50, 1000 + n);
        }
        let mut values: Vec<(i32, Pid, usize)> = (0..200)
            .map(|_| {
                let line = job.line();
                let numbers: Vec<i64> = line.split(' ').skip(1).map(|word| word.parse().unwrap()).collect();
                (numbers[0] as i32, numbers[2] as Pid, numbers[3] as usize)
            })
            .collect();
        // Of each number in the order in which they were sent; between the two there is none.
        values.sort_by_key(|&(signal, ..)| signal);
        let me = std::process::id() as Pid;
        let sent = |signal, from| (from..from + 100).map(move |value| (signal, me, value));
        assert_eq!(values, sent(34, 0).chain(sent(50, 1000)).collect::<Vec<_>>());
        send(command, libc::SIGUSR1);
        assert_eq!(job.nobody_left().out, "");
    }
}

#[test]
fn two_hundred_that_wait_for_orphanguard_before_it_runs_arrive_too() {
    for options in ["", "--no-sentinel"] {
        // Blocked by the caller, they survive two execs; COMMAND takes its time to read them.
        let mut caller = from_a_caller("mask all say caller await-stdin", options, "report 34 .");
        let mut job = start(caller.stdin(Stdio::piped()));
        let orphanguard = job.pid_of("caller");
        (0..200).for_each(|n| queue(orphanguard, 34, n));
        drop(job.stdin.take());
        let command = job.pid_of("ready");
        for n in 0..200 {
            let line = job.line();
            assert!(line.starts_with("got 34 ") && line.ends_with(&format!(" {n}")), "{n}: {line}");
        }
        send(command, libc::SIGUSR1);
        assert_eq!(job.nobody_left().out, "");
    }
}

#[test]
fn a_polite_end_in_the_first_milliseconds_is_an_end() {
    for n in 0..300u64 {
        let options = if n % 2 == 0 { "--grace 1h" } else { "--grace 1h --no-sentinel" };
        let job = start(&mut guarded(options, "child [ setsid hold ] hold"));
        std::thread::sleep(Duration::from_micros(n * 101 % 300 * 20));
        send(job.pid(), libc::SIGTERM);
        // Before COMMAND runs it may end orphanguard alone; later, COMMAND. Lost, it would end nobody.
        assert_eq!(job.nobody_left().status.signal(), Some(libc::SIGTERM));
    }
}

#[test]
fn a_signal_sent_as_soon_as_command_says_that_it_runs() {
    for n in 0..200 {
        let options = if n % 2 == 0 { "" } else { "--no-sentinel" };
        let mut job = start(&mut guarded(options, "report 15 ."));
        let command = job.pid_of("ready");
        send(job.pid(), libc::SIGTERM);
        assert_eq!(got(&mut job), ("got".into(), libc::SIGTERM));
        send(command, libc::SIGUSR1);
        job.nobody_left();
    }
}

#[test]
fn one_that_was_ignored_stays_ignored() {
    for options in ["", "--no-sentinel"] {
        let mut job = start(&mut from_a_caller("ignore 1", options, "report 12 ."));
        let command = job.pid_of("ready");
        for _ in 0..20 {
            send(job.pid(), libc::SIGHUP);
            // What is sent in between has not ended it: this comes after that.
            send(job.pid(), libc::SIGUSR2);
            assert_eq!(got(&mut job), ("got".into(), libc::SIGUSR2));
        }
        send(command, libc::SIGUSR1);
        assert_eq!(job.nobody_left().status.code(), Some(0));
    }
}

#[test]
fn every_ignored_signal_stays_ignored_in_command() {
    let ignored = |caller: &mut Command| {
        let ended = run(caller);
        let line = ended.out.lines().find(|line| line.starts_with("SigIgn")).map(str::to_owned);
        line.unwrap_or_else(|| panic!("{}{}", ended.out, ended.err))
    };
    let grep = ["grep", "SigIgn", "/proc/self/status"];
    for prepared in ["ignore all", "ignore 32 ignore 64", "default 13"] {
        let caller = |between: &[&str]| {
            let mut caller = Command::new(helper());
            caller.args(prepared.split(' ')).args(["exec", "/usr/bin/env"]).args(between).args(grep);
            ignored(&mut caller)
        };
        let path = orphanguard();
        let path = path.to_str().unwrap();
        let bare = caller(&[]);
        assert_eq!(caller(&[path, "--"]), bare);
        assert_eq!(caller(&[path, "--no-sentinel", "--"]), bare);
    }
}

/// Two numbers above all others: who has several takes the lowest first.
const LAST: i32 = 60;
const CALL: i32 = 61;

/// COMMAND, a child in its group and one in a session of its own, who report these signals by these names.
fn family(options: &str, signals: &str) -> (Running, [Pid; 3]) {
    let report = format!("report {signals} {LAST} {CALL} .");
    let tree = format!("child [ setsid name far {report} ] child [ name near {report} ] name command {report}");
    let mut job = start(&mut guarded(options, &tree));
    let all: Vec<Pid> = (0..3).map(|_| job.pid_of("ready")).collect();
    let mut members = [0; 3];
    for pid in all {
        send(pid, CALL);
        let (who, signal) = got(&mut job);
        assert_eq!(signal, CALL);
        members[["command", "near", "far"].iter().position(|member| *member == who).unwrap()] = pid;
    }
    (job, members)
}

/// Who got the signals that were sent, asked for by a last one that is sent to each directly and comes after all others.
fn collect(job: &mut Running, members: &[Pid; 3]) -> Vec<(String, i32)> {
    // What is forwarded is forwarded in order: once COMMAND has this one, all have all others. It comes late to some itself, and
    // is overlooked then.
    send(job.pid(), LAST);
    let mut found = Vec::new();
    loop {
        match got(job) {
            (who, LAST) if who == "command" => break,
            (_, LAST) => {}
            other => found.push(other),
        }
    }
    for &pid in members {
        send(pid, CALL);
    }
    let mut left = members.len();
    while left > 0 {
        match got(job) {
            (_, CALL) => left -= 1,
            (_, LAST) => {}
            other => found.push(other),
        }
    }
    found.sort();
    found
}

fn end(job: Running, members: &[Pid; 3]) {
    // COMMAND last, for its end would be the end of the others too.
    for &pid in members.iter().rev() {
        send(pid, libc::SIGUSR1);
        if pid != members[0] {
            wait_until("it to be gone", || common::state(pid).is_none_or(|state| state == 'Z'));
        }
    }
    let ended = job.nobody_left();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.err);
    assert!(ended.out.lines().all(|line| line.contains(&format!(" {LAST} "))), "{}", ended.out);
}

fn named(who: &[&str], signals: &[i32]) -> Vec<(String, i32)> {
    let mut all: Vec<_> = who.iter().flat_map(|who| signals.iter().map(|&signal| ((*who).into(), signal))).collect();
    all.sort();
    all
}

#[test]
fn each_mode_of_forwarding_reaches_whom_it_names() {
    const TERM: i32 = libc::SIGTERM;
    const INT: i32 = libc::SIGINT;
    const CONT: i32 = libc::SIGCONT;
    let everyone = ["command", "near", "far"];
    for sentinel in ["", " --no-sentinel"] {
        for group in ["new", "same", "session"] {
            for (mode, who) in [("command", &everyone[..1]), ("group", &everyone[..2]), ("tree", &everyone[..])] {
                let (mut job, members) = family(&format!("--forward {mode} --group {group}{sentinel}"), "2 15 18");
                for signal in [INT, TERM, CONT] {
                    send(job.pid(), signal);
                    assert_eq!(collect(&mut job, &members), named(who, &[signal]), "{mode} {group} {sentinel}");
                }
                end(job, &members);
            }
            let (mut job, members) = family(&format!("--group {group}{sentinel}"), "2 3 15 20 28 1 12");
            for signal in [libc::SIGINT, libc::SIGQUIT, libc::SIGTSTP, libc::SIGWINCH] {
                send(job.pid(), signal);
                assert_eq!(collect(&mut job, &members), named(&everyone[..2], &[signal]), "auto {group} {sentinel}");
            }
            for signal in [libc::SIGTERM, libc::SIGHUP, libc::SIGUSR2] {
                send(job.pid(), signal);
                assert_eq!(collect(&mut job, &members), named(&everyone[..1], &[signal]), "auto {group} {sentinel}");
            }
            end(job, &members);
        }
    }
}

#[test]
fn a_signal_can_be_rewritten_or_dropped() {
    let options = "--rewrite TERM=INT -r HUP=none --rewrite USR2=RTMIN+3 -r QUIT=TERM -r QUIT=WINCH";
    let mut job = start(&mut guarded(options, "report 1 2 3 12 15 28 37 40 ."));
    let command = job.pid_of("ready");
    for (sent, came) in [(15, 2), (12, 37), (2, 2), (3, 28), (40, 40)] {
        send(job.pid(), libc::SIGHUP);
        send(job.pid(), sent);
        assert_eq!(got(&mut job), ("got".into(), came));
    }
    send(command, libc::SIGUSR1);
    assert_eq!(job.nobody_left().out, "");
}

#[test]
fn rewriting_is_also_read_from_a_variable() {
    let mut command = guarded("", "report 2 15 28 .");
    let mut job = start(command.env("ORPHANGUARD_REWRITE", "TERM=INT,HUP=none,USR2=WINCH"));
    let command = job.pid_of("ready");
    for (sent, came) in [(15, 2), (12, 28)] {
        send(job.pid(), libc::SIGHUP);
        send(job.pid(), sent);
        assert_eq!(got(&mut job), ("got".into(), came));
    }
    send(command, libc::SIGUSR1);
    job.nobody_left();
}

#[test]
fn a_sigchld_that_somebody_sends_is_no_death() {
    for options in ["", "--no-sentinel"] {
        let mut job = start(&mut guarded(options, "report 12 17 ."));
        let command = job.pid_of("ready");
        for _ in 0..20 {
            send(job.pid(), libc::SIGCHLD);
            if options.is_empty() {
                send(job.guard(), libc::SIGCHLD);
            }
            send(job.pid(), libc::SIGUSR2);
            // It is not forwarded either: it would come first, for COMMAND would have it first.
            assert_eq!(got(&mut job), ("got".into(), libc::SIGUSR2));
        }
        send(command, libc::SIGUSR1);
        let ended = job.nobody_left();
        assert_eq!((ended.status.code(), ended.out.as_str()), (Some(0), ""));
    }
}

#[test]
fn under_wait_they_go_to_everything_that_is_left() {
    for options in ["--on-exit wait", "--on-exit wait --no-sentinel", "--on-exit wait --forward command"] {
        let report = "report 12 15 .";
        let tree =
            format!("child [ setsid name far {report} ] child [ name near {report} ] say command await-stdin exit 5");
        let mut job = start(guarded(options, &tree).stdin(Stdio::piped()));
        let lines: Vec<String> = (0..3).map(|_| job.line()).collect();
        let pid = |word| lines.iter().filter_map(move |line| line.strip_prefix(word)?.trim().parse::<Pid>().ok());
        let (command, left): (Vec<Pid>, Vec<Pid>) = (pid("command").collect(), pid("ready").collect());
        drop(job.stdin.take());
        wait_until("COMMAND to be gone", || common::state(command[0]).is_none());
        for signal in [libc::SIGTERM, libc::SIGUSR2] {
            send(job.pid(), signal);
            let mut who = [got(&mut job), got(&mut job)];
            who.sort();
            assert_eq!(who, [("far".into(), signal), ("near".into(), signal)]);
        }
        for pid in left {
            send(pid, libc::SIGUSR1);
        }
        let ended = job.nobody_left();
        assert_eq!((ended.status.code(), ended.out.as_str(), ended.err.as_str()), (Some(5), "", ""));
    }
}

#[test]
fn one_of_a_fault_that_was_sent_is_forwarded() {
    // Rust's runtime has handlers of its own for two of them.
    for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGSYS, libc::SIGABRT]
    {
        let mut job = start(&mut guarded("", "default 7 default 11 say command hold"));
        let _ = job.pid_of("command");
        send(job.pid(), signal);
        assert_eq!(job.nobody_left().status.signal(), Some(signal));
    }
}

#[test]
fn a_broken_pipe_of_its_own_is_not_forwarded() {
    // COMMAND would end at it; its stray is ended, of which a line is written into the broken pipe.
    let mut command = guarding("-v", helper());
    command.args("child [ setsid hold ] report 13 15 .".split(' '));
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let mut job = common::start_unheard(command.stderr(writer));
    let command = job.pid_of("ready");
    send(job.pid(), libc::SIGTERM);
    assert_eq!(got(&mut job), ("got".into(), libc::SIGTERM));
    assert!(!children(job.pid()).is_empty());
    send(command, libc::SIGUSR1);
    let ended = job.nobody_left();
    assert_eq!((ended.status.code(), ended.out.as_str()), (Some(0), ""));
}
