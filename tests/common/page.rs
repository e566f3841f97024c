//! A manual's page, as far as tests read one: its sections, options, displays, and what checkers say of its markup.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

pub struct Page {
    name: &'static str,
    pub text: String,
}

/// The letter, the long name and the value of an option.
pub type Tag = (Option<char>, String, Option<String>);

/// A file beside the manuals.
pub fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("man").join(name)
}

impl Page {
    pub fn read(name: &'static str) -> Self {
        Self { name, text: fs::read_to_string(file(name)).unwrap() }
    }

    /// The lines of a section, without its title.
    pub fn section(&self, title: &str) -> Vec<&str> {
        let after = self.text.split_once(&format!("\n.Sh {title}\n")).unwrap_or_else(|| panic!("no section {title}")).1;
        after.lines().take_while(|line| !line.starts_with(".Sh ")).collect()
    }

    /// Displays of a section that show what a user types and sees.
    pub fn consoles(&self) -> Vec<Vec<String>> {
        displays(&self.section("EXAMPLES")).into_iter().filter(|block| block[0].starts_with("$ ")).collect()
    }

    /// The names of fields that a section explains.
    pub fn fields_of(&self, title: &str) -> BTreeSet<String> {
        let lines = self.section(title).into_iter().filter(|line| line.starts_with('.'));
        lines
            .flat_map(|line| line.split(" Va ").skip(1).chain(line.strip_prefix(".Va ")))
            .flat_map(|names| names.split(" , ").map(|name| name.split(' ').next().unwrap().to_owned()))
            .collect()
    }

    /// Its markup is clean, and what is to be typed can be typed as it is shown.
    pub fn assert_clean(&self) {
        for (program, arguments) in [("mandoc", &["-T", "lint"][..]), ("groff", &["-mandoc", "-ww", "-z", "-Tutf8"])] {
            let Ok(output) = Command::new(program).args(arguments).arg(file(self.name)).output() else {
                println!("skipped: {program} is not installed");
                continue;
            };
            let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            // Which other manuals are installed, and indexed, is the machine's matter.
            let is_the_machines = ["referenced manual not found", "outdated mandoc.db"];
            let mut complaints = text.lines().filter(|line| !is_the_machines.iter().any(|its| line.contains(its)));
            assert_eq!(complaints.next(), None, "{program}: {text}");
        }
        // Unescaped, a terminal shows a hyphen and a quotation mark that no shell understands.
        let blocks = self.text.split("\n.Bd -literal").skip(1);
        let displayed = blocks.flat_map(|rest| rest.split("\n.Ed").next().unwrap().lines().skip(1));
        let quoted = self.text.lines().filter(|line| line.starts_with(".Ql ") || line.contains(" Ql "));
        let is_unescaped = |line: &&str| line.replace("\\-", "").contains(['-', '\'', '`']);
        assert_eq!(displayed.chain(quoted).find(is_unescaped), None);
    }
}

/// What a reader sees of a word or a line of a display.
pub fn shown(source: &str) -> String {
    source.replace("\\-", "-").replace("\\(aq", "'").replace("\\(ga", "`").replace("\\e", "\\").replace("\\&", "")
}

/// What stands between `.Bd` and `.Ed`.
pub fn displays(lines: &[&str]) -> Vec<Vec<String>> {
    let blocks = lines.split(|line| line.starts_with(".Bd ")).skip(1);
    blocks.map(|block| block.iter().take_while(|&&line| line != ".Ed").map(|line| shown(line)).collect()).collect()
}

/// The option that the rest of an `.It Fl` line means.
pub fn option(tag: &str) -> Tag {
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

/// The commands of a console as a script in which each finds the status of the one before, with `end` after each.
pub fn script(console: &[String], end: &str) -> String {
    let commands = console.iter().filter_map(|line| line.strip_prefix("$ "));
    let commands: Vec<String> =
        commands.map(|command| format!("{command}\nstatus=$?; {end} (exit $status)\n")).collect();
    commands.concat()
}

/// The names of all properties of a JSON schema, at any depth.
pub fn properties(schema: &Value) -> BTreeSet<String> {
    let mut fields = BTreeSet::new();
    collect(schema, &mut fields);
    fields
}

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
