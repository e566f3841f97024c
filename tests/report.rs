//! The report says what happened, validates against its schema, and is there whole or not at all.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use common::{guarded, guarding, run, send, start};
use serde_json::{Value, json};

/// A folder for one test's report, taken away with it.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("report-{name}-{}", std::process::id()));
        fs::create_dir_all(&place).unwrap();
        Self(place)
    }

    fn file(&self) -> PathBuf {
        self.0.join("report.json")
    }

    fn options(&self, more: &str) -> String {
        format!("{more} --report {}", self.file().display())
    }

    /// The report, checked against the schema by a validator that is not ours; nothing else is left beside it.
    fn report(&self) -> Value {
        let names: Vec<_> = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["report.json"]);
        let report: Value = serde_json::from_slice(&fs::read(self.file()).unwrap()).unwrap();
        let schema = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/man/orphanguard-report.schema.json")).unwrap();
        let validator = jsonschema::validator_for(&serde_json::from_slice(&schema).unwrap()).unwrap();
        let errors: Vec<String> = validator.iter_errors(&report).map(|error| format!("{error}")).collect();
        assert!(errors.is_empty(), "{errors:?} in {report:#}");
        report
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

#[test]
fn it_agrees_with_the_status_and_names_each_orphan() {
    let place = Place::new("orphans");
    let mut command = guarded(&place.options("--grace 50ms"), "ignore 15 child [ setsid hold ] exit 3");
    let ended = run(&mut command);
    let report = place.report();
    assert_eq!(ended.status.code(), Some(3));
    assert_eq!(report["status"], 3);
    assert_eq!(report["outcome"], json!({ "exit_code": 3 }));
    assert_eq!(report["timed_out"], false);
    assert_eq!(report["command"][1], "ignore");
    let orphan = &report["orphans"][0];
    assert_eq!(
        (&orphan["name"], &orphan["fate"], &orphan["signal"]),
        (&json!("helper"), &json!("killed"), &json!("KILL"))
    );
    assert!(ended.err.contains(&format!("helper[{}]", orphan["pid"])), "{}", ended.err);
    assert!(orphan["after_s"].as_f64().unwrap() >= 0.05);
    assert_eq!(orphan["args"][1], "ignore");
}

#[test]
fn it_tells_the_fates_apart() {
    let place = Place::new("exited");
    let mut command = guarded(&place.options("-v --on-exit wait"), "child [ say stray await-stdin exit 0 ] exit 0");
    let mut job = start(command.stdin(std::process::Stdio::piped()));
    let stray = job.pid_of("stray");
    job.wait_told(&format!("found helper[{stray}]"));
    drop(job.stdin.take());
    job.nobody_left();
    assert_eq!(place.report()["orphans"][0]["fate"], "exited");

    let place = Place::new("terminated");
    run(&mut guarded(&place.options(""), "child [ hold ] exit 0"));
    assert_eq!(place.report()["orphans"][0]["fate"], "terminated");

    for (fate, options) in [("left", "--on-exit leave"), ("spared", "--spare helper")] {
        let place = Place::new(fate);
        let mut job = start(&mut guarded(&place.options(options), "child [ setsid say stray hold ] exit 0"));
        let stray = job.pid_of("stray");
        job.wait();
        let report = place.report();
        assert_eq!(
            report["orphans"],
            json!([{
                "pid": stray, "name": "helper", "args": report["orphans"][0]["args"], "started_s": report["orphans"][0]["started_s"],
                "fate": fate, "signal": null, "after_s": null
            }])
        );
        send(stray, libc::SIGKILL);
        job.nobody_left_soon();
    }
}

#[test]
fn it_tells_death_by_a_signal_and_the_signals_that_came() {
    let place = Place::new("signals");
    let mut job = start(&mut guarded(&place.options(""), "ignore 10 say ready hold"));
    job.line();
    send(job.pid(), libc::SIGUSR1);
    send(job.pid(), libc::SIGTERM);
    job.nobody_left();
    let report = place.report();
    assert_eq!(report["outcome"], json!({ "signal": "TERM", "core_dumped": false }));
    assert_eq!(report["status"], 143);
    let mut signals: Vec<_> =
        report["signals"].as_array().unwrap().iter().map(|came| came["signal"].as_str().unwrap()).collect();
    signals.sort_unstable();
    assert_eq!(signals, ["TERM", "USR1"]);
    assert_eq!(report["signals"][0]["sender_pid"], std::process::id());
}

#[test]
fn it_is_complete_after_a_timeout() {
    let place = Place::new("timeout");
    let ended = run(&mut guarded(&place.options("-t 100ms"), "child [ setsid hold ] hold"));
    let report = place.report();
    assert_eq!(ended.status.code(), Some(124));
    assert_eq!((&report["status"], &report["timed_out"]), (&json!(124), &json!(true)));
    assert_eq!(report["orphans"].as_array().unwrap().len(), 1);
}

#[test]
fn it_is_complete_after_the_guard_was_killed() {
    let place = Place::new("lost");
    let mut job = start(&mut guarded(&place.options(""), "child [ setsid say stray hold ] say command hold"));
    let pids = [job.line(), job.line()];
    let pid =
        |word: &str| -> i32 { pids.iter().find_map(|line| line.strip_prefix(word)).unwrap().trim().parse().unwrap() };
    // COMMAND's PID comes from the guard by a signal: let that have been taken.
    common::wait_until("the sentinel to have no signal waiting", || {
        common::status_field(job.pid(), "ShdPnd").is_some_and(|pending| pending.trim_start_matches('0').is_empty())
    });
    send(job.guard(), libc::SIGKILL);
    let ended = job.nobody_left();
    assert_eq!(ended.status.code(), Some(137));
    let report = place.report();
    assert_eq!(report["status"], 137);
    assert_eq!(report["pid"], pid("command"));
    let orphans = report["orphans"].as_array().unwrap();
    assert!(orphans.iter().any(|orphan| orphan["pid"] == pid("stray") && orphan["fate"] == "killed"), "{report:#}");
}

#[test]
fn the_usage_counts_orphans_too() {
    let place = Place::new("usage");
    // A process that computes, is orphaned, and is ended: its time is the job's.
    let program = "import os, sys, time\nif os.fork():\n    os._exit(0)\nos.setsid()\nwhile os.times().user < 0.3: pass\nprint(os.getpid(), flush=True)\ntime.sleep(1000)";
    let mut command = guarding(&place.options("--on-exit wait"), "python3");
    let mut job = start(command.arg("-c").arg(program));
    let pid = job.line().parse().unwrap();
    send(pid, libc::SIGTERM);
    job.nobody_left();
    assert!(place.report()["usage"]["user_s"].as_f64().unwrap() >= 0.3);
}

#[test]
fn text_that_is_not_utf8_is_escaped() {
    let place = Place::new("bytes");
    let mut command = guarding(&place.options(""), "true");
    command.arg(std::ffi::OsStr::from_bytes(b"a\xffb")).arg("größe\n");
    run(&mut command);
    assert_eq!(place.report()["command"], json!(["true", "a\\xffb", "größe\n"]));
}

#[test]
fn a_command_that_cannot_be_run_is_reported_too() {
    let place = Place::new("missing");
    let ended = run(&mut guarding(&place.options(""), "/nonexistent/command"));
    assert_eq!(ended.status.code(), Some(127));
    let report = place.report();
    assert_eq!((&report["status"], &report["pid"], &report["outcome"]), (&json!(127), &Value::Null, &Value::Null));
}

#[test]
fn an_old_report_is_replaced_in_one_step_and_a_link_is_followed() {
    let place = Place::new("replace");
    fs::write(place.file(), "old").unwrap();
    run(&mut guarded(&place.options(""), "exit 0"));
    assert_eq!(place.report()["status"], 0);

    let link = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("report-link-{}", std::process::id()));
    std::os::unix::fs::symlink(place.file(), &link).unwrap();
    run(&mut guarded(&format!("--report {}", link.display()), "exit 5"));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    fs::remove_file(&link).unwrap();
    assert_eq!(place.report()["status"], 5);
}

#[test]
fn what_cannot_be_written_is_said_before_the_command_runs() {
    for file in ["/nonexistent/report.json", "/", "/proc/version"] {
        let mut command = guarding(&format!("--report {file}"), "echo");
        let ended = run(command.arg("ran"));
        assert_eq!((ended.status.code(), ended.out.as_str()), (Some(125), ""), "{file}");
        assert!(ended.err.starts_with(&format!("orphanguard: --report: cannot write '{file}': ")), "{}", ended.err);
        assert_eq!(ended.err.lines().count(), 1);
    }
}

#[test]
fn a_device_is_written_to_and_not_replaced() {
    let ended = run(&mut guarded("--report /dev/stdout", "exit 0"));
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(report["status"], 0);
}
