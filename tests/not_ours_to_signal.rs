//! A process that an unprivileged orphanguard may not signal does not hold it up for ever, is named, and costs nobody else his end.
//!
//! It is a set-user-ID program of root's that has taken all of root's IDs, as sudo does, in a job of `nobody`'s.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use orphanguard::plan::GIVE_UP;

use common::{Pid, Running, helper, is_root, orphanguard, send, skip, start, state, status_field};

/// Copies that `nobody` may run, in a directory that it may look into; gone at the end.
struct Programs {
    directory: PathBuf,
}

impl Programs {
    /// `None`, and a plain line, where there can be no set-user-ID program.
    fn new(name: &str) -> Option<Self> {
        if !is_root() {
            return None;
        }
        let directory = std::env::temp_dir().join(format!("orphanguard-test.{name}.{}", std::process::id()));
        let programs = Self { directory };
        fs::create_dir(&programs.directory).unwrap();
        fs::set_permissions(&programs.directory, Permissions::from_mode(0o755)).unwrap();
        let files =
            [(orphanguard(), "orphanguard", "755"), (helper(), "helper", "755"), (helper(), "privileged", "4755")];
        for (from, to, mode) in files {
            // Not by this process: what another test forks meanwhile would have the file open for writing, and it could not be run.
            let mut install = Command::new("install");
            install.args(["-m", mode]).arg(from).arg(programs.directory.join(to));
            assert!(start(&mut install).wait().success());
        }
        let become_root = common::start(programs.as_nobody("privileged").args(["become-root"])).wait();
        if !become_root.success() {
            skip("no program gets privileges by its file in the temporary directory");
            return None;
        }
        Some(programs)
    }

    fn path(&self, name: &str) -> String {
        self.directory.join(name).to_str().unwrap().to_owned()
    }

    fn as_nobody(&self, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(self.path(program));
        command.stdin(std::process::Stdio::null());
        command
    }

    /// A job of nobody's; in its instructions `PRIVILEGED` is the set-user-ID program, once it is root.
    fn job(&self, options: &str, instructions: &str) -> Running {
        let privileged = format!("{} become-root", self.path("privileged"));
        let instructions = instructions.replace("PRIVILEGED", &privileged);
        let mut command = self.as_nobody("orphanguard");
        command.args(options.split_whitespace()).arg("--").arg(self.path("helper"));
        start(command.args(instructions.split_whitespace()))
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.directory));
    }
}

/// It lives on; then we end it, who may.
fn assert_lives_and_end(pid: Pid) {
    assert!(matches!(state(pid), Some('S' | 'R')), "{:?}", state(pid));
    assert_eq!(status_field(pid, "Uid").unwrap(), "0\t0\t0\t0");
    send(pid, libc::SIGKILL);
}

#[test]
fn a_stray_is_named_and_the_others_are_ended() {
    let Some(programs) = Programs::new("stray") else { return };
    let tree = "child [ setsid say helper hold ] child [ setsid exec PRIVILEGED say stray hold ] \
                child [ exec PRIVILEGED say stray hold ] await 10 exit 3";
    let jobs = ["--grace 50ms", "--grace 50ms --no-sentinel"].map(|options| {
        let mut job = programs.job(options, &format!("block 10 say command {tree}"));
        let command = job.pid_of("command");
        let lines = [job.line(), job.line(), job.line()];
        let strays: Vec<Pid> = lines.iter().filter_map(|line| line.strip_prefix("stray ")?.parse().ok()).collect();
        assert_eq!(strays.len(), 2, "{lines:?}");
        send(command, libc::SIGUSR1);
        (job, strays)
    });
    for (mut job, strays) in jobs {
        job.wait_told("could not end 2 orphans: ");
        let told = Instant::now();
        assert_eq!(job.wait().code(), Some(3));
        assert!(told.elapsed() < GIVE_UP, "the sentinel waits for the same once more");
        for &stray in &strays {
            assert_lives_and_end(stray);
        }
        let ended = job.nobody_left_soon();
        assert!(ended.err.contains("orphanguard: ended 1 orphan: helper["), "{}", ended.err);
        assert!(ended.err.contains("orphanguard: could not end 2 orphans: "), "{}", ended.err);
        for stray in strays {
            assert!(ended.err.contains(&format!("privileged[{stray}] (not permitted)")), "{}", ended.err);
        }
    }
}

#[test]
fn a_command_that_may_not_be_signalled_runs_on_and_its_status_is_passed_on() {
    let Some(programs) = Programs::new("command") else { return };
    for options in ["", "--no-sentinel", "--forward tree", "--forward group"] {
        let mut job = programs.job(options, "exec PRIVILEGED report 12 15 .");
        let command = job.pid_of("ready");
        for signal in [libc::SIGTERM, libc::SIGUSR2, libc::SIGINT] {
            send(job.pid(), signal);
        }
        // From us it comes through, and nothing has come before.
        send(command, libc::SIGTERM);
        assert!(job.line().starts_with(&format!("got 15 0 {} ", std::process::id())));
        send(command, libc::SIGUSR1);
        let ended = job.nobody_left();
        assert_eq!((ended.status.code(), ended.out.as_str()), (Some(0), ""), "{options}: {}", ended.err);
    }
}

#[test]
fn the_sentinel_does_not_wait_for_ever_either() {
    let Some(programs) = Programs::new("sentinel") else { return };
    let mut job = programs.job("", "child [ setsid hold ] exec PRIVILEGED say command hold");
    let command = job.pid_of("command");
    send(job.guard(), libc::SIGKILL);
    assert_eq!(job.wait().code(), Some(137));
    // exec of such a program clears the death signal, so it has outlived its guard.
    assert_lives_and_end(command);
    let ended = job.nobody_left_soon();
    assert!(ended.err.contains(&format!("privileged[{command}] (not permitted)")), "{}", ended.err);
    assert!(ended.err.contains("ended 1 "), "{}", ended.err);
}

#[test]
fn without_new_privileges_there_is_no_such_process() {
    let Some(programs) = Programs::new("nnp") else { return };
    let job = programs.job("--no-new-privs", "exec PRIVILEGED say command hold");
    let ended = job.nobody_left();
    assert_eq!(ended.out, "");
    assert!(ended.err.contains("cannot become root"), "{}", ended.err);
    assert!(!ended.status.success());
}
