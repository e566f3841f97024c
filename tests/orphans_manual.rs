//! The manual of `orphans` says what the program has, no more and no less; its examples print what it shows; its markup is clean.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod common;
#[path = "common/machine.rs"]
mod machine;
#[path = "common/page.rs"]
mod page;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use machine::Machine;
use orphanguard::finder::cli;
use page::{Page, Tag, file, option, properties, script, shown};
use serde_json::Value;

fn manual() -> Page {
    Page::read("orphans.1")
}

/// The options of each command but `--help` and `--version`.
fn options_of_the_program() -> BTreeMap<String, BTreeSet<Tag>> {
    let command = cli::command();
    let options = |command: &clap::Command| {
        let named = command.get_arguments().filter(|arg| !arg.is_positional());
        let value = |arg: &clap::Arg| arg.get_value_names().map(|names| names[0].to_string());
        named.map(|arg| (arg.get_short(), arg.get_long().unwrap().to_owned(), value(arg))).collect::<BTreeSet<Tag>>()
    };
    let commands: BTreeMap<_, _> =
        command.get_subcommands().map(|command| (command.get_name().to_owned(), options(command))).collect();
    assert_eq!(options(&command), commands["list"], "without a command it is the list");
    commands
}

#[test]
fn every_option_of_every_command_has_its_entry_and_there_is_no_other() {
    let manual = manual();
    let mut entries: BTreeMap<String, BTreeSet<Tag>> = BTreeMap::new();
    let mut command = String::new();
    for line in manual.section("COMMANDS") {
        if let Some(title) = line.strip_prefix(".Ss ") {
            command = title.into();
        } else if let Some(tag) = line.strip_prefix(".It Fl ") {
            assert!(entries.entry(command.clone()).or_default().insert(option(tag)), "{command}: {tag} twice");
        }
    }
    assert_eq!(entries, options_of_the_program());
}

#[test]
fn no_option_is_named_anywhere_that_the_program_has_not() {
    let manual = manual();
    let known: BTreeSet<String> = options_of_the_program().into_values().flatten().map(|(_, long, _)| long).collect();
    let is_known = |name: &str| ["", "help", "version"].contains(&name) || known.contains(name);
    for line in manual.text.lines() {
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
        manual.section("DESCRIPTION").iter().filter_map(|line| line.strip_prefix(".It Cm ")).map(shown).collect();
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
    let mut fields = properties(&schema);
    // Of watch, which explains it.
    assert!(fields.remove("seen"));
    assert_eq!(manual.fields_of("JSON FORMAT"), fields);
}

#[test]
fn the_examples_print_what_the_manual_shows() {
    let consoles = manual().consoles();
    assert!(consoles.len() >= 2);
    // The machine's PID 1 is called init, as in the manual; any shell will do for it.
    let folder = std::env::temp_dir().join(format!("orphans-init-{}", std::process::id()));
    fs::create_dir(&folder).unwrap();
    let init = folder.join("init");
    std::os::unix::fs::symlink("/bin/sh", &init).unwrap();
    for console in &consoles {
        let script = format!("PATH=$(dirname \"$ORPHANS\"):$PATH\n{}", script(console, ""));
        let expected: String =
            console.iter().filter(|line| !line.starts_with("$ ")).flat_map(|line| [line, "\n"]).collect();
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

#[test]
fn its_markup_is_clean() {
    manual().assert_clean();
}
