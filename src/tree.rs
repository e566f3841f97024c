//! The processes below a process, from `/proc`, and what `/proc` says of each.
//!
//! Sources: proc_pid_task(5) for `children`, proc_pid_stat(5), proc_pid_comm(5).

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::ops::Range;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::unistd::{Pid as NixPid, getpgid};

use crate::signal::{Signal, SignalSet};
use crate::sys::{self, Pid};

/// Reads a file of `/proc`, whose length nobody knows beforehand, in pieces of a page or more. The standard library begins with 32 bytes and
/// asks for the length first: fourteen calls for an environment of 2 KiB where three do, a quarter of what it takes to end a process.
///
/// # Errors
/// ENOENT or ESRCH where there is no such process or no `/proc`; EACCES where it is not ours to read.
pub fn read(file: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    const PAGE: usize = 4096;
    let mut file = File::open(file)?;
    let (mut text, mut length) = (vec![0; PAGE], 0);
    loop {
        match file.read(&mut text[length..])? {
            0 => break,
            more => length += more,
        }
        if text.len() - length < PAGE / 2 {
            text.resize(text.len() * 2, 0);
        }
    }
    text.truncate(length);
    // It may be kept, of each of thousands of orphans.
    text.shrink_to_fit();
    Ok(text)
}

/// What `/proc/PID/stat` says of a process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stat {
    /// `R`, `S`, `D`, `T`, `Z`, …
    pub state: u8,
    /// Its parent's PID.
    pub parent: Pid,
    /// Its process group.
    pub group: Pid,
    /// Its session.
    pub session: Pid,
    /// How many threads it has, an ended first one included.
    pub threads: u64,
    /// When it started, in clock ticks since boot.
    pub start: u64,
}

impl Stat {
    /// Reads `/proc/PID/stat`.
    ///
    /// # Errors
    /// ENOENT or ESRCH where there is no such process or no `/proc`.
    pub fn of(pid: Pid) -> io::Result<Self> {
        Self::parse(&read(format!("/proc/{pid}/stat"))?).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// Reads the file's text. The name in it may hold anything, parentheses and newlines too: it ends at the last `)`.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let rest = &text[text.iter().rposition(|&b| b == b')')? + 1..];
        let mut fields = rest.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
        let state = *fields.next()?.first()?;
        let mut number = |skip: usize| std::str::from_utf8(fields.nth(skip)?).ok()?.parse::<u64>().ok();
        let (parent, group, session) = (number(0)?, number(0)?, number(0)?);
        let (threads, start) = (number(13)?, number(1)?);
        Some(Self { state, parent: parent as Pid, group: group as Pid, session: session as Pid, threads, start })
    }

    /// Whether a signal has stopped it, or a tracer.
    pub fn is_stopped(&self) -> bool {
        matches!(self.state, b'T' | b't')
    }

    /// Whether it has ended, and waits for its parent to reap it. The state is that of the first thread, which may end before the others.
    pub fn is_zombie(&self) -> bool {
        matches!(self.state, b'Z' | b'X') && self.threads <= 1
    }
}

/// A process's name as the kernel keeps it: at most 15 bytes of anything. Empty where it is gone or cannot be read.
pub fn name(pid: Pid) -> Vec<u8> {
    let mut name = read(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.truncate(name.len().saturating_sub(1));
    name
}

/// A process's arguments. Empty where it is gone, has none (a zombie, a kernel thread), or they cannot be read.
pub fn arguments(pid: Pid) -> Vec<Vec<u8>> {
    words(&read(format!("/proc/{pid}/cmdline")).unwrap_or_default())
}

/// The arguments that the text of `/proc/PID/cmdline` means: each ends with a NUL, unless the process has rewritten them.
pub fn words(text: &[u8]) -> Vec<Vec<u8>> {
    if text.is_empty() {
        return Vec::new();
    }
    text.strip_suffix(b"\0").unwrap_or(text).split(|&b| b == 0).map(<[u8]>::to_vec).collect()
}

/// Whether a process is in this process group (getpgid(2)); no, where it is gone.
pub fn is_in_group(pid: Pid, group: Pid) -> bool {
    getpgid(Some(NixPid::from_raw(pid))).is_ok_and(|of| of.as_raw() == group)
}

/// Whether a process is stopped, or will be before it does anything else, of a signal that waits for it. No, where that cannot be read.
pub fn is_stopped_or_stopping(pid: Pid) -> bool {
    // In this order: the signal is gone once the process is stopped.
    read(format!("/proc/{pid}/status")).is_ok_and(|text| is_stopping(&text))
        || Stat::of(pid).is_ok_and(|stat| stat.is_stopped())
}

/// From the text of `/proc/PID/status`: the set of signals behind this name, as `ShdPnd:`. Allocates nothing.
pub fn signals_in(text: &[u8], name: &str) -> Option<SignalSet> {
    let value = text.split(|&b| b == b'\n').find_map(|line| line.strip_prefix(name.as_bytes()))?;
    u64::from_str_radix(std::str::from_utf8(value).ok()?.trim(), 16).ok().map(SignalSet)
}

/// From the text of `/proc/PID/status`: whether a stop signal waits that is neither blocked, ignored nor caught.
fn is_stopping(text: &[u8]) -> bool {
    let sets = ["SigPnd:", "ShdPnd:", "SigBlk:", "SigIgn:", "SigCgt:"].map(|name| signals_in(text, name));
    let [Some(own), Some(shared), Some(blocked), Some(ignored), Some(caught)] = sets else { return false };
    [Signal::STOP, Signal::TSTP, Signal::TTIN, Signal::TTOU].into_iter().any(|signal| {
        let is_in = |set: SignalSet| set.contains(signal);
        (is_in(own) || is_in(shared)) && !is_in(blocked) && !is_in(ignored) && !is_in(caught)
    })
}

/// How to find the children of a process on this machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// `/proc/PID/task/TID/children`: the cost grows with the job, not with the machine.
    ChildrenFiles,
    /// One pass over `/proc/*/stat`, on a kernel built without `CONFIG_PROC_CHILDREN`.
    Scan,
    /// No `/proc` of our PID namespace: ask waitid(2) which numbers are children of ours. It finds no grandchildren, but
    /// they become ours when their parents die.
    Wait,
}

impl Method {
    /// Whether `/proc` is ours: if not, what stands there is of other people's processes.
    pub fn can_read(self) -> bool {
        self != Self::Wait
    }
}

impl Method {
    /// The best that there is here. `/proc` may be missing, or be that of another PID namespace (`unshare --pid` without
    /// `--mount-proc`), where our numbers mean other people's processes.
    pub fn find() -> Self {
        let me = std::process::id();
        if !read("/proc/self/status").is_ok_and(|status| is_seen_from_our_namespace(&status, me as Pid)) {
            Self::Wait
        } else if fs::exists(format!("/proc/{me}/task/{me}/children")).unwrap_or(false) {
            Self::ChildrenFiles
        } else {
            Self::Scan
        }
    }
}

/// Whether this text of the `/proc/PID/status` of a process, which has this PID for us, comes from a `/proc` of our own PID namespace. `NSpid`
/// lists its number in the namespace of that `/proc` and in each below it down to its own (proc_pid_status(5)): the first may be the same as the last
/// by chance. Allocates nothing.
pub fn is_seen_from_our_namespace(status: &[u8], pid: Pid) -> bool {
    let field = |name: &[u8]| status.split(|&b| b == b'\n').find_map(|line| line.strip_prefix(name));
    // Kernels without PID namespaces have no NSpid.
    let numbers = field(b"NSpid:").or_else(|| field(b"Pid:")).unwrap_or_default();
    std::str::from_utf8(numbers.trim_ascii()).is_ok_and(|number| number.parse() == Ok(pid))
}

/// Who is whose child at one moment, as far as it was looked at.
pub enum Family {
    /// Asked file by file.
    Files,
    /// Known from one pass.
    Known(BTreeMap<Pid, Vec<Pid>>),
    /// Our own children only, among these numbers.
    Own(Range<Pid>),
}

impl Family {
    /// Looks now.
    pub fn look(method: Method) -> Self {
        match method {
            Method::ChildrenFiles => Self::Files,
            Method::Scan => {
                let mut children: BTreeMap<Pid, Vec<Pid>> = BTreeMap::new();
                for pid in all() {
                    if let Ok(stat) = Stat::of(pid) {
                        children.entry(stat.parent).or_default().push(pid);
                    }
                }
                Self::Known(children)
            }
            Method::Wait => Self::Own(1..HIGHEST_PID),
        }
    }

    /// The children of a process: of all its threads, zombies included, in the order of their birth. It may miss one that
    /// comes or goes meanwhile, so look again. For our own process, give its own PID.
    pub fn children(&self, pid: Pid) -> Vec<Pid> {
        match self {
            Self::Files => children_from_files(pid),
            Self::Known(children) => children.get(&pid).cloned().unwrap_or_default(),
            Self::Own(numbers) if pid == std::process::id() as Pid => {
                numbers.clone().filter(|&pid| sys::is_child(pid)).collect()
            }
            Self::Own(_) => Vec::new(),
        }
    }
}

/// The number that was given to a process last, in our own PID namespace (proc_loadavg(5)).
pub fn newest() -> Option<Pid> {
    let text = read("/proc/loadavg").ok()?;
    std::str::from_utf8(text.trim_ascii_end().rsplit(|&b| b == b' ').next()?).ok()?.parse().ok()
}

/// All processes that `/proc` shows.
pub fn all() -> impl Iterator<Item = Pid> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| std::str::from_utf8(&entry.file_name().into_vec()).ok()?.parse().ok())
}

fn children_from_files(pid: Pid) -> Vec<Pid> {
    let mut children = Vec::new();
    let task = format!("/proc/{pid}/task");
    // A directory has two links and one for each subdirectory: three is one thread, which has the process's number. That
    // saves listing the directory, three of seven calls.
    match fs::metadata(&task).map(|task| task.nlink()) {
        Ok(3) => read_children(&format!("{task}/{pid}/children"), &mut children),
        Ok(_) => {
            for thread in fs::read_dir(task).into_iter().flatten().flatten() {
                read_children(&format!("{}/children", thread.path().display()), &mut children);
            }
        }
        Err(_) => {}
    }
    children
}

fn read_children(file: &str, children: &mut Vec<Pid>) {
    let text = read(file).unwrap_or_default();
    let numbers = text.split(|b| *b == b' ').filter_map(|word| std::str::from_utf8(word).ok()?.parse::<Pid>().ok());
    children.extend(numbers);
}

/// The highest PID that Linux gives (`PID_MAX_LIMIT`, proc_sys_kernel(5)); the real limit stands in the `/proc` that is missing.
const HIGHEST_PID: Pid = 4_194_304;

/// A search for our children by number, where `/proc` cannot be asked ([`Method::Wait`]). It goes piece by piece, since all four million numbers
/// take a second and more: between the pieces there is time to reap, and to look at the numbers around who was reaped last. That is how a chain is
/// caught, each link of which forks and exits before a search from end to end comes by.
#[derive(Debug)]
pub struct Search {
    next: Pid,
    end: Pid,
    /// Whether this round has found somebody new.
    is_fruitful: bool,
    /// Who was reaped since we last looked around there.
    reaped: Option<Pid>,
    was_around: bool,
}

/// A piece takes about as long as the links of a chain live; what is around one of them, much less.
const PIECE: Pid = 1024;
const AROUND: Pid = 64;

impl Search {
    /// A search that begins with the first piece.
    pub fn new() -> Self {
        Self { next: HIGHEST_PID, end: HIGHEST_PID, is_fruitful: true, reaped: None, was_around: false }
    }

    /// The numbers to try next.
    pub fn piece(&mut self) -> Range<Pid> {
        self.was_around = !self.was_around;
        if let Some(pid) = self.reaped.take_if(|_| self.was_around) {
            return (pid - AROUND).max(1)..pid + AROUND;
        }
        if self.next >= self.end {
            // All are tried only where those up to the newest have brought nothing new.
            let all = !self.is_fruitful && !self.is_over();
            let newest = if all { None } else { newest_pid() };
            self.end = newest.map_or(HIGHEST_PID, |newest| (newest + AROUND).min(HIGHEST_PID));
            self.next = 1;
            self.is_fruitful = false;
        }
        let begin = self.next;
        self.next = (begin + PIECE).min(self.end);
        begin..self.next
    }

    /// Somebody new was found in this piece.
    pub fn found(&mut self) {
        self.is_fruitful = true;
    }

    /// A child ended and is reaped: those it has left have a number near its own.
    pub fn reaped(&mut self, pid: Pid) {
        self.reaped = Some(pid);
    }

    /// Whether all numbers have been tried, and none has brought somebody new.
    pub fn is_over(&self) -> bool {
        self.next >= HIGHEST_PID && !self.is_fruitful
    }
}

impl Default for Search {
    fn default() -> Self {
        Self::new()
    }
}

/// The number that the kernel gives to a process now. It is asked of one that ends at once.
fn newest_pid() -> Option<Pid> {
    let mut stack = [MaybeUninit::uninit(); 16384];
    let pid = sys::vfork(&mut stack, &mut || 0).ok()?;
    sys::wait_for(pid).ok().map(|_| pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let text = b"42 (a) R 1 (b\n) S 7 8 9 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 3 0 12345 100 1";
        let stat = Stat { state: b'S', parent: 7, group: 8, session: 9, threads: 3, start: 12345 };
        assert_eq!(Stat::parse(text), Some(stat));
        assert_eq!(Stat::parse(b"42 (a"), None);
        assert_eq!(Stat::parse(b""), None);
    }

    #[test]
    fn a_proc_of_another_namespace_is_told_apart_even_where_the_numbers_are_the_same() {
        assert!(is_seen_from_our_namespace(b"Name:\tPid:\nPid:\t7\nNSpid:\t7\n", 7));
        assert!(is_seen_from_our_namespace(b"Name:\ta\nPid:\t7\n", 7));
        for foreign in [&b"Pid:\t7\nNSpid:\t7\t7\n"[..], b"Pid:\t8\nNSpid:\t8\t7\n", b"Pid:\t8\n", b""] {
            assert!(!is_seen_from_our_namespace(foreign, 7));
        }
        assert_ne!(Method::find(), Method::Wait);
    }

    #[test]
    fn a_stop_signal_that_waits_stops_unless_it_is_kept_off() {
        let status = |own: u64, shared: u64, kept_off: [u64; 3]| {
            let [blocked, ignored, caught] = kept_off;
            format!(
                "Name:\tx\nSigPnd:\t{own:016x}\nShdPnd:\t{shared:016x}\nSigBlk:\t{blocked:016x}\nSigIgn:\t{ignored:016x}\nSigCgt:\t{caught:016x}\n"
            )
        };
        let tstp = 1 << (libc::SIGTSTP - 1);
        assert!(is_stopping(status(0, tstp, [0; 3]).as_bytes()));
        assert!(is_stopping(status(tstp, 0, [1, 2, 4]).as_bytes()));
        for kept_off in [[tstp, 0, 0], [0, tstp, 0], [0, 0, tstp]] {
            assert!(!is_stopping(status(tstp, tstp, kept_off).as_bytes()));
        }
        assert!(!is_stopping(status(1, 2, [0; 3]).as_bytes()));
        assert!(!is_stopping(b"Name:\tx\n"));
    }

    #[test]
    fn all_three_ways_find_the_same_children() {
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let pid = child.id() as Pid;
        for method in [Method::ChildrenFiles, Method::Scan, Method::Wait] {
            let children = Family::look(method).children(std::process::id() as Pid);
            assert!(children.contains(&pid), "{method:?} found {children:?}, not {pid}");
        }
        let mut search = Search::new();
        let mut found = false;
        while !search.is_over() {
            found |= Family::Own(search.piece()).children(std::process::id() as Pid).contains(&pid);
        }
        assert!(found);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_search_tries_every_number_and_those_around_the_last_that_was_reaped_at_every_other_piece() {
        let mut search = Search::new();
        let mut tried = vec![false; HIGHEST_PID as usize];
        let mut pieces = 0;
        while !search.is_over() {
            search.reaped(2_000_000);
            let [one, other] = [search.piece(), search.piece()];
            assert!([&one, &other].into_iter().any(|numbers| numbers.contains(&2_000_001)), "{one:?} {other:?}");
            for numbers in [one, other] {
                numbers.for_each(|pid| tried[pid as usize] = true);
            }
            pieces += 2;
        }
        assert!(tried[1..].iter().all(|&tried| tried));
        assert!(pieces < 4 * HIGHEST_PID / PIECE, "{pieces}");
    }

    #[test]
    fn a_search_that_finds_somebody_new_begins_again_before_it_is_over() {
        let mut search = Search::new();
        search.piece();
        search.found();
        let mut rounds = 0;
        while !search.is_over() {
            rounds += u32::from(search.piece().start == 1);
        }
        // Up to the newest number once more, and then all.
        assert_eq!(rounds, 2);
        assert_eq!(search.end, HIGHEST_PID);
    }

    #[test]
    fn children_of_every_thread_are_found() {
        let (tell, told) = std::sync::mpsc::channel();
        let (done, finish) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
            tell.send(child.id() as Pid).unwrap();
            finish.recv().unwrap_err();
            child.kill().unwrap();
            child.wait().unwrap();
        });
        let pid = told.recv().unwrap();
        let children = children_from_files(std::process::id() as Pid);
        drop(done);
        thread.join().unwrap();
        assert!(children.contains(&pid));
    }

    #[test]
    fn what_is_read_of_a_process_is_what_it_is() {
        let me = std::process::id() as Pid;
        assert_eq!(Stat::of(me).unwrap().parent, std::os::unix::process::parent_id() as Pid);
        let own: Vec<Vec<u8>> = std::env::args_os().map(OsStringExt::into_vec).collect();
        assert_eq!(arguments(me), own);
        assert!(!name(me).is_empty() && name(me).len() <= 15);
        assert!(name(0).is_empty() && arguments(0).is_empty());
    }
}
