//! The Debian package has what it ships, under the version of the program.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

#[test]
fn its_changelog_begins_with_this_version() {
    let expected = format!("orphanguard ({}-1) ", env!("CARGO_PKG_VERSION"));
    assert!(read("debian/changelog").starts_with(&expected), "{expected}");
}

#[test]
fn every_file_for_users_is_in_it() {
    let manifest = read("Cargo.toml");
    let assets = manifest.split("\nassets = [\n").nth(1).unwrap().split("\n]").next().unwrap();
    let patterns: Vec<&str> = assets.lines().map(|line| line.split('"').nth(1).unwrap()).collect();
    for folder in ["man", "completions"] {
        for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap() {
            let name = format!("{folder}/{}", entry.unwrap().file_name().to_str().unwrap());
            let matches = |pattern: &&str| {
                let (before, after) = pattern.split_once('*').unwrap_or((pattern, ""));
                name.starts_with(before) && name.ends_with(after)
            };
            assert_eq!(patterns.iter().filter(|pattern| matches(pattern)).count(), 1, "{name}");
        }
    }
}
