//! Once COMMAND runs, sentinel and guard hold nothing open that they have inherited but standard error: what COMMAND closes is closed. A reader
//! has its end-of-file, a writer its broken pipe, a lock is free, and a socket refuses connections, while the guard lives on.
#![allow(unsafe_code, clippy::pedantic, clippy::undocumented_unsafe_blocks, clippy::multiple_unsafe_ops_per_block)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use common::leader::give_terminal;
use common::{
    PATIENCE, Pid, Running, Scratch, guarded, is_root, send, start, state, status_field, try_send, wait_state,
    wait_until,
};

/// FILE is the report's.
const OPTIONS: [&str; 6] = [
    "",
    "--no-sentinel",
    "--report FILE",
    "--die-with-parent --group new",
    "--group same --verbose",
    "--no-sentinel --report FILE --die-with-parent",
];

/// Waits for SIGUSR2, and closes all that is handed down. The caller blocks the signal, so it is never too early.
const CLOSE: &str = "await 12 close 0 close 1 close 17 close 18 close 19 close 20";

// ---- what is handed down ------------------------------------------------------------------------------------------

/// A job to which the caller hands down, as its descriptors 0 and 1 and from 17 on, what others wait for.
struct Job {
    running: Running,
    options: String,
    keyboard: Option<File>,
    /// The other end of 17.
    pipe: io::PipeReader,
    /// 18 has locked it.
    lock: PathBuf,
    /// 19 and 20 listen.
    unix: PathBuf,
    tcp: SocketAddr,
    /// What is handed down, as links in /proc show it.
    links: Vec<PathBuf>,
    _scratch: Scratch,
}

impl Job {
    /// `helper INSTRUCTIONS`, in which CLOSE stands for [`CLOSE`], under orphanguard; `prepare` is carried out in the process that becomes it.
    fn start(name: &str, options: &str, instructions: &str, prepare: fn() -> io::Result<()>) -> Self {
        Self::start_on(None, name, options, instructions, prepare)
    }

    /// The same on a terminal, which is 0 then.
    fn start_on(
        terminal: Option<fn(&mut Command) -> File>,
        name: &str,
        options: &str,
        instructions: &str,
        prepare: fn() -> io::Result<()>,
    ) -> Self {
        let scratch = Scratch::new(&format!("holds_nothing_open.{name}"));
        let options = options.replace("FILE", scratch.path().join("report").to_str().unwrap());
        let mut command = guarded(&options, &instructions.replace("CLOSE", CLOSE));
        let (pipe, writer) = io::pipe().unwrap();
        let [lock, unix] = ["lock", "socket"].map(|name| scratch.path().join(name));
        let locked = File::create(&lock).unwrap();
        assert!(try_lock(&locked));
        let _ = fs::remove_file(&unix);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let tcp = listener.local_addr().unwrap();
        let handed: [OwnedFd; 4] =
            [writer.into(), locked.into(), UnixListener::bind(&unix).unwrap().into(), listener.into()];
        let numbers = [0, 1, 2, 3].map(|n: usize| handed[n].as_raw_fd());
        let links = numbers.map(|fd| fs::read_link(format!("/proc/self/fd/{fd}")).unwrap()).into();
        let hand_down = move || {
            let aside = |fd| checked(unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 100) });
            let aside = [aside(numbers[0])?, aside(numbers[1])?, aside(numbers[2])?, aside(numbers[3])?];
            for (fd, to) in aside.into_iter().zip(17..) {
                checked(unsafe { libc::dup2(fd, to) })?;
            }
            let mut set = unsafe { std::mem::zeroed::<libc::sigset_t>() };
            unsafe { libc::sigaddset(&raw mut set, libc::SIGUSR2) };
            checked(unsafe { libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) })?;
            prepare()
        };
        command.stdin(Stdio::piped());
        let keyboard = terminal.map(|give| give(&mut command));
        unsafe { command.pre_exec(hand_down) };
        let running = start(&mut command);
        Self { running, options, keyboard, pipe, lock, unix, tcp, links, _scratch: scratch }
    }

    fn has_sentinel(&self) -> bool {
        !self.options.contains("--no-sentinel")
    }

    fn guard(&self) -> Pid {
        if self.has_sentinel() { self.running.guard() } else { self.running.pid() }
    }

    /// Sentinel, where there is one, and guard.
    fn ours(&self) -> Vec<Pid> {
        let mut ours = vec![self.running.pid(), self.guard()];
        ours.dedup();
        ours
    }

    /// Somebody has all of it.
    fn assert_all_is_held(&self) {
        assert!(!has_hung_up(self.running.stdin.as_ref().unwrap().as_fd()), "0");
        assert!(!has_hung_up(self.pipe.as_fd()), "17");
        assert!(!is_free(&self.lock), "18");
        UnixStream::connect(&self.unix).unwrap();
        TcpStream::connect(self.tcp).unwrap();
    }

    /// Nobody has any of it. The job has said all that it says.
    fn wait_until_all_is_free(&mut self) {
        assert_eq!(self.running.line(), "", "end-of-file of 1: {}", self.options);
        if let Some(mut stdin) = self.running.stdin.take() {
            wait_until("0 to have no reader", || has_hung_up(stdin.as_fd()));
            assert_eq!(stdin.write(b"x").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        }
        wait_until("17 to have no writer", || has_hung_up(self.pipe.as_fd()));
        assert_eq!(self.pipe.read(&mut [0]).unwrap(), 0);
        wait_until("the lock to be free", || is_free(&self.lock));
        let is_refused = |error: Option<io::Error>| error.is_some_and(|e| e.kind() == io::ErrorKind::ConnectionRefused);
        wait_until("the socket to refuse", || is_refused(UnixStream::connect(&self.unix).err()));
        wait_until("the port to refuse", || is_refused(TcpStream::connect(self.tcp).err()));
    }

    fn assert_ours_live(&self) {
        for pid in self.ours() {
            assert!(matches!(state(pid), Some('S' | 'R')), "{} {:?}", self.options, state(pid));
        }
    }

    /// COMMAND has ended, and left this process.
    fn wait_left(&self, stray: Pid) {
        let guard = self.guard().to_string();
        wait_until("the guard to be the stray's parent", || status_field(stray, "PPid").as_ref() == Some(&guard));
    }
}

fn checked(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Whether the other end of a pipe is closed, and has nothing left to give.
fn has_hung_up(pipe: BorrowedFd<'_>) -> bool {
    let mut poll = libc::pollfd { fd: pipe.as_raw_fd(), events: 0, revents: 0 };
    assert!(unsafe { libc::poll(&raw mut poll, 1, 0) } >= 0);
    poll.revents & (libc::POLLHUP | libc::POLLERR) != 0
}

fn try_lock(file: &File) -> bool {
    unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) == 0 }
}

fn is_free(lock: &Path) -> bool {
    try_lock(&File::open(lock).unwrap())
}

fn nothing() -> io::Result<()> {
    Ok(())
}

// ---- what COMMAND closes is closed --------------------------------------------------------------------------------

fn closes_as_it_runs(name: &str, prepare: fn() -> io::Result<()>) {
    for options in OPTIONS {
        let mut job = Job::start(name, options, "say command CLOSE hold", prepare);
        let command = job.running.pid_of("command");
        job.assert_all_is_held();
        send(command, libc::SIGUSR2);
        job.wait_until_all_is_free();
        job.assert_ours_live();
        send(job.running.pid(), libc::SIGTERM);
        assert_eq!(job.running.nobody_left().status.signal(), Some(libc::SIGTERM), "{options}");
    }
}

#[test]
fn while_command_runs() {
    closes_as_it_runs("runs", nothing);
}

/// COMMAND leaves a process that SIGTERM does not end.
const STRAY: &str = "ignore 15 child [ setsid say stray CLOSE hold ] exit 3";

fn while_a_stray_lives(name: &str, how: &str) {
    for options in OPTIONS {
        let mut job = Job::start(name, &format!("{options} {how}"), STRAY, nothing);
        let stray = job.running.pid_of("stray");
        job.wait_left(stray);
        job.assert_all_is_held();
        send(stray, libc::SIGUSR2);
        job.wait_until_all_is_free();
        job.assert_ours_live();
        send(stray, libc::SIGKILL);
        assert_eq!(job.running.nobody_left().status.code(), Some(3), "{options}");
    }
}

#[test]
fn while_a_stray_is_given_its_grace() {
    while_a_stray_lives("grace", "--grace 1h");
}

#[test]
fn while_a_stray_is_waited_for() {
    while_a_stray_lives("wait", "--on-exit wait");
}

/// A process that nobody else would end.
struct EndOnPanic(Pid);

impl Drop for EndOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            try_send(self.0, libc::SIGKILL);
        }
    }
}

#[test]
fn while_a_stray_is_left_alone() {
    for options in OPTIONS {
        let mut job = Job::start("leave", &format!("{options} --on-exit leave"), STRAY, nothing);
        let stray = job.running.pid_of("stray");
        let _end = EndOnPanic(stray);
        assert_eq!(job.running.wait().code(), Some(3), "{options}");
        job.assert_all_is_held();
        send(stray, libc::SIGUSR2);
        job.wait_until_all_is_free();
        wait_state(stray, 'S');
        send(stray, libc::SIGKILL);
        job.running.nobody_left_soon();
    }
}

/// As before Linux 5.9: descriptors are closed one by one.
#[test]
fn where_the_kernel_cannot_close_many_at_once() {
    fn without_close_range() -> io::Result<()> {
        let code = |code, k| libc::sock_filter { code, jt: 0, jf: 0, k };
        let mut filter = [
            // The call's number; where it is not this one, one is left out.
            code(0x20, 0),
            libc::sock_filter { jf: 1, ..code(0x15, libc::SYS_close_range as u32) },
            code(0x06, libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32),
            code(0x06, libc::SECCOMP_RET_ALLOW),
        ];
        let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
        checked(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })?;
        checked(unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) }).map(drop)
    }
    closes_as_it_runs("one_by_one", without_close_range);
}

// ---- what sentinel and guard have of their own --------------------------------------------------------------------

/// What a process has open but standard error, as links in /proc show it.
fn opened(pid: Pid) -> Vec<PathBuf> {
    let all = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    all.filter(|entry| entry.file_name() != "2").filter_map(|entry| fs::read_link(entry.path()).ok()).collect()
}

/// A socket, a signalfd, a pidfd, …
fn kind(link: &Path) -> &str {
    let link = link.to_str().unwrap();
    if link.ends_with(".tmp") { "report" } else { link.trim_start_matches("anon_inode:").split(":[").next().unwrap() }
}

const PIDFD: &str = "[pidfd]";

impl Job {
    /// What sentinel or guard must have of its own.
    fn own(&self, pid: Pid) -> Vec<&'static str> {
        let is_guard = pid == self.guard();
        // Whoever runs the tests may have one.
        let has_terminal = self.keyboard.is_some() || File::open("/dev/tty").is_ok();
        let all = [
            (true, "[signalfd]"),
            (self.has_sentinel(), "socket"),
            (self.options.contains("--report"), "report"),
            (self.options.contains("--die-with-parent"), PIDFD),
            (is_guard && has_terminal && self.options.contains("--group new"), "/dev/tty"),
        ];
        all.into_iter().filter_map(|(has, kind)| has.then_some(kind)).collect()
    }

    /// Waits until sentinel and guard have no more than that. `also` is what they may have, too.
    fn wait_until_only_their_own_is_open(&self, also: &str) {
        let begun = Instant::now();
        for pid in self.ours() {
            let mut expected = self.own(pid);
            expected.retain(|kind| *kind != also);
            expected.sort_unstable();
            loop {
                let found = opened(pid);
                let mut kinds: Vec<&str> = found.iter().map(|link| kind(link)).filter(|kind| *kind != also).collect();
                kinds.sort_unstable();
                if kinds == expected && !found.iter().any(|link| self.links.contains(link)) {
                    break;
                }
                assert!(begun.elapsed() < PATIENCE, "{}: {found:?} instead of {expected:?}", self.options);
                std::thread::yield_now();
            }
        }
    }
}

/// Only root can see what they have open, for they are not dumpable.
#[test]
fn only_what_is_their_own_is_open() {
    if !is_root() {
        return;
    }
    for options in OPTIONS {
        let mut job = Job::start("own", options, "say command hold", nothing);
        let _ = job.running.pid_of("command");
        job.wait_until_only_their_own_is_open("");
        send(job.running.pid(), libc::SIGTERM);
        job.running.nobody_left();

        for how in ["--grace 1h", "--on-exit wait"] {
            let mut job = Job::start("own", &format!("{options} {how}"), STRAY, nothing);
            let stray = job.running.pid_of("stray");
            job.wait_left(stray);
            // What they watch a stray by.
            job.wait_until_only_their_own_is_open(PIDFD);
            send(stray, libc::SIGKILL);
            job.running.nobody_left();
        }
    }
}

#[test]
fn a_closed_standard_error_stays_closed() {
    if !is_root() {
        return;
    }
    fn close_error() -> io::Result<()> {
        checked(unsafe { libc::close(2) }).map(drop)
    }
    for options in OPTIONS {
        for terminal in [None, Some(give_terminal as _)] {
            let mut job = Job::start_on(terminal, "closed", options, "say command hold", close_error);
            let _ = job.running.pid_of("command");
            job.wait_until_only_their_own_is_open("");
            for pid in job.ours() {
                assert!(fs::read_link(format!("/proc/{pid}/fd/2")).is_err(), "{options}");
            }
            send(job.running.pid(), libc::SIGTERM);
            job.running.nobody_left();
        }
    }
}

/// The guard keeps the terminal where it has to hand it over, and no more of it than that.
#[test]
fn on_a_terminal() {
    for options in ["", "--no-sentinel", "--group new", "--no-sentinel --group new"] {
        let mut job = Job::start_on(Some(give_terminal), "terminal", options, "say command CLOSE hold", nothing);
        let command = job.running.pid_of("command");
        if is_root() {
            job.wait_until_only_their_own_is_open("");
        }
        send(command, libc::SIGUSR2);
        job.wait_until_all_is_free();
        job.assert_ours_live();
        send(job.running.pid(), libc::SIGTERM);
        assert_eq!(job.running.nobody_left().status.signal(), Some(libc::SIGTERM), "{options}");
    }
}
