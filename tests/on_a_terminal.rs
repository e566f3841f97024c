//! Programs that use the terminal, pagers, editors, password prompts, shells, work behind orphanguard as they do alone.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::time::{Duration, Instant};

use common::pty::{BASH, CTRL_Z, Kind, Shell, WRAPPERS, ZSH, is_installed, shells};
use common::{send, state, status_field, wait_state, wait_until};

/// What may stand before the other side of a pipe: a group of its own there would take the keyboard from the pager.
const IN_THE_CALLERS_GROUP: [&str; 3] = ["", "orphanguard -- ", "orphanguard --no-sentinel -- "];

/// A bash on a terminal that can move its cursor.
fn with_a_cursor() -> Shell {
    Shell::start_with(BASH, &[("TERM", "xterm")]).unwrap()
}

/// What stty(1) says of the terminal.
fn attributes(shell: &mut Shell) -> String {
    let (text, _) = shell.run("stty -a");
    text.split_once("speed").unwrap().1.to_owned()
}

#[test]
fn a_pager_has_the_keyboard_on_either_side_of_a_pipe() {
    if !is_installed("less") {
        return;
    }
    let mut shell = with_a_cursor();
    shell.run("seq 10000 >numbers");
    let before = attributes(&mut shell);
    shell.home().file("pager", "#!/bin/sh\necho \"up $$\"\nexec less \"$@\"\n", 0o755);
    let mut lines: Vec<String> = WRAPPERS.iter().map(|wrapper| format!("{wrapper}./pager numbers")).collect();
    lines.extend(WRAPPERS.iter().map(|wrapper| format!("seq 10000 | {wrapper}./pager")));
    for wrapper in IN_THE_CALLERS_GROUP {
        lines.push(format!("{wrapper}seq 10000 | ./pager"));
        lines.push(format!("{wrapper}sh -c 'seq 10000' | {wrapper}./pager"));
    }
    for line in lines {
        shell.line(&line);
        let pager = shell.number_after("up");
        shell.expect("\n49");
        shell.press(" ");
        shell.expect("\n98");
        // less would not notice the key between the last look at its signals and its reading of keys.
        shell.expect(":");
        wait_state(pager, 'S');
        shell.press(CTRL_Z);
        let _ = shell.prompt();
        shell.line("fg");
        shell.expect("\n98");
        shell.press(" ");
        shell.expect("\n147");
        shell.press("q");
        assert_eq!(shell.prompt(), 0, "{line}");
        assert_eq!(attributes(&mut shell), before, "{line}");
    }
    shell.exit();
}

#[test]
fn an_editor_is_stopped_and_resumed_with_its_screen_and_the_terminal_is_as_before() {
    if !is_installed("vim.tiny") {
        return;
    }
    let mut shell = with_a_cursor();
    let before = attributes(&mut shell);
    for wrapper in WRAPPERS {
        let file = shell.home().file("text", "first line\n", 0o644);
        shell.line(&format!("{wrapper}vim.tiny -u NONE -N text"));
        shell.expect("first line");
        for _ in 0..2 {
            shell.press(CTRL_Z);
            assert_eq!(shell.prompt(), 148, "{wrapper}");
            assert_eq!(attributes(&mut shell), before, "{wrapper}");
            shell.line("fg");
            shell.expect("first line");
        }
        shell.press("osecond line\x1b:wq\r");
        assert_eq!(shell.prompt(), 0, "{wrapper}");
        assert_eq!(std::fs::read_to_string(file).unwrap(), "first line\nsecond line\n", "{wrapper}");
        shell.line(&format!("{wrapper}vim.tiny -u NONE -N text"));
        shell.expect("second line");
        shell.press(":q\r");
        assert_eq!(shell.prompt(), 0, "{wrapper}");
        assert_eq!(attributes(&mut shell), before, "{wrapper}");
    }
    shell.exit();
}

#[test]
fn a_password_does_not_show() {
    let mut shell = Shell::bash();
    let before = attributes(&mut shell);
    let by_stty = "#!/bin/sh\nstty -echo\necho \"up $$\"\nread -r secret\nstty echo\necho \"got [$secret]\"\n";
    shell.home().file("by-stty", by_stty, 0o755);
    shell.home().file("by-read", "#!/bin/bash\necho \"up $$\"\nread -rs secret\necho \"got [$secret]\"\n", 0o755);
    for wrapper in WRAPPERS {
        for script in ["by-stty", "by-read"] {
            let mark = shell.mark();
            shell.line(&format!("{wrapper}./{script}"));
            let _ = shell.number_after("up");
            wait_until("the echo to be off", || !shell.echoes());
            shell.line("open sesame");
            shell.expect("got [open sesame]");
            assert_eq!(shell.prompt(), 0, "{wrapper}{script}");
            assert_eq!(shell.since(mark).matches("sesame").count(), 1, "{wrapper}{script}: {}", shell.since(mark));
            assert_eq!(attributes(&mut shell), before, "{wrapper}{script}");
        }
    }
    shell.exit();
}

/// Under `--group new` the key's signal goes to COMMAND's group, where no script is.
#[test]
fn a_script_is_stopped_with_its_command_and_goes_on_with_it() {
    let mut shell = Shell::bash();
    shell.home().file("command", "#!/bin/sh\necho \"up $$\"\nread -r line\necho \"read [$line]\"\nexit 9\n", 0o755);
    for wrapper in WRAPPERS.into_iter().chain(["orphanguard --group new --no-sentinel -- "]) {
        shell.home().file("script", &format!("{wrapper}./command\necho \"then $?\"\n"), 0o644);
        shell.line("sh script");
        let command = shell.number_after("up");
        let script = shell.job();
        for _ in 0..3 {
            shell.press(CTRL_Z);
            let _ = shell.prompt();
            assert_eq!((state(script), shell.foreground()), (Some('T'), shell.pid()), "{wrapper}");
            wait_state(command, 'T');
            shell.line("fg");
            wait_until("script and command to go on", || [script, command].iter().all(|&pid| state(pid) == Some('S')));
            let group = status_field(command, "NSpgid").unwrap();
            wait_until("the command to have the terminal", || shell.foreground().to_string() == group);
        }
        shell.line("hello");
        shell.expect("read [hello]\r\nthen 9\r\n");
        assert_eq!(shell.prompt(), 0, "{wrapper}");
    }
    shell.exit();
}

#[test]
fn a_new_size_of_the_window_is_told_once() {
    for mut shell in shells() {
        for wrapper in WRAPPERS.iter().chain(&["orphanguard --group session -- "]) {
            let place = format!("{} {wrapper}", shell.name);
            shell.line(&format!("{wrapper}helper report 28 40 ."));
            let command = shell.number_after("ready");
            for rows in [30, 40] {
                shell.resize(rows, 500);
                shell.expect("got 28 ");
                shell.reports_nothing_more();
            }
            send(command, libc::SIGUSR1);
            assert_eq!(shell.prompt(), 0, "{place}");
            shell.line(&format!("{wrapper}helper block 28 say up await 28 size"));
            let _ = shell.number_after("up");
            shell.resize(33, 444);
            shell.expect("size 33 444\r\n");
            assert_eq!(shell.prompt(), 0, "{place}");
        }
        shell.exit();
    }
}

/// TOSTOP: whoever writes from the background is stopped by the terminal. COMMAND writes elsewhere, orphanguard to the terminal.
#[test]
fn a_message_from_the_background_stops_nobody_where_the_terminal_stops_those_who_write() {
    let mut shell = Shell::bash();
    shell.run("stty tostop");
    for options in ["-v", "-v --no-sentinel", "-v --group new", "-v --group session"] {
        let job = "helper child [ setsid hold ] block 10 say up await 10 exit 3";
        let line = format!("orphanguard {options} -- {job} >out &");
        let command = shell.background(&line, |shell| shell.number_after("started process"));
        let out = shell.home().path().join("out");
        wait_until("COMMAND to be up", || std::fs::read_to_string(&out).unwrap().ends_with('\n'));
        // orphanguard tells that it got a signal.
        send(shell.job(), libc::SIGWINCH);
        shell.expect("received WINCH");
        assert_ne!(state(shell.job()), Some('T'), "{options}");
        assert_ne!(state(command), Some('T'), "{options}");
        send(command, libc::SIGUSR1);
        shell.expect("ended 1 orphan: helper[");
        let (_, status) = shell.run("wait %1");
        assert_eq!(status, 3, "{options}");
    }
    shell.exit();
}

/// How long the user has the job stopped, and what the job may take: longer than anything takes on a slow machine.
const LIMIT: Duration = Duration::from_secs(4);

/// The job is stopped for longer than it may take, and all the same is not ended before it has had its time.
fn stands_still(job: &str, up: &str, status: i32) {
    let mut shell = Shell::bash();
    // Both times are measured so that a slow machine makes them say less, not more.
    let begun = Instant::now();
    shell.line(job);
    shell.expect(up);
    shell.press(CTRL_Z);
    assert_eq!(shell.prompt(), 148, "{job}");
    let stopped = Instant::now();
    wait_until("the time to pass", || stopped.elapsed() > LIMIT);
    let stopped = stopped.elapsed();
    shell.line("fg");
    assert_eq!(shell.prompt(), status, "{job}");
    assert!(begun.elapsed() > LIMIT + stopped, "{job}: ended after {:?}", begun.elapsed());
    shell.exit();
}

#[test]
fn the_time_limit_stands_still_while_the_job_is_stopped() {
    stands_still("orphanguard --timeout 4s -- helper say up hold", "\r\nup ", 124);
}

#[test]
fn the_grace_stands_still_while_the_job_is_stopped() {
    // COMMAND is deaf to the polite signal from its beginning on.
    let deaf = "(trap '' TERM; exec orphanguard -v --timeout 1ms --kill-after 4s -- helper hold)";
    // With it goes a SIGCONT, which would take back a stop from before.
    stands_still(deaf, "sent TERM to", 137);
}

/// A shell of the user's within orphanguard.
fn wrapped(kind: Kind) {
    let mut shell = Shell::bash();
    shell.home().file("reader", "#!/bin/sh\necho \"up $$\"\nread -r line\necho \"read [$line]\"\nexit 9\n", 0o755);
    let before = attributes(&mut shell);
    for wrapper in WRAPPERS {
        let place = format!("{wrapper}{}", kind.name);
        let (begin, status) = shell.run(&format!("PS1='{}' {wrapper}{}", kind.prompt, kind.line()));
        assert_eq!(status, 0, "{place}: {begin}");
        for warning in ["job control", "process group", "ioctl"] {
            assert!(!begin.contains(warning), "{place}: {begin}");
        }
        shell.run(kind.setup);
        shell.line("echo in''ner $$");
        let inner = shell.number_after("inner");
        assert_eq!(shell.prompt(), 0, "{place}");
        assert_eq!(shell.foreground(), inner, "{place}");
        shell.line("./reader");
        let command = shell.number_after("up");
        shell.press(CTRL_Z);
        assert_eq!(shell.prompt(), 148, "{place}");
        assert_eq!((state(command), shell.foreground()), (Some('T'), inner), "{place}");
        let (jobs, _) = shell.run("jobs");
        assert!(jobs.contains("topped") || jobs.contains("suspended"), "{place}: {jobs}");
        shell.line("fg");
        wait_until("the job to have the terminal", || shell.foreground() == command);
        shell.line("hello");
        shell.expect("read [hello]\r\n");
        assert_eq!(shell.prompt(), 9, "{place}");
        assert_eq!(shell.run("exit 5").1, 5, "{place}");
        assert_eq!(shell.foreground(), shell.pid(), "{place}");
        assert_eq!(attributes(&mut shell), before, "{place}");
    }
    shell.exit();
}

#[test]
fn a_bash_within_has_job_control() {
    wrapped(BASH);
}

#[test]
fn a_zsh_within_has_job_control() {
    if is_installed("zsh") {
        wrapped(ZSH);
    }
}
