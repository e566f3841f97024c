//! `orphans check` answers by its exit status, for a script and for a program that ask about themselves.

mod common;
#[path = "common/machine.rs"]
mod machine;

use machine::Machine;

#[test]
fn the_exit_status_is_the_answer() {
    let mut machine = Machine::new();
    machine.start(
        "\"$ORPHANGUARD\" -- \"$HELPER\" child [ child [ setsid say stray hold ] exit 0 ] reap say command hold",
    );
    let (certain, command) = (machine.said("stray"), machine.said("command"));
    let likely = machine.helper("setsid child [ say orphan hold ] exit 0", "orphan");
    let unclear = machine.helper("child [ setsid say daemon hold ] exit 0", "daemon");
    for (pid, status, words) in [
        (certain, 0, "certainly an orphan: its parent ended; adopted by its guard "),
        (likely, 0, "likely an orphan: its parent ended; adopted by sh (1); its session's leader "),
        (command, 1, "not an orphan: it is what its guard "),
        (1, 1, "not an orphan: it is PID 1"),
        (unclear, 2, "cannot tell: its parent is sh (1), and nothing tells whether"),
    ] {
        let told = machine.orphans(&format!("check --verbose {pid}"));
        assert_eq!(told.status, status, "{}", told.out);
        let (name, rest) = told.out.split_once(": ").unwrap();
        assert!(name.ends_with(&format!("[{pid}]")) && rest.starts_with(words), "{}", told.out);
        let silent = machine.orphans(&format!("check {pid}"));
        assert_eq!((silent.status, silent.out.as_str()), (status, ""));
    }
}

#[test]
fn who_is_not_there_has_no_answer() {
    let mut machine = Machine::new();
    let none = machine.orphans("check 4194303");
    assert_eq!((none.status, none.out.as_str()), (2, "orphans: there is no process 4194303\n"));
    machine.start("\"$HELPER\" child [ say zombie exit 0 ] say parent hold");
    let zombie = machine.said("zombie");
    machine.until(&format!("grep -q '^State:.Z' /proc/{zombie}/status"));
    let ended = machine.orphans(&format!("check -v {zombie}"));
    assert_eq!(ended.status, 2);
    assert!(ended.out.contains("it has ended; its parent helper ("), "{}", ended.out);
}

#[test]
fn bad_usage_is_no_answer_either() {
    let mut machine = Machine::new();
    for arguments in ["check x", "check 0", "check 1 2", "check --frobnicate"] {
        let ran = machine.orphans(arguments);
        assert_eq!(ran.status, 2, "{arguments}");
        assert!(ran.out.starts_with("orphans: ") && ran.out.lines().count() == 1, "{arguments}: {}", ran.out);
    }
}

#[test]
fn a_shell_script_asks_about_itself() {
    let mut machine = Machine::new();
    // Whoever starts it waits until it has asked once, and ends.
    let script = "#!/bin/sh
echo \"before $(\"$ORPHANS\" check; echo $?)\"
kill -TERM $PPID
while \"$ORPHANS\" check $$; [ $? -ne 0 ]; do sleep 0.01; done
\"$ORPHANS\" check
echo \"after $?\"
echo \"script $$\"
";
    std::fs::write(machine.folder().join("script"), script).unwrap();
    machine.ok("chmod 755 \"$T/script\"");
    machine.start("setsid sh -c '\"$T/script\" & wait'");
    let before = machine.said("before");
    let after = machine.said("after");
    assert_eq!((before, after), (1, 0));
    machine.said("script");
}

#[test]
fn a_python_program_asks_about_itself() {
    let mut machine = Machine::new();
    let program = r#"
import multiprocessing, os, subprocess

def is_orphaned():
    return subprocess.run([os.environ["ORPHANS"], "check", str(os.getpid())]).returncode == 0

def work(pipe):
    parent = multiprocessing.parent_process()
    pipe.send((parent.is_alive(), is_orphaned()))
    while parent.is_alive():
        parent.join()
    print("alive", int(parent.is_alive()), flush=True)
    # The kernel closes what tells of its end just before it gives its children away.
    while os.getppid() == parent.pid:
        os.sched_yield()
    # Its guard, which has lost its command, may live a moment longer: it is an orphan either way.
    print("orphaned", int(is_orphaned()), flush=True)

if __name__ == "__main__":
    ours, theirs = multiprocessing.Pipe()
    multiprocessing.get_context("fork").Process(target=work, args=(theirs,)).start()
    alive, orphaned = ours.recv()
    print("before", 10 * alive + orphaned, flush=True)
    os._exit(0)
"#;
    std::fs::write(machine.folder().join("program.py"), program).unwrap();
    for run in [
        // Its guard goes, or its session does.
        "\"$ORPHANGUARD\" --on-exit leave -- python3 \"$T/program.py\"",
        "setsid python3 \"$T/program.py\"",
    ] {
        machine.start(run);
        let answers = [machine.said("before"), machine.said("alive"), machine.said("orphaned")];
        assert_eq!(answers, [10, 0, 1], "{run}");
    }
}
