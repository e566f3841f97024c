//! `orphans watch` tells of each new orphan when it appears, and of none that was there before.

mod common;
#[path = "common/machine.rs"]
mod machine;

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use common::{PATIENCE, Pid, guarded, send, start};
use machine::{Machine, is_root, orphans};

#[test]
fn new_ones_are_told_of_with_the_time_and_the_reason() {
    let mut machine = Machine::new();
    let before = machine.helper("setsid child [ say orphan hold ] exit 0", "orphan");
    machine.start("\"$ORPHANS\" watch --interval 20ms >\"$T/told\" 2>\"$T/watching\"");
    machine.until("grep -qx 'orphans: watching, every 20ms; 1 orphan there already' \"$T/watching\"");
    let likely = machine.helper("setsid child [ say orphan hold ] exit 0", "orphan");
    machine.start("\"$ORPHANGUARD\" -- \"$HELPER\" child [ child [ setsid say stray hold ] exit 0 ] reap hold");
    let certain = machine.said("stray");
    let told = machine.until("test \"$(wc -l <\"$T/told\")\" -ge 2 && cat \"$T/told\"");
    let time = |line: &str| {
        let shape: String = line.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).take(20).collect();
        assert_eq!(shape, "0000-00-00T00:00:00Z", "{line}");
        line[20..].to_owned()
    };
    let mut lines: Vec<String> = told.lines().map(time).collect();
    lines.sort();
    let mut expected = [format!(" {certain} certain "), format!(" {likely} likely ")];
    expected.sort();
    assert_eq!(lines.len(), 2, "{told}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(&expected) && line.ends_with(']'), "{told}");
    }
    assert!(told.contains("[its parent ended; adopted by its guard "), "{told}");
    assert!(!told.contains(&format!("Z {before} ")), "{told}");
}

#[test]
fn only_the_selected_are_told_of_and_as_json_where_asked() {
    let mut machine = Machine::new();
    machine.start("\"$ORPHANS\" watch --interval 20ms --certain --json >\"$T/told\" 2>\"$T/watching\"");
    machine.until("grep -q '^orphans: watching, ' \"$T/watching\"");
    machine.helper("setsid child [ say orphan hold ] exit 0", "orphan");
    machine.start("\"$ORPHANGUARD\" -- \"$HELPER\" child [ child [ setsid say stray hold ] exit 0 ] reap hold");
    let certain = machine.said("stray");
    let told = machine.until("test -s \"$T/told\" && cat \"$T/told\"");
    assert_eq!(told.lines().count(), 1, "{told}");
    let mut value: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!((machine::pid(&value["pid"]), &value["kind"]), (certain, &"certain".into()));
    let schema: serde_json::Value = serde_json::from_slice(include_bytes!("../man/orphans.schema.json")).unwrap();
    let schema = serde_json::json!({ "$ref": "#/$defs/orphan", "$defs": schema["$defs"] });
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&value), "{told}");
    // And what the schema does not know is refused by it.
    value["more"] = 1.into();
    assert!(!validator.is_valid(&value));
}

/// On the machine itself root is told of each end by the kernel: the interval is longer than anybody waits.
#[test]
fn root_is_told_by_the_kernel() {
    // Not in a container, which is not told.
    let is = |name: &str, number: &str| {
        let link = fs::read_link(format!("/proc/self/ns/{name}")).unwrap();
        link.to_str() == Some(number)
    };
    let is_first_network = fs::read_link("/proc/self/ns/net").ok() == fs::read_link("/proc/1/ns/net").ok();
    if !(is_root() && is("pid", "pid:[4026531836]") && is("user", "user:[4026531837]") && is_first_network) {
        return;
    }
    let instructions = "say command await-stdin child [ child [ setsid say stray hold ] exit 0 ] reap hold";
    let mut job = start(guarded("", instructions).stdin(Stdio::piped()));
    job.pid_of("command");
    let guard = job.guard().to_string();
    let mut watch = Command::new("timeout");
    watch.arg(PATIENCE.as_secs().to_string()).arg(orphans()).args(["watch", "--interval", "1h", "--guard", &guard]);
    let mut watch = watch.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut watching = String::new();
    BufReader::new(watch.stderr.take().unwrap()).read_line(&mut watching).unwrap();
    assert_eq!(watching, "orphans: watching, whenever a process ends; 0 orphans there already\n");
    drop(job.stdin.take());
    let stray = job.pid_of("stray");
    let mut told = String::new();
    BufReader::new(watch.stdout.take().unwrap()).read_line(&mut told).unwrap();
    send(watch.id() as Pid, libc::SIGTERM);
    watch.wait().unwrap();
    send(job.pid(), libc::SIGTERM);
    job.nobody_left();
    assert!(told.contains(&format!(" {stray} certain ")), "{told}");
}
