//! `orphans` names the orphans that there are, and says why; and nobody else.

mod common;
#[path = "common/machine.rs"]
mod machine;

use common::Pid;
use machine::{Machine, is_root, pid};

fn verdict(pid: Pid, kind: &str, evidence: &str) -> (Pid, String, String) {
    (pid, kind.into(), evidence.into())
}

#[test]
fn a_machine_without_orphans_has_none() {
    let mut machine = Machine::new();
    machine.start("\"$HELPER\" child [ child [ hold ] setsid hold ] setpgid say ready hold");
    machine.said("ready");
    machine.start("\"$ORPHANGUARD\" -- \"$HELPER\" child [ setsid hold ] say ready hold");
    machine.said("ready");
    assert_eq!(machine.verdicts(), []);
    let ran = machine.orphans("");
    assert_eq!((ran.status, ran.out.as_str()), (0, "orphans: no orphans found\n"));
}

#[test]
fn what_a_job_left_on_purpose_is_certain() {
    let mut machine = Machine::new();
    let tree = "child [ setsid child [ say below hold ] say top hold ] await-stdin exit 0";
    machine.start(&format!("\"$ORPHANGUARD\" --on-exit leave -- \"$HELPER\" {tree}"));
    let (top, below) = (machine.said("top"), machine.said("below"));
    machine.until("! pgrep og-guard");
    assert_eq!(machine.verdicts(), [verdict(top, "certain", "guard-gone"), verdict(below, "certain", "guard-gone")]);
}

#[test]
fn what_a_guards_death_left_is_certain() {
    let mut machine = Machine::new();
    let job = "\"$HELPER\" child [ setsid say stray hold ] say command hold";
    machine.start(&format!("\"$ORPHANGUARD\" --no-sentinel -- {job} & echo \"guard $!\""));
    let (stray, command, guard) = (machine.said("stray"), machine.said("command"), machine.said("guard"));
    assert_eq!(machine.verdicts(), []);
    machine.ok(&format!("kill -KILL {guard}"));
    machine.until(&format!("! test -e /proc/{command}/exe"));
    assert_eq!(machine.verdicts(), [verdict(stray, "certain", "guard-gone")]);
}

#[test]
fn what_a_living_guard_has_adopted_is_certain() {
    let mut machine = Machine::new();
    machine.start(
        "\"$ORPHANGUARD\" -- \"$HELPER\" child [ child [ setsid say stray child [ say below hold ] hold ] exit 0 ] reap say command hold",
    );
    let (stray, below, _) = (machine.said("stray"), machine.said("below"), machine.said("command"));
    assert_eq!(machine.verdicts(), [verdict(stray, "certain", "adopted-by-guard")]);
    let tree = machine.ok("\"$ORPHANS\" --tree 2>&1");
    let lines: Vec<&str> = tree.lines().collect();
    assert!(lines[1].starts_with("certain: its parent ended; adopted by its guard "), "{tree}");
    assert!(lines[2].trim_start().starts_with(&format!("{stray} og-guard[")), "{tree}");
    assert!(
        lines[3].trim_start().starts_with(&format!("{below} helper[{stray}]")) && lines[3].contains(" \\_ "),
        "{tree}"
    );
    assert_eq!(lines.len(), 4, "{tree}");
}

#[test]
fn what_outlives_the_command_is_certain_while_the_guard_waits_for_it() {
    let mut machine = Machine::new();
    machine.start("\"$ORPHANGUARD\" --on-exit wait -- \"$HELPER\" say command child [ setsid say stray hold ] exit 0");
    let (command, stray) = (machine.said("command"), machine.said("stray"));
    machine.until(&format!("! test -e /proc/{command}"));
    assert_eq!(machine.verdicts(), [verdict(stray, "certain", "adopted-by-guard")]);
}

#[test]
fn a_stray_without_the_guards_variable_is_known_by_its_guard() {
    let mut machine = Machine::new();
    // COMMAND clears its environment, so that nobody below it has the variable.
    machine.start(
        "\"$ORPHANGUARD\" -- env -i \"$HELPER\" child [ child [ setsid say stray hold ] exit 0 ] reap say command hold",
    );
    let (stray, _) = (machine.said("stray"), machine.said("command"));
    assert_eq!(machine.verdicts(), [verdict(stray, "certain", "adopted-by-guard")]);
}

#[test]
fn a_guard_that_is_pid_1_has_adopted_all_but_its_command() {
    let orphanguard = common::orphanguard();
    let mut machine = Machine::with_init(&[orphanguard.to_str().unwrap(), "--", "sh"]);
    let stray = machine.helper("child [ setsid say stray hold ] exit 0", "stray");
    machine.start("\"$HELPER\" say mine hold");
    machine.said("mine");
    assert_eq!(machine.verdicts(), [verdict(stray, "certain", "adopted-by-guard")]);
}

#[test]
fn a_containers_processes_are_judged_by_its_numbers() {
    let mut machine = Machine::new();
    let inside = "unshare --pid --fork --mount-proc --kill-child sh -c";
    // Its guards get numbers that nobody has out here.
    let count = "i=0; while [ $i -lt 500 ]; do (:); i=$((i + 1)); done";
    // One that lives.
    machine.start(&format!(
        "{inside} '{count}; \"$ORPHANGUARD\" -- \"$HELPER\" child [ setsid say child hold ] say command hold; :'"
    ));
    let _ = (machine.said("child"), machine.said("command"));
    assert_eq!(machine.verdicts(), []);
    // One that is gone.
    let left = "\"$ORPHANGUARD\" --on-exit leave -- \"$HELPER\" child [ setsid hold ] exit 0; echo \"left $?\"; \"$HELPER\" hold; :";
    machine.start(&format!("{inside} '{count}; {left}'"));
    machine.said("left");
    let verdicts = machine.verdicts();
    assert_eq!(verdicts.len(), 1, "{verdicts:?}");
    assert_eq!((verdicts[0].1.as_str(), verdicts[0].2.as_str()), ("certain", "guard-gone"));
}

#[test]
fn a_guard_outside_a_container_is_not_called_gone_inside() {
    let mut machine = Machine::new();
    // In there all have the ID of a guard out here, whose number nobody has, or another.
    let script = "\"$ORPHANS\" --json >\"$T/inside\"; \"$HELPER\" child [ setsid hold ] exit 0; \"$ORPHANS\" check $$; echo \"checked $?\"; \"$ORPHANS\" --json >>\"$T/inside\"";
    machine.start(&format!(
        "\"$ORPHANGUARD\" -- unshare --pid --fork --mount-proc --kill-child sh -c '{script}; echo \"done 1\"'"
    ));
    // PID 1 of its own is no orphan.
    assert_eq!((machine.said("checked"), machine.said("done")), (1, 1));
    let inside = std::fs::read_to_string(machine.folder().join("inside")).unwrap();
    assert_eq!(inside.matches("\"orphans\": []").count(), 2, "{inside}");
}

#[test]
fn a_job_that_has_children_from_before_has_no_orphans_for_that() {
    let mut machine = Machine::new();
    machine
        .start("(\"$HELPER\" say before hold & exec \"$ORPHANGUARD\" --no-sentinel -- \"$HELPER\" say command hold)");
    let _ = (machine.said("before"), machine.said("command"));
    assert_eq!(machine.verdicts(), []);
}

#[test]
fn who_has_another_session_than_his_parent_is_likely_one() {
    let mut machine = Machine::new();
    let orphan = machine.helper("setsid child [ say orphan hold ] exit 0", "orphan");
    assert_eq!(machine.verdicts(), [verdict(orphan, "likely", "other-session")]);
    let list = machine.orphans("");
    assert!(list.out.contains("\nlikely: its parent ended; adopted by sh (1); its session's leader "), "{}", list.out);
    assert!(list.out.contains(" is gone\n"), "{}", list.out);
    assert_eq!(machine.found("--certain"), [] as [serde_json::Value; 0]);
    assert_eq!(machine.found("--certain --likely").len(), 1);
}

#[test]
fn who_has_lost_the_leader_of_his_group_is_likely_one() {
    let mut machine = Machine::new();
    let orphan = machine.helper("setpgid child [ say orphan hold ] exit 0", "orphan");
    assert_eq!(machine.verdicts(), [verdict(orphan, "likely", "group-leader-gone")]);
}

#[test]
fn an_init_that_runs_one_program_has_adopted_the_others() {
    // tini is known by its name; any shell will do for it.
    let folder = std::env::temp_dir().join(format!("orphans-tini-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let tini = folder.join("tini");
    std::os::unix::fs::symlink("/bin/sh", &tini).unwrap();
    let mut machine = Machine::with_init(&[tini.to_str().unwrap(), "-c", "sh; exit"]);
    let orphan = machine.helper("child [ setsid say orphan hold ] exit 0", "orphan");
    assert_eq!(machine.verdicts(), [verdict(orphan, "likely", "second-child")]);
    drop(machine);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_daemon_that_is_registered_is_none() {
    let mut machine = Machine::new();
    let daemon = machine.helper("setsid child [ say daemon hold ] exit 0", "daemon");
    assert_eq!(machine.verdicts().len(), 1);
    let mount = "mount -t tmpfs none /run && mkdir /run/daemon";
    machine.ok(&format!("{mount} && echo {daemon} >/run/daemon/daemon.pid"));
    assert_eq!(machine.verdicts(), []);
}

#[test]
fn the_selection_is_by_guard_user_and_age() {
    let mut machine = Machine::new();
    let mut left = || {
        machine.ok("\"$ORPHANGUARD\" --on-exit leave -- \"$HELPER\" child [ setsid say stray hold ] exit 0");
        machine.found("").len()
    };
    assert_eq!((left(), left()), (1, 2));
    let found = machine.found("");
    let guards: Vec<&str> = found.iter().map(|one| one["guard"].as_str().unwrap()).collect();
    assert_ne!(guards[0], guards[1]);
    for (one, guard) in found.iter().zip(&guards) {
        let number = guard.split('.').next().unwrap();
        for filter in [*guard, number] {
            let selected = machine.found(&format!("--guard {filter}"));
            assert_eq!(selected.iter().map(|s| pid(&s["pid"])).collect::<Vec<_>>(), [pid(&one["pid"])], "{filter}");
        }
    }
    assert_eq!(machine.found("--user 0").len(), 2);
    assert_eq!(machine.found("--user 4711").len(), 0);
    assert_eq!(machine.found("--older-than 0").len(), 2);
    assert_eq!(machine.found("--older-than 1d").len(), 0);
    machine.until("\"$ORPHANS\" --json --older-than 20ms | grep -c '\"pid\"' | grep -qx 4");
}

#[test]
fn the_json_is_as_its_schema_says() {
    let mut machine = Machine::new();
    machine.ok("\"$ORPHANGUARD\" --on-exit leave -- \"$HELPER\" child [ setsid child [ hold ] say top hold ] exit 0");
    machine.helper("setsid child [ say orphan hold ] exit 0", "orphan");
    // A name and an argument that are no UTF-8, and look like what stands for that.
    machine.ok("cp \"$(command -v sleep)\" \"$T/$(printf 'n\\377')\"");
    machine.ok("ORPHANGUARD_SPARE=1 setsid sh -c '\"$T/$(printf \"n\\\\377\")\" 1000 & exit'");
    machine.until("\"$ORPHANS\" --json | grep -c '\"kind\"' | grep -qx 4");
    // It has its name from its exec on.
    machine.until("\"$ORPHANS\" --json | grep -q '\"name\": \"n'");
    let text = machine.ok("\"$ORPHANS\" --json");
    let document = serde_json::from_str(&text).unwrap();
    let schema = include_bytes!("../man/orphans.schema.json");
    let validator = jsonschema::validator_for(&serde_json::from_slice(schema).unwrap()).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&document).map(|error| format!("{error} at {}", error.instance_path())).collect();
    assert_eq!(errors, [] as [String; 0], "{text}");
    let orphans = document["orphans"].as_array().unwrap();
    let with_descendant: Vec<_> =
        orphans.iter().filter(|one| one["descendants"].as_array().unwrap().len() == 1).collect();
    assert_eq!(with_descendant.len(), 1, "{text}");
    let odd = orphans.iter().find(|one| one["spared"] == true).unwrap();
    assert_eq!(odd["name"], "n\\xff");
    assert!(odd["args"][0].as_str().unwrap().ends_with("/n\\xff"), "{odd}");
    assert_eq!(odd["guard"], serde_json::Value::Null);
}

#[test]
fn names_that_would_play_tricks_on_a_terminal_are_shown_escaped() {
    let mut machine = Machine::new();
    machine.ok("cp \"$HELPER\" \"$T/$(printf 'x\\033[2J\\ny')\"");
    machine.ok("\"$T/$(printf 'x\\033[2J\\ny')\" setsid child [ hold ] exit 0");
    let list = machine.orphans("");
    assert_eq!(list.out.lines().count(), 3, "{}", list.out);
    assert!(list.out.contains("/x\\u{1b}[2J\\ny setsid"), "{}", list.out);
}

#[test]
fn lines_are_cut_to_the_terminals_width() {
    let mut machine = Machine::new();
    machine.helper("setsid child [ say orphan hold ] exit 0", "orphan");
    let script = "stty columns 60; \"$ORPHANS\"";
    let shown = machine.ok(&format!("TERM=dumb script -qec '{script}' /dev/null"));
    assert!(shown.contains("COMMAND"), "{shown}");
    let longest = shown.lines().map(|line| line.trim_end_matches('\r').chars().count()).max();
    assert_eq!(longest, Some(60), "{shown}");
    let whole = machine.orphans("").out;
    assert!(whole.lines().any(|line| line.ends_with("exit 0")), "{whole}");
}

#[test]
fn an_ordinary_user_is_told_what_he_cannot_see() {
    // Another user cannot be made by one that is not root.
    if !is_root() {
        return;
    }
    let mut machine = Machine::new();
    machine.ok("\"$ORPHANGUARD\" --on-exit leave -- \"$HELPER\" setsid child [ child [ hold ] hold ] exit 0");
    machine.ok("cp \"$ORPHANS\" \"$T/orphans\"; chmod 755 \"$T\" \"$T/orphans\"");
    let nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups \"$T/orphans\"";
    let list = machine.sh(nobody);
    assert_eq!(list.status, 0, "{}", list.out);
    // By its session only; its descendant, and the shell's children, are not seen to be orphans at all.
    assert_eq!(list.out.matches("\nlikely: ").count(), 1, "{}", list.out);
    assert!(!list.out.contains("certain"), "{}", list.out);
    assert!(list.out.contains("orphans: the environment of "), "{}", list.out);
    let hidden = machine.sh(&format!("mount -o remount,hidepid=2 /proc && {nobody}"));
    assert!(hidden.out.contains("orphans: /proc shows no processes of other users here (hidepid)"), "{}", hidden.out);
}

#[test]
fn where_there_is_no_proc_it_says_so() {
    let mut machine = Machine::new();
    let ran = machine.sh("umount /proc && mount -t tmpfs none /proc && \"$ORPHANS\"");
    assert_eq!(ran.status, 125, "{}", ran.out);
    assert!(ran.out.starts_with("orphans: cannot see any process: /proc is not mounted"), "{}", ran.out);
}

#[test]
fn bad_usage_is_one_line_and_125() {
    let mut machine = Machine::new();
    for arguments in ["--tre", "--tree --json", "--user no-such-user", "--older-than soon", "--guard x", "frobnicate"] {
        let ran = machine.orphans(arguments);
        assert_eq!(ran.status, 125, "{arguments}");
        assert!(ran.out.starts_with("orphans: ") && ran.out.lines().count() == 1, "{arguments}: {}", ran.out);
    }
    for arguments in ["--help", "end --help", "check -h", "watch --help", "--version"] {
        assert_eq!(machine.orphans(arguments).status, 0, "{arguments}");
    }
}
