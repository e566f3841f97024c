//! Bad input is answered by one line that names the thing, the cause and the way out; COMMAND does not run, and the status is 125.
#![allow(clippy::unwrap_used)]

mod common;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Output};

/// With these arguments alone: no `--`, no COMMAND but what they hold.
fn told(arguments: &[&[u8]]) -> Output {
    let mut command = Command::new(common::orphanguard());
    let ours = std::env::vars_os().map(|(name, _)| name).filter(|name| name.as_bytes().starts_with(b"ORPHANGUARD_"));
    ours.for_each(|name| _ = command.env_remove(name));
    command.args(arguments.iter().map(|word| OsStr::from_bytes(word))).output().unwrap()
}

fn check(arguments: &str, expected: &str) {
    let words: Vec<&[u8]> = arguments.split_whitespace().map(str::as_bytes).collect();
    let output = told(&words);
    assert_eq!(output.status.code(), Some(125), "{arguments}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), format!("orphanguard: {expected}\n"), "{arguments}");
    assert!(output.stdout.is_empty(), "{arguments}");
}

#[test]
fn an_unknown_option_is_named_with_the_nearest() {
    check("--gracee 5 true", "unknown option '--gracee'; did you mean '--grace'?");
    check("--on-ex leave true", "unknown option '--on-ex'; did you mean '--on-exit'?");
    check("-z true", "unknown option '-z'; see orphanguard --help");
    check("-v=1 true", "-v: takes no value, but got '1'; leave it out");
}

#[test]
fn a_value_that_is_missing_or_too_much_is_told() {
    check("--grace", "--grace: needs a value: --grace DURATION");
    check("-r", "--rewrite: needs a value: --rewrite FROM=TO");
    check("--no-sentinel=1 true", "--no-sentinel: takes no value, but got '1'; leave it out");
}

#[test]
fn the_status_is_the_same_where_nobody_reads_what_is_wrong() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = Command::new(common::orphanguard()).arg("--gracee").stderr(writer).status().unwrap();
    assert_eq!(status.code(), Some(125), "{status}");
}

#[test]
fn without_a_command_the_usage_is_told() {
    let usage = "no COMMAND given; usage: orphanguard [OPTIONS] [--] COMMAND [ARG]...; see orphanguard --help";
    for arguments in ["", "--", "-g 5", "-v --", "--on-exit leave"] {
        check(arguments, usage);
    }
}

#[test]
fn a_command_that_an_option_took_for_its_value_is_told_as_a_wrong_value() {
    let why = "not a duration (a number is missing); write 500ms, 5s, 1m 30s or a number of seconds";
    check("-g make", &format!("--grace: 'make': {why}"));
}

#[test]
fn a_wrong_word_is_answered_by_the_right_ones() {
    check("--on-exit kil true", "--on-exit: 'kil': must be one of kill, wait, leave; did you mean kill?");
    check("--on-exit Leave true", "--on-exit: 'Leave': must be one of kill, wait, leave; did you mean leave?");
    check("--on-exit= true", "--on-exit: '': must be one of kill, wait, leave");
    check("--group sesion true", "--group: 'sesion': must be one of auto, new, same, session; did you mean session?");
    check("--forward banana true", "--forward: 'banana': must be one of auto, command, group, tree");
}

#[test]
fn a_wrong_duration_is_told_with_its_fault() {
    let faults = [
        ("1x", "no unit is called x"),
        ("10€", "no unit has such letters"),
        ("5s5", "a unit is missing"),
        ("-5", "it is negative"),
        ("-v", "a number is missing"),
        ("1.2.3", "it is not a number"),
    ];
    for (value, fault) in faults {
        let expected =
            format!("--timeout: '{value}': not a duration ({fault}); write 500ms, 5s, 1m 30s or a number of seconds");
        check(&format!("--timeout {value} true"), &expected);
        check(&format!("-t{value} true"), &expected);
    }
}

#[test]
fn a_wrong_signal_is_told_with_the_nearest() {
    let from_list = "unknown signal; give a name (see kill -l) or a number from 1 to 64";
    check("-s TREM true", "--signal: 'TREM': unknown signal; did you mean TERM?");
    check("-s 65 true", &format!("--signal: '65': {from_list}; 0 sends none"));
    check("-s none true", "--signal: 'none': unknown signal; did you mean 0?");
    check("--pdeathsig 0 true", "--pdeathsig: '0': unknown signal; did you mean none?");
    check("-r HUP=nonee true", "--rewrite: 'HUP=nonee': 'nonee': unknown signal; did you mean none?");
    check("-r =TERM true", &format!("--rewrite: '=TERM': '': {from_list}"));
}

#[test]
fn a_signal_that_cannot_be_forwarded_is_refused() {
    check("-r KILL=TERM true", "--rewrite: 'KILL=TERM': 'KILL': no process can catch it, so it is never forwarded");
    check("-r STOP=none true", "--rewrite: 'STOP=none': 'STOP': no process can catch it, so it is never forwarded");
    let children = "it tells us of our own children, so it is never forwarded";
    check("-r CHLD=TERM true", &format!("--rewrite: 'CHLD=TERM': 'CHLD': {children}"));
}

#[test]
fn a_wrong_pair_or_status_is_told() {
    check("-r TERM true", "--rewrite: 'TERM': must be FROM=TO, as in TERM=INT");
    check("--map-status 3 true", "--map-status: '3': must be FROM=TO, as in 143=0");
    check("--map-status 256=1 true", "--map-status: '256=1': '256': an exit status is a number from 0 to 255");
    check("--orphan-status -1 true", "--orphan-status: '-1': an exit status is a number from 0 to 255");
}

#[test]
fn an_empty_pattern_or_file_is_refused() {
    let pattern = "an empty pattern matches nothing; give a name or a glob such as sccache*";
    check("--spare= true", &format!("--spare: '': {pattern}"));
    check("--report= true", "--report: '': it is empty; give the name of a file");
}

#[test]
fn whatever_the_bytes_it_is_one_line_of_text() {
    for arguments in [
        [&b"--grace"[..], b"a\nb\x1b[2J", b"true"],
        [&b"--grace"[..], b"\xff", b"true"],
        [&b"--a\nb"[..], b"5", b"true"],
        [&b"-\xff"[..], b"5", b"true"],
        [&b"--report"[..], b"/nonexistent/a\nb", b"true"],
        [&b"--"[..], b"/nonexistent/a\nb", b"true"],
    ] {
        let output = told(&arguments);
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(err.starts_with("orphanguard: ") && err.ends_with('\n'), "{err:?}");
        assert!(!err.trim_end().contains(char::is_control), "{err:?}");
        assert!(output.status.code().is_some_and(|code| code == 125 || code == 127));
    }
}
