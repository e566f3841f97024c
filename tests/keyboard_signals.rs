//! What a terminal's keys send reaches COMMAND exactly once, and the shell at the prompt sees what it would see of COMMAND alone.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::pty::{CTRL_BACKSLASH, CTRL_C, CTRL_Z, Shell, WRAPPERS, is_installed, shells};
use common::{children, send, status_field, wait_for, wait_state, wait_until};

#[test]
fn a_command_that_goes_on_gets_each_key_exactly_once() {
    for mut shell in shells() {
        for wrapper in WRAPPERS {
            shell.line(&format!("{wrapper}helper report 2 3 40 ."));
            let command = shell.number_after("ready");
            for (key, signal) in [(CTRL_C, 2), (CTRL_BACKSLASH, 3), (CTRL_C, 2)] {
                shell.press(key);
                shell.expect(&format!("got {signal} "));
                shell.reports_nothing_more();
            }
            send(command, libc::SIGUSR1);
            assert_eq!(shell.prompt(), 0, "{} {wrapper}", shell.name);
        }
        shell.exit();
    }
}

#[test]
fn the_prompt_comes_back_with_the_status_of_a_command_that_the_key_ends() {
    for mut shell in shells() {
        for wrapper in WRAPPERS {
            for (command, key, status) in [
                ("hold", CTRL_C, 130),
                ("hold", CTRL_BACKSLASH, 131),
                ("on 2 exit 7 say ready hold", CTRL_C, 7),
                ("on 3 exit 0 say ready hold", CTRL_BACKSLASH, 0),
            ] {
                shell.line(&format!("{wrapper}helper say ready {command}"));
                let _ = shell.number_after("ready");
                if command.starts_with("on") {
                    let _ = shell.number_after("ready");
                }
                shell.press(key);
                assert_eq!(shell.prompt(), status, "{} {wrapper}{command}", shell.name);
                assert_eq!(shell.foreground(), shell.pid(), "{} {wrapper}{command}", shell.name);
            }
        }
        shell.exit();
    }
}

/// COMMAND has no terminal there, and so gets none of this but from orphanguard.
#[test]
fn in_a_session_of_its_own_each_key_reaches_command_through_orphanguard() {
    let mut shell = Shell::bash();
    let by_option = ["orphanguard --group session -- helper", "orphanguard --no-sentinel --group session -- helper"];
    let by_itself = ["orphanguard -- helper setsid", "orphanguard --no-sentinel -- helper setsid"];
    for wrapped in by_option.into_iter().chain(by_itself) {
        shell.line(&format!("{wrapped} report 2 3 40 ."));
        let command = shell.number_after("ready");
        assert_eq!(shell.foreground(), shell.job(), "{wrapped}");
        let stat = std::fs::read_to_string(format!("/proc/{command}/stat")).unwrap();
        let session_and_terminal: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').skip(3).take(2).collect();
        assert_eq!(session_and_terminal, [&command.to_string(), "0"], "{wrapped}");
        for (key, signal) in [(CTRL_C, 2), (CTRL_BACKSLASH, 3), (CTRL_C, 2)] {
            shell.press(key);
            shell.expect(&format!("got {signal} "));
            shell.reports_nothing_more();
        }
        send(command, libc::SIGUSR1);
        assert_eq!(shell.prompt(), 0, "{wrapped}");
        shell.line(&format!("{wrapped} say up hold"));
        let _ = shell.number_after("up");
        shell.press(CTRL_C);
        assert_eq!(shell.prompt(), 130, "{wrapped}");
    }
    shell.exit();
}

/// Types the line, presses Ctrl-C when COMMAND is up, and again whenever it comes up again; the status, and how often that was.
fn interrupted(shell: &mut Shell, line: &str) -> (i32, usize) {
    let before = shell.mark();
    shell.line(line);
    let _ = shell.number_after("up");
    // The shell and the script wait for it: before that the key would end a script whatever COMMAND does.
    wait_state(shell.pid(), 'S');
    wait_state(shell.job(), 'S');
    shell.press(CTRL_C);
    let status = shell.prompt();
    let words: Vec<&str> = shell.since(before).split_whitespace().collect();
    let ups = words.windows(2).filter(|pair| pair[0] == "up" && pair[1].parse::<u32>().is_ok()).count();
    (status, ups)
}

/// Under `--group new` the key's signal goes to COMMAND's group, where no script is.
const IN_THE_CALLERS_GROUP: [&str; 3] = ["", "orphanguard -- ", "orphanguard --no-sentinel -- "];

#[test]
fn a_script_ends_with_the_command_that_the_key_ends_and_goes_on_after_one_that_catches_it_as_without() {
    let mut shell = Shell::bash();
    for interpreter in ["sh", "bash", "zsh"] {
        if !is_installed(interpreter) {
            continue;
        }
        for (name, command, ends) in [("dies", "say up hold", true), ("catches", "on 2 exit 0 say up hold", false)] {
            let outcomes = IN_THE_CALLERS_GROUP.map(|wrapper| {
                let text = format!("#!/usr/bin/env {interpreter}\n{wrapper}helper {command}\n{wrapper}helper exit 6\n");
                shell.home().file(name, &text, 0o755);
                interrupted(&mut shell, &format!("./{name}"))
            });
            let place = format!("{interpreter} {name}: {outcomes:?}");
            assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]), "{place}");
            assert!(!ends || outcomes[0] == (130, 1), "{place}");
        }
    }
    shell.exit();
}

#[test]
fn a_loop_at_the_prompt_ends_with_the_command_that_the_key_ends() {
    for mut shell in shells() {
        let (begin, end) = if shell.name == "fish" { ("", "end") } else { ("do ", "done") };
        for loop_ in ["for n in 1 2 3; {begin}COMMAND; {end}", "while COMMAND; {begin}true; {end}"] {
            let line = |wrapper: &str| {
                let line = loop_.replace("COMMAND", &format!("{wrapper}helper say up hold"));
                line.replace("{begin}", begin).replace("{end}", end)
            };
            let outcomes = WRAPPERS.map(|wrapper| interrupted(&mut shell, &line(wrapper)));
            assert_eq!(outcomes[0].1, 1, "{} {loop_}", shell.name);
            assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]), "{} {loop_}: {outcomes:?}", shell.name);
        }
        shell.exit();
    }
}

/// There it would stop the process that is to become COMMAND, and the guard waits for that.
#[test]
fn ctrl_z_while_command_is_searched_hangs_nobody() {
    let mut shell = Shell::bash();
    // So long that a key can be pressed meanwhile.
    let nowhere = "/:".repeat(30_000);
    shell.home().file("far", &format!("PATH={nowhere}$PATH; exec \"$@\""), 0o644);
    for _ in 0..3 {
        shell.line("bash far \"$(type -p orphanguard)\" -- helper say up hold");
        let command = wait_for("the process that searches", || {
            let guard = *children(shell.job()).first()?;
            let command = *children(guard).first()?;
            (status_field(command, "Name")? == "og-guard").then_some(command)
        });
        shell.press(CTRL_Z);
        wait_until("COMMAND to run", || status_field(command, "Name").as_deref() == Some("helper"));
        send(command, libc::SIGKILL);
        let _ = shell.prompt();
        let _ = shell.run("kill -9 %1; wait");
    }
    shell.exit();
}
