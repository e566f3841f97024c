//! Ctrl-Z, `fg`, `bg`, `&`, `jobs` and `kill %1` of an interactive shell work on orphanguard as on COMMAND alone.
#![allow(unsafe_code, clippy::unwrap_used, clippy::panic, clippy::undocumented_unsafe_blocks)]

mod common;

use std::fmt::Debug;
use std::time::{Duration, Instant};

use common::pty::{CTRL_C, CTRL_D, CTRL_Z, LAST, Shell, WRAPPERS, shells};
use common::{Pid, children, send, state, wait_state, wait_until};

/// Tells its PID, and each line that it reads; exits 9 at the end of its input.
const READER: &str = "#!/bin/sh\necho \"up $$\"\nwhile read -r line; do echo \"read [$line]\"; done\nexit 9\n";

/// A test's body runs in each shell and behind each wrapper, the first of which is none. The statuses that it sees are to be the same.
fn in_each_shell<T: PartialEq + Debug>(body: impl Fn(&mut Shell, &str) -> T) {
    behind_each_of(&WRAPPERS, body);
}

fn behind_each_of<T: PartialEq + Debug>(wrappers: &[&str], body: impl Fn(&mut Shell, &str) -> T) {
    for mut shell in shells() {
        shell.home().file("reader", READER, 0o755);
        let alone = body(&mut shell, wrappers[0]);
        for wrapper in &wrappers[1..] {
            assert_eq!(body(&mut shell, wrapper), alone, "{} {wrapper}", shell.name);
        }
        shell.exit();
    }
}

/// What `jobs` says of the only job: whether it is stopped.
fn is_stopped(shell: &mut Shell) -> bool {
    let (jobs, _) = shell.run("jobs");
    let is = |word| jobs.to_lowercase().contains(word);
    assert!(is("stopped") || is("suspended") || is("running"), "{}: {jobs}", shell.name);
    !is("running")
}

/// Proves that COMMAND has the keyboard.
fn reads(shell: &mut Shell, text: &str) {
    shell.line(text);
    shell.expect(&format!("read [{text}]\r\n"));
}

/// The statuses that the shell tells on the way of a job in which this process reads.
fn keeps_the_keyboard(shell: &mut Shell, reader: Pid, place: &str) -> Vec<i32> {
    let mut statuses = Vec::new();
    for round in 0..3 {
        shell.press(CTRL_Z);
        statuses.push(shell.prompt());
        assert_eq!(shell.foreground(), shell.pid(), "{place}");
        assert_eq!(state(shell.job()), Some('T'), "{place}");
        // A key right after fg may find orphanguard about to go on, and stop it at once, COMMAND a moment later. And until it is stopped, it
        // may read what is typed at the prompt.
        wait_state(reader, 'T');
        assert!(is_stopped(shell), "{place}");
        shell.line("fg");
        shell.wait_foreground();
        reads(shell, &format!("line {round}"));
    }
    shell.press(CTRL_D);
    statuses.push(shell.prompt());
    statuses
}

fn wait_goes_on(pid: Pid) {
    wait_until(&format!("process {pid} to go on"), || state(pid) != Some('T'));
}

fn group(pid: Pid) -> Pid {
    unsafe { libc::getpgid(pid) }
}

#[test]
fn ctrl_z_gives_the_prompt_back_and_fg_the_keyboard_as_often_as_one_likes() {
    in_each_shell(|shell, wrapper| {
        let place = format!("{} {wrapper}", shell.name);
        shell.line(&format!("{wrapper}./reader"));
        let command = shell.number_after("up");
        keeps_the_keyboard(shell, command, &place)
    });
}

/// timeout(1) leaves the terminal's group, if it does not lead it.
#[test]
fn ctrl_z_and_fg_reach_all_of_a_command_in_a_group_of_its_own() {
    in_each_shell(|shell, wrapper| {
        shell.line(&format!("{wrapper}timeout 1000 helper say up hold"));
        let below = shell.number_after("up");
        let timeout = common::parent(below);
        shell.press(CTRL_Z);
        let stopped = shell.prompt();
        for pid in [timeout, below] {
            wait_state(pid, 'T');
        }
        assert!(is_stopped(shell), "{} {wrapper}", shell.name);
        shell.line("fg");
        shell.wait_foreground();
        for pid in [timeout, below] {
            wait_goes_on(pid);
        }
        shell.press(CTRL_C);
        (stopped, shell.prompt())
    });
}

/// Bare it has it, for it leads the terminal's group already.
#[test]
fn a_command_that_makes_a_group_of_its_own_has_the_keyboard() {
    in_each_shell(|shell, wrapper| {
        shell.line(&format!("{wrapper}timeout 1000 ./reader"));
        let reader = shell.number_after("up");
        reads(shell, "first");
        keeps_the_keyboard(shell, reader, wrapper)
    });
}

/// Makes a process group of its own, if it leads none, and gives that the terminal, as interactive shells do. It does not take it again.
const TAKER: &str = "#!/usr/bin/env python3
import os, signal, sys
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
if os.getpgrp() != os.getpid(): os.setpgid(0, 0)
os.tcsetpgrp(0, os.getpid())
print('up', os.getpid(), flush=True)
for line in sys.stdin: print(f'read [{line.strip()}]', flush=True)
sys.exit(9)
";

#[test]
fn a_command_that_took_the_terminal_has_it_again_after_fg() {
    in_each_shell(|shell, wrapper| {
        shell.home().file("taker", TAKER, 0o755);
        shell.line(&format!("{wrapper}./taker"));
        let taker = shell.number_after("up");
        reads(shell, "first");
        keeps_the_keyboard(shell, taker, wrapper)
    });
}

/// What is behind COMMAND in a pipeline keeps the terminal, for as long as COMMAND's group is looked at and longer.
#[test]
fn a_pager_behind_a_command_in_a_group_of_its_own_keeps_the_terminal() {
    let pager = "#!/bin/sh\nread -r number\necho \"up $number\"\nwhile read -r line; do echo \"read [$line]\"; done </dev/tty\nexit 9\n";
    let mut shell = Shell::bash();
    shell.home().file("pager", pager, 0o755);
    for wrapper in ["", "orphanguard -- ", "orphanguard --no-sentinel -- "] {
        shell.line(&format!("{wrapper}timeout 1000 sh -c 'echo 1; exec sleep 1000' | ./pager"));
        shell.number_after("up");
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(300) {
            reads(&mut shell, "line");
        }
        shell.press(CTRL_C);
        assert_eq!(shell.prompt(), 130, "{wrapper}");
    }
    shell.exit();
}

/// Then there is no COMMAND that could stop in the job's place.
#[test]
fn ctrl_z_stops_a_job_that_waits_for_what_command_left() {
    for mut shell in shells() {
        for options in ["", "--no-sentinel"] {
            shell.line(&format!("orphanguard {options} --on-exit wait -- helper child [ say left hold ] exit 3"));
            let left = shell.number_after("left");
            let guard = if options.is_empty() { children(shell.job())[0] } else { shell.job() };
            wait_until("nobody but the orphan to be left", || children(guard) == [left]);
            // It has looked at the orphan, and would have one go on that had been stopped by then.
            wait_state(guard, 'S');
            shell.press(CTRL_Z);
            let _ = shell.prompt();
            wait_state(left, 'T');
            assert!(is_stopped(&mut shell), "{} {options}", shell.name);
            shell.line("fg");
            shell.wait_foreground();
            wait_goes_on(left);
            send(left, libc::SIGKILL);
            // fish has the status of `fg` itself.
            let status = if shell.name == "fish" { 0 } else { 3 };
            assert_eq!(shell.prompt(), status, "{} {options}", shell.name);
        }
        shell.exit();
    }
}

#[test]
fn bg_has_the_job_go_on_once_and_leaves_the_keyboard_with_the_shell() {
    in_each_shell(|shell, wrapper| {
        let place = format!("{} {wrapper}", shell.name);
        shell.line(&format!("{wrapper}helper report 18 40 ."));
        let command = shell.number_after("ready");
        shell.press(CTRL_Z);
        let _ = shell.prompt();
        assert!(is_stopped(shell), "{place}");
        let before = shell.mark();
        shell.background("bg", |shell| shell.expect("got 18 "));
        wait_goes_on(shell.job());
        // A copy would come from orphanguard, and so ahead of what orphanguard is sent after it.
        send(shell.job(), LAST);
        shell.expect("got 40 ");
        assert_eq!(shell.since(before).matches("got ").count(), 2, "{place}: {}", shell.since(before));
        assert_eq!(shell.foreground(), shell.pid(), "{place}");
        assert!(!is_stopped(shell), "{place}");
        shell.line("fg");
        shell.wait_foreground();
        send(command, libc::SIGUSR1);
        shell.prompt()
    });
}

/// An editor restores the screen first.
#[test]
fn the_job_stops_once_command_has_stopped_and_not_before() {
    in_each_shell(|shell, wrapper| {
        let place = format!("{} {wrapper}", shell.name);
        shell.line(&format!("{wrapper}helper report 20 40 ."));
        let command = shell.number_after("ready");
        shell.press(CTRL_Z);
        shell.expect("got 20 ");
        shell.reports_nothing_more();
        assert_ne!(shell.foreground(), shell.pid(), "{place}");
        send(command, libc::SIGSTOP);
        let _ = shell.prompt();
        assert!(is_stopped(shell), "{place}");
        shell.line("fg");
        wait_until("COMMAND to have the terminal", || shell.foreground() == group(command));
        send(command, libc::SIGUSR1);
        shell.prompt()
    });
}

#[test]
fn the_job_goes_on_with_a_command_that_somebody_else_has_go_on() {
    // Without a sentinel nobody is awake who could see it.
    behind_each_of(&["", "orphanguard -- ", "orphanguard --group new -- "], |shell, wrapper| {
        let place = format!("{} {wrapper}", shell.name);
        shell.line(&format!("{wrapper}helper say up hold"));
        let command = shell.number_after("up");
        shell.press(CTRL_Z);
        let _ = shell.prompt();
        assert!(is_stopped(shell), "{place}");
        send(command, libc::SIGCONT);
        wait_goes_on(shell.job());
        shell.line("fg");
        shell.wait_foreground();
        send(command, libc::SIGTERM);
        shell.prompt()
    });
}

#[test]
fn a_job_of_the_background_leaves_the_terminal_alone_and_is_stopped_when_it_reads() {
    in_each_shell(|shell, wrapper| {
        let place = format!("{} {wrapper}", shell.name);
        let command = shell.background(&format!("{wrapper}./reader &"), |shell| shell.number_after("up"));
        wait_state(command, 'T');
        wait_state(shell.job(), 'T');
        assert_eq!(shell.foreground(), shell.pid(), "{place}");
        assert!(is_stopped(shell), "{place}");
        shell.line("fg");
        shell.wait_foreground();
        reads(shell, "hello");
        shell.press(CTRL_D);
        shell.prompt()
    });
}

#[test]
fn fg_gives_the_keyboard_to_a_job_that_was_never_stopped() {
    in_each_shell(|shell, wrapper| {
        let place = format!("{} {wrapper}", shell.name);
        let command = shell
            .background(&format!("{wrapper}helper block 10 say up await 10 exec /bin/sh ./reader &"), |shell| {
                shell.number_after("up")
            });
        assert_eq!(shell.foreground(), shell.pid(), "{place}");
        assert!(!is_stopped(shell), "{place}");
        shell.line("fg");
        shell.wait_foreground();
        send(command, libc::SIGUSR1);
        let _ = shell.number_after("up");
        reads(shell, "hello");
        shell.press(CTRL_C);
        shell.prompt()
    });
}

/// Waits until the job has ended and the shell knows it: dash looks only when there is a command, bash at times when the next child ends.
fn wait_ended(shell: &mut Shell) {
    wait_until("the job to end", || {
        let _ = shell.run("/bin/true; jobs");
        children(shell.pid()).is_empty()
    });
    let _ = shell.run("jobs");
}

#[test]
fn kill_ends_the_job_also_where_it_is_stopped() {
    in_each_shell(|shell, wrapper| {
        // fish knows no job by %1.
        if shell.name == "fish" {
            return 0;
        }
        let hear = |shell: &mut Shell| shell.number_after("up");
        shell.background(&format!("{wrapper}helper say up hold &"), hear);
        let (_, ended) = shell.run("kill %1; wait $!");
        wait_ended(shell);
        shell.line(&format!("{wrapper}helper say up hold"));
        let command = shell.number_after("up");
        shell.press(CTRL_Z);
        let _ = shell.prompt();
        assert_eq!(state(command), Some('T'), "{} {wrapper}", shell.name);
        // bash and zsh have a stopped job go on after that signal. dash does not, and then somebody has to.
        shell.run(if shell.name == "dash" { "kill %1; kill -CONT %1" } else { "kill %1" });
        wait_ended(shell);
        ended
    });
}

#[test]
fn kill_stops_the_job_and_has_it_go_on_as_often_as_one_likes() {
    // With a group of its own, COMMAND is not in the one that SIGSTOP goes to, and that cannot be passed on.
    behind_each_of(&WRAPPERS[..3], |shell, wrapper| {
        // fish knows no job by %1.
        if shell.name == "fish" {
            return 0;
        }
        let line = format!("{wrapper}helper report 18 40 . &");
        let command = shell.background(&line, |shell| shell.number_after("ready"));
        for _ in 0..3 {
            shell.run("kill -STOP %1");
            wait_state(command, 'T');
            wait_state(shell.job(), 'T');
            shell.background("kill -CONT %1", |shell| shell.expect("got 18 "));
            wait_goes_on(shell.job());
            // What went on last passes its signal on last, and would undo a stop that comes first.
            shell.reports_nothing_more();
        }
        shell.run("kill -STOP %1");
        wait_state(command, 'T');
        wait_state(shell.job(), 'T');
        shell.line("fg");
        shell.expect("got 18 ");
        shell.wait_foreground();
        send(command, libc::SIGUSR1);
        shell.prompt()
    });
}

/// Has the shell wait for its job.
fn waits(shell: &mut Shell) {
    // Once it says so, it is about to.
    shell.line("echo wai''ts; wait %1");
    shell.expect("waits\r\n");
    wait_state(shell.pid(), 'S');
}

#[test]
fn wait_tells_the_jobs_status_and_ctrl_c_ends_the_waiting_alone() {
    in_each_shell(|shell, wrapper| {
        // fish tells no status, and zsh's `wait` cannot be ended so.
        if !["bash", "dash"].contains(&shell.name) {
            return (0, 0, 0);
        }
        let line = format!("{wrapper}helper block 10 say up await 10 exit 3 &");
        let command = shell.background(&line, |shell| shell.number_after("up"));
        waits(shell);
        shell.press(CTRL_C);
        let interrupted = shell.prompt();
        assert!(state(command).is_some() && !is_stopped(shell), "{} {wrapper}", shell.name);
        waits(shell);
        send(command, libc::SIGUSR1);
        let waited = shell.prompt();
        let (_, ended) = shell.run(&format!("{wrapper}helper exit 4 & wait $!"));
        (interrupted, waited, ended)
    });
}

#[test]
fn a_disowned_job_outlives_the_shell() {
    for wrapper in WRAPPERS {
        for mut shell in shells().filter(|shell| shell.name != "dash") {
            let line = format!("{wrapper}helper say up hold &");
            let command = shell.background(&line, |shell| shell.number_after("up"));
            let job = shell.job();
            shell.run("disown");
            shell.line("exit");
            wait_state(shell.pid(), 'Z');
            wait_state(command, 'S');
            wait_state(job, 'S');
            send(job, libc::SIGTERM);
            shell.gone();
        }
    }
}
