//! A terminal that is hung up (its window closed, its connection lost) tells COMMAND so, once, whoever leads its session.
#![allow(clippy::unwrap_used)]

mod common;

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use common::leader::on_a_terminal;
use common::pty::{BASH, CTRL_Z, DASH, FISH, Kind, Shell, ZSH};
use common::{guarded, orphanguard, parent, send};

/// The kernel tells the session's leader alone. That is us, where a terminal's window or ssh(1) starts us and no shell.
#[test]
fn as_the_sessions_leader() {
    for options in ["", "--no-sentinel", "--group same"] {
        let (mut job, terminal) = on_a_terminal(&mut guarded(options, "say up hold"));
        let _ = job.pid_of("up");
        drop(terminal);
        assert_eq!(job.nobody_left().status.signal(), Some(libc::SIGHUP), "{options}");
    }
}

/// The kernel tells a shell, and, as the shell ends of that, all of the terminal's group, COMMAND too: that gets no copy from us.
#[test]
fn under_a_shell_that_leads_the_session() {
    for options in ["", "--no-sentinel"] {
        let mut shell = Command::new("sh");
        shell.args(["-c", "\"$@\"; exit", "sh"]).arg(orphanguard()).args(options.split_whitespace()).arg("--");
        shell.arg(common::helper()).args(["report", "1", "."]);
        let (mut job, terminal) = on_a_terminal(&mut shell);
        let guard = parent(job.pid_of("ready"));
        let ours = if options.is_empty() { parent(guard) } else { guard };
        drop(terminal);
        assert!(job.line().starts_with("got 1 "));
        // It ends COMMAND, and takes the way that a copy would take, behind it.
        send(ours, libc::SIGUSR1);
        assert_eq!(job.nobody_left_soon().out, "", "{options}");
    }
}

/// What a user's job may be like: what is typed after `orphanguard`, and whether Ctrl-Z is pressed then.
const JOBS: [(&str, bool); 5] = [
    ("helper say up hold", false),
    ("helper child [ setsid ignore all say up hold ] hold", false),
    ("helper say up hold", true),
    ("helper child [ setsid ignore all say up hold ] hold", true),
    ("helper say up hold &", false),
];

fn nobody_is_left_of_the_jobs_of(kind: Kind) {
    for options in ["", "--no-sentinel", "--group new", "--group new --no-sentinel"] {
        for (command, is_stopped) in JOBS {
            // dash and fish end of the hang-up themselves, and tell no job of the background of it; zsh now and then does not either, orphanguard
            // or not.
            if command.ends_with('&') && kind.name != "bash" {
                continue;
            }
            let Some(mut shell) = Shell::start(kind) else { return };
            // Sentinel and guard keep standard error open for as long as they live.
            let line = format!("orphanguard -q --grace 50ms {options} -- 2>&9 {command}");
            if command.ends_with('&') {
                // Before its prompt the shell may not know its job yet.
                let _ = shell.background(&line, |shell| shell.number_after("up"));
            } else {
                shell.line(&line);
                let _ = shell.number_after("up");
            }
            if is_stopped {
                shell.press(CTRL_Z);
                let _ = shell.prompt();
            }
            shell.hang_up(&format!("{options} {command} {is_stopped}"));
        }
    }
}

#[test]
fn nobody_is_left_of_the_jobs_of_a_bash() {
    nobody_is_left_of_the_jobs_of(BASH);
}

#[test]
fn nobody_is_left_of_the_jobs_of_a_dash() {
    nobody_is_left_of_the_jobs_of(DASH);
}

#[test]
fn nobody_is_left_of_the_jobs_of_a_zsh() {
    nobody_is_left_of_the_jobs_of(ZSH);
}

#[test]
fn nobody_is_left_of_the_jobs_of_a_fish() {
    nobody_is_left_of_the_jobs_of(FISH);
}
