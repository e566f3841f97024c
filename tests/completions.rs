//! The completions, asked in real shells: they offer what the program has, no more and no less, and after the options what the command's own
//! completion offers.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod common;
#[path = "common/shells.rs"]
mod shells;

use std::collections::BTreeSet;

use orphanguard::cli::{OPTIONS, Spec};
use orphanguard::signal::Signal;
use shells::{ask_bash, completions, lines, set, values};

/// Asks each shell what it offers at the end of each line.
fn in_each_shell(lines: &[String], check: impl Fn(&str, &[BTreeSet<String>])) {
    shells::in_each_shell("orphanguard", lines, check);
}

/// A value that the option takes.
fn example(spec: &Spec) -> Option<&'static str> {
    Some(match (spec.long, spec.value?) {
        (_, _) if !spec.words.is_empty() => spec.words[0],
        (_, "DURATION") => "5s",
        (_, "SIGNAL") => "TERM",
        (_, "PATTERN") => "cc*",
        (_, "CODE") => "3",
        (_, "FILE") => "report.json",
        ("map-status", _) => "143=0",
        ("rewrite", _) => "HUP=none",
        other => panic!("no example for {other:?}"),
    })
}

/// Every way to write each option, with its value where it takes one.
fn ways() -> Vec<(&'static Spec, String)> {
    let ways = OPTIONS.iter().flat_map(|spec| {
        let (long, letter) = (format!("--{}", spec.long), spec.short.map(|short| format!("-{short}")));
        let forms = match example(spec) {
            None => vec![Some(long), letter],
            Some(value) => vec![
                Some(format!("{long} {value}")),
                Some(format!("{long}={value}")),
                letter.clone().map(|letter| format!("{letter} {value}")),
                letter.map(|letter| format!("{letter}{value}")),
            ],
        };
        forms.into_iter().flatten().map(move |form| (spec, form))
    });
    ways.collect()
}

/// The names of all signals that have one.
fn signals() -> BTreeSet<String> {
    let named = Signal::all().filter(|signal| !signal.is_realtime()).map(|signal| signal.to_string());
    named.chain(["RTMIN".into(), "RTMAX".into()]).collect()
}

#[test]
fn every_option_is_offered_and_no_other() {
    let mut expected = set(["--help", "-h", "--version", "-V"]);
    for spec in OPTIONS {
        expected.insert(format!("--{}", spec.long));
        expected.extend(spec.short.map(|short| format!("-{short}")));
    }
    in_each_shell(&lines(&["orphanguard -", "orphanguard --"]), |shell, answers| {
        let offered: BTreeSet<String> = answers.iter().flatten().cloned().collect();
        assert_eq!(offered, expected, "{shell}");
    });
}

#[test]
fn the_words_of_an_option_are_offered_and_no_others() {
    let specs: Vec<&Spec> = OPTIONS.iter().filter(|spec| !spec.words.is_empty()).collect();
    let asked = specs
        .iter()
        .flat_map(|spec| [format!("orphanguard --{} ", spec.long), format!("orphanguard -v --{}=", spec.long)])
        .collect::<Vec<_>>();
    in_each_shell(&asked, |shell, answers| {
        for (spec, answers) in specs.iter().zip(answers.chunks(2)) {
            for answer in answers {
                assert_eq!(values(answer), set(spec.words.iter().copied()), "{shell}: --{}", spec.long);
            }
        }
    });
}

#[test]
fn signals_are_offered_where_an_option_takes_one() {
    let asked =
        lines(&["orphanguard --signal ", "orphanguard -s ", "orphanguard --signal=", "orphanguard --pdeathsig "]);
    in_each_shell(&asked, |shell, answers| {
        for (answer, none) in answers.iter().zip(["0", "0", "0", "none"]) {
            let mut expected = signals();
            expected.insert(none.into());
            assert_eq!(values(answer), expected, "{shell}");
        }
    });
    let asked = lines(&["orphanguard --signal SIGK", "orphanguard -s KI"]);
    in_each_shell(&asked, |shell, answers| {
        assert_eq!(answers, [set(["SIGKILL"]), set(["KILL"])], "{shell}");
    });
}

#[test]
fn both_halves_of_a_rewrite_are_signals() {
    let from = lines(&["orphanguard --rewrite ", "orphanguard -r ", "orphanguard --rewrite="]);
    in_each_shell(&from, |shell, answers| {
        let mut expected = signals();
        expected.retain(|signal| !["KILL", "STOP", "CHLD"].contains(&signal.as_str()));
        for answer in answers {
            assert_eq!(values(answer), expected, "{shell}");
        }
    });
    let to = lines(&[
        "orphanguard -r HUP=",
        "orphanguard --rewrite HUP=",
        "orphanguard --rewrite=HUP=",
        "orphanguard -rHUP=",
    ]);
    in_each_shell(&to, |shell, answers| {
        let mut expected = signals();
        expected.insert("none".into());
        for answer in answers {
            assert_eq!(values(answer), expected, "{shell}");
        }
    });
    in_each_shell(&lines(&["orphanguard -r HUP=TER", "orphanguard --rewrite=HUP=no"]), |shell, answers| {
        assert_eq!([values(&answers[0]), values(&answers[1])], [set(["TERM"]), set(["none"])], "{shell}");
    });
}

#[test]
fn a_report_goes_to_a_file() {
    let folder = completions();
    let begin = format!("{}/orphanguard.f", folder.display());
    let asked = [format!("orphanguard --report {begin}"), format!("orphanguard --report={begin}")];
    in_each_shell(&asked, |shell, answers| {
        for answer in answers {
            let names: Vec<&str> = answer.iter().map(|path| path.rsplit('/').next().unwrap()).collect();
            assert_eq!(names, ["orphanguard.fish"], "{shell}");
        }
    });
}

#[test]
fn nothing_is_offered_for_a_value_that_nobody_can_guess() {
    let specs = OPTIONS.iter().filter(|spec| matches!(spec.value, Some("DURATION" | "CODE" | "PATTERN")));
    let mut asked: Vec<String> = specs.map(|spec| format!("orphanguard --{} ", spec.long)).collect();
    asked.push("orphanguard --map-status ".into());
    in_each_shell(&asked, |shell, answers| {
        for (line, answer) in asked.iter().zip(answers) {
            assert!(answer.is_empty(), "{shell}: {line}: {answer:?}");
        }
    });
}

#[test]
fn behind_each_option_and_its_value_there_is_another_option() {
    // A shell may offer an option once only, so another one is asked for.
    let other = |spec: &Spec| if spec.long == "on-exit" { ("--forw", "--forward") } else { ("--on-e", "--on-exit") };
    let asked: Vec<String> = ways().iter().map(|(spec, way)| format!("orphanguard {way} {}", other(spec).0)).collect();
    in_each_shell(&asked, |shell, answers| {
        for (((spec, way), answer), line) in ways().iter().zip(answers).zip(&asked) {
            assert_eq!(*answer, set([other(spec).1]), "{shell}: {way}: {line}");
        }
    });
}

#[test]
fn behind_each_option_and_its_value_there_is_the_commands_own_completion() {
    let mut begins: Vec<String> = ways().into_iter().map(|(_, way)| format!("orphanguard {way} timeout")).collect();
    begins.push("orphanguard timeout".into());
    begins.push("orphanguard -- timeout".into());
    begins.push("orphanguard --on-exit=wait -r HUP=none -vg 5 -- timeout".into());
    // An option of timeout(1) that we have not, and at last one of ours that it has not.
    let mut asked: Vec<String> = begins.iter().map(|begin| format!("{begin} --foreg")).collect();
    asked.extend(["orphanguard timeout --on-e".into(), "orphanguard -v -- timeout --on-e".into()]);
    in_each_shell(&asked, |shell, answers| {
        for (begin, answer) in begins.iter().zip(answers) {
            assert_eq!(*answer, set(["--foreground"]), "{shell}: {begin}");
        }
        assert_eq!(answers[begins.len()..], [set([]), set([])], "{shell}");
    });
}

#[test]
fn the_command_itself_is_a_program() {
    let asked = lines(&["orphanguard timeou", "orphanguard -g 5s timeou", "orphanguard -- timeou"]);
    in_each_shell(&asked, |shell, answers| {
        for answer in answers {
            assert!(answer.contains("timeout"), "{shell}: {answer:?}");
        }
    });
}

#[test]
fn bash_does_without_bash_completion() {
    let file = completions().join("orphanguard.f");
    let asked = [
        "orphanguard --on-e".into(),
        "orphanguard -r HUP=TER".into(),
        "orphanguard -v timeou".into(),
        format!("orphanguard -g 5s cat {}", file.display()),
        format!("orphanguard --report {}", file.display()),
    ];
    let answers = ask_bash("", "orphanguard", &asked);
    assert_eq!(answers[..2], [["--on-exit"], ["TERM"]]);
    assert!(answers[2].contains(&"timeout".into()));
    for answer in &answers[3..] {
        assert_eq!(*answer, [format!("{}ish", file.display())]);
    }
}
