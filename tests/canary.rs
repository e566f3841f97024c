//! A process outside the job is never hit, also where process numbers are so few that each is given again at once.
//!
//! In a PID namespace with seventy numbers, canaries outside the job take and leave numbers all the time, while jobs beside them end
//! processes that do the same.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::process::Command;

use common::{helper, in_namespaces, orphanguard, skip, start};

/// From this version on the highest number is each PID namespace's own; before, to change it here would change it for the whole machine.
const OWN_LIMIT_SINCE: (u32, u32) = (6, 14);

/// PID 1 is a shell. It starts the canaries, then one job after the other, each of which ends by its own; then it asks how the canaries are.
const SCRIPT: &str = r#"
    echo 370 > /proc/sys/kernel/pid_max || exit 77
    "$HELPER" canaries 8 & canaries=$!
    job=0
    while [ $job -lt $JOBS ]; do
        "$ORPHANGUARD" $OPTIONS -- "$HELPER" $TREE; status=$?
        [ $status = 5 ] || { echo "status $status"; exit 1; }
        job=$((job + 1))
    done
    kill -TERM $canaries
    wait $canaries
"#;

fn kernel() -> (u32, u32) {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

fn beside_canaries(options: &str, tree: &str, jobs: u32) {
    if kernel() < OWN_LIMIT_SINCE {
        return skip("a PID namespace has no pid_max of its own before Linux 6.14");
    }
    let Some(mut caller): Option<Command> = in_namespaces("--pid --fork --kill-child --mount-proc", "sh") else {
        return;
    };
    caller.args(["-c", SCRIPT]).env("ORPHANGUARD", orphanguard()).env("HELPER", helper());
    caller.env("OPTIONS", options).env("TREE", tree).env("JOBS", jobs.to_string());
    let ended = start(&mut caller).nobody_left();
    if ended.status.code() == Some(77) {
        return skip(&format!("pid_max cannot be set here: {}", ended.err));
    }
    let mut lines = ended.out.lines();
    assert!(lines.next().is_some_and(|line| line.starts_with("canaries ")), "{}{}", ended.out, ended.err);
    let unhurt = lines.next().and_then(|line| line.strip_prefix("unhurt ")?.parse::<u32>().ok());
    let count = unhurt.unwrap_or_else(|| panic!("{}{}", ended.out, ended.err));
    // Each takes two numbers, and every process of a job another.
    assert!(count > 200, "only {count} canaries: the numbers have hardly been given twice");
}

#[test]
fn while_deaf_churning_strays_are_ended() {
    let churn = "child [ setsid churn ]";
    beside_canaries("--grace 20ms", &format!("ignore 15 {churn} child [ {churn} hold ] exit 5"), 40);
}

#[test]
fn while_a_tree_is_ended_whose_members_come_and_go() {
    let pair = "child [ setsid child [ hold ] child [ setsid hold ] hold ]";
    beside_canaries("--grace 20ms", &format!("{pair} child [ ignore 15 {pair} churn ] child [ chain ] exit 5"), 40);
}

#[test]
fn while_signals_go_to_the_whole_tree() {
    // COMMAND signals its own guard, which sends it to all: what it forwards finds other numbers each time.
    beside_canaries("--grace 20ms --forward tree", "ignore 40 child [ setsid churn ] shout 40 500 exit 5", 20);
}
