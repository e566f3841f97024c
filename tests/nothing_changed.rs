//! COMMAND finds what it would find without orphanguard, whatever its caller has inherited or set.
//!
//! A witness tells what it was started with. A caller who prepares himself in the same way each time becomes the witness, then
//! `orphanguard -- witness`, then the witness once more. All that it tells must be the same, but for what [`DIFFERENT`] names.
#![allow(unsafe_code, clippy::pedantic, clippy::undocumented_unsafe_blocks, clippy::multiple_unsafe_ops_per_block)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CStr, CString, c_int, c_long};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::ptr;

use common::{Pid, Scratch, guarded, helper, leader, orphanguard, run, send, skip, start, witness};

/// Under which options COMMAND must find nothing changed.
const MODES: [&str; 6] = [
    "",
    "--no-sentinel",
    "--group same",
    "--no-sentinel --group same --pdeathsig none",
    "--group session",
    "--group new --die-with-parent --report /dev/null",
];

/// What a field is under orphanguard.
enum Is {
    /// Another each time, also without orphanguard.
    Volatile,
    /// This; where there is none, what it is without orphanguard.
    This(fn(&Setting<'_>) -> Option<&'static str>),
}
use Is::{This, Volatile};

/// How orphanguard is started.
struct Setting<'a> {
    options: &'a str,
    on_terminal: bool,
    /// Whether the caller leads its process group, and so would COMMAND bare.
    leads: bool,
    /// Whether COMMAND gains rights, be it those that its caller has.
    gains_rights: bool,
}

impl Setting<'_> {
    fn has(&self, option: &str) -> bool {
        self.options.contains(option)
    }
}

/// The fields that may differ, and why. A star stands for whatever follows.
const DIFFERENT: [(&str, Is, &str); 27] = [
    ("pid", Volatile, "a process of its own"),
    ("status.Pid", Volatile, "the same number"),
    ("status.Tgid", Volatile, "the same number"),
    ("status.NSpid", Volatile, "the same number"),
    ("status.NStgid", Volatile, "the same number"),
    ("parent", Volatile, "the guard starts it; `environment.id` proves that"),
    ("status.PPid", Volatile, "the same number"),
    ("status.NSpgid", Volatile, "`group` says whose number it is"),
    ("status.NSsid", Volatile, "`session` says whose number it is"),
    ("group", This(group), "without a terminal it is not the caller's; COMMAND leads one where the caller leads one"),
    ("session", This(session), "--group session"),
    ("foreground", This(foreground), "--group new hands the terminal over; --group session leaves it"),
    ("terminal", This(terminal), "--group session leaves it"),
    ("parent-death-signal", This(parent_death_signal), "COMMAND does not outlive the guard; no child inherits it"),
    ("subreaper", This(|_| Some("0x0")), "no child inherits it: PR_SET_CHILD_SUBREAPER(2const)"),
    ("timer.real", This(|_| Some("none")), "no child inherits it (fork(2)); but its signal is passed on"),
    ("timer.virtual", This(|_| Some("none")), "no child inherits it (fork(2))"),
    ("timer.prof", This(|_| Some("none")), "no child inherits it (fork(2))"),
    ("status.State", Volatile, "what it does at the moment"),
    ("status.FDSize", Volatile, "room in the kernel, not what is open"),
    ("status.SigQ", Volatile, "signals of all processes of the user"),
    ("status.Vm*", Volatile, "memory that it uses itself"),
    ("status.Rss*", Volatile, "memory that it uses itself"),
    ("status.Ngid", Volatile, "where its memory is, as the kernel moves it"),
    ("status.voluntary_ctxt_switches", Volatile, "how often it has slept"),
    ("status.nonvoluntary_ctxt_switches", Volatile, "how often it had to wait"),
    ("environment.id", This(|_| Some("guard's")), "by this the processes of the guard are found"),
];

fn group(setting: &Setting<'_>) -> Option<&'static str> {
    let is_callers = setting.has("--group same") || (setting.on_terminal && !setting.has("--group"));
    let leads = setting.leads || setting.has("--group");
    (!is_callers).then_some(if leads { "command" } else { "nobody" })
}

fn session(setting: &Setting<'_>) -> Option<&'static str> {
    setting.has("--group session").then_some("command")
}

fn foreground(setting: &Setting<'_>) -> Option<&'static str> {
    match setting {
        _ if setting.has("--group session") => Some("-1"),
        _ if setting.has("--group new") && setting.on_terminal => Some("command"),
        _ => None,
    }
}

fn terminal(setting: &Setting<'_>) -> Option<&'static str> {
    setting.has("--group session").then_some("none")
}

fn parent_death_signal(setting: &Setting<'_>) -> Option<&'static str> {
    // The kernel takes it back then: PR_SET_PDEATHSIG(2const).
    Some(if setting.gains_rights || setting.has("--pdeathsig none") { "0x0" } else { "0x9" })
}

// ---- starting the witness -----------------------------------------------------------------------------------------

type Fields = BTreeMap<String, String>;

/// Where the witness writes to. It is the job's proof too: at its end-of-file nobody of the job is left.
const REPORT: RawFd = 60;

/// What is there before the caller prepares himself, the same for each start.
struct Stage {
    folder: Scratch,
    file: CString,
    gone: CString,
    pipe: (io::PipeReader, io::PipeWriter),
    socket: (UnixStream, UnixStream),
    /// Whether the caller leads a session on a terminal, of which each has a new one.
    has_terminal: bool,
    /// A mount namespace, and a directory that is the root of a file system in it.
    mounts: Option<(OwnedFd, CString)>,
}

impl Stage {
    fn new(name: &str) -> Self {
        let folder = Scratch::new(&format!("nothing_changed.{name}"));
        let file = c_string(folder.file("file", "twelve bytes", 0o644));
        let gone = c_string(folder.path().join("gone"));
        let mounts = mounts(folder.path()).ok();
        let (pipe, socket) = (io::pipe().unwrap(), UnixStream::pair().unwrap());
        Self { folder, file, gone, pipe, socket, has_terminal: false, mounts }
    }

    fn on_stage(&self) -> OnStage {
        let mounts = self.mounts.as_ref().map(|(namespace, root)| (namespace.as_raw_fd(), root.clone()));
        let path = |name| c_string(self.folder.path().join(name));
        OnStage {
            folder: c_string(self.folder.path()),
            file: self.file.clone(),
            gone: self.gone.clone(),
            outputs: [path("out"), path("err")],
            pipe: self.pipe.1.as_raw_fd(),
            socket: self.socket.0.as_raw_fd(),
            mounts,
        }
    }
}

/// The same for the forked process.
#[derive(Clone)]
struct OnStage {
    folder: CString,
    file: CString,
    gone: CString,
    outputs: [CString; 2],
    pipe: RawFd,
    socket: RawFd,
    mounts: Option<(RawFd, CString)>,
}

impl OnStage {
    /// With its descriptors where nothing that is odd comes in their way.
    fn out_of_the_way(&self) -> io::Result<Self> {
        let high = |fd: RawFd| {
            let high = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 100) };
            ok(high).map(|()| high)
        };
        let mounts =
            self.mounts.as_ref().map(|(fd, root)| Ok::<_, io::Error>((high(*fd)?, root.clone()))).transpose()?;
        Ok(Self { pipe: high(self.pipe)?, socket: high(self.socket)?, mounts, ..self.clone() })
    }
}

/// Of a thread's own, so that the tests' stay as they are.
fn mounts(folder: &Path) -> io::Result<(OwnedFd, CString)> {
    let root = folder.join("root");
    fs::create_dir_all(&root)?;
    let root = c_string(root);
    let make = move || {
        let (slash, none) = (c"/".as_ptr(), ptr::null());
        ok(unsafe { libc::unshare(libc::CLONE_NEWNS) })?;
        ok(unsafe { libc::mount(none, slash, none, libc::MS_REC | libc::MS_PRIVATE, none.cast()) })?;
        ok(unsafe { libc::mount(slash, root.as_ptr(), none, libc::MS_REC | libc::MS_BIND, none.cast()) })?;
        Ok((File::open("/proc/thread-self/ns/mnt")?.into(), root))
    };
    std::thread::spawn(make).join().unwrap()
}

/// What is started.
#[derive(Clone)]
struct Program {
    /// As the caller names it.
    name: Vec<u8>,
    arguments: Vec<Vec<u8>>,
    /// `@` stands for the number of the process that the caller starts.
    environment: Vec<Vec<u8>>,
}

impl Default for Program {
    fn default() -> Self {
        let environment = ["PATH=/usr/bin:/bin", "LANG=C"].map(Vec::from).into();
        Self { name: bytes(witness()), arguments: Vec::new(), environment }
    }
}

/// Starts the witness by a caller who is prepared by these, and gives what it tells. Without options there is no orphanguard.
fn witnessed(stage: &Stage, oddities: &[&'static Oddity], program: &Program, options: Option<&str>) -> Fields {
    let pending = oddities.iter().fold(0, |set, oddity| set | oddity.pending);
    let mut arguments = Vec::new();
    if let Some(options) = options {
        arguments.push(b"orphanguard".to_vec());
        arguments.extend(options.split_whitespace().map(Vec::from));
        arguments.push(b"--".to_vec());
    }
    arguments.extend([program.name.clone(), REPORT.to_string().into(), format!("{pending:x}").into()]);
    arguments.extend(program.arguments.iter().cloned());
    let arguments: Vec<CString> = arguments.into_iter().map(c_string_of).collect();
    let file = c_string(if options.is_some() { orphanguard() } else { witness() });
    let environment = program.environment.clone();
    let prepare = preparation(stage, oddities);

    let mut caller = Command::new("/never/run");
    let become_it = move || {
        prepare()?;
        let me = std::process::id().to_string();
        let with_pid = |entry: &Vec<u8>| match entry.iter().position(|&byte| byte == b'@') {
            Some(at) => [&entry[..at], me.as_bytes(), &entry[at + 1..]].concat(),
            None => entry.clone(),
        };
        let environment: Vec<CString> = environment.iter().map(with_pid).map(c_string_of).collect();
        Err(exec(&file, &arguments, &environment))
    };
    let _keyboard = stage.has_terminal.then(|| leader::give_terminal(&mut caller));
    unsafe { caller.pre_exec(become_it) };
    let job = start(&mut caller);
    let started = job.pid();
    let ended = job.nobody_left();
    let said = fs::read_to_string(stage.folder.path().join("err")).unwrap();
    assert_eq!((ended.status.code(), said.as_str()), (Some(0), ""), "{options:?}");
    read(&ended.out, started, options.is_some())
}

/// In the forked process: the common part, and then what these do.
fn preparation(stage: &Stage, oddities: &[&'static Oddity]) -> impl Fn() -> io::Result<()> + Send + Sync + 'static {
    let has_terminal = stage.has_terminal;
    let (stage, oddities) = (stage.on_stage(), oddities.to_vec());
    move || {
        let stage = stage.out_of_the_way()?;
        // What the tests' own pipes are differs each time.
        duplicate(1, REPORT)?;
        ok(unsafe { libc::fcntl(REPORT, libc::F_SETPIPE_SZ, 1 << 20) })?;
        for (fd, path) in [1, 2].into_iter().zip(&stage.outputs) {
            open(path, libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC | libc::O_APPEND, fd)?;
        }
        if has_terminal {
            open(c"/dev/tty", libc::O_RDWR, 0)?;
        } else {
            // The one that the tests may run on belongs to all of them, and `--group new` hands it over.
            let leave = |()| ok(unsafe { libc::ioctl(0, libc::TIOCNOTTY) });
            let _ = open(c"/dev/tty", libc::O_RDWR, 0).and_then(leave);
            open(c"/dev/null", libc::O_RDWR, 0)?;
        }
        oddities.iter().try_for_each(|oddity| (oddity.prepare)(&stage))
    }
}

/// What the witness wrote, with process numbers replaced by whose they are.
fn read(report: &str, started: Pid, is_guarded: bool) -> Fields {
    let lines = report.lines().map(|line| line.split_once(' ').unwrap_or_else(|| panic!("{line:?}")));
    let mut fields: Fields = lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let numbers = ["pid", "parent"].map(|name| fields[name].clone());
    let [command, parent] = &numbers;
    let mut environment: Vec<String> = (0..).map_while(|n| fields.remove(&format!("environment.{n}"))).collect();
    if is_guarded {
        let is_guards = |entry: &String| {
            entry.starts_with(&format!("ORPHANGUARD_ID={parent}.")) && entry.ends_with(&format!(".{command}"))
        };
        let place = environment.iter().position(is_guards);
        let id = place.map(|place| environment.remove(place)).is_some();
        fields.insert("environment.id".into(), if id { "guard's".into() } else { "missing".into() });
    }
    // Where it was put in for an `@`.
    let entries = environment.iter().map(|entry| entry.replace(&started.to_string(), "@"));
    fields.extend(entries.enumerate().map(|(n, entry)| (format!("environment.{n}"), entry)));
    let whose = [(started.to_string(), "caller"), (command.clone(), "command")];
    for name in ["group", "session", "foreground"] {
        let field = fields.get_mut(name).unwrap();
        if let Some((_, who)) = whose.iter().find(|(number, _)| number == field) {
            *field = (*who).into();
        }
    }
    let group = fields.get_mut("group").unwrap();
    // Neither anybody's of the job nor the tests'.
    if is_guarded && group.parse().is_ok_and(|group: Pid| group != unsafe { libc::getpgrp() }) {
        *group = "nobody".into();
    }
    fields
}

/// How this field may differ.
fn difference(name: &str) -> Option<&'static Is> {
    let is_it = |pattern: &str| pattern.strip_suffix('*').map_or(name == pattern, |start| name.starts_with(start));
    DIFFERENT.iter().find(|(pattern, ..)| is_it(pattern)).map(|(_, is, _)| is)
}

fn is_volatile(name: &str) -> bool {
    matches!(difference(name), Some(Volatile))
}

/// Compares what the witness tells under orphanguard with what it tells without.
fn compare(stage: &Stage, oddities: &[&'static Oddity], program: &Program, options: &str, bare: &Fields) {
    let setting = &Setting {
        options,
        on_terminal: bare["terminal"] != "none",
        leads: bare["group"] == "caller",
        gains_rights: bare["secure-execution"] != "0x0",
    };
    let found = witnessed(stage, oddities, program, Some(options));
    let expected = |name: &str| match difference(name) {
        Some(Volatile) => found.get(name).cloned(),
        Some(This(value)) if value(setting).is_some() => value(setting).map(Into::into),
        _ => bare.get(name).cloned(),
    };
    let names: BTreeSet<&String> = bare.keys().chain(found.keys()).collect();
    let differs = |name: &&String| expected(name).as_ref() != found.get(*name);
    let tell = |name: &String| format!("{name}: {:?}, under orphanguard {:?}\n", bare.get(name), found.get(name));
    let wrong: String = names.into_iter().filter(differs).map(tell).collect();
    let names: Vec<&str> = oddities.iter().map(|oddity| oddity.name).collect();
    assert!(wrong.is_empty(), "{names:?} {options}:\n{wrong}");
}

/// In all modes, and after them without orphanguard: it has not changed anything for others either.
fn compare_all(stage: &Stage, oddities: &[&'static Oddity], program: &Program) -> Fields {
    let bare = witnessed(stage, oddities, program, None);
    for options in MODES {
        compare(stage, oddities, program, options, &bare);
    }
    let mut again = witnessed(stage, oddities, program, None);
    again.extend(bare.iter().filter(|(name, _)| is_volatile(name)).map(|(name, value)| (name.clone(), value.clone())));
    assert_eq!(again, bare);
    bare
}

// ---- the tests ----------------------------------------------------------------------------------------------------

/// Each by itself.
fn compare_each(name: &str, oddities: &'static [Oddity]) {
    let stage = Stage::new(name);
    let plain = witnessed(&stage, &[], &Program::default(), None);
    for oddity in oddities.iter().filter(|oddity| is_possible(&stage, oddity)) {
        let odd = compare_all(&stage, &[oddity], &Program::default());
        let differs = |name: &&String| !is_volatile(name) && odd.get(*name) != plain.get(*name);
        assert!(
            odd.keys().chain(plain.keys()).any(|name| differs(&name)),
            "the witness does not see that {}",
            oddity.name
        );
    }
}

/// Whether the caller can be so here; where not, says so.
fn is_possible(stage: &Stage, oddity: &'static Oddity) -> bool {
    let prepare = preparation(stage, &[oddity]);
    let mut trial = Command::new("/never/run");
    let try_it = move || {
        let errno = prepare().err().map_or(0, |error| error.raw_os_error().unwrap_or(libc::EIO));
        unsafe { libc::_exit(errno) }
    };
    unsafe { trial.pre_exec(try_it) };
    match run(&mut trial).status.code() {
        Some(0) => return true,
        Some(libc::EPERM) if oddity.for_root => {}
        Some(libc::ENODEV) => {}
        failed => panic!("{}: {failed:?}", oddity.name),
    }
    skip(&format!("it cannot be here that {}", oddity.name));
    false
}

#[test]
fn a_caller_with_nothing_odd() {
    compare_all(&Stage::new("plain"), &[], &Program::default());
}

#[test]
fn signals_that_are_blocked_ignored_or_wait() {
    compare_each("signals", SIGNALS);
}

#[test]
fn descriptors_that_are_open_or_closed() {
    compare_each("descriptors", DESCRIPTORS);
}

#[test]
fn umask_working_directory_and_limits() {
    compare_each("files", FILES_AND_LIMITS);
}

#[test]
fn scheduling_and_what_is_set_for_its_memory() {
    compare_each("scheduling", SCHEDULING_AND_MEMORY);
}

#[test]
fn sessions_groups_users_and_rights() {
    compare_each("rights", FAMILY_AND_RIGHTS);
}

#[test]
fn everything_odd_at_once() {
    let stage = Stage::new("together");
    let all = [SIGNALS, DESCRIPTORS, FILES_AND_LIMITS, SCHEDULING_AND_MEMORY, FAMILY_AND_RIGHTS].into_iter().flatten();
    let all: Vec<&Oddity> = all.filter(|oddity| oddity.together && is_possible(&stage, oddity)).collect();
    let program = Program {
        arguments: ARGUMENTS.iter().map(|argument| argument.to_vec()).collect(),
        environment: ENVIRONMENT.iter().map(|entry| entry.to_vec()).collect(),
        ..Program::default()
    };
    compare_all(&stage, &all, &program);
}

const ARGUMENTS: [&[u8]; 12] =
    [b"", b" ", b"--", b"--version", b"-h", b"--grace", b"\xff\xfe\x80", b"a\nb\tc\\", b"'\"$HOME`", b"*", b"=", b""];

/// Duplicates, names without a value, a value without a name, no name at all, and bytes that are no text.
const ENVIRONMENT: [&[u8]; 14] = [
    b"Z=last letter first",
    b"PATH=/usr/bin:/bin",
    b"TWICE=1",
    b"no equals sign",
    b"EMPTY=",
    b"=no name",
    b"",
    b"TWICE=2",
    b"\xff\xfe=\x80\n",
    b"TWICE=1",
    b"ORPHANGUARD_SPARE=",
    b"ORPHANGUARD_IDLE=not ours",
    b"NOTIFY_SOCKET=/run/systemd/notify",
    b"A=B=C",
];

#[test]
fn arguments_byte_for_byte() {
    let stage = Stage::new("arguments");
    let many = vec![b"x".to_vec(); 5000];
    let lists =
        [Vec::new(), ARGUMENTS.iter().map(|argument| argument.to_vec()).collect(), vec![vec![b'l'; 100_000]], many];
    for arguments in lists {
        compare_all(&stage, &[], &Program { arguments, ..Program::default() });
    }
}

/// What it is called, where it is searched.
#[test]
fn the_name_as_given() {
    let stage = Stage::new("name");
    let path = [b"PATH=/nowhere:", &*bytes(witness().parent().unwrap())].concat();
    let program = Program { name: b"witness".into(), environment: vec![path], ..Program::default() };
    let fields = compare_all(&stage, &[], &program);
    assert_eq!(fields["argument.0"], "witness");
}

#[test]
fn the_environment_in_its_order_byte_for_byte() {
    let stage = Stage::new("environment");
    let listening: [&[u8]; 4] = [b"LISTEN_FDS=1", b"LISTEN_PID=1", b"LISTEN_PIDFDID=7", b"LISTEN_FDNAMES=@"];
    let lists: [&[&[u8]]; 6] = [
        &[],
        &[b""],
        &ENVIRONMENT,
        // Of somebody else.
        &listening,
        &[b"LISTEN_PID=", b"LISTEN_PIDFDID="],
        &[b"LISTEN_PID=@0", b"LISTEN_PIDS=@", b"LISTEN_PIDFDID=1", b"XLISTEN_PID=@", b"LISTEN_PID"],
    ];
    for list in lists {
        let environment = list.iter().map(|entry| entry.to_vec()).collect();
        let program = Program { environment, ..Program::default() };
        compare_all(&stage, &[], &program);
    }
}

#[test]
fn on_a_terminal() {
    let stage = Stage { has_terminal: true, ..Stage::new("terminal") };
    let bare = compare_all(&stage, &[], &Program::default());
    assert_eq!(["session", "group", "foreground"].map(|name| bare[name].as_str()), ["caller"; 3]);
}

/// What orphanguard puts into the environment comes last.
fn environment_under_orphanguard(name: &str, options: &str, environment: &[&str]) -> Vec<String> {
    let environment = environment.iter().map(|entry| entry.as_bytes().to_vec()).collect();
    let program = Program { environment, ..Program::default() };
    let fields = witnessed(&Stage::new(name), &[], &program, Some(options));
    assert_eq!(fields["environment.id"], "guard's");
    let command = &fields["pid"];
    let entries = (0..).map_while(|n| fields.get(&format!("environment.{n}")));
    entries.map(|entry| entry.replace(command, "COMMAND")).collect()
}

/// As systemd's socket activation wants it, sd_listen_fds(3).
#[test]
fn listen_pid_means_command_where_it_meant_orphanguard() {
    for options in MODES {
        let environment = ["LISTEN_FDS=1", "LISTEN_PID=@", "LISTEN_PIDFDID=77777", "LISTEN_FDNAMES=a:b"];
        let found = environment_under_orphanguard("listen", options, &environment);
        assert_eq!(found, ["LISTEN_FDS=1", "LISTEN_FDNAMES=a:b", "LISTEN_PID=COMMAND"], "{options}");
    }
}

#[test]
fn the_mark_of_another_guard_gives_way() {
    let environment = ["A=1", "ORPHANGUARD_ID=1.2.3", "ORPHANGUARD_GRACE=1s", "ORPHANGUARD_ID"];
    let found = environment_under_orphanguard("mark", "", &environment);
    assert_eq!(found, ["A=1", "ORPHANGUARD_GRACE=1s", "ORPHANGUARD_ID"]);
}

/// `perl -e 'alarm 60; exec @ARGV' COMMAND` is a common time limit. COMMAND does not have the timer, but it gets its signal.
#[test]
fn the_signal_of_a_timer_that_was_set_before() {
    let set = || {
        // Before orphanguard runs it would end it, as it would end COMMAND.
        mask(bit(libc::SIGALRM))?;
        let soon = libc::timeval { tv_sec: 0, tv_usec: 1 };
        let timer = libc::itimerval { it_interval: libc::timeval { tv_sec: 0, tv_usec: 0 }, it_value: soon };
        ok(unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const timer, ptr::null_mut()) })
    };
    let mut bare = Command::new(helper());
    bare.args(["report", "14", "."]);
    for mut command in [bare, guarded("", "report 14 ."), guarded("--no-sentinel", "report 14 .")] {
        unsafe { command.pre_exec(set) };
        let mut job = start(&mut command);
        let command = job.pid_of("ready");
        assert!(job.line().starts_with("got 14 "));
        send(command, libc::SIGUSR1);
        assert_eq!(job.nobody_left().status.code(), Some(0));
    }
}

// ---- what a caller can be like ------------------------------------------------------------------------------------

/// One thing that is odd about the caller.
struct Oddity {
    name: &'static str,
    /// Carried out in the process that becomes the witness, or orphanguard. EPERM where only root may, ENODEV where the machine is too small.
    prepare: fn(&OnStage) -> io::Result<()>,
    /// Whether it goes together with all others that do.
    together: bool,
    for_root: bool,
    /// The signals that wait by then.
    pending: u64,
}

/// By itself, and together with others.
const fn both(name: &'static str, prepare: fn(&OnStage) -> io::Result<()>) -> Oddity {
    Oddity { name, prepare, together: true, for_root: false, pending: 0 }
}

/// By itself only: another says more, or the contrary.
const fn alone(name: &'static str, prepare: fn(&OnStage) -> io::Result<()>) -> Oddity {
    Oddity { together: false, ..both(name, prepare) }
}

/// For root only.
const fn root(oddity: Oddity) -> Oddity {
    Oddity { for_root: true, ..oddity }
}

const ALL: u64 = u64::MAX;

/// All but those that cannot wait (KILL, STOP, and CONT, which takes back TSTP) and SIGCHLD, which is orphanguard's.
const CAN_WAIT: u64 = ALL & !(bit(libc::SIGKILL) | bit(libc::SIGSTOP) | bit(libc::SIGCONT) | bit(libc::SIGCHLD));

/// All but those, too, that orphanguard itself may cause.
const OWN: u64 = CAN_WAIT
    & !(bit(libc::SIGPIPE) | bit(libc::SIGXFSZ) | bit(libc::SIGTSTP) | bit(libc::SIGTTIN) | bit(libc::SIGTTOU));

static SIGNALS: &[Oddity] = &[
    alone("SIGCHLD is blocked", |_| mask(bit(libc::SIGCHLD))),
    alone("the C library's own are blocked", |_| mask(bit(32) | bit(33))),
    both("all are blocked", |_| mask(ALL)),
    alone("SIGPIPE is ignored", |_| ignore([libc::SIGPIPE])),
    alone("SIGCHLD is ignored", |_| ignore([libc::SIGCHLD])),
    alone("32, 33 and 64 are ignored", |_| ignore([32, 33, 64])),
    both("all are ignored", |_| ignore(1..=64)),
    Oddity { pending: CAN_WAIT, ..both("all wait, which another process has sent", |_| sent_by_a_child(CAN_WAIT)) },
    Oddity { pending: OWN, ..alone("those wait that it has sent itself", |_| send_ourselves(OWN)) },
    both("one comes when the parent dies", |_| prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM as _)),
    both("timers run", |_| {
        let hour = libc::timeval { tv_sec: 3600, tv_usec: 0 };
        let timer = libc::itimerval { it_interval: hour, it_value: hour };
        let set = |which| ok(unsafe { libc::setitimer(which, &raw const timer, ptr::null_mut()) });
        [libc::ITIMER_REAL, libc::ITIMER_VIRTUAL, libc::ITIMER_PROF].into_iter().try_for_each(set)
    }),
];

static DESCRIPTORS: &[Oddity] = &[
    alone("0 is closed", |_| close([0])),
    alone("1 is closed", |_| close([1])),
    alone("2 is closed", |_| close([2])),
    alone("0 and 1 are closed", |_| close([0, 1])),
    alone("0 and 2 are closed", |_| close([0, 2])),
    alone("1 and 2 are closed", |_| close([1, 2])),
    both("0, 1 and 2 are closed", |_| close([0, 1, 2])),
    alone("0 and 1 are the other way round", |_| {
        duplicate(1, 3)?;
        duplicate(0, 1)?;
        move_to(3, 0)
    }),
    alone("2 cannot be written to", |_| open(c"/dev/null", libc::O_RDONLY, 2)),
    both("there are others, of all kinds", |stage| {
        open(&stage.file, libc::O_RDWR | libc::O_APPEND, 17)?;
        ok_long(unsafe { libc::lseek(17, 7, libc::SEEK_SET) } as c_long)?;
        open(&stage.file, libc::O_WRONLY | libc::O_NONBLOCK | libc::O_SYNC, 18)?;
        open(&stage.folder, libc::O_PATH | libc::O_DIRECTORY, 19)?;
        open(&stage.folder, libc::O_RDONLY | libc::O_DIRECTORY, 20)?;
        open(&stage.gone, libc::O_RDWR | libc::O_CREAT, 21)?;
        ok(unsafe { libc::unlink(stage.gone.as_ptr()) })?;
        move_to(unsafe { libc::eventfd(7, libc::EFD_NONBLOCK) }, 22)?;
        move_to(unsafe { libc::epoll_create1(0) }, 23)?;
        move_to(unsafe { libc::memfd_create(c"memory".as_ptr(), 0) }, 24)?;
        duplicate(stage.socket, 40)?;
        // Where orphanguard's own would be, and far beyond.
        (3..12).chain([61, 62, 999]).try_for_each(|fd| duplicate(stage.pipe, fd))?;
        ok(unsafe { libc::fcntl(3, libc::F_SETFL, libc::O_NONBLOCK | libc::O_ASYNC) })
    }),
];

static FILES_AND_LIMITS: &[Oddity] = &[
    alone("nothing is masked from new files", |_| umask(0)),
    both("all is masked from new files", |_| umask(0o777)),
    both("the working directory is another", |stage| ok(unsafe { libc::chdir(stage.folder.as_ptr()) })),
    alone("the working directory is gone", |stage| {
        ok(unsafe { libc::mkdir(stage.gone.as_ptr(), 0o700) })?;
        ok(unsafe { libc::chdir(stage.gone.as_ptr()) })?;
        ok(unsafe { libc::rmdir(stage.gone.as_ptr()) })
    }),
    both("every limit is lower", |_| {
        let lower = |limit: u64| limit.min(1 << 40).saturating_sub(1);
        (0..16).try_for_each(|resource| limit(resource, |hard| (lower(lower(hard)), lower(hard))))
    }),
    alone("limits are tight", |_| {
        let tight = [
            (libc::RLIMIT_CORE, 0),
            (libc::RLIMIT_FSIZE, 0),
            (libc::RLIMIT_STACK, 256 << 10),
            (libc::RLIMIT_NOFILE, 64),
            (libc::RLIMIT_SIGPENDING, 0),
            (libc::RLIMIT_MEMLOCK, 0),
            (libc::RLIMIT_AS, 256 << 20),
        ];
        tight.into_iter().try_for_each(|(resource, most)| limit(resource, |_| (most, most)))
    }),
];

static SCHEDULING_AND_MEMORY: &[Oddity] = &[
    both("it is nice", |_| {
        unsafe { libc::nice(3) };
        Ok(())
    }),
    alone("it is a batch", |_| policy(libc::SCHED_BATCH, 0)),
    root(alone("it is in real time", |_| policy(libc::SCHED_RR, 3))),
    alone("its input and output are idle", |_| io_priority(3, 0)),
    both("its input and output come last", |_| io_priority(2, 7)),
    both("it has one CPU", |_| {
        let mut set = unsafe { std::mem::zeroed::<libc::cpu_set_t>() };
        ok(unsafe { libc::sched_getaffinity(0, size_of_val(&set), &raw mut set) })?;
        let cpus: Vec<_> =
            (0..libc::CPU_SETSIZE as usize).filter(|&cpu| unsafe { libc::CPU_ISSET(cpu, &set) }).collect();
        let [_, .., last] = cpus[..] else { return Err(io::Error::from_raw_os_error(libc::ENODEV)) };
        unsafe { libc::CPU_ZERO(&mut set) };
        unsafe { libc::CPU_SET(last, &mut set) };
        ok(unsafe { libc::sched_setaffinity(0, size_of_val(&set), &raw const set) })
    }),
    both("its timers are slack", |_| prctl(libc::PR_SET_TIMERSLACK, 1_000_000)),
    both("its pages are small", |_| prctl(libc::PR_SET_THP_DISABLE, 1)),
    both("its addresses are not random", |_| ok(unsafe { libc::personality(libc::ADDR_NO_RANDOMIZE as _) })),
    both("it is to be killed first", |_| write(c"/proc/self/oom_score_adj", b"500")),
    both("its core files have more in them", |_| write(c"/proc/self/coredump_filter", b"0x7f")),
];

/// The last ones, for who has given up being root cannot do all that is above.
static FAMILY_AND_RIGHTS: &[Oddity] = &[
    both("it is a subreaper", |_| prctl(libc::PR_SET_CHILD_SUBREAPER, 1)),
    alone("it leads a group", |_| ok(unsafe { libc::setpgid(0, 0) })),
    both("it leads a session", |_| ok(unsafe { libc::setsid() })),
    root(both("it has another root", |stage| {
        let Some((mounts, root)) = &stage.mounts else { return Err(io::Error::from_raw_os_error(libc::EPERM)) };
        ok(unsafe { libc::setns(*mounts, libc::CLONE_NEWNS) })?;
        // It stays outside, which shows.
        ok(unsafe { libc::chdir(stage.folder.as_ptr()) })?;
        ok(unsafe { libc::chroot(root.as_ptr()) })
    })),
    root(both("it has given up a capability for good", |_| prctl(libc::PR_CAPBSET_DROP, CAP_SYS_TIME))),
    root(alone("it keeps its capabilities", |_| {
        const NO_SETUID_FIXUP_LOCKED: u64 = 0b1100;
        prctl(libc::PR_SET_SECUREBITS, NO_SETUID_FIXUP_LOCKED)
    })),
    root(alone("it acts as another user", |_| ok(unsafe { libc::setresuid(1, 0, 0) }))),
    root(both("it is another user, in other groups, with capabilities", |_| {
        let groups: [libc::gid_t; 3] = [7, 33, 4711];
        ok(unsafe { libc::setgroups(groups.len(), groups.as_ptr()) })?;
        ok(unsafe { libc::setresgid(34, 34, 34) })?;
        prctl(libc::PR_SET_KEEPCAPS, 1)?;
        ok(unsafe { libc::setresuid(1, 1, 1) })?;
        // To reach the programs wherever they are.
        set_capabilities(1 << CAP_DAC_OVERRIDE | 1 << CAP_DAC_READ_SEARCH)?;
        [CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH].into_iter().try_for_each(|capability| {
            ok(unsafe { libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE, capability, 0, 0) })
        })
    })),
    both("it can gain no privileges, and has its calls filtered", |_| {
        prctl(libc::PR_SET_NO_NEW_PRIVS, 1)?;
        let mut allow_all = [libc::sock_filter { code: 0x06, jt: 0, jf: 0, k: libc::SECCOMP_RET_ALLOW }];
        let program = libc::sock_fprog { len: 1, filter: allow_all.as_mut_ptr() };
        ok(unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) })
    }),
];

// capabilities(7), by their numbers.
const CAP_DAC_OVERRIDE: u64 = 1;
const CAP_DAC_READ_SEARCH: u64 = 2;
const CAP_SYS_TIME: u64 = 25;

// ---- preparing ----------------------------------------------------------------------------------------------------

const fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

fn ok(result: c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn ok_long(result: c_long) -> io::Result<()> {
    ok(result.min(0) as c_int)
}

/// The kernel's own, with 32 and 33.
fn mask(set: u64) -> io::Result<()> {
    let old = ptr::null::<u64>();
    ok_long(unsafe { libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, &raw const set, old, 8) })
}

fn ignore(signals: impl IntoIterator<Item = i32>) -> io::Result<()> {
    let action: [usize; 4] = [libc::SIG_IGN, 0, 0, 0];
    for signal in signals {
        // KILL and STOP cannot be.
        unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, action.as_ptr(), ptr::null::<usize>(), 8) };
    }
    Ok(())
}

/// Sends these signals to this process, which blocks them.
fn send_ourselves(signals: u64) -> io::Result<()> {
    mask(ALL)?;
    send_to(std::process::id() as Pid, signals)
}

/// The same from a child, which ends without a signal of its own.
fn sent_by_a_child(signals: u64) -> io::Result<()> {
    mask(ALL)?;
    let me = std::process::id() as Pid;
    match unsafe { libc::syscall(libc::SYS_clone, 0, 0, 0, 0, 0) } as Pid {
        0 => unsafe { libc::_exit(i32::from(send_to(me, signals).is_err())) },
        child => ok(unsafe { libc::waitpid(child, ptr::null_mut(), libc::__WALL) }),
    }
}

fn send_to(pid: Pid, signals: u64) -> io::Result<()> {
    (1..=64).filter(|&signal| signals & bit(signal) != 0).try_for_each(|signal| ok(unsafe { libc::kill(pid, signal) }))
}

fn close(fds: impl IntoIterator<Item = RawFd>) -> io::Result<()> {
    fds.into_iter().try_for_each(|fd| ok(unsafe { libc::close(fd) }))
}

fn duplicate(fd: RawFd, to: RawFd) -> io::Result<()> {
    ok(unsafe { libc::dup2(fd, to) })
}

fn move_to(fd: RawFd, to: RawFd) -> io::Result<()> {
    if fd == to {
        return Ok(());
    }
    duplicate(fd, to)?;
    close([fd])
}

fn open(path: &CStr, flags: c_int, to: RawFd) -> io::Result<()> {
    let fd = unsafe { libc::open(path.as_ptr(), flags, 0o644) };
    ok(fd)?;
    move_to(fd, to)
}

fn write(path: &CStr, text: &[u8]) -> io::Result<()> {
    let fd = unsafe { libc::open(path.as_ptr(), libc::O_WRONLY) };
    ok(fd)?;
    ok_long(unsafe { libc::write(fd, text.as_ptr().cast(), text.len()) } as c_long)?;
    close([fd])
}

fn umask(mask: libc::mode_t) -> io::Result<()> {
    unsafe { libc::umask(mask) };
    Ok(())
}

fn prctl(option: c_int, value: u64) -> io::Result<()> {
    ok(unsafe { libc::prctl(option, value, 0, 0, 0) })
}

fn policy(policy: c_int, priority: c_int) -> io::Result<()> {
    let mut parameter = unsafe { std::mem::zeroed::<libc::sched_param>() };
    parameter.sched_priority = priority;
    ok(unsafe { libc::sched_setscheduler(0, policy, &raw const parameter) })
}

/// The class and the level in it (ioprio_set(2)).
fn io_priority(class: c_int, level: c_int) -> io::Result<()> {
    const OF_A_PROCESS: c_int = 1;
    ok_long(unsafe { libc::syscall(libc::SYS_ioprio_set, OF_A_PROCESS, 0, class << 13 | level) })
}

/// As the C library's header has it.
#[cfg(target_env = "gnu")]
type Resource = libc::__rlimit_resource_t;
#[cfg(not(target_env = "gnu"))]
type Resource = c_int;

/// The soft and the hard limit, from the hard one.
fn limit(resource: Resource, choose: impl Fn(u64) -> (u64, u64)) -> io::Result<()> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    ok(unsafe { libc::getrlimit(resource, &raw mut limit) })?;
    let (soft, hard) = choose(limit.rlim_max);
    let hard = hard.min(limit.rlim_max);
    limit = libc::rlimit { rlim_cur: soft.min(hard), rlim_max: hard };
    ok(unsafe { libc::setrlimit(resource, &raw const limit) })
}

/// Effective, permitted and inheritable (capset(2)).
fn set_capabilities(set: u64) -> io::Result<()> {
    let set = set as u32;
    let header: [u32; 2] = [0x2008_0522, 0];
    let data: [u32; 6] = [set, set, set, 0, 0, 0];
    ok_long(unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), data.as_ptr()) })
}

/// execve(2) itself: std would change the environment, the signal mask and SIGPIPE.
fn exec(file: &CStr, arguments: &[CString], environment: &[CString]) -> io::Error {
    let pointers = |strings: &[CString]| strings.iter().map(|s| s.as_ptr()).chain([ptr::null()]).collect::<Vec<_>>();
    let (arguments, environment) = (pointers(arguments), pointers(environment));
    unsafe { libc::execve(file.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    io::Error::last_os_error()
}

fn bytes(path: impl AsRef<Path>) -> Vec<u8> {
    path.as_ref().as_os_str().as_bytes().into()
}

fn c_string(path: impl AsRef<Path>) -> CString {
    c_string_of(bytes(path))
}

fn c_string_of(bytes: Vec<u8>) -> CString {
    CString::new(bytes).unwrap()
}
