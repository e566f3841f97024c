//! A program that tells what it was started with, for the test that compares what COMMAND finds with and without orphanguard.
//!
//! `witness FD SIGNALS ARG…` writes to the descriptor FD all that a process can have inherited, a line a field: a name without
//! blanks, a blank, and the value with all but printable ASCII escaped. First it waits until these signals are pending, a set in hexadecimal digits.
//!
//! With a C `main` it sees what was truly inherited: Rust's runtime would ignore SIGPIPE and open closed descriptors 0 to 2. For the same
//! reason it looks at the descriptors before it opens any file.
#![no_main]
#![allow(unsafe_code, clippy::pedantic, clippy::undocumented_unsafe_blocks, clippy::multiple_unsafe_ops_per_block)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::ptr;

/// Above it nothing is looked for.
const DESCRIPTORS: c_int = 2048;

/// Where the C library starts us.
#[unsafe(no_mangle)]
extern "C" fn main(_argc: c_int, argv: *const *const c_char, envp: *const *const c_char) -> c_int {
    let (arguments, environment) = (strings(argv), strings(envp));
    let text = |n: usize| arguments[n].to_str().unwrap();
    let report = text(1).parse().unwrap();
    wait_for_pending(u64::from_str_radix(text(2), 16).unwrap());

    let mut fields = Fields::default();
    descriptors(&mut fields, report);
    for (n, argument) in arguments.iter().enumerate() {
        fields.add(&format!("argument.{n}"), argument.to_bytes());
    }
    for (n, entry) in environment.iter().enumerate() {
        fields.add(&format!("environment.{n}"), entry.to_bytes());
    }
    relations(&mut fields);
    terminal(&mut fields);
    status(&mut fields);
    limits(&mut fields);
    scheduling(&mut fields);
    timers(&mut fields);
    attributes(&mut fields);
    files(&mut fields);
    fields.write(report);
    0
}

/// The lines.
#[derive(Default)]
struct Fields(String);

impl Fields {
    fn add(&mut self, name: &str, value: &[u8]) {
        self.0 += &format!("{name} {}\n", value.escape_ascii());
    }

    /// What a call gives, or its error.
    fn add_result(&mut self, name: &str, result: i64) {
        let error = std::io::Error::last_os_error();
        let value = if result < 0 { error.to_string() } else { format!("{result:#x}") };
        self.add(name, value.as_bytes());
    }

    fn write(&self, fd: c_int) {
        let mut rest = self.0.as_bytes();
        while !rest.is_empty() {
            let written = unsafe { libc::write(fd, rest.as_ptr().cast(), rest.len()) };
            assert!(written > 0, "cannot write to descriptor {fd}: {}", std::io::Error::last_os_error());
            rest = &rest[written as usize..];
        }
    }
}

fn strings(first: *const *const c_char) -> Vec<&'static CStr> {
    let all = (0..).map(|n| unsafe { *first.add(n) });
    all.take_while(|string| !string.is_null()).map(|string| unsafe { CStr::from_ptr(string) }).collect()
}

fn wait_for_pending(signals: u64) {
    let mut pending = 0u64;
    while pending & signals != signals {
        unsafe { libc::syscall(libc::SYS_rt_sigpending, &raw mut pending, 8) };
        std::thread::yield_now();
    }
}

fn link(path: &str) -> Vec<u8> {
    fs::read_link(path).map_or_else(|error| error.to_string().into(), |target| target.as_os_str().as_bytes().into())
}

/// What each open descriptor is, with its own flags, those of its file and the offset. Opens none.
fn descriptors(fields: &mut Fields, report: c_int) {
    for fd in (0..DESCRIPTORS).filter(|&fd| fd != report) {
        let own = unsafe { libc::fcntl(fd, libc::F_GETFD) };
        let name = format!("descriptor.{fd}");
        if own >= 0 {
            let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
            let offset = unsafe { libc::lseek(fd, 0, libc::SEEK_CUR) };
            let mut value = link(&format!("/proc/self/fd/{fd}"));
            value.extend(format!(" {own:#x} {flags:#o} {offset}").bytes());
            fields.add(&name, &value);
        } else if fd <= 2 {
            fields.add(&name, b"closed");
        }
    }
}

/// proc_pid_stat(5), by the numbers there.
fn relations(fields: &mut Fields) {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let after_name: Vec<&str> = stat[stat.rfind(')').unwrap() + 2..].split(' ').collect();
    let field = |number: usize| after_name[number - 3];
    fields.add("pid", std::process::id().to_string().as_bytes());
    for (name, number) in [("parent", 4), ("group", 5), ("session", 6), ("foreground", 8), ("exit-signal", 38)] {
        fields.add(name, field(number).as_bytes());
    }
}

/// The modes and the size of the controlling terminal.
fn terminal(fields: &mut Fields) {
    let Ok(terminal) = fs::File::open("/dev/tty") else {
        return fields.add("terminal", b"none");
    };
    let mut modes = unsafe { std::mem::zeroed::<libc::termios>() };
    unsafe { libc::tcgetattr(terminal.as_raw_fd(), &raw mut modes) };
    let mut size = unsafe { std::mem::zeroed::<libc::winsize>() };
    unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) };
    let [input, output, control, local] = [modes.c_iflag, modes.c_oflag, modes.c_cflag, modes.c_lflag];
    let (characters, rows, columns) = (modes.c_cc, size.ws_row, size.ws_col);
    let value = format!("{input:#x} {output:#x} {control:#x} {local:#x} {characters:?} {rows}x{columns}");
    fields.add("terminal", value.as_bytes());
}

/// Users, groups, capabilities, signals, umask, seccomp, CPUs, and more: proc_pid_status(5).
fn status(fields: &mut Fields) {
    for line in fs::read_to_string("/proc/self/status").unwrap().lines() {
        let (name, value) = line.split_once(':').unwrap();
        fields.add(&format!("status.{name}"), value.trim().as_bytes());
    }
}

fn limits(fields: &mut Fields) {
    for resource in 0..16u32 {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        assert_eq!(unsafe { libc::getrlimit(resource as _, &raw mut limit) }, 0);
        let (soft, hard) = (limit.rlim_cur, limit.rlim_max);
        fields.add(&format!("limit.{resource}"), format!("{soft:#x} {hard:#x}").as_bytes());
    }
}

fn scheduling(fields: &mut Fields) {
    let policy = unsafe { libc::sched_getscheduler(0) };
    let mut parameter = unsafe { std::mem::zeroed::<libc::sched_param>() };
    unsafe { libc::sched_getparam(0, &raw mut parameter) };
    fields.add("policy", format!("{policy} {}", parameter.sched_priority).as_bytes());
    // From 1 to 40, where -20 is 40: getpriority(2), "C library/kernel differences".
    fields.add_result("nice", unsafe { libc::syscall(libc::SYS_getpriority, libc::PRIO_PROCESS, 0) });
    // IOPRIO_WHO_PROCESS
    fields.add_result("io-priority", unsafe { libc::syscall(libc::SYS_ioprio_get, 1, 0) });
    let mut mode: c_int = 0;
    let none = ptr::null::<c_void>();
    let got = unsafe { libc::syscall(libc::SYS_get_mempolicy, &raw mut mode, none, 0, none, 0) };
    fields.add_result("memory-policy", if got < 0 { got } else { i64::from(mode) });
}

fn timers(fields: &mut Fields) {
    for (name, which) in [("real", libc::ITIMER_REAL), ("virtual", libc::ITIMER_VIRTUAL), ("prof", libc::ITIMER_PROF)] {
        let mut timer = unsafe { std::mem::zeroed::<libc::itimerval>() };
        unsafe { libc::getitimer(which as _, &raw mut timer) };
        let is_set = timer.it_value.tv_sec != 0 || timer.it_value.tv_usec != 0;
        fields.add(&format!("timer.{name}"), if is_set { b"set" } else { b"none" });
    }
}

/// What prctl(2) and its like tell.
fn attributes(fields: &mut Fields) {
    let by_result = [
        ("dumpable", libc::PR_GET_DUMPABLE),
        ("keep-capabilities", libc::PR_GET_KEEPCAPS),
        ("secure-bits", libc::PR_GET_SECUREBITS),
        ("timer-slack", libc::PR_GET_TIMERSLACK),
        ("no-new-privileges", libc::PR_GET_NO_NEW_PRIVS),
        ("seccomp", libc::PR_GET_SECCOMP),
        ("huge-pages-disabled", libc::PR_GET_THP_DISABLE),
        ("memory-errors", libc::PR_MCE_KILL_GET),
        ("timing", libc::PR_GET_TIMING),
        // PR_GET_IO_FLUSHER, PR_GET_MDWE, PR_GET_MEMORY_MERGE
        ("io-flusher", 58),
        ("no-writable-code", 66),
        ("merges-memory", 68),
    ];
    for (name, option) in by_result {
        fields.add_result(name, i64::from(unsafe { libc::prctl(option, 0, 0, 0, 0) }));
    }
    let in_an_int = [
        ("parent-death-signal", libc::PR_GET_PDEATHSIG),
        ("subreaper", libc::PR_GET_CHILD_SUBREAPER),
        ("time-stamp-counter", libc::PR_GET_TSC),
    ];
    for (name, option) in in_an_int {
        let mut value: c_int = 0;
        let got = unsafe { libc::prctl(option, &raw mut value, 0, 0, 0) };
        fields.add_result(name, i64::from(if got < 0 { got } else { value }));
    }
    for (name, bit) in (0..64).map(|bit| (format!("bounding.{bit}"), bit)) {
        if unsafe { libc::prctl(libc::PR_CAPBSET_READ, bit, 0, 0, 0) } == 0 {
            fields.add(&name, b"dropped");
        }
    }
    fields.add_result("personality", i64::from(unsafe { libc::personality(0xffff_ffff) }));
    fields.add_result("secure-execution", unsafe { libc::getauxval(libc::AT_SECURE) } as i64);
    // KEYCTL_GET_KEYRING_ID of KEY_SPEC_SESSION_KEYRING
    fields.add_result("session-keyring", unsafe { libc::syscall(libc::SYS_keyctl, 0, -3, 0) });
}

fn files(fields: &mut Fields) {
    for name in ["cwd", "root", "exe"] {
        fields.add(name, &link(&format!("/proc/self/{name}")));
    }
    for entry in fs::read_dir("/proc/self/ns").unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().map(OsStr::to_string_lossy).unwrap();
        fields.add(&format!("namespace.{name}"), &link(path.to_str().unwrap()));
    }
    for name in ["oom_score_adj", "coredump_filter", "cgroup", "loginuid", "sessionid", "cpuset", "attr/current"] {
        let text = fs::read(format!("/proc/self/{name}")).unwrap_or_else(|error| error.to_string().into());
        fields.add(name, text.trim_ascii_end());
    }
}
