//! `orphans end` ends orphans and what descends from them, and nobody else.

mod common;
#[path = "common/machine.rs"]
mod machine;

use common::Pid;
use machine::{Machine, is_root};

impl Machine {
    /// A process that a job has left on purpose, whose instructions are these.
    fn left(&mut self, instructions: &str) -> Pid {
        self.start(&format!("\"$ORPHANGUARD\" --on-exit leave -- \"$HELPER\" child [ {instructions} ] exit 0"));
        let stray = self.said("stray");
        self.until(&format!("\"$ORPHANS\" check {stray} && ! pgrep og-guard"));
        stray
    }
}

#[test]
fn certain_ones_go_with_all_that_descends_from_them_and_others_stay() {
    let mut machine = Machine::new();
    let stray = machine.left("setsid child [ setsid child [ setpgid say below hold ] hold ] say stray hold");
    let below = machine.said("below");
    let likely = machine.helper("setsid child [ say orphan hold ] exit 0", "orphan");
    machine.start("\"$HELPER\" say innocent hold");
    let innocent = machine.said("innocent");
    let ran = machine.orphans("end --yes --grace 1h");
    assert_eq!(ran.status, 0, "{}", ran.out);
    assert!(ran.out.starts_with("orphans: ended 3 processes: helper["), "{}", ran.out);
    assert_eq!(ran.out.matches("(TERM)").count(), 3, "{}", ran.out);
    assert!(!machine.lives(stray) && !machine.lives(below));
    assert!(machine.lives(likely) && machine.lives(innocent));
    let ran = machine.orphans("end --yes --likely");
    assert_eq!((ran.status, machine.lives(likely), machine.lives(innocent)), (0, false, true), "{}", ran.out);
    let nothing = machine.orphans("end --yes --likely");
    assert_eq!((nothing.status, nothing.out.as_str()), (0, "orphans: nothing to end\n"));
}

#[test]
fn the_deaf_get_sigkill_after_the_grace_and_the_stopped_hear() {
    let mut machine = Machine::new();
    let deaf = machine.left("setsid ignore all say stray hold");
    let stopped = machine.left("setsid on 15 exit 0 say stray stop hold");
    machine.until(&format!("grep -q '^State:.T' /proc/{stopped}/status"));
    let ran = machine.orphans("end -y --grace 50ms");
    assert_eq!(ran.status, 0, "{}", ran.out);
    assert!(ran.out.contains(&format!("helper[{deaf}] (KILL after ")), "{}", ran.out);
    assert!(ran.out.contains(&format!("helper[{stopped}] (TERM)")), "{}", ran.out);
    let at_once = machine.left("setsid say stray hold");
    let ran = machine.orphans("end -y --grace 0");
    assert!(ran.out.contains(&format!("helper[{at_once}] (KILL")), "{}", ran.out);
}

#[test]
fn a_fork_storm_is_outrun() {
    for instructions in ["setsid ignore 15 say stray storm 300", "setsid say stray storm 300"] {
        let mut machine = Machine::new();
        machine.left(instructions);
        let ran = machine.orphans("end -y --grace 50ms");
        assert_eq!(ran.status, 0, "{}", ran.out);
        assert_eq!(machine.verdicts(), []);
        machine.ok("! pgrep helper");
    }
}

#[test]
fn one_whose_first_thread_has_ended_is_found_and_ended() {
    let mut machine = Machine::new();
    let stray = machine.left("setsid leaderless [ say stray hold ]");
    machine.until(&format!("grep -q '^State:.Z' /proc/{stray}/status"));
    assert_eq!(machine.verdicts(), [(stray, "certain".into(), "guard-gone".into())]);
    let ran = machine.orphans("end -y --grace 1h");
    assert_eq!(ran.status, 0, "{}", ran.out);
    assert!(ran.out.contains(&format!("[{stray}] (TERM)")), "{}", ran.out);
    machine.ok(&format!("! grep '^Threads:.[2-9]' /proc/{stray}/status"));
}

#[test]
fn what_an_ending_process_leaves_is_ended_too() {
    let mut machine = Machine::new();
    // On SIGTERM it starts another one, in a session of its own, and ends.
    let script = "trap 'setsid \"$HELPER\" say heir hold & exit' TERM; echo \"stray $$\"; while :; do sleep 0.01; done";
    std::fs::write(machine.folder().join("script"), script).unwrap();
    machine.start("\"$ORPHANGUARD\" --on-exit leave -- sh -c 'sh \"$T/script\" & exit'");
    let stray = machine.said("stray");
    machine.until(&format!("\"$ORPHANS\" check {stray} && ! pgrep og-guard"));
    // A signal that comes between its fork and its exec is its parent's, and lost: then it takes the grace.
    let ran = machine.orphans("end -y --grace 1s");
    assert_eq!(ran.status, 0, "{}", ran.out);
    machine.ok("! pgrep helper");
    assert_eq!(machine.verdicts(), []);
}

#[test]
fn who_is_named_is_ended_if_an_orphan() {
    let mut machine = Machine::new();
    let likely = machine.helper("setsid child [ say orphan hold ] exit 0", "orphan");
    let other = machine.helper("setsid child [ say orphan hold ] exit 0", "orphan");
    let unclear = machine.helper("child [ setsid say daemon hold ] exit 0", "daemon");
    machine.start("\"$HELPER\" child [ setsid say child hold ] say innocent hold");
    let child = machine.said("child");
    let ran = machine.orphans(&format!("end -y {likely} {unclear} {likely}"));
    assert_eq!(ran.status, 0, "{}", ran.out);
    assert!(!machine.lives(likely) && !machine.lives(unclear) && machine.lives(other));
    let ran = machine.orphans(&format!("end -y {child} {other}"));
    assert_eq!(ran.status, 1, "{}", ran.out);
    assert!(
        ran.out.contains(&format!("orphans: helper[{child}] is no orphan, and not ended: its parent helper (")),
        "{}",
        ran.out
    );
    assert!(machine.lives(child) && !machine.lives(other));
    let gone = machine.orphans(&format!("end -y {other}"));
    assert_eq!((gone.status, gone.out.contains("nothing to end")), (0, true), "{}", gone.out);
}

#[test]
fn pid_1_itself_and_its_ancestors_are_never_ended() {
    let mut machine = Machine::new();
    let ran = machine.orphans("end -y 1");
    assert_eq!((ran.status, ran.out.as_str()), (1, "orphans: sh[1] is not ended: it is PID 1\n"));
    // A shell that is an orphan for certain, and calls us.
    let script = "echo \"stray $$\"; until test -e \"$T/go\"; do sleep 0.01; done
\"$ORPHANS\" end -y >\"$T/swept\" 2>&1; echo $? >>\"$T/swept\"
\"$ORPHANS\" end -y $$ >\"$T/named\" 2>&1; echo $? >>\"$T/named\"
echo 'end 1'";
    std::fs::write(machine.folder().join("script"), script).unwrap();
    machine.start("\"$ORPHANGUARD\" --on-exit leave -- sh -c 'sh \"$T/script\" & exit'");
    let stray = machine.said("stray");
    machine.until(&format!("\"$ORPHANS\" check {stray} && ! pgrep og-guard"));
    machine.ok("touch \"$T/go\"");
    machine.said("end");
    let read = |name| std::fs::read_to_string(machine.folder().join(name)).unwrap();
    let (swept, named) = (read("swept"), read("named"));
    let refused = format!("orphans: sh[{stray}] is not ended: this very program descends from it\n");
    assert_eq!((swept, named), (format!("{refused}orphans: nothing to end\n0\n"), format!("{refused}1\n")));
}

#[test]
fn the_marked_are_spared_unless_named() {
    let mut machine = Machine::new();
    machine.start("\"$ORPHANGUARD\" --on-exit leave -- env ORPHANGUARD_SPARE=1 \"$HELPER\" child [ setsid say marked hold ] exit 0");
    let marked = machine.said("marked");
    let stray = machine.left("setsid say stray hold");
    let ran = machine.orphans("end -y");
    assert_eq!(ran.status, 0, "{}", ran.out);
    assert!(
        ran.out.contains(&format!("orphans: helper[{marked}] is spared: it was started with ORPHANGUARD_SPARE=1\n")),
        "{}",
        ran.out
    );
    assert!(machine.lives(marked) && !machine.lives(stray));
    assert_eq!(machine.orphans(&format!("end -y {marked}")).status, 0);
    assert!(!machine.lives(marked));
}

#[test]
fn only_the_selected_are_ended() {
    let mut machine = Machine::new();
    let one = machine.left("setsid say stray hold");
    let other = machine.left("setsid say stray hold");
    let guard = machine.ok(&format!("tr '\\0' '\\n' </proc/{one}/environ | sed -n 's/^ORPHANGUARD_ID=//p'"));
    for selection in ["--older-than 1h", "--user 4711", "--guard 4711.5.4712"] {
        let ran = machine.orphans(&format!("end -y {selection}"));
        assert_eq!((ran.status, ran.out.as_str()), (0, "orphans: nothing to end\n"), "{selection}");
        let ran = machine.orphans(&format!("end -y {selection} {one}"));
        assert!(ran.out.contains("is not one of those that --user, --older-than and --guard select"), "{}", ran.out);
    }
    assert_eq!(machine.orphans(&format!("end -y --guard {}", guard.trim())).status, 0);
    assert!(!machine.lives(one) && machine.lives(other));
}

#[test]
fn a_dry_run_shows_and_does_nothing() {
    let mut machine = Machine::new();
    let stray = machine.left("setsid child [ say below hold ] say stray hold");
    let below = machine.said("below");
    let ran = machine.orphans("end --dry-run");
    assert_eq!(ran.status, 0, "{}", ran.out);
    for pid in [stray, below] {
        assert!(ran.out.contains(&format!(" {pid} ")), "{}", ran.out);
        assert!(machine.lives(pid));
    }
}

#[test]
fn without_a_terminal_nobody_is_ended_unasked() {
    let mut machine = Machine::new();
    let stray = machine.left("setsid say stray hold");
    let ran = machine.orphans("end");
    assert_eq!(ran.status, 125);
    assert!(
        ran.out.starts_with("orphans: there is no terminal on standard input to ask on, and nothing was ended"),
        "{}",
        ran.out
    );
    assert!(machine.lives(stray));
}

#[test]
fn on_a_terminal_it_asks() {
    let mut machine = Machine::new();
    let stray = machine.left("setsid child [ say below hold ] say stray hold");
    machine.said("below");
    let mut answer = |answer: &str| {
        let ran = machine.sh(&format!("echo {answer} | script -qec '\"$ORPHANS\" end' /dev/null"));
        let answered = (ran.status, ran.out.contains("End 2 processes? [y/N] "), machine.lives(stray));
        (answered, ran.out)
    };
    let (no, out) = answer("n");
    assert_eq!(no, (1, true, true), "{out}");
    let (yes, out) = answer("yes");
    assert_eq!(yes, (0, true, false), "{out}");
}

#[test]
fn a_stranger_that_has_got_the_number_is_not_hit() {
    if !is_root() {
        return;
    }
    let mut machine = Machine::new();
    // The stray ends on SIGTERM; what descends from it is deaf. While its grace runs, its number is given to a canary.
    let stray = machine.left("setsid child [ ignore 15 setsid say deaf hold ] say stray hold");
    let deaf = machine.said("deaf");
    machine.start("{ \"$ORPHANS\" end -y --grace 1h; echo \"ended $?\"; }");
    machine.until(&format!("! test -e /proc/{stray}/exe"));
    machine.until(&format!(
        "echo $(({stray} - 1)) >/proc/sys/kernel/ns_last_pid; \"$HELPER\" hold & test $! = {stray} || {{ kill $!; exit 1; }}"
    ));
    machine.ok(&format!("kill -KILL {deaf}"));
    assert_eq!(machine.said("ended"), 0);
    assert!(machine.lives(stray), "the canary is dead");
}

#[test]
fn who_may_not_be_signalled_is_named() {
    if !is_root() {
        return;
    }
    let mut machine = Machine::new();
    let orphan = machine.helper("setsid child [ say orphan hold ] exit 0", "orphan");
    machine.ok("cp \"$ORPHANS\" \"$T/orphans\"; chmod 755 \"$T\" \"$T/orphans\"");
    let begun = std::time::Instant::now();
    let ran = machine
        .sh(&format!("setpriv --reuid 65534 --regid 65534 --clear-groups \"$T/orphans\" end -y --grace 50ms {orphan}"));
    // It does not wait in vain.
    assert!(begun.elapsed() < orphanguard::plan::GIVE_UP, "{}", ran.out);
    assert_eq!(ran.status, 1, "{}", ran.out);
    assert_eq!(ran.out, format!("orphans: could not end 1 process: helper[{orphan}] (not permitted)\n"));
    assert!(machine.lives(orphan));
}
