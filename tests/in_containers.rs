//! As the ENTRYPOINT of an image FROM scratch, and as a container runtime's own init, orphanguard keeps its promises in real containers.
//!
//! Where podman is not there these tests are skipped and say so; with `ORPHANGUARD_TEST_CONTAINERS=required` that is a failure.
#![allow(unsafe_code, clippy::pedantic, clippy::undocumented_unsafe_blocks)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
mod containers;

use common::{children, start, status_field, wait_until};
use containers::{Container, other_init, programs};

/// A stray that leaves the group and the session, and says goodbye when it gets SIGTERM.
const STRAY: &str = "child [ setsid block 15 say stray await 15 say bye ]";

/// ENTRYPOINTs that have a COMMAND follow, and are there.
fn inits() -> Vec<(&'static str, String)> {
    let others = ["tini-static", "dumb-init"].map(|name| Some((name, other_init(name)?)));
    let mut inits = vec![("orphanguard", "/orphanguard".to_owned())];
    inits.extend(others.into_iter().flatten());
    inits.into_iter().map(|(name, path)| (name, format!(r#"--entrypoint=["{path}","--"]"#))).collect()
}

#[test]
fn it_exits_as_the_command_did_or_128_plus_its_signal_as_other_inits_do() {
    if programs().is_none() {
        return;
    }
    for (init, entrypoint) in inits() {
        for (instructions, expected) in [("exit 0", 0), ("exit 7", 7), ("die 15", 143), ("die 9", 137)] {
            let ended = Container::start(&entrypoint, instructions).end();
            assert_eq!((ended.status.code(), ended.err.as_str()), (Some(expected), ""), "{init}: {instructions}");
        }
    }
    for (command, expected) in [("/nowhere", 127), ("/proc", 126)] {
        let ended = Container::of("", command).end();
        assert_eq!(ended.status.code(), Some(expected));
        assert!(ended.err.starts_with(&format!("orphanguard: cannot run '{command}': ")), "{}", ended.err);
    }
}

#[test]
fn it_is_one_process_with_the_command_below_it() {
    if programs().is_none() {
        return;
    }
    let mut container = Container::start("", "say command hold");
    container.pid_of("command");
    let init = container.init();
    assert_eq!(status_field(init, "Name").unwrap(), "orphanguard");
    let below = children(init);
    assert_eq!(below.len(), 1);
    assert_eq!(status_field(below[0], "Name").unwrap(), "helper");
}

#[test]
fn podman_kill_reaches_the_command() {
    if programs().is_none() {
        return;
    }
    let signals = [1, 2, 3, 12, 14, 15, 18, 20, 28, 34, 64];
    let words: Vec<String> = signals.iter().map(i32::to_string).collect();
    let mut container = Container::start("", &format!("report {} .", words.join(" ")));
    container.pid_of("ready");
    for signal in signals {
        container.podman(&format!("kill --signal {signal}"));
        let line = container.line();
        assert!(line.starts_with(&format!("got {signal} ")), "sent {signal}, {line}");
    }
    container.podman("kill --signal USR1");
    assert_eq!(container.end().status.code(), Some(0));
}

#[test]
fn a_job_that_sigterm_ends_needs_no_sigkill() {
    if programs().is_none() {
        return;
    }
    for (init, entrypoint) in inits() {
        let mut container = Container::start(&entrypoint, "say command hold");
        container.pid_of("command");
        assert!(!container.stop(600), "{init}");
        assert_eq!(container.end().status.code(), Some(143), "{init}");
    }
    // As PID 1 itself it would not hear the signal, and the runtime would wait in vain.
    let mut bare = Container::start("--entrypoint=[]", "say command hold");
    bare.pid_of("command");
    assert!(bare.stop(1));
    assert_eq!(bare.end().status.code(), Some(137));
}

#[test]
fn a_stray_is_ended_politely_where_other_inits_leave_it_to_sigkill() {
    if programs().is_none() {
        return;
    }
    for (init, entrypoint) in inits() {
        let mut container = Container::start(&entrypoint, &format!("{STRAY} hold"));
        let stray = container.pid_of("stray");
        assert!(!container.stop(600), "{init}");
        let ended = container.end();
        assert_eq!(ended.status.code(), Some(143), "{init}");
        if init == "orphanguard" {
            assert_eq!(ended.out, format!("bye {stray}\n"));
            assert_eq!(ended.err, format!("orphanguard: ended 1 orphan: helper[{stray}] (TERM)\n"));
        } else {
            assert_eq!((ended.out.as_str(), ended.err.as_str()), ("", ""), "{init}");
        }
    }
}

#[test]
fn a_stray_has_its_grace_and_a_deaf_one_no_more_than_that() {
    if programs().is_none() {
        return;
    }
    let slow = "child [ setsid block 15 say stray await 15 say asked await-stdin say bye ]";
    let mut container =
        Container::start("--interactive --env ORPHANGUARD_GRACE=1h", &format!("block 10 {slow} await 10 exit 3"));
    let stray = container.pid_of("stray");
    container.podman("kill --signal USR1");
    assert_eq!(container.line(), format!("asked {stray}"));
    container.close_stdin();
    assert_eq!(container.line(), format!("bye {stray}"));
    assert_eq!(container.end().status.code(), Some(3));

    let mut container = Container::start(
        "--env ORPHANGUARD_GRACE=50ms",
        "block 10 child [ setsid ignore 15 say stray hold ] await 10 exit 3",
    );
    let stray = container.pid_of("stray");
    container.podman("kill --signal USR1");
    let ended = container.end();
    assert_eq!(ended.status.code(), Some(3));
    assert!(ended.err.contains(&format!("ended 1 orphan: helper[{stray}] (KILL after ")), "{}", ended.err);
}

#[test]
fn a_grace_longer_than_the_runtimes_patience_is_cut_short() {
    if programs().is_none() {
        return;
    }
    let mut container =
        Container::start("--env ORPHANGUARD_GRACE=1h", "child [ setsid ignore 15 say stray hold ] hold");
    container.pid_of("stray");
    assert!(container.stop(1));
    let ended = container.end();
    assert_eq!((ended.status.code(), ended.err.contains("ended 1 orphan")), (Some(137), false), "{}", ended.err);
}

#[test]
fn a_stopped_command_can_be_stopped_for_good() {
    if programs().is_none() {
        return;
    }
    let mut container = Container::start("", "say command stop hold");
    container.pid_of("command");
    let command = children(container.init())[0];
    common::wait_state(command, 'T');
    assert!(!container.stop(600));
    assert_eq!(container.end().status.code(), Some(143));
}

#[test]
fn the_policy_wait_outlasts_the_last_and_leave_says_that_the_kernel_ends_it() {
    if programs().is_none() {
        return;
    }
    let stray = "child [ setsid say stray await-stdin say bye ]";
    let mut container = Container::start("--interactive --env ORPHANGUARD_ON_EXIT=wait", &format!("{stray} exit 2"));
    let stray_pid = container.pid_of("stray");
    let init = container.init();
    wait_until("the command to be gone", || children(init).len() == 1);
    container.close_stdin();
    let ended = container.end();
    assert_eq!((ended.status.code(), ended.out), (Some(2), format!("bye {stray_pid}\n")));

    let mut container = Container::start(
        "--interactive --env ORPHANGUARD_ON_EXIT=leave",
        "child [ setsid say stray hold ] await-stdin exit 2",
    );
    let stray = container.pid_of("stray");
    container.close_stdin();
    let ended = container.end();
    assert_eq!(ended.status.code(), Some(2));
    assert_eq!(ended.err, format!("orphanguard: leaving helper[{stray}], which the kernel kills as PID 1 ends\n"));
}

#[test]
fn it_reaps_what_is_orphaned_in_the_container_and_what_podman_exec_leaves() {
    if programs().is_none() {
        return;
    }
    let mut container = Container::start("", "orphans 100 say command hold");
    container.pid_of("command");
    let init = container.init();
    let only_the_command = || children(init).len() == 1;
    wait_until("the orphans to be reaped", only_the_command);

    container.exec("/helper orphans 20");
    wait_until("the orphans to be reaped", only_the_command);
    // It is not the stray's standard output any more that it could say goodbye to.
    container.exec("/helper child [ setsid hold ]");
    wait_until("the stray to be adopted", || children(init).len() == 2);
    assert!(!container.stop(600));
    let ended = container.end();
    assert_eq!(ended.status.code(), Some(143));
    assert!(ended.err.contains("orphanguard: ended 1 orphan: helper["), "{}", ended.err);
    assert!(ended.err.ends_with("(TERM)\n"), "{}", ended.err);
}

#[test]
fn it_needs_no_rights_and_no_writable_file() {
    if programs().is_none() {
        return;
    }
    let all = "--read-only --user 65534:65534 --cap-drop=ALL --security-opt no-new-privileges";
    for options in ["--read-only", "--user 65534:65534", "--cap-drop=ALL", all] {
        let mut container = Container::start(options, &format!("{STRAY} hold"));
        let stray = container.pid_of("stray");
        let init = container.init();
        let has = |field: &str| status_field(init, field).unwrap();
        assert_eq!(has("Seccomp"), "2", "the runtime's default filter is in force");
        if options.contains("--user") {
            assert!(has("Uid").starts_with("65534\t65534\t"));
        }
        if options.contains("--cap-drop") {
            assert_eq!(has("CapEff"), "0000000000000000");
        }
        assert!(!container.stop(600));
        let ended = container.end();
        assert_eq!((ended.status.code(), ended.out), (Some(143), format!("bye {stray}\n")), "{options}");
    }
}

#[test]
fn it_serves_as_the_runtimes_init() {
    let Some(programs) = programs() else { return };
    let init_path = format!("--init --init-path={}", programs.orphanguard.display());
    let mut container = Container::start(&format!("{init_path} --entrypoint=[]"), &format!("{STRAY} hold"));
    let stray = container.pid_of("stray");
    let arguments = containers::arguments(container.init());
    assert!(arguments[0].to_str().unwrap().ends_with("init"), "{arguments:?}");
    assert_eq!((&arguments[1], &arguments[2]), (&"--".into(), &"/helper".into()));
    assert!(!container.stop(600));
    let ended = container.end();
    assert_eq!((ended.status.code(), ended.out), (Some(143), format!("bye {stray}\n")));
}

#[test]
fn below_another_init_it_has_its_sentinel() {
    let Some(programs) = programs() else { return };
    let mut inits = vec![programs.orphanguard.display().to_string()];
    inits.extend(other_init("tini-static").map(|_| "/usr/bin/tini-static".to_owned()));
    for init_path in inits {
        let mut container = Container::start(&format!("--init --init-path={init_path}"), &format!("{STRAY} hold"));
        let stray = container.pid_of("stray");
        let [sentinel] = children(container.init())[..] else { panic!("one below the init") };
        let [guard] = children(sentinel)[..] else { panic!("one below the sentinel") };
        let names = [sentinel, guard].map(|pid| status_field(pid, "Name").unwrap());
        assert_eq!(names, ["orphanguard", "og-guard"]);
        assert!(!container.stop(600));
        let ended = container.end();
        assert_eq!((ended.status.code(), ended.out), (Some(143), format!("bye {stray}\n")), "{init_path}");
    }
}

#[test]
fn on_a_terminal_ctrl_c_comes_once_and_the_size_follows() {
    if programs().is_none() {
        return;
    }
    let (container, mut terminal) = Container::on_terminal((24, 80), "report 2 3 .");
    terminal.expect("ready ");
    terminal.press(3);
    terminal.expect("got 2 ");
    terminal.press(28);
    terminal.expect("got 3 ");
    // It comes through orphanguard, behind anything that would be forwarded of the others.
    container.podman("kill --signal USR1");
    let (text, status) = terminal.end();
    assert_eq!(status.code(), Some(0), "{text}");
    // The keys show too: ^C, ^\.
    assert_eq!(text.matches("got ").count(), 2, "{text}");

    let again = "await 28 size ".repeat(20);
    let (container, mut terminal) = Container::on_terminal((24, 80), &format!("block 28 size {again} hold"));
    terminal.expect("size 24 80");
    terminal.resize(41, 97);
    terminal.expect("size 41 97");
    assert!(!container.stop(600));
    assert_eq!(terminal.end().1.code(), Some(143));
}

#[test]
fn an_empty_root_directory_without_proc_is_enough() {
    let Some(programs) = programs() else { return };
    let Some(mut chroot) = common::in_namespaces("--pid --fork --kill-child", "chroot") else { return };
    let root = common::Scratch::new("empty_root");
    for program in [&programs.orphanguard, &programs.helper] {
        std::fs::copy(program, root.path().join(program.file_name().unwrap())).unwrap();
    }
    chroot.arg(root.path()).args(["/orphanguard", "--grace=50ms", "--", "/helper"]);
    chroot.args(
        "child [ setsid ignore 15 child [ setsid block 15 say deep await 15 say bye ] hold ] await-stdin exit 3"
            .split(' '),
    );
    let mut job = start(chroot.stdin(std::process::Stdio::piped()));
    let deep = job.pid_of("deep");
    drop(job.stdin.take());
    let ended = job.nobody_left();
    assert_eq!(ended.status.code(), Some(3));
    assert!(
        ended.err.contains("ended 2 orphans: ") && ended.err.contains(&format!("?[{deep}] (KILL after ")),
        "{}",
        ended.err
    );
}
