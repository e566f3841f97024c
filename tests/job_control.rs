//! Ctrl-Z, `fg`, `bg`, `&`, `jobs` and `kill %1` of an interactive shell work on orphanguard as on COMMAND alone.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::fmt::Debug;

use common::pty::{CTRL_C, CTRL_D, CTRL_Z, Shell, WRAPPERS, shells};
use common::{Pid, send, state, wait_state, wait_until};

/// Tells its PID, and each line that it reads; exits 9 at the end of its input.
const READER: &str = "#!/bin/sh\necho \"up $$\"\nwhile read -r line; do echo \"read [$line]\"; done\nexit 9\n";

/// A test's body runs in each shell and behind each wrapper, the first of which is none. The statuses that it sees are to be the same.
fn in_each_shell<T: PartialEq + Debug>(body: impl Fn(&mut Shell, &str) -> T) {
    for mut shell in shells() {
        shell.home().file("reader", READER, 0o755);
        let alone = body(&mut shell, "");
        for wrapper in &WRAPPERS[1..] {
            assert_eq!(body(&mut shell, wrapper), alone, "{} {wrapper}", shell.name);
        }
        shell.exit();
    }
}

/// What `jobs` says of the only job: whether it is stopped.
fn is_stopped(shell: &mut Shell) -> bool {
    let (jobs, _) = shell.run("jobs");
    let is = |word| jobs.to_lowercase().contains(word);
    assert!(is("stopped") || is("suspended") || is("running"), "{jobs}");
    !is("running")
}

/// Waits until the job that the shell has just been told to `fg` has the terminal.
fn wait_foreground(shell: &Shell) {
    wait_until("the job to have the terminal", || shell.foreground() != shell.pid());
}

/// Proves that COMMAND has the keyboard.
fn reads(shell: &mut Shell, text: &str) {
    shell.line(text);
    shell.expect(&format!("read [{text}]\r\n"));
}

fn wait_goes_on(pid: Pid) {
    wait_until(&format!("process {pid} to go on"), || state(pid) != Some('T'));
}

#[test]
fn ctrl_z_gives_the_prompt_back_and_fg_the_keyboard_as_often_as_one_likes() {
    in_each_shell(|shell, wrapper| {
        let place = format!("{} {wrapper}", shell.name);
        shell.line(&format!("{wrapper}./reader"));
        let command = shell.number_after("up");
        let mut statuses = Vec::new();
        for round in 0..3 {
            shell.press(CTRL_Z);
            statuses.push(shell.prompt());
            assert_eq!(shell.foreground(), shell.pid(), "{place}");
            assert_eq!((state(shell.job()), state(command)), (Some('T'), Some('T')), "{place}");
            assert!(is_stopped(shell), "{place}");
            shell.line("fg");
            wait_foreground(shell);
            reads(shell, &format!("line {round}"));
        }
        shell.press(CTRL_D);
        statuses.push(shell.prompt());
        statuses
    });
}

#[test]
fn bg_has_the_job_go_on_once_and_leaves_the_keyboard_with_the_shell() {
    in_each_shell(|shell, wrapper| {
        let place = format!("{} {wrapper}", shell.name);
        shell.line(&format!("{wrapper}helper report 12 18 ."));
        let command = shell.number_after("ready");
        for _ in 0..3 {
            shell.press(CTRL_Z);
            let _ = shell.prompt();
            assert!(is_stopped(shell), "{place}");
            let before = shell.mark();
            shell.background("bg", |shell| shell.expect("got 18 "));
            wait_goes_on(shell.job());
            // A copy would come from orphanguard, and so ahead of what orphanguard is sent after it.
            send(shell.job(), libc::SIGUSR2);
            shell.expect("got 12 ");
            assert_eq!(shell.since(before).matches("got ").count(), 2, "{place}: {}", shell.since(before));
            assert_eq!(shell.foreground(), shell.pid(), "{place}");
            assert!(!is_stopped(shell), "{place}");
            shell.line("fg");
            wait_foreground(shell);
        }
        send(command, libc::SIGUSR1);
        shell.prompt()
    });
}

/// An editor restores the screen first.
#[test]
fn the_job_stops_once_command_has_stopped_and_not_before() {
    in_each_shell(|shell, wrapper| {
        let place = format!("{} {wrapper}", shell.name);
        shell.line(&format!("{wrapper}helper report 12 20 ."));
        let command = shell.number_after("ready");
        shell.press(CTRL_Z);
        shell.expect("got 20 ");
        send(shell.job(), libc::SIGUSR2);
        let before = shell.expect("got 12 ");
        assert!(!before.contains("got"), "{place}: {before}");
        assert_ne!(shell.foreground(), shell.pid(), "{place}");
        send(command, libc::SIGSTOP);
        let _ = shell.prompt();
        assert!(is_stopped(shell), "{place}");
        shell.line("fg");
        wait_foreground(shell);
        send(command, libc::SIGUSR1);
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
        wait_foreground(shell);
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
        wait_foreground(shell);
        send(command, libc::SIGUSR1);
        let _ = shell.number_after("up");
        reads(shell, "hello");
        shell.press(CTRL_C);
        shell.prompt()
    });
}
