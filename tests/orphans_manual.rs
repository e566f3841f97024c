//! The manual of `orphans` says what the program has, no more and no less; its examples print what it shows; its markup is clean.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod common;
#[path = "common/machine.rs"]
mod machine;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use machine::Machine;
use orphanguard::finder::cli;
use serde_json::Value;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("man").join(name)
}

fn manual() -> String {
    fs::read_to_string(file("orphans.1")).unwrap()
}

/// The lines of a section, without its title.
fn section<'m>(manual: &'m str, title: &str) -> Vec<&'m str> {
    let after = manual.split_once(&format!("\n.Sh {title}\n")).unwrap_or_else(|| panic!("no section {title}")).1;
    after.lines().take_while(|line| !line.starts_with(".Sh ")).collect()
}

/// What a reader sees of a word or a line of a display.
fn shown(source: &str) -> String {
    source.replace("\\-", "-").replace("\\(aq", "'").replace("\\e", "\\").replace("\\&", "")
}

/// An option: its letter, its long name, its value.
type Entry = (Option<char>, String, Option<String>);

/// The options of each command but `--help` and `--version`.
fn options_of_the_program() -> BTreeMap<String, BTreeSet<Entry>> {
    let command = cli::command();
    let options = |command: &clap::Command| {
        let named = command.get_arguments().filter(|arg| !arg.is_positional());
        let value = |arg: &clap::Arg| arg.get_value_names().map(|names| names[0].to_string());
        named.map(|arg| (arg.get_short(), arg.get_long().unwrap().to_owned(), value(arg))).collect::<BTreeSet<Entry>>()
    };
    let commands: BTreeMap<_, _> =
        command.get_subcommands().map(|command| (command.get_name().to_owned(), options(command))).collect();
    assert_eq!(options(&command), commands["list"], "without a command it is the list");
    commands
}

fn entry(tag: &str) -> Entry {
    let (mut short, mut long, mut value) = (None, String::new(), None);
    let mut words = tag.split(' ').filter(|&word| word != "," && word != "Fl");
    while let Some(word) = words.next() {
        match word.strip_prefix("\\-") {
            _ if word == "Ar" => value = words.next().map(Into::into),
            Some(name) => long = shown(name),
            None => short = word.chars().next(),
        }
    }
    (short, long, value)
}

#[test]
fn every_option_of_every_command_has_its_entry_and_there_is_no_other() {
    let manual = manual();
    let mut entries: BTreeMap<String, BTreeSet<Entry>> = BTreeMap::new();
    let mut command = String::new();
    for line in section(&manual, "COMMANDS") {
        if let Some(title) = line.strip_prefix(".Ss ") {
            command = title.into();
        } else if let Some(tag) = line.strip_prefix(".It Fl ") {
            assert!(entries.entry(command.clone()).or_default().insert(entry(tag)), "{command}: {tag} twice");
        }
    }
    assert_eq!(entries, options_of_the_program());
}

#[test]
fn no_option_is_named_anywhere_that_the_program_has_not() {
    let manual = manual();
    let known: BTreeSet<String> = options_of_the_program().into_values().flatten().map(|(_, long, _)| long).collect();
    let is_known = |name: &str| ["", "help", "version"].contains(&name) || known.contains(name);
    for line in manual.lines() {
        if let Some(macros) = line.strip_prefix('.') {
            // Not those of orphanguard, which are quoted.
            let words = macros.split(' ').skip_while(|&word| word != "Fl");
            let mut words = words.filter_map(|word| word.strip_prefix("\\-"));
            assert!(words.all(|name| is_known(&shown(name))), "{line}");
        } else if let Some((_, arguments)) = shown(line).split_once("orphans ") {
            let ours = arguments.split('|').next().unwrap().to_owned();
            let mut names = ours.split(' ').filter_map(|word| word.strip_prefix("--"));
            assert!(names.all(is_known), "{line}");
        }
    }
}

#[test]
fn every_kind_of_evidence_is_explained_and_no_other() {
    let manual = manual();
    let mut named: Vec<String> =
        section(&manual, "DESCRIPTION").iter().filter_map(|line| line.strip_prefix(".It Cm ")).map(shown).collect();
    let schema: Value = serde_json::from_slice(&fs::read(file("orphans.schema.json")).unwrap()).unwrap();
    let list = schema["$defs"]["orphan"]["properties"]["evidence"]["enum"].as_array().unwrap();
    let mut expected: Vec<&str> = list.iter().map(|word| word.as_str().unwrap()).collect();
    named.sort();
    expected.sort_unstable();
    assert_eq!(named, expected);
}

#[test]
fn every_field_of_the_json_is_explained_and_no_other() {
    let manual = manual();
    let schema: Value = serde_json::from_slice(&fs::read(file("orphans.schema.json")).unwrap()).unwrap();
    let mut fields = BTreeSet::new();
    collect(&schema, &mut fields);
    // Of watch, which explains it.
    assert!(fields.remove("seen"));
    let lines = section(&manual, "JSON FORMAT");
    let named: BTreeSet<String> = lines
        .iter()
        .filter(|line| line.starts_with('.'))
        .flat_map(|line| line.split(" Va ").skip(1).chain(line.strip_prefix(".Va ")))
        .flat_map(|names| names.split(" , ").map(|name| name.split(' ').next().unwrap().to_owned()))
        .collect();
    assert_eq!(named, fields);
}

/// The names of all properties, at any depth.
fn collect(schema: &Value, fields: &mut BTreeSet<String>) {
    match schema {
        Value::Object(object) => {
            for (name, value) in object {
                if name == "properties" {
                    fields.extend(value.as_object().unwrap().keys().cloned());
                }
                collect(value, fields);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, fields)),
        _ => {}
    }
}

/// Displays of a section: what stands between `.Bd` and `.Ed`.
fn displays(lines: &[&str]) -> Vec<Vec<String>> {
    let blocks = lines.split(|line| line.starts_with(".Bd ")).skip(1);
    blocks.map(|block| block.iter().take_while(|&&line| line != ".Ed").map(|line| shown(line)).collect()).collect()
}

#[test]
fn the_examples_print_what_the_manual_shows() {
    let manual = manual();
    let blocks = displays(&section(&manual, "EXAMPLES"));
    let consoles: Vec<_> = blocks.into_iter().filter(|block| block[0].starts_with("$ ")).collect();
    assert!(consoles.len() >= 2);
    // The machine's PID 1 is called init, as in the manual; any shell will do for it.
    let folder = std::env::temp_dir().join(format!("orphans-init-{}", std::process::id()));
    fs::create_dir(&folder).unwrap();
    let init = folder.join("init");
    std::os::unix::fs::symlink("/bin/sh", &init).unwrap();
    for console in &consoles {
        let mut script = String::from("PATH=$(dirname \"$ORPHANS\"):$PATH\n");
        let mut expected = String::new();
        for line in console {
            match line.strip_prefix("$ ") {
                // The next command finds the status of this one.
                Some(command) => script.push_str(&format!("{command}\nstatus=$?; (exit $status)\n")),
                None => expected.extend([line, "\n"]),
            }
        }
        let printed = Machine::with_init(&[init.to_str().unwrap()]).sh(&script).out;
        assert_eq!(without_numbers(&printed), without_numbers(&expected), "{printed}");
    }
    fs::remove_dir_all(folder).unwrap();
}

/// What differs from run to run taken out: process numbers, times, sizes, and with them the width of a column. A lone status stays.
fn without_numbers(text: &str) -> String {
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    let word = |word: &str| {
        let mut shape = String::new();
        for character in word.chars() {
            match character {
                c if !is_number(c) => shape.push(c),
                _ if shape.ends_with('N') => {}
                _ => shape.push('N'),
            }
        }
        shape.replace('K', "M")
    };
    let line = |line: &str| {
        let is_status = line.len() == 1;
        if is_status { line.to_owned() } else { line.split_whitespace().map(word).collect::<Vec<_>>().join(" ") }
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// The complaints of a checker; none where it is not installed.
fn complaints(program: &str, arguments: &[&str]) -> Option<Vec<String>> {
    let output = Command::new(program).args(arguments).arg(file("orphans.1")).output();
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
fn groff_finds_nothing_to_complain_about() {
    let Some(found) = complaints("groff", &["-mandoc", "-ww", "-z", "-Tutf8"]) else { return };
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
}
