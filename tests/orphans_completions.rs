//! The completions of `orphans`, asked in real shells: they offer what each command has, no more and no less.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
#[path = "common/shells.rs"]
mod shells;

use std::collections::BTreeSet;

use common::{guarded, send, start};
use orphanguard::finder::cli;
use shells::{lines, set, values};

fn in_each_shell(lines: &[String], check: impl Fn(&str, &[BTreeSet<String>])) {
    shells::in_each_shell("orphans", lines, check);
}

/// The commands, the one without a name first, and the options of each as they are written.
fn commands() -> Vec<(String, BTreeSet<String>)> {
    let command = cli::command();
    let options = |command: &clap::Command, more: &[&str]| {
        let mut options = set(["-h", "--help"]);
        options.extend(more.iter().map(|&option| option.into()));
        for arg in command.get_arguments().filter(|arg| !arg.is_positional()) {
            options.insert(format!("--{}", arg.get_long().unwrap()));
            options.extend(arg.get_short().map(|short| format!("-{short}")));
        }
        options
    };
    let named = command.get_subcommands().map(|sub| (format!("{} ", sub.get_name()), options(sub, &[])));
    std::iter::once((String::new(), options(&command, &["-V", "--version"]))).chain(named).collect()
}

#[test]
fn every_option_of_every_command_is_offered_and_no_other() {
    let commands = commands();
    assert_eq!(commands.len(), 5);
    let asked: Vec<String> =
        commands.iter().flat_map(|(name, _)| ["-", "--"].map(|cur| format!("orphans {name}{cur}"))).collect();
    in_each_shell(&asked, |shell, answers| {
        for ((name, expected), answers) in commands.iter().zip(answers.chunks(2)) {
            let offered: BTreeSet<String> = answers.iter().flatten().cloned().collect();
            assert_eq!(offered, *expected, "{shell}: orphans {name}");
        }
    });
}

#[test]
fn the_commands_are_offered_first_and_only_there() {
    let asked = lines(&["orphans ", "orphans wa", "orphans --tree ", "orphans list ", "orphans watch "]);
    in_each_shell(&asked, |shell, answers| {
        assert_eq!(answers[0], set(["list", "check", "end", "watch"]), "{shell}");
        assert_eq!(answers[1], set(["watch"]), "{shell}");
        // A shell may offer options where there is nothing else.
        assert!(answers[2..].iter().flatten().all(|word| word.starts_with('-')), "{shell}: {answers:?}");
    });
}

#[test]
fn behind_an_option_of_the_list_there_are_the_others() {
    let asked = lines(&["orphans --certain --tr", "orphans --user root --tr", "orphans --older-than=1d --tr"]);
    in_each_shell(&asked, |shell, answers| {
        for answer in answers {
            assert_eq!(*answer, set(["--tree"]), "{shell}");
        }
    });
}

#[test]
fn users_are_offered_and_nothing_that_nobody_can_guess() {
    let asked =
        lines(&["orphans --user roo", "orphans --user=roo", "orphans end --user roo", "orphans watch --user roo"]);
    in_each_shell(&asked, |shell, answers| {
        for answer in answers {
            assert_eq!(values(answer), set(["root"]), "{shell}");
        }
    });
    let asked = lines(&[
        "orphans --older-than ",
        "orphans --guard ",
        "orphans --guard=",
        "orphans end --grace ",
        "orphans end -g ",
        "orphans end -yg ",
        "orphans watch --interval ",
    ]);
    in_each_shell(&asked, |shell, answers| {
        for (line, answer) in asked.iter().zip(answers) {
            assert!(answer.is_empty(), "{shell}: {line}: {answer:?}");
        }
    });
}

#[test]
fn orphans_are_offered_by_their_numbers() {
    let mut job = start(&mut guarded("--on-exit leave", "child [ setsid say stray hold ] exit 0"));
    let stray = job.pid_of("stray");
    job.wait();
    let asked = lines(&["orphans check ", "orphans end ", "orphans end --yes 1 ", "orphans check -v "]);
    in_each_shell(&asked, |shell, answers| {
        for (line, answer) in asked.iter().zip(answers) {
            assert!(answer.contains(&stray.to_string()), "{shell}: {line}: {answer:?}");
            assert!(answer.iter().all(|word| word.bytes().all(|b| b.is_ascii_digit())), "{shell}: {answer:?}");
        }
    });
    send(stray, libc::SIGKILL);
    job.nobody_left_soon();
}
