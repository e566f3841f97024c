//! A key that is pressed before COMMAND is there is COMMAND's all the same, once.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::Write;
use std::process::Command;

use common::leader::on_a_terminal;
use common::{helper, orphanguard, send, status_field, wait_until};

/// The helper has a key's signal wait for it, blocked, and then becomes orphanguard: as if it had come in its first moment.
#[test]
fn it_is_not_lost_and_comes_once() {
    for (key, signal) in [(b"\x03", libc::SIGINT), (b"\x1c", libc::SIGQUIT)] {
        for options in ["", "--no-sentinel", "--group same", "--group new", "--group session", "--report /dev/null"] {
            let mut caller = Command::new(helper());
            caller.args(["mask", "all", "say", "ready", "await-stdin", "exec"]).arg(orphanguard());
            caller.args(options.split_whitespace()).arg("--").arg(helper());
            caller.args(["report", &signal.to_string(), "."]);
            let (mut job, mut keyboard) = on_a_terminal(&mut caller);
            let started = job.pid_of("ready");
            keyboard.write_all(key).unwrap();
            wait_until("the signal to wait", || {
                status_field(started, "ShdPnd").is_some_and(|set| set.contains(|c| c != '0'))
            });
            // End-of-file.
            keyboard.write_all(b"\x04").unwrap();
            let command = job.pid_of("ready");
            assert!(job.line().starts_with(&format!("got {signal} ")), "{options}");
            // The next one comes once, too. It takes the way that a second copy of the first would take, behind it.
            keyboard.write_all(key).unwrap();
            assert!(job.line().starts_with(&format!("got {signal} ")), "{options}");
            send(started, libc::SIGUSR1);
            let ended = job.nobody_left();
            assert_eq!((ended.status.code(), ended.out.as_str()), (Some(0), ""), "{options} {command}");
        }
    }
}
