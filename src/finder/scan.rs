//! Takes a [`Snapshot`]: one pass over `/proc`, two files for each process, and a closer look at the few that turn out to matter.
//!
//! Sources: proc_pid_stat(5), proc_pid_environ(5), proc_pid_status(5), namespaces(7), cgroups(7).

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::environment::Patience;
use crate::finder::guard_id::{self, GuardId};
use crate::finder::snapshot::{Environment, Marks, Place, Process, Snapshot, Units, World};
use crate::finder::trade;
use crate::finder::unit::Unit;
use crate::spare;
use crate::sys::{self, Pid};
use crate::tree::{self, Family, Method, Stat};

/// The first PID namespace's number (`PROC_PID_INIT_INO`, linux/proc_ns.h): it began with the machine.
const FIRST_NAMESPACE: &str = "pid:[4026531836]";
/// `PF_KTHREAD`, linux/sched.h.
const KERNEL_THREAD: u64 = 0x0020_0000;
const SYSTEMD_EXEC: &[u8] = b"SYSTEMD_EXEC_PID=";
/// What is read at once; most environments fit.
const AT_ONCE: usize = 64 * 1024;
/// How long at once those are waited for that start another program just then.
const PATIENCE: Duration = Duration::from_millis(500);
/// What is read late names other processes in turn. So many times at the most, each of which adds one generation.
const ROUNDS: usize = 8;

/// For the looks that one run takes.
pub fn patience() -> Patience {
    Patience::new(PATIENCE)
}

/// Looks at all processes now, and waits for those that have no environment yet, as they are in the midst of execve(2).
///
/// # Errors
/// A line that says why nothing can be seen.
pub fn take(patience: &Patience) -> Result<Snapshot, String> {
    let method = Method::find();
    if method == Method::Wait {
        return Err("cannot see any process: /proc is not mounted, or is that of another PID namespace; \
                    mount it (mount -t proc proc /proc)"
            .into());
    }
    let me = std::process::id() as Pid;
    let mut scan =
        Scan { snapshot: Snapshot { me, units: units(), ..Snapshot::default() }, reader: Reader::default(), patience };
    for pid in tree::all() {
        scan.add(pid);
    }
    scan.snapshot.hides_others = !scan.snapshot.processes.contains_key(&1);
    scan.snapshot.init_is_systemd = Path::new("/run/systemd/system").is_dir();
    scan.look_at_carriers();
    for _ in 0..ROUNDS {
        scan.order(method);
        if !scan.add_missing() {
            break;
        }
    }
    scan.look_at_units();
    scan.look_at_registered();
    scan.snapshot.now = now();
    Ok(scan.snapshot)
}

fn units() -> Units {
    Units { ticks_per_second: sys::ticks_per_second(), page: sys::page_size() }
}

/// Clock ticks since boot.
fn now() -> u64 {
    let ticks = sys::time_since_boot().as_nanos() * u128::from(sys::ticks_per_second()) / 1_000_000_000;
    ticks as u64
}

struct Scan<'p> {
    snapshot: Snapshot,
    reader: Reader,
    patience: &'p Patience,
}

impl Scan<'_> {
    /// Takes a process into the snapshot; whether there is one.
    fn add(&mut self, pid: Pid) -> bool {
        let mut look = self.look(pid);
        if let Some((process, true)) = &look
            && self.patience.waits_for_exec(&home(process))
        {
            look = self.look(pid);
        }
        look.is_some_and(|(process, _)| {
            self.snapshot.processes.insert(pid, process);
            true
        })
    }

    /// A process, if there is one, and whether its environment reads as empty, as it does while it starts another program.
    fn look(&mut self, pid: Pid) -> Option<(Process, bool)> {
        let mut process = parse_stat(pid, self.reader.read(pid, "stat").ok()?)?;
        if process.is_kernel_thread || process.stat.is_zombie() {
            return Some((process, false));
        }
        match self.reader.read_in(&home(&process), "environ") {
            Ok(text) => {
                process.environment = Environment::Read(marks(text));
                Some((process, text.is_empty()))
            }
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ESRCH)) => None,
            Err(_) => {
                process.environment = Environment::Unreadable;
                Some((process, false))
            }
        }
    }

    /// Looks at the namespaces of those that have a guard's ID, whose numbers may be those of another.
    fn look_at_carriers(&mut self) {
        let ours = Namespaces::of("/proc/self");
        self.snapshot.namespace_began = if ours.pid.as_deref() == Some(Path::new(FIRST_NAMESPACE)) {
            Some(0)
        } else {
            self.snapshot.processes.get(&1).map(|init| init.stat.start)
        };
        let mut some_below = false;
        for process in self.snapshot.processes.values_mut().filter(|process| process.guard().is_some()) {
            let its = Namespaces::of(&home(process));
            process.world = if its == ours {
                World::Ours
            } else if its.pid.is_some() && its.time == ours.time {
                World::Below
            } else {
                World::Unknown
            };
            some_below |= process.world == World::Below;
        }
        if some_below {
            for process in self.snapshot.processes.values() {
                let numbers = self.reader.read(process.pid, "status").map(numbers).unwrap_or_default();
                if let Some(&number) = numbers.last() {
                    let namespace = Namespaces::of(&home(process)).pid;
                    let place = Place { number, depth: numbers.len() - 1, namespace };
                    self.snapshot.places.insert(process.pid, place);
                }
            }
        }
    }

    /// Looks up in which order the children of a process that starts one only have come to it.
    fn order(&mut self, method: Method) {
        let processes = &self.snapshot.processes;
        let starts_one = |pid: &Pid| processes.get(pid).is_some_and(|parent| trade::starts_one_child(&parent.name));
        let parents = processes.values().map(|process| process.stat.parent).filter(starts_one);
        let wanted: BTreeSet<Pid> = parents.filter(|parent| !self.snapshot.order.contains_key(parent)).collect();
        if wanted.is_empty() {
            return;
        }
        let family = Family::look(method);
        for parent in wanted {
            let mut children = family.children(parent);
            if method == Method::Scan {
                // Without the kernel's order, that of birth is the best guess: what a guard adopts is younger than its COMMAND.
                children.sort_by_key(|pid| (processes.get(pid).map(|child| child.stat.start), *pid));
            }
            self.snapshot.order.insert(parent, children);
        }
    }

    /// What something visible names may have come after the pass went by, or be kept from us, or be gone. Whether anything came to light.
    fn add_missing(&mut self) -> bool {
        let mut named = BTreeSet::new();
        for process in self.snapshot.processes.values().filter(|process| !process.is_kernel_thread) {
            named.extend([process.stat.parent, process.stat.group, process.stat.session]);
            named.extend(process.guard().map(|guard| guard.pid));
        }
        named.extend(self.snapshot.order.values().flatten());
        named.remove(&0);
        let mut found = false;
        for pid in named {
            if self.snapshot.processes.contains_key(&pid) || self.snapshot.hidden.contains(&pid) {
                continue;
            }
            if self.add(pid) {
                found = true;
            } else if !sys::kill(pid, None).is_err_and(|error| error.raw_os_error() == Some(libc::ESRCH)) {
                self.snapshot.hidden.insert(pid);
            }
        }
        found
    }

    /// Looks up the units of those that a service manager may have started.
    fn look_at_units(&mut self) {
        let managers: BTreeSet<Pid> =
            self.snapshot.processes.values().filter(|&p| self.snapshot.is_service_manager(p)).map(|p| p.pid).collect();
        for process in self.snapshot.processes.values_mut() {
            if managers.contains(&process.stat.parent) && !process.is_kernel_thread {
                process.unit = self.reader.read(process.pid, "cgroup").ok().and_then(Unit::parse);
            }
        }
    }

    /// Reads the PID files of daemons, `/run/NAME.pid` and `/run/NAME/NAME.pid`, where a daemon may have been adopted.
    fn look_at_registered(&mut self) {
        let is_adopted = |p: &Process| p.stat.parent == 1 && !p.leads_session() && !p.is_kernel_thread;
        if !self.snapshot.processes.values().any(is_adopted) {
            return;
        }
        for entry in entries("/run".as_ref()) {
            let folder = if entry.extension().is_some() { Vec::new() } else { entries(&entry) };
            for file in folder.iter().chain([&entry]).filter(|file| file.extension().is_some_and(|ext| ext == "pid")) {
                self.snapshot.registered.extend(pid_file(file));
            }
        }
    }
}

/// Where `/proc` has what a process shares among its threads: at a living one, for the first may have ended before the others, and nothing can
/// be read at it any more.
fn home(process: &Process) -> String {
    let pid = process.pid;
    let is_headless = matches!(process.stat.state, b'Z' | b'X') && process.stat.threads > 1;
    let others = || {
        fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten().find_map(|thread| {
            let thread: Pid = thread.file_name().to_str()?.parse().ok()?;
            (thread != pid).then_some(thread)
        })
    };
    match is_headless.then(others).flatten() {
        Some(thread) => format!("/proc/{pid}/task/{thread}"),
        None => format!("/proc/{pid}"),
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// The number on a PID file's first line. It is nobody's promise: a stale file may name a stranger.
fn pid_file(file: &Path) -> Option<Pid> {
    let mut text = Vec::new();
    // A named pipe would keep us waiting for its writer.
    if !fs::symlink_metadata(file).ok()?.is_file() {
        return None;
    }
    File::open(file).ok()?.take(32).read_to_end(&mut text).ok()?;
    std::str::from_utf8(&text).ok()?.lines().next()?.trim().parse().ok()
}

/// The namespaces that numbers and clocks belong to.
#[derive(PartialEq, Eq)]
struct Namespaces {
    pid: Option<PathBuf>,
    time: Option<PathBuf>,
}

impl Namespaces {
    fn of(home: &str) -> Self {
        let link = |name| fs::read_link(format!("{home}/ns/{name}")).ok();
        Self { pid: link("pid"), time: link("time") }
    }
}

/// Reads files of `/proc/PID` into one buffer, again and again.
struct Reader {
    buffer: Vec<u8>,
}

impl Default for Reader {
    fn default() -> Self {
        Self { buffer: vec![0; AT_ONCE] }
    }
}

impl Reader {
    fn read(&mut self, pid: Pid, name: &str) -> io::Result<&[u8]> {
        self.read_in(&format!("/proc/{pid}"), name)
    }

    fn read_in(&mut self, folder: &str, name: &str) -> io::Result<&[u8]> {
        let mut file = File::open(format!("{folder}/{name}"))?;
        let mut length = 0;
        loop {
            let room = self.buffer.len() - length;
            let count = file.read(&mut self.buffer[length..])?;
            length += count;
            // These files give all that they have and there is room for.
            if count < room {
                return Ok(&self.buffer[..length]);
            }
            self.buffer.resize(length * 2, 0);
        }
    }
}

fn parse_stat(pid: Pid, text: &[u8]) -> Option<Process> {
    let stat = Stat::parse(text)?;
    let (open, close) = (text.iter().position(|&b| b == b'(')?, text.iter().rposition(|&b| b == b')')?);
    let rest = std::str::from_utf8(&text[close + 1..]).ok()?;
    // From field 3, the state, on.
    let fields: Vec<&str> = rest.split_ascii_whitespace().take(22).collect();
    let field = |number: usize| fields.get(number - 3).and_then(|field| field.parse::<i64>().ok());
    Some(Process {
        pid,
        name: text.get(open + 1..close)?.to_vec(),
        stat,
        is_kernel_thread: field(9)? as u64 & KERNEL_THREAD != 0,
        is_in_foreground: field(7)? != 0 && field(8)? == i64::from(stat.group),
        cpu_ticks: (field(14)? + field(15)?) as u64,
        memory_pages: field(24)? as u64,
        environment: Environment::Read(Marks::default()),
        world: World::Ours,
        unit: None,
    })
}

fn marks(environment: &[u8]) -> Marks {
    let mut marks = Marks::default();
    for entry in environment.split(|&b| b == 0) {
        match entry.first() {
            Some(b'O') => {
                if let Some(value) = entry.strip_prefix(guard_id::ENTRY) {
                    marks.guard = GuardId::parse(value);
                } else if entry == spare::MARK {
                    marks.is_spared = true;
                }
            }
            Some(b'S') => {
                if let Some(value) = entry.strip_prefix(SYSTEMD_EXEC) {
                    marks.systemd_exec = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
                }
            }
            _ => {}
        }
    }
    marks
}

/// `NSpid` of `/proc/PID/status`: the process's numbers from our namespace down to its own.
fn numbers(status: &[u8]) -> Vec<Pid> {
    let line = status.split(|&b| b == b'\n').find_map(|line| line.strip_prefix(b"NSpid:"));
    let text = line.and_then(|line| std::str::from_utf8(line).ok()).unwrap_or_default();
    text.split_ascii_whitespace().filter_map(|number| number.parse().ok()).collect()
}

/// What is shown of a process besides, read for the few that are shown.
#[derive(Clone, Debug)]
pub struct Details {
    /// Its effective user.
    pub user: u32,
    /// Its arguments; none where they cannot be read.
    pub arguments: Vec<Vec<u8>>,
}

/// Reads them, if it is still that process, and has not ended.
pub fn details(process: &Process) -> Option<Details> {
    let home = home(process);
    let user = effective_user(&fs::read(format!("{home}/status")).ok()?)?;
    let arguments = tree::words(&fs::read(format!("{home}/cmdline")).unwrap_or_default());
    let stat = Stat::of(process.pid).ok()?;
    (stat.start == process.stat.start && !stat.is_zombie()).then_some(Details { user, arguments })
}

fn effective_user(status: &[u8]) -> Option<u32> {
    let line = status.split(|&b| b == b'\n').find_map(|line| line.strip_prefix(b"Uid:"))?;
    std::str::from_utf8(line).ok()?.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_of_this_process_is_true() {
        let snapshot = take(&patience()).unwrap();
        let me = &snapshot.processes[&snapshot.me];
        assert_eq!(me.stat.parent, std::os::unix::process::parent_id() as Pid);
        assert_eq!(me.name, tree::name(snapshot.me));
        assert!(!me.is_kernel_thread && me.memory_pages > 0);
        assert!(me.stat.start <= snapshot.now);
        assert_eq!(snapshot.ancestors(snapshot.me).next(), Some(me.stat.parent));
        assert!(snapshot.descendants(me.stat.parent, &snapshot.children()).contains(&snapshot.me));
        let details = details(me).unwrap();
        // A file that we make is ours.
        let file = std::env::temp_dir().join(format!("orphans-scan-{}", snapshot.me));
        fs::write(&file, "").unwrap();
        assert_eq!(details.user, std::os::unix::fs::MetadataExt::uid(&fs::metadata(&file).unwrap()));
        fs::remove_file(&file).unwrap();
        assert_eq!(details.arguments, tree::arguments(snapshot.me));
    }

    #[test]
    fn another_owner_of_a_number_has_no_details() {
        let snapshot = take(&patience()).unwrap();
        let mut me = snapshot.processes[&snapshot.me].clone();
        assert!(details(&me).is_some());
        me.stat.start += 1;
        assert!(details(&me).is_none());
    }

    #[test]
    fn an_environment_is_bytes_and_only_its_marks_count() {
        let text = b"PATH=/bin\0ORPHANGUARD_ID=7.9.8\0A=\xff\0ORPHANGUARD_SPARE=10\0SYSTEMD_EXEC_PID=3\0";
        let expected = Marks { guard: GuardId::parse(b"7.9.8"), systemd_exec: Some(3), is_spared: false };
        assert_eq!(marks(text), expected);
        assert!(marks(b"ORPHANGUARD_SPARE=1").is_spared);
        assert_eq!(marks(b"XORPHANGUARD_ID=7.9.8\0\0ORPHANGUARD_ID=\0"), Marks::default());
    }

    #[test]
    fn numbers_are_those_from_here_down() {
        assert_eq!(numbers(b"Name:\tx\nNSpid:\t4711\t12\t1\nNSpgid:\t0\n"), [4711, 12, 1]);
        assert!(numbers(b"Name:\tx\n").is_empty());
    }

    #[test]
    fn a_larger_file_than_the_buffer_is_read_to_its_end() {
        let mut reader = Reader { buffer: vec![0; 7] };
        let me = std::process::id() as Pid;
        assert_eq!(reader.read(me, "environ").unwrap(), fs::read("/proc/self/environ").unwrap());
    }

    #[test]
    fn every_field_of_a_stat_line_is_the_right_one() {
        let text = b"42 (a) R (b) S 7 8 9 34816 8 2097152 1 2 3 4 50 6 7 8 20 0 1 0 12345 100 99 18446744073709551615";
        let process = parse_stat(42, text).unwrap();
        assert_eq!((process.name.as_slice(), process.cpu_ticks, process.memory_pages), (&b"a) R (b"[..], 56, 99));
        assert!(process.is_kernel_thread && process.is_in_foreground);
        assert!(parse_stat(42, b"42 (a) S 7").is_none());
        let without_terminal = b"42 (a) S 7 8 9 0 -1 0 1 2 3 4 50 6 7 8 20 0 1 0 12345 100 99";
        assert!(!parse_stat(42, without_terminal).unwrap().is_in_foreground);
    }
}
