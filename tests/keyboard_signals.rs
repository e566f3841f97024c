//! What a terminal's keys send reaches COMMAND exactly once, and the shell at the prompt sees what it would see of COMMAND alone.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::pty::{CTRL_BACKSLASH, CTRL_C, WRAPPERS, shells};
use common::send;

#[test]
fn a_command_that_goes_on_gets_each_key_exactly_once() {
    for mut shell in shells() {
        for wrapper in WRAPPERS {
            shell.line(&format!("{wrapper}helper report 2 3 12 ."));
            let command = shell.number_after("ready");
            for (key, signal) in [(CTRL_C, 2), (CTRL_BACKSLASH, 3), (CTRL_C, 2)] {
                shell.press(key);
                shell.expect(&format!("got {signal} "));
                // A copy would come from orphanguard, and so ahead of what orphanguard is sent after it.
                send(shell.job(), libc::SIGUSR2);
                let before = shell.expect("got 12 ");
                assert!(!before.contains("got"), "{} {wrapper}: {before}", shell.name);
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
