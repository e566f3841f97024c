//! The help fits a terminal of 80 columns, is short where asked for in short, and has no colour anywhere.
#![allow(unsafe_code, clippy::unwrap_used)]

mod common;

use std::fs::File;
use std::io::Read;
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::{Command, Stdio};

use orphanguard::cli::OPTIONS;

fn help(option: &str) -> String {
    let output = Command::new(common::orphanguard()).arg(option).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty());
    String::from_utf8(output.stdout).unwrap()
}

/// The headings that options stand under, in their order.
fn headings() -> Vec<String> {
    let mut headings: Vec<String> = OPTIONS.iter().map(|spec| format!("{}:", spec.heading)).collect();
    headings.dedup();
    headings.push("Help:".into());
    headings
}

#[test]
fn no_line_is_wider_than_80_columns_and_none_ends_in_a_blank() {
    for line in [help("-h"), help("--help")].iter().flat_map(|text| text.lines()) {
        assert!(line.chars().count() <= 80, "{line}");
        assert_eq!(line.trim_end(), line);
    }
}

#[test]
fn in_short_it_is_one_line_an_option_and_tells_where_there_is_more() {
    let text = help("-h");
    for spec in OPTIONS {
        let lines = text.lines().filter(|line| line.split_whitespace().any(|word| word == format!("--{}", spec.long)));
        let [line] = lines.collect::<Vec<_>>()[..] else { panic!("--{} is not on one line of\n{text}", spec.long) };
        assert!(line.ends_with(spec.help), "{line}");
        if let Some(default) = spec.default {
            assert!(line.contains(&format!("[{default}")), "the default is missing: {line}");
        }
        assert!(spec.words.iter().all(|word| line.contains(word)), "a word is missing: {line}");
    }
    // What stands between them: the headings, each with a blank line, and a few lines above and below.
    assert_eq!(text.lines().count(), OPTIONS.len() + 2 * headings().len() + 7, "{text}");
    assert!(text.trim_end().ends_with("More: orphanguard --help, man orphanguard"));
}

#[test]
fn the_headings_come_in_their_order_and_each_once() {
    for text in [help("-h"), help("--help")] {
        let found: Vec<&str> = text.lines().filter(|line| headings().iter().any(|heading| heading == line)).collect();
        assert_eq!(found, headings());
    }
}

#[test]
fn in_full_it_names_every_word_default_and_variable() {
    let text = help("--help");
    for spec in OPTIONS {
        let begin = text.find(&format!("--{}", spec.long)).unwrap();
        let entry = text[begin..].split("\n\n").next().unwrap();
        assert!(entry.contains(&format!("[variable: {}]", spec.variable())), "{entry}");
        for word in spec.words {
            assert!(entry.lines().any(|line| line.trim_start().starts_with(&format!("{word} "))), "{word}: {entry}");
        }
        assert_eq!(entry.contains("[default: "), spec.default.is_some());
        assert!(spec.default.is_none_or(|default| entry.contains(&format!("[default: {default}]"))), "{entry}");
    }
}

#[test]
fn in_full_it_has_an_example_for_a_script_a_container_and_a_ci_job() {
    let text = help("--help");
    let examples = text.split("Examples:\n").nth(1).unwrap();
    for beginning in ["  In a script:", "  A container's", "  A CI job:"] {
        let example = examples.split(beginning).nth(1).and_then(|rest| rest.lines().nth(1));
        assert!(example.is_some_and(|line| line.contains("orphanguard")), "{beginning}");
    }
}

#[test]
fn it_has_no_colour_even_on_a_terminal_that_wants_some() {
    let (terminal, ours) = pseudo_terminal();
    let mut command = Command::new(common::orphanguard());
    command.arg("-h").env("TERM", "xterm-256color").env("CLICOLOR_FORCE", "1").env_remove("NO_COLOR");
    let mut child = command.stdout(Stdio::from(terminal)).spawn().unwrap();
    // The command holds the terminal's other side.
    drop(command);
    let mut shown = Vec::new();
    // At the end, Linux answers EIO.
    drop(File::from(ours).read_to_end(&mut shown));
    assert!(child.wait().unwrap().success());
    let shown = String::from_utf8(shown).unwrap();
    assert_eq!(shown.replace("\r\n", "\n"), help("-h"));
    assert!(!shown.contains('\x1b'));
}

/// A terminal's two sides: the program's, and ours.
fn pseudo_terminal() -> (OwnedFd, OwnedFd) {
    let (mut ours, mut terminal) = (-1, -1);
    let null = std::ptr::null_mut();
    // SAFETY: both places are written to, and nothing is read from the others, which are NULL.
    let opened = unsafe { libc::openpty(&raw mut ours, &raw mut terminal, null, null.cast(), null.cast()) };
    assert_eq!(opened, 0);
    for fd in [ours, terminal] {
        // SAFETY: just opened, and only a flag is set: other tests start programs, too.
        assert_eq!(unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) }, 0);
    }
    // SAFETY: just opened and owned by nobody else.
    (unsafe { OwnedFd::from_raw_fd(terminal) }, unsafe { OwnedFd::from_raw_fd(ours) })
}
