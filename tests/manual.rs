//! The manual says what the program has, no more and no less; its examples print what it shows; its markup is clean.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use orphanguard::cli::{OPTIONS, Spec};
use serde_json::Value;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("man").join(name)
}

fn manual() -> String {
    fs::read_to_string(file("orphanguard.1")).unwrap()
}

/// The lines of a section, without its title.
fn section<'m>(manual: &'m str, title: &str) -> Vec<&'m str> {
    let after = manual.split_once(&format!("\n.Sh {title}\n")).unwrap_or_else(|| panic!("no section {title}")).1;
    after.lines().take_while(|line| !line.starts_with(".Sh ")).collect()
}

/// What a reader sees of a word or a line of a display.
fn shown(source: &str) -> String {
    source.replace("\\-", "-").replace("\\(aq", "'").replace("\\(ga", "`").replace("\\e", "\\").replace("\\&", "")
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

fn entries_of_the_manual(manual: &str) -> Vec<Entry> {
    let mut heading = String::new();
    let mut entries: Vec<Entry> = Vec::new();
    for line in section(manual, "OPTIONS") {
        if let Some(title) = line.strip_prefix(".Ss ") {
            heading = title.into();
        } else if let Some(tag) = line.strip_prefix(".It Fl ") {
            let mut entry = Entry { heading: heading.clone(), ..Entry::default() };
            let mut words = tag.split(' ').filter(|&word| word != "," && word != "Fl");
            while let Some(word) = words.next() {
                match word.strip_prefix("\\-") {
                    _ if word == "Ar" => entry.value = words.next().map(Into::into),
                    Some(long) => entry.long = shown(long),
                    None => entry.short = word.chars().next(),
                }
            }
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
    let lines = section(&manual, "ENVIRONMENT");
    let table: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix(".It Ev ")).collect();
    let expected: Vec<String> =
        OPTIONS.iter().map(|spec| format!("{} Ta Fl \\-{}", spec.variable(), spec.long.replace('-', "\\-"))).collect();
    assert_eq!(table, expected);
    let known: Vec<String> = OPTIONS.iter().map(Spec::variable).collect();
    let named = manual.split(|c: char| !(c.is_ascii_uppercase() || c == '_')).filter(|w| w.starts_with("ORPHANGUARD_"));
    for name in named {
        assert!(name == "ORPHANGUARD_ID" || known.iter().any(|variable| variable == name), "{name}");
    }
}

#[test]
fn no_option_is_named_anywhere_that_the_program_has_not() {
    let manual = manual();
    let known = entries_of_the_program();
    let is_known = |name: &str| name.is_empty() || known.iter().any(|entry| entry.long == name);
    for line in manual.lines() {
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
    let lines = section(&manual, "EXIT STATUS");
    let table: Vec<u8> = lines.iter().filter_map(|line| line.strip_prefix(".It ")?.parse().ok()).collect();
    assert_eq!(table, [TIMED_OUT, FAILED, NOT_RUNNABLE, NOT_FOUND, KILLED]);
}

/// Displays of a section: what stands between `.Bd` and `.Ed`.
fn displays(lines: &[&str]) -> Vec<Vec<String>> {
    let blocks = lines.split(|line| line.starts_with(".Bd ")).skip(1);
    blocks.map(|block| block.iter().take_while(|&&line| line != ".Ed").map(|line| shown(line)).collect()).collect()
}

#[test]
fn the_reports_example_and_its_fields_are_those_of_the_schema() {
    let manual = manual();
    let lines = section(&manual, "REPORT FORMAT");
    let schema: Value = serde_json::from_slice(&fs::read(file("orphanguard-report.schema.json")).unwrap()).unwrap();
    let [example] = &displays(&lines)[..] else { panic!("one example") };
    let example: Value = serde_json::from_str(&example.join("\n")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&example), "{:?}", validator.validate(&example));

    let mut fields = Vec::new();
    collect(&schema, &mut fields);
    fields.sort();
    fields.dedup();
    let mut named: Vec<String> = lines
        .iter()
        .filter(|line| line.starts_with('.'))
        .flat_map(|line| line.split(" Va ").skip(1).chain(line.strip_prefix(".Va ")))
        .flat_map(|names| names.split(" , ").map(|name| name.split(' ').next().unwrap().to_owned()))
        .collect();
    named.sort();
    named.dedup();
    assert_eq!(named, fields);
}

/// The names of all properties, at any depth.
fn collect(schema: &Value, fields: &mut Vec<String>) {
    for (name, value) in schema.as_object().into_iter().flatten() {
        if name == "properties" {
            fields.extend(value.as_object().unwrap().keys().cloned());
        }
        collect(value, fields);
        value.as_array().into_iter().flatten().for_each(|value| collect(value, fields));
        if name == "properties" {
            value.as_object().unwrap().values().for_each(|value| collect(value, fields));
        }
    }
}

#[test]
fn the_examples_print_what_the_manual_shows() {
    let manual = manual();
    let blocks = displays(&section(&manual, "EXAMPLES"));
    let consoles: Vec<_> = blocks.into_iter().filter(|block| block[0].starts_with("$ ")).collect();
    assert!(consoles.len() >= 4);
    std::thread::scope(|scope| {
        for block in &consoles {
            scope.spawn(|| check_console(block));
        }
    });
}

/// Runs the commands of a console in one shell, and compares what each prints with what the console shows.
fn check_console(lines: &[String]) {
    let mut script = String::from("exec 2>&1\n");
    let mut expected: Vec<Vec<&str>> = Vec::new();
    for line in lines {
        match line.strip_prefix("$ ") {
            Some(command) => {
                // The next command finds the status of this one.
                script.push_str(&format!("{command}\nstatus=$?; echo @@; (exit $status)\n"));
                expected.push(Vec::new());
            }
            None => expected.last_mut().unwrap().push(line),
        }
    }
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
    assert_eq!(printed.len(), expected.len() + 1, "{output}");
    for (printed, expected) in printed.iter().zip(&expected) {
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

/// The complaints of a checker; none where it is not installed.
fn complaints(program: &str, arguments: &[&str]) -> Option<Vec<String>> {
    let output = Command::new(program).args(arguments).arg(file("orphanguard.1")).output();
    let Ok(output) = output else {
        println!("skipped: {program} is not installed");
        return None;
    };
    let text = [output.stdout, output.stderr].concat();
    Some(String::from_utf8_lossy(&text).lines().map(Into::into).collect())
}

#[test]
fn mandoc_finds_nothing_to_complain_about() {
    let Some(mut found) = complaints("mandoc", &["-T", "lint"]) else { return };
    // Which other manuals are installed, and indexed, is the machine's matter.
    found.retain(|line| !line.contains("referenced manual not found") && !line.contains("outdated mandoc.db"));
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn what_is_to_be_typed_is_shown_as_it_must_be_typed() {
    let manual = manual();
    // Unescaped, a terminal shows a hyphen and a quotation mark that no shell understands.
    let mut typed =
        manual.split("\n.Bd -literal").skip(1).flat_map(|rest| rest.split("\n.Ed").next().unwrap().lines().skip(1));
    let unescaped = |line: &str| line.replace("\\-", "").contains(['-', '\'', '`']);
    assert_eq!(typed.find(|line| unescaped(line)), None);
    let mut quoted = manual.lines().filter(|line| line.starts_with(".Ql ") || line.contains(" Ql "));
    assert_eq!(quoted.find(|line| unescaped(line)), None);
}

#[test]
fn groff_finds_nothing_to_complain_about() {
    let Some(found) = complaints("groff", &["-mandoc", "-ww", "-z", "-Tutf8"]) else { return };
    assert!(found.is_empty(), "{found:#?}");
}
