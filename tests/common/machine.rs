//! A machine of its own: a PID namespace whose PID 1 is a shell, so that other people's processes do not matter, and nothing that a test
//! does there can reach them.
//!
//! The shell reads commands from its standard input. At its end, also that of a test that fails, the kernel ends everything in the namespace.
#![allow(dead_code, unreachable_pub, missing_docs, unsafe_code, clippy::pedantic, clippy::undocumented_unsafe_blocks)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::common::{PATIENCE, Pid, helper, orphanguard};

pub fn orphans() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_orphans"))
}

pub fn is_root() -> bool {
    unsafe { libc::geteuid() == 0 }
}

/// What a command printed, and its exit status.
#[derive(Debug)]
pub struct Ran {
    pub status: i32,
    pub out: String,
}

pub struct Machine {
    child: Child,
    stdin: Option<ChildStdin>,
    out: BufReader<ChildStdout>,
    folder: PathBuf,
    /// Lines that came while another was waited for.
    early: Vec<String>,
    runs: usize,
}

impl Machine {
    /// One whose PID 1 is a shell.
    pub fn new() -> Self {
        Self::with_init(&["sh"])
    }

    /// One whose PID 1 is this program, which runs a shell. `$T` there is a folder for the test alone.
    pub fn with_init(init: &[&str]) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("orphans-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        let mut command = Command::new("unshare");
        command.args(["--pid", "--fork", "--mount-proc", "--kill-child"]);
        if !is_root() {
            command.arg("--map-root-user");
        }
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ORPHANGUARD_")) {
            command.env_remove(name);
        }
        let programs =
            [("HELPER", helper()), ("ORPHANGUARD", orphanguard()), ("ORPHANS", orphans()), ("T", folder.clone())];
        // A session of its own, as PID 1 of a machine or of a container has.
        command.arg("setsid").args(init).envs(programs).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("unshare starts");
        let (stdin, out) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let mut machine = Self { child, stdin, out, folder, early: Vec::new(), runs: 0 };
        machine.ok("true");
        machine
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs a script in a subshell. What it prints goes to a file, so that what others say meanwhile is not among it.
    pub fn sh(&mut self, script: &str) -> Ran {
        self.runs += 1;
        let file = self.folder.join(format!("out-{}", self.runs));
        let status = self.run(script, &format!(">'{}' 2>&1", file.display()));
        Ran { status, out: String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned() }
    }

    fn run(&mut self, script: &str, to: &str) -> i32 {
        const MARK: &str = "--done-- ";
        let script = format!("(\n{script}\n) </dev/null {to}\necho '{MARK}'$?\n");
        self.stdin.as_mut().unwrap().write_all(script.as_bytes()).unwrap();
        loop {
            let line = self.read_line();
            match line.strip_prefix(MARK) {
                Some(status) => return status.parse().unwrap(),
                None => self.early.push(line),
            }
        }
    }

    /// Runs a script that must succeed; its output.
    pub fn ok(&mut self, script: &str) -> String {
        let ran = self.sh(script);
        assert_eq!(ran.status, 0, "{script}: {}", ran.out);
        ran.out
    }

    /// Runs `orphans` with these arguments.
    pub fn orphans(&mut self, arguments: &str) -> Ran {
        self.sh(&format!("\"$ORPHANS\" {arguments}"))
    }

    /// What `orphans --json` found, with more arguments.
    pub fn found(&mut self, arguments: &str) -> Vec<Value> {
        let text = self.ok(&format!("\"$ORPHANS\" --json {arguments} 2>/dev/null"));
        let document: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        document["orphans"].as_array().unwrap().clone()
    }

    /// PID, kind and evidence of each.
    pub fn verdicts(&mut self) -> Vec<(Pid, String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let found = self.found("");
        found.iter().map(|one| (pid(&one["pid"]), text(&one["kind"]), text(&one["evidence"]))).collect()
    }

    /// Has the helper carry out instructions, to its end. The word that they say comes with a PID.
    pub fn helper(&mut self, instructions: &str, word: &str) -> Pid {
        assert_eq!(self.run(&format!("\"$HELPER\" {instructions}"), ""), 0);
        self.said(word)
    }

    /// Starts something in the background.
    pub fn start(&mut self, command: &str) {
        self.stdin.as_mut().unwrap().write_all(format!("{command} </dev/null &\n").as_bytes()).unwrap();
    }

    /// The PID that comes, or has come, with this word.
    pub fn said(&mut self, word: &str) -> Pid {
        let find = |line: &str| line.strip_prefix(word)?.strip_prefix(' ')?.parse().ok();
        if let Some(at) = self.early.iter().position(|line| find(line).is_some()) {
            return find(&self.early.remove(at)).unwrap();
        }
        loop {
            let line = self.read_line();
            match find(&line) {
                Some(pid) => return pid,
                None => self.early.push(line),
            }
        }
    }

    /// Runs a script again and again until it succeeds; what it printed then.
    pub fn until(&mut self, script: &str) -> String {
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            let ran = self.sh(script);
            if ran.status == 0 {
                return ran.out;
            }
            assert!(std::time::Instant::now() < deadline, "waited in vain for {script}: {}", ran.out);
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }

    pub fn lives(&mut self, pid: Pid) -> bool {
        self.sh(&format!("grep -q '^State:.[^ZX]' /proc/{pid}/status")).status == 0
    }

    fn read_line(&mut self) -> String {
        if self.out.buffer().is_empty() {
            let mut poll = libc::pollfd { fd: self.out.get_ref().as_raw_fd(), events: libc::POLLIN, revents: 0 };
            assert!(unsafe { libc::poll(&mut poll, 1, PATIENCE.as_millis() as i32) } > 0, "no line came");
        }
        let mut line = Vec::new();
        assert!(self.out.read_until(b'\n', &mut line).unwrap() > 0, "the machine has ended");
        String::from_utf8_lossy(&line).trim_end().to_owned()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // The end of unshare(1) is that of its PID 1, and so of all.
        drop(self.child.kill());
        drop(self.child.wait());
        drop(self.out.read_to_end(&mut Vec::new()));
        drop(fs::remove_dir_all(&self.folder));
    }
}

pub fn pid(value: &Value) -> Pid {
    value.as_i64().unwrap() as Pid
}
