//! The manual says what the program has, no more and no less; its examples print what it shows; its markup is clean.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod common;
#[path = "common/page.rs"]
mod page;

use std::fs;
use std::process::{Command, Stdio};

use orphanguard::cli::{OPTIONS, Spec};
use page::{Page, displays, file, option, properties, script, shown};
use serde_json::Value;

fn manual() -> Page {
    Page::read("orphanguard.1")
}

/// An option, as the manual or the program has it.
#[derive(PartialEq, Eq, Debug, Default)]
struct Entry {
    heading: String,
    long: String,
    short: Option<char>,
    value: Option<String>,
    words: Vec<String>,
    default: Option<String>,
}

fn entries_of_the_program() -> Vec<Entry> {
    let options = OPTIONS.iter().map(|spec| Entry {
        heading: spec.heading.into(),
        long: spec.long.into(),
        short: spec.short,
        value: spec.value.map(Into::into),
        words: spec.words.iter().map(|&word| word.into()).collect(),
        default: spec.default.map(Into::into),
    });
    let help = [("help", 'h'), ("version", 'V')].map(|(long, short)| Entry {
        heading: "Help".into(),
        long: long.into(),
        short: Some(short),
        ..Entry::default()
    });
    options.chain(help).collect()
}

fn entries_of_the_manual(manual: &Page) -> Vec<Entry> {
    let mut heading = String::new();
    let mut entries: Vec<Entry> = Vec::new();
    for line in manual.section("OPTIONS") {
        if let Some(title) = line.strip_prefix(".Ss ") {
            heading = title.into();
        } else if let Some(tag) = line.strip_prefix(".It Fl ") {
            let (short, long, value) = option(tag);
            let entry = Entry { heading: heading.clone(), long, short, value, ..Entry::default() };
            entries.push(entry);
        } else if let Some(word) = line.strip_prefix(".It Cm ") {
            entries.last_mut().unwrap().words.push(word.into());
        } else if let Some(default) = line.strip_prefix("Default: ") {
            let place = &mut entries.last_mut().unwrap().default;
            assert_eq!(place.replace(default.strip_suffix('.').unwrap().into()), None, "two defaults");
        }
    }
    entries
}

#[test]
fn every_option_has_its_entry_with_letter_value_words_and_default_and_there_is_no_other() {
    let manual = manual();
    let (ours, theirs) = (entries_of_the_program(), entries_of_the_manual(&manual));
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(ours.len(), theirs.len());
}

#[test]
fn every_option_has_its_variable_and_there_is_no_other() {
    let manual = manual();
    let lines = manual.section("ENVIRONMENT");
    let table: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix(".It Ev ")).collect();
    let expected: Vec<String> =
        OPTIONS.iter().map(|spec| format!("{} Ta Fl \\-{}", spec.variable(), spec.long.replace('-', "\\-"))).collect();
    assert_eq!(table, expected);
    let known: Vec<String> = OPTIONS.iter().map(Spec::variable).collect();
    let named =
        manual.text.split(|c: char| !(c.is_ascii_uppercase() || c == '_')).filter(|w| w.starts_with("ORPHANGUARD_"));
    for name in named {
        assert!(name == "ORPHANGUARD_ID" || known.iter().any(|variable| variable == name), "{name}");
    }
}

#[test]
fn no_option_is_named_anywhere_that_the_program_has_not() {
    let manual = manual();
    let known = entries_of_the_program();
    let is_known = |name: &str| name.is_empty() || known.iter().any(|entry| entry.long == name);
    for line in manual.text.lines() {
        if let Some(macros) = line.strip_prefix('.') {
            let mut words =
                macros.split(' ').skip_while(|&word| word != "Fl").filter_map(|word| word.strip_prefix("\\-"));
            assert!(words.all(|name| is_known(&shown(name))), "{line}");
        } else if let Some((_, arguments)) = shown(line).split_once("orphanguard -") {
            let arguments = format!(" -{arguments} ");
            let ours = arguments.split(" -- ").next().unwrap();
            let mut names = ours.split(' ').filter_map(|word| word.strip_prefix("--")).map(|w| w.split('=').next());
            assert!(names.all(|name| is_known(name.unwrap())), "{line}");
        }
    }
}

#[test]
fn the_exit_statuses_are_the_programs() {
    use orphanguard::status::{FAILED, KILLED, NOT_FOUND, NOT_RUNNABLE, TIMED_OUT};
    let manual = manual();
    let lines = manual.section("EXIT STATUS");
    let table: Vec<u8> = lines.iter().filter_map(|line| line.strip_prefix(".It ")?.parse().ok()).collect();
    assert_eq!(table, [TIMED_OUT, FAILED, NOT_RUNNABLE, NOT_FOUND, KILLED]);
}

#[test]
fn the_reports_example_and_its_fields_are_those_of_the_schema() {
    let manual = manual();
    let lines = manual.section("REPORT FORMAT");
    let schema: Value = serde_json::from_slice(&fs::read(file("orphanguard-report.schema.json")).unwrap()).unwrap();
    let [example] = &displays(&lines)[..] else { panic!("one example") };
    let example: Value = serde_json::from_str(&example.join("\n")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&example), "{:?}", validator.validate(&example));

    assert_eq!(manual.fields_of("REPORT FORMAT"), properties(&schema));
}

#[test]
fn the_examples_print_what_the_manual_shows() {
    let consoles = manual().consoles();
    assert!(consoles.len() >= 4);
    std::thread::scope(|scope| {
        for block in &consoles {
            scope.spawn(|| check_console(block));
        }
    });
}

/// Runs the commands of a console in one shell, and compares what each prints with what the console shows.
fn check_console(lines: &[String]) {
    let script = format!("exec 2>&1\n{}", script(lines, "echo @@;"));
    let expected = lines.split(|line| line.starts_with("$ ")).skip(1);
    let folder = common::orphanguard().parent().unwrap().to_owned();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("bash");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ORPHANGUARD_")) {
        command.env_remove(name);
    }
    command.args(["--norc", "--noprofile", "-c", &script]).env("PATH", path).stdin(Stdio::null());
    let output = command.output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let printed: Vec<&str> = output.split("@@\n").collect();
    assert_eq!(printed.len(), expected.clone().count() + 1, "{output}");
    for (printed, expected) in printed.iter().zip(expected) {
        let printed: Vec<String> = printed.lines().map(without_numbers).collect();
        let expected: Vec<String> = expected.iter().map(|line| without_numbers(line)).collect();
        assert_eq!(printed, expected, "{lines:#?}");
    }
}

/// What differs from run to run taken out: process numbers, times, and the name that a process has before its exec. A status stays.
fn without_numbers(line: &str) -> String {
    if !line.starts_with("orphanguard: ") {
        return line.to_owned();
    }
    let mut text = String::new();
    for character in line.chars() {
        match character {
            '0'..='9' | '.' if text.ends_with('N') => {}
            '0'..='9' => text.push('N'),
            other => text.push(other),
        }
    }
    ["sh", "setsid"].iter().fold(text, |text, name| text.replace(&format!(" {name}[N]"), " sleep[N]"))
}

#[test]
fn its_markup_is_clean() {
    manual().assert_clean();
}
