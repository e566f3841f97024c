//! The caller sees COMMAND's end as its own: the same code, the same signal, and no trouble of orphanguard's mistaken for it.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use common::{
    Ended, Scratch, guarded, guarding, helper, in_namespaces, orphanguard, orphanguard_alone, run, send, start,
};

const WITH_AND_WITHOUT: [&str; 2] = ["", "--no-sentinel"];

/// All whose default action is to end a process.
fn deadly() -> impl Iterator<Item = i32> {
    let harmless = [
        libc::SIGCHLD,
        libc::SIGCONT,
        libc::SIGSTOP,
        libc::SIGTSTP,
        libc::SIGTTIN,
        libc::SIGTTOU,
        libc::SIGURG,
        libc::SIGWINCH,
    ];
    (1..=64).filter(move |signal| !harmless.contains(signal))
}

#[track_caller]
fn assert_says_one_line(ended: &Ended, code: i32, parts: &[&str]) {
    assert_eq!(ended.status.code(), Some(code), "{}", ended.err);
    let is_one_line =
        ended.err.starts_with("orphanguard: ") && ended.err.ends_with('\n') && ended.err.lines().count() == 1;
    assert!(is_one_line, "{:?}", ended.err);
    for part in parts {
        assert!(ended.err.contains(part), "no {part:?} in {:?}", ended.err);
    }
}

#[test]
fn every_code_is_passed_on() {
    for options in WITH_AND_WITHOUT {
        for code in 0..=255 {
            let ended = run(&mut guarded(options, &format!("exit {code}")));
            assert_eq!((ended.status.code(), ended.err.as_str()), (Some(code), ""));
        }
    }
}

#[test]
fn every_deadly_signal_is_died_of_again() {
    for options in WITH_AND_WITHOUT {
        for signal in deadly() {
            let ended = run(&mut guarded(options, &format!("die {signal}")));
            assert_eq!((ended.status.signal(), ended.err.as_str()), (Some(signal), ""), "{options}");
        }
    }
}

#[test]
fn a_deadly_signal_is_died_of_though_it_was_ignored_or_blocked() {
    for prepared in ["ignore all", "mask all"] {
        for signal in [libc::SIGHUP, libc::SIGTERM, libc::SIGPIPE, 33, 64] {
            let mut caller = Command::new(helper());
            caller.args(prepared.split(' ')).arg("exec").arg(orphanguard()).arg("--").arg(helper());
            let ended = run(caller.args(["die", &signal.to_string()]));
            assert_eq!(ended.status.signal(), Some(signal), "{prepared}");
        }
    }
}

#[test]
fn or_is_told_as_a_code() {
    for signal in deadly() {
        let ended = run(&mut guarded("--exit-by-signal code", &format!("die {signal}")));
        assert_eq!(ended.status.code(), Some(128 + signal));
    }
    assert_eq!(run(&mut guarded("--exit-by-signal raise", "die 15")).status.signal(), Some(15));
    assert_eq!(run(guarded("", "die 15").env("ORPHANGUARD_EXIT_BY_SIGNAL", "code")).status.code(), Some(143));
}

#[test]
fn pid_1_tells_it_as_a_code() {
    for options in [&[][..], &["--exit-by-signal", "raise"]] {
        for signal in deadly() {
            let flags = "--pid --fork --kill-child --mount-proc";
            let Some(mut init) = in_namespaces(flags, orphanguard()) else { return };
            let ended = run(init.args(options).arg("--").arg(helper()).args(["die", &signal.to_string()]));
            assert_eq!((ended.status.code(), ended.err.as_str()), (Some(128 + signal), ""));
        }
    }
}

#[test]
fn no_second_core_is_left() {
    let cores = |name: &str, guard: &[&OsStr]| {
        let mut caller = Command::new("sh");
        caller.args(["-c", "ulimit -c unlimited 2>/dev/null; exec \"$@\"", "sh"]).args(guard).arg(helper());
        let scratch = Scratch::new(name);
        let ended = run(caller.args(["die", "6"]).current_dir(scratch.path()));
        assert_eq!(ended.status.signal(), Some(libc::SIGABRT));
        (fs::read_dir(scratch.path()).unwrap().count(), ended.status.core_dumped())
    };
    let (bare, _) = cores("bare", &[]);
    for (n, options) in WITH_AND_WITHOUT.into_iter().enumerate() {
        let words: Vec<OsString> =
            [orphanguard().into()].into_iter().chain(options.split_whitespace().map(Into::into)).collect();
        let mut words: Vec<&OsStr> = words.iter().map(OsString::as_os_str).collect();
        words.push(OsStr::new("--"));
        assert_eq!(cores(&format!("guarded{n}"), &words), (bare, false), "{options}");
    }
}

#[test]
fn a_command_that_is_not_there_is_127() {
    let scratch = Scratch::new("127");
    let no_interpreter = scratch.file("script", "#!/no/such/interpreter\n", 0o755);
    for options in WITH_AND_WITHOUT {
        let not_found = |command: &str, parts: &[&str]| {
            assert_says_one_line(&run(&mut guarding(options, command)), 127, parts);
        };
        not_found("no-such-command", &["cannot run 'no-such-command'", "not found in PATH"]);
        not_found("/no/such/command", &["cannot run '/no/such/command'", "No such file"]);
        not_found("", &["cannot run ''", "empty"]);
        not_found("no\nsuch\ncommand", &["cannot run 'no\\nsuch\\ncommand'"]);
        not_found(no_interpreter.to_str().unwrap(), &["interpreter", "does not exist"]);
    }
}

#[test]
fn a_command_that_cannot_be_run_is_126() {
    let scratch = Scratch::new("126");
    let not_executable = scratch.file("text", "exit 0\n", 0o644);
    for options in WITH_AND_WITHOUT {
        let not_runnable = |command: &OsStr, parts: &[&str]| {
            assert_says_one_line(&run(&mut guarding(options, command)), 126, parts);
        };
        not_runnable(not_executable.as_os_str(), &["cannot run '", "Permission denied"]);
        not_runnable(scratch.path().as_os_str(), &["cannot run '", "it is a directory"]);
        not_runnable(not_executable.join("below").as_os_str(), &["cannot run '", "Not a directory"]);
    }
}

#[test]
fn a_command_that_exits_126_or_127_is_not_mistaken_for_either() {
    for code in [125, 126, 127] {
        let ended = run(&mut guarded("", &format!("exit {code}")));
        assert_eq!((ended.status.code(), ended.err.as_str()), (Some(code), ""));
    }
    // The shell was found; what it was to find was not.
    let ended = run(guarding("", "sh").args(["-c", "no-such-command"]));
    assert_eq!(ended.status.code(), Some(127));
    assert!(!ended.err.contains("orphanguard"), "{}", ended.err);
}

#[test]
fn a_script_without_an_interpreter_line_runs_by_the_shell() {
    let scratch = Scratch::new("script");
    let script = scratch.file("script", "echo \"$0 $# $2\"\nexit 9\n", 0o755);
    for options in WITH_AND_WITHOUT {
        let ended = run(guarding(options, &script).args(["one", "t w o"]));
        assert_eq!((ended.status.code(), ended.err.as_str()), (Some(9), ""));
        assert_eq!(ended.out, format!("{} 2 t w o\n", script.display()));
    }
}

#[test]
fn a_map_changes_codes_and_deaths() {
    for (options, instructions, code) in [
        ("--map-status 3=4", "exit 3", 4),
        ("--map-status 3=4", "exit 4", 4),
        ("--map-status 3=4", "exit 5", 5),
        ("--map-status 0=1", "exit 0", 1),
        ("--map-status 3=0 --map-status 7=0", "exit 7", 0),
        ("--map-status 3=4 --map-status 3=5", "exit 3", 5),
        ("--map-status 143=0", "die 15", 0),
        ("--map-status 143=0", "exit 143", 0),
        ("--map-status 143=0 --exit-by-signal code", "die 2", 130),
    ] {
        let ended = run(&mut guarded(options, instructions));
        assert_eq!(ended.status.code(), Some(code), "{options}: {instructions}");
    }
    let ended = run(guarded("", "exit 7").env("ORPHANGUARD_MAP_STATUS", "3=0,7=8"));
    assert_eq!(ended.status.code(), Some(8));
    // What orphanguard itself has to tell is not COMMAND's status.
    let ended = run(guarding("--map-status 127=0", "no-such-command").arg("x"));
    assert_eq!(ended.status.code(), Some(127));
}

#[test]
fn a_polite_end_of_command_is_its_status_whatever_it_is() {
    for (instructions, code) in [("on 15 exit 0", 0), ("on 15 exit 42", 42)] {
        let mut job = start(&mut guarded("", &format!("{instructions} say command hold")));
        let _ = job.pid_of("command");
        send(job.pid(), libc::SIGTERM);
        assert_eq!(job.nobody_left().status.code(), Some(code));
    }
}

/// What is wrong, from an option, and what the message names.
const WRONG: &[(&[&str], &[&str])] = &[
    (&["--grce", "1s"], &["--grce", "did you mean '--grace'"]),
    (&["-z"], &["'-z'", "--help"]),
    (&["--grace", "-1"], &["--grace", "'-1'", "negative"]),
    (&["--grace", "10€"], &["--grace", "'10€'"]),
    (&["--grace", ""], &["--grace", "''", "empty"]),
    (&["--grace", "soon"], &["--grace", "'soon'", "500ms"]),
    (&["--grace", "nan"], &["--grace", "'nan'"]),
    (&["--grace", "1\n2"], &["--grace", "'1\\n2'"]),
    (&["--timeout", "5 parsecs"], &["--timeout", "parsecs"]),
    (&["-k", "1h1"], &["--kill-after", "'1h1'"]),
    (&["-s", "TREM"], &["--signal", "'TREM'", "did you mean TERM?"]),
    (&["-s", "65"], &["--signal", "'65'", "1 to 64"]),
    (&["-s", "RTMAX+1"], &["--signal", "'RTMAX+1'"]),
    (&["-s", ""], &["--signal", "''"]),
    (&["--rewrite", "TERM"], &["--rewrite", "'TERM'", "FROM=TO"]),
    (&["-r", "TERM=FOO"], &["--rewrite", "'FOO'"]),
    (&["-r", "=INT"], &["--rewrite", "''"]),
    (&["-r", "HUP=none", "-r", "X=Y"], &["--rewrite", "'X=Y'"]),
    (&["--pdeathsig", "FOO"], &["--pdeathsig", "'FOO'"]),
    (&["--on-exit", "stay"], &["--on-exit", "'stay'", "kill, wait, leave"]),
    (&["--on-orphan", "stay"], &["--on-orphan", "'stay'", "adopt, kill"]),
    (&["--forward", "all"], &["--forward", "'all'", "auto, command, group, tree"]),
    (&["--group", "all"], &["--group", "'all'", "auto, new, same, session"]),
    (&["--exit-by-signal", "no"], &["--exit-by-signal", "'no'", "auto, raise, code"]),
    (&["--map-status", "1"], &["--map-status", "'1'", "FROM=TO"]),
    (&["--map-status", "256=1"], &["--map-status", "'256=1'", "0 to 255"]),
    (&["--map-status", "1=-1"], &["--map-status", "'1=-1'", "0 to 255"]),
    (&["--orphan-status", "256"], &["--orphan-status", "'256'", "0 to 255"]),
    (&["--spare", ""], &["--spare", "''"]),
    (&["--report", ""], &["--report", "''"]),
    (&["--no-sentinel=1"], &["--no-sentinel", "'1'"]),
    (&["--verbose=yes"], &["--verbose", "'yes'"]),
];

/// The same from variables; an empty one is none.
const WRONG_VARIABLES: &[(&str, &str, &[&str])] = &[
    ("ORPHANGUARD_GRACE", "soon", &["'soon'", "500ms"]),
    ("ORPHANGUARD_SIGNAL", "TREM", &["'TREM'", "did you mean TERM?"]),
    ("ORPHANGUARD_REWRITE", "HUP=none,TERM", &["'TERM'", "FROM=TO"]),
    ("ORPHANGUARD_REWRITE", "HUP=none,", &["''", "FROM=TO"]),
    ("ORPHANGUARD_MAP_STATUS", "1=2,3", &["'3'", "FROM=TO"]),
    ("ORPHANGUARD_ON_EXIT", "Kill", &["'Kill'", "kill, wait, leave"]),
    ("ORPHANGUARD_FORWARD", "1", &["'1'", "auto, command, group, tree"]),
    ("ORPHANGUARD_PDEATHSIG", "0", &["'0'"]),
    ("ORPHANGUARD_GROUP", "x", &["'x'"]),
    ("ORPHANGUARD_EXIT_BY_SIGNAL", "x", &["'x'"]),
    ("ORPHANGUARD_NO_SENTINEL", "maybe", &["'maybe'", "1 or 0"]),
    ("ORPHANGUARD_NO_NEW_PRIVS", "2", &["'2'", "1 or 0"]),
    ("ORPHANGUARD_DIE_WITH_PARENT", "x", &["'x'", "1 or 0"]),
    ("ORPHANGUARD_VERBOSE", "x", &["'x'", "1 or 0"]),
    ("ORPHANGUARD_QUIET", "x", &["'x'", "1 or 0"]),
    ("ORPHANGUARD_GRACE", "1\n2", &["'1\\n2'"]),
];

/// Orphanguard with these words and then COMMAND, which would say that it ran.
fn with_words(words: impl IntoIterator<Item = OsString>) -> Command {
    let mut command = orphanguard_alone();
    command.args(words).arg("--").arg(helper()).args(["say", "ran"]);
    command
}

#[test]
fn a_usage_error_is_125_and_one_line_and_command_does_not_run() {
    for (words, parts) in WRONG {
        let ended = run(&mut with_words(words.iter().map(OsString::from)));
        assert_says_one_line(&ended, 125, parts);
        assert_eq!(ended.out, "", "{words:?}");
    }
    for option in ["--grace", "--signal", "--rewrite", "--map-status", "--on-exit"] {
        let ended = run(&mut with_words([OsString::from(option), OsString::from_vec(b"\xff=\xff".to_vec())]));
        assert_says_one_line(&ended, 125, &[option]);
        assert_eq!(ended.out, "");
    }
}

#[test]
fn a_wrong_variable_is_named() {
    for (name, value, parts) in WRONG_VARIABLES {
        let ended = run(guarded("", "say ran").env(name, value));
        assert_says_one_line(&ended, 125, &[&[*name][..], parts].concat());
        assert_eq!(ended.out, "", "{name}={value}");
    }
}

#[test]
fn the_command_line_wins_over_a_variable_even_a_wrong_one() {
    for (name, value, options, code) in [
        ("ORPHANGUARD_GRACE", "soon", "--grace 1s", 3),
        ("ORPHANGUARD_MAP_STATUS", "3=4", "--map-status 3=5", 5),
        ("ORPHANGUARD_MAP_STATUS", "3=4", "", 4),
        ("ORPHANGUARD_MAP_STATUS", "", "", 3),
        ("ORPHANGUARD_NO_SENTINEL", "maybe", "--no-sentinel", 3),
    ] {
        let ended = run(guarded(options, "exit 3").env(name, value));
        assert_eq!((ended.status.code(), ended.err.as_str()), (Some(code), ""), "{name}={value} {options}");
    }
}

#[test]
fn nothing_to_run_is_125() {
    for words in [&[][..], &["--"], &["-v"], &["-v", "--"], &["--grace"], &["-g"], &["--grace", "1s"]] {
        assert_says_one_line(&run(orphanguard_alone().args(words)), 125, &[]);
    }
}

#[test]
fn a_duration_of_any_size_is_one() {
    for duration in ["1e400", "1e30", "99999999999999999999999", "0.0000000001", "0", "0.5", "500ms", "1m 30s"] {
        let ended = run(&mut with_words(["--grace".into(), duration.into()]));
        assert_eq!((ended.status.code(), ended.err.as_str()), (Some(0), ""), "{duration}");
    }
}

#[test]
fn an_orphan_that_gets_commands_number_later_does_not_change_it() {
    // An orphan, not in COMMAND's group, which would keep the number, has the next process get it once COMMAND is reaped, and ends, so that
    // this one becomes orphanguard's child.
    let command = r#"
        echo "command $$"
        command=$$ setsid sh -c '
            while [ -d /proc/$command ]; do :; done
            echo $((command - 1)) > /proc/sys/kernel/ns_last_pid
            parent=$$ sh -c "echo \"orphan \$\$\"; while [ -d /proc/\$parent ]; do :; done; exit 9" &
        ' &
        exit 5"#;
    for options in WITH_AND_WITHOUT {
        let Some(mut init) = in_namespaces("--pid --fork --kill-child --mount-proc", "sh") else { return };
        init.args(["-c", "\"$@\"; echo exit $?", "sh"]).arg(orphanguard()).args(["--on-exit", "wait"]);
        let ended = run(init.args(options.split_whitespace()).args(["--", "sh", "-c", command]));
        let lines: Vec<&str> = ended.out.lines().collect();
        let number = lines[0].strip_prefix("command ").unwrap();
        assert_eq!(lines[1..], [&format!("orphan {number}"), "exit 5"], "{}", ended.err);
    }
}
