//! What the tests share: starting orphanguard over the program that misbehaves, and proving that nobody is left.
//!
//! Standard output is the proof. Every process of a job inherits it, sentinel and guard close it, so its end-of-file says that all of
//! the job are dead, without looking at any process. Sentinel and guard keep standard error alone, so that the end-of-file of that
//! says the same of them.
//!
//! A test file begins with the same `allow`s: its helper functions are not tests to the lints.
#![allow(dead_code, unreachable_pub, missing_docs, unsafe_code, clippy::pedantic, clippy::undocumented_unsafe_blocks)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

pub mod leader;
pub mod pty;

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub type Pid = i32;

/// What a condition may take at the most before the test fails. Nothing waits that long when all is well.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub fn orphanguard() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_orphanguard"))
}

/// The program that misbehaves: see `tests/helper/program.rs`.
pub fn helper() -> PathBuf {
    example("helper")
}

/// The program that tells what it was started with: see `tests/helper/witness.rs`.
pub fn witness() -> PathBuf {
    example("witness")
}

fn example(name: &str) -> PathBuf {
    let program = orphanguard().with_file_name("examples").join(name);
    let path = program.display();
    assert!(program.exists(), "{path} is missing: run `cargo test`, or `cargo build --example {name}` first");
    program
}

/// `orphanguard OPTIONS -- helper INSTRUCTIONS`, from two texts whose words are separated by blanks.
pub fn guarded(options: &str, instructions: &str) -> Command {
    let mut command = guarding(options, helper());
    command.args(instructions.split_whitespace());
    command
}

/// `orphanguard OPTIONS -- PROGRAM`, to which arguments may be added.
pub fn guarding(options: &str, program: impl AsRef<OsStr>) -> Command {
    let mut command = orphanguard_alone();
    command.args(options.split_whitespace()).arg("--").arg(program);
    command
}

/// `orphanguard`, to which everything is to be added. The variables of whoever runs the tests are not ours.
pub fn orphanguard_alone() -> Command {
    let mut command = Command::new(orphanguard());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ORPHANGUARD_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// A job that runs: what the caller started, and its standard output.
pub struct Running {
    pub child: Child,
    pub stdin: Option<ChildStdin>,
    out: BufReader<ChildStdout>,
    err: String,
    error_lines: Option<Receiver<String>>,
}

/// How a job ended.
pub struct Ended {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

pub fn start(command: &mut Command) -> Running {
    start_unheard(command.stderr(Stdio::piped()))
}

/// As [`start`], with the standard error that the command has been given.
pub fn start_unheard(command: &mut Command) -> Running {
    let mut child = spawn(command.stdout(Stdio::piped())).expect("orphanguard starts");
    let out = BufReader::new(child.stdout.take().unwrap());
    let error_lines = child.stderr.take().map(|err| {
        let mut err = BufReader::new(err);
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = Vec::new();
            while err.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                drop(tell.send(String::from_utf8_lossy(&line).into_owned()));
                line.clear();
            }
        });
        told
    });
    let stdin = child.stdin.take();
    Running { child, stdin, out, err: String::new(), error_lines }
}

/// One at a time: what a test in another thread forks meanwhile would hold our new pipes open until it calls exec.
fn spawn(command: &mut Command) -> std::io::Result<Child> {
    let _guard = alone();
    command.spawn()
}

/// No other test starts a process meanwhile.
fn alone() -> MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a job to its end, and proves that nobody was left when orphanguard had ended.
pub fn run(command: &mut Command) -> Ended {
    start(command).nobody_left()
}

impl Running {
    pub fn pid(&self) -> Pid {
        self.child.id() as Pid
    }

    /// The next line of the job's standard output, without its newline.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.wait_readable(PATIENCE), "no line came");
        self.out.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The PID at the end of the next line, which begins with this word.
    pub fn pid_of(&mut self, word: &str) -> Pid {
        let line = self.line();
        let pid = line.strip_prefix(word).and_then(|pid| pid.trim().parse().ok());
        pid.unwrap_or_else(|| panic!("expected {word} and a PID, got {line:?}"))
    }

    /// The next line of standard error.
    pub fn error_line(&mut self) -> String {
        let lines = self.error_lines.as_ref().expect("standard error is heard");
        let line = lines.recv_timeout(PATIENCE).expect("a line on standard error");
        self.err.push_str(&line);
        line
    }

    /// The guard: the sentinel's only child.
    pub fn guard(&self) -> Pid {
        wait_for("the guard", || children(self.pid()).first().copied())
    }

    /// Waits for a line of standard error with this in it.
    pub fn wait_told(&mut self, text: &str) {
        while !self.error_line().contains(text) {}
    }

    /// Waits until the guard has become the parent of this process.
    pub fn wait_adopted(&self, orphan: Pid) {
        let guard = self.guard().to_string();
        wait_until("the orphan to be adopted", || status_field(orphan, "PPid").as_ref() == Some(&guard));
    }

    fn wait_readable(&self, patience: Duration) -> bool {
        if !self.out.buffer().is_empty() {
            return true;
        }
        let mut poll = libc::pollfd { fd: self.out.get_ref().as_raw_fd(), events: libc::POLLIN, revents: 0 };
        unsafe { libc::poll(&mut poll, 1, patience.as_millis() as i32) > 0 }
    }

    /// Waits for orphanguard's end, and demands that standard output has its end-of-file by then: nobody is left.
    pub fn nobody_left(mut self) -> Ended {
        let status = wait_status(&mut self.child);
        self.rest(status, Duration::ZERO)
    }

    /// For an orphanguard whose processes were killed: they cannot wait for the job's end, which must come all the same.
    pub fn nobody_left_soon(mut self) -> Ended {
        let status = wait_status(&mut self.child);
        self.rest(status, PATIENCE)
    }

    /// Waits for orphanguard's end only.
    pub fn wait(&mut self) -> ExitStatus {
        wait_status(&mut self.child)
    }

    fn rest(mut self, status: ExitStatus, patience: Duration) -> Ended {
        let mut out = self.out.buffer().to_vec();
        let length = out.len();
        self.out.consume(length);
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(self.wait_readable(left), "somebody of the job is left: its standard output is still open");
            let mut buffer = [0; 65536];
            match self.out.get_mut().read(&mut buffer).unwrap() {
                0 => break,
                count => out.extend(&buffer[..count]),
            }
        }
        let mut err = std::mem::take(&mut self.err);
        if let Some(lines) = self.error_lines.take() {
            loop {
                match lines.recv_timeout(PATIENCE) {
                    Ok(line) => err.push_str(&line),
                    Err(RecvTimeoutError::Disconnected) => break,
                    Err(RecvTimeoutError::Timeout) => {
                        panic!("sentinel or guard is left: its standard error is still open")
                    }
                }
            }
        }
        Ended { status, out: String::from_utf8_lossy(&out).into_owned(), err }
    }
}

/// A test that fails leaves nothing behind either, as far as orphanguard works.
impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() && self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

fn wait_status(child: &mut Child) -> ExitStatus {
    wait_for("orphanguard's end", || child.try_wait().unwrap())
}

/// Looks until there is an answer.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Looks until it is so.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    wait_for(what, || is_so().then_some(()));
}

/// All that can be caught but SIGCHLD, which is orphanguard's own.
pub fn catchable() -> impl Iterator<Item = i32> {
    (1..=64).filter(|signal| ![libc::SIGKILL, libc::SIGSTOP, libc::SIGCHLD].contains(signal))
}

pub fn send(pid: Pid, signal: i32) {
    assert_eq!(
        unsafe { libc::kill(pid, signal) },
        0,
        "cannot send {signal} to {pid}: {}",
        std::io::Error::last_os_error()
    );
}

/// To a process of ours that may be gone, but is not reaped.
pub fn try_send(pid: Pid, signal: i32) {
    unsafe { libc::kill(pid, signal) };
}

/// As sigqueue(3), with this value.
pub fn queue(pid: Pid, signal: i32, value: usize) {
    let value = libc::sigval { sival_ptr: value as *mut libc::c_void };
    assert_eq!(unsafe { libc::sigqueue(pid, signal, value) }, 0, "{}", std::io::Error::last_os_error());
}

pub fn children(pid: Pid) -> Vec<Pid> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().map(|word| word.parse().unwrap()).collect()
}

/// A field of `/proc/PID/status`.
pub fn status_field(pid: Pid, field: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':').map(|value| value.trim().to_owned()))
}

/// The parent of a process that is there.
pub fn parent(pid: Pid) -> Pid {
    status_field(pid, "PPid").unwrap().parse().unwrap()
}

/// `R`, `S`, `T`, `Z`, …; `None` where it is gone.
pub fn state(pid: Pid) -> Option<char> {
    status_field(pid, "State")?.chars().next()
}

pub fn wait_state(pid: Pid, expected: char) {
    wait_until(&format!("process {pid} to be {expected}"), || state(pid) == Some(expected));
}

/// Runs a program in namespaces of its own that these options of unshare(1) make; where that is not allowed, says so in a plain line.
pub fn in_namespaces(options: &str, program: impl AsRef<OsStr>) -> Option<Command> {
    let unshare = |how: &str, program: &OsStr| {
        let mut command = Command::new("unshare");
        command
            .args(how.split_whitespace())
            .args(options.split_whitespace())
            .arg("--")
            .arg(program)
            .stdin(Stdio::null());
        command
    };
    // Root may; others may where they can make a user namespace first.
    let ways = ["", "--user --map-root-user"];
    let allowed = |how: &&str| {
        let tried = spawn(unshare(how, OsStr::new("true")).stdout(Stdio::null()).stderr(Stdio::null()));
        tried.and_then(|mut tried| tried.wait()).is_ok_and(|status| status.success())
    };
    let Some(how) = ways.into_iter().find(allowed) else {
        skip(&format!("unshare {options} is not allowed here"));
        return None;
    };
    Some(unshare(how, program.as_ref()))
}

/// Says in a plain line why a test proves nothing here.
pub fn skip(why: &str) {
    println!("skipped: {}", why.trim());
}

/// A directory of a test's own, gone at its end.
pub struct Scratch(PathBuf);

impl Scratch {
    /// The name is the test's own.
    pub fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A new file in it, with these permissions.
    pub fn file(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.0.join(name);
        // A process that is just being made would have it open for writing, and then it could not be run (ETXTBSY).
        let _guard = alone();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Whether we are root; where not, says in a plain line that the test needs it.
pub fn is_root() -> bool {
    let is_root = unsafe { libc::geteuid() } == 0;
    if !is_root {
        skip("only root can set this up");
    }
    is_root
}

/// How a process ended, in a shell's terms.
pub fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap())
}

/// Whether a test that needs a PID namespace or a container runtime fails where it can have none, as in CI, instead of being skipped.
pub fn containers_required() -> bool {
    std::env::var_os("ORPHANGUARD_TEST_CONTAINERS").is_some_and(|value| value == "required")
}
