//! The one way to end processes.
//!
//! A first look sends the polite signal to our children, which most of a job's leftovers are by then; later looks send it to what is new, the
//! children of those that are still there included. There is no signal to a whole group: whom it would reach has to be known before, as one
//! may be spared, and to look at them all while none of them ends yet takes longer. When the grace is over, everything is
//! stopped from the top down until no new process shows, so that a fork storm cannot outrun us (a stopped process forks no more, and
//! keeps its place among the processes its user may have), and then killed. That is repeated until nothing is left:
//! whoever was missed becomes our child when its parent dies, for we are a subreaper.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::time::{Duration, Instant};

use crate::delivery::{self, Known};
use crate::duration;
use crate::moment::Moment;
use crate::signal::Signal;
use crate::spare::Spare;
use crate::strangers::Strangers;
use crate::sys::{self, Pid};
use crate::tree::{self, Family, Method, Search, Stat};
use crate::voice::{Voice, readable};

/// What may be ended.
#[derive(Clone, Debug)]
pub enum Scope {
    /// All that descends from us.
    Job {
        /// COMMAND, whose end is asked for too while it lives; 0 once it is reaped.
        command: Pid,
        /// COMMAND's process group, where that is the job's alone.
        group: Option<Pid>,
        /// Who was there before the job: not ours to end.
        strangers: Strangers,
    },
    /// What is orphaned: our children but for COMMAND, and what descends from them.
    Orphans {
        /// COMMAND, which goes on.
        command: Pid,
        /// Who was there before the job.
        strangers: Strangers,
    },
    /// These processes with their start times, whatever marks them as spared, and what descends from them. They need not be ours: nobody tells
    /// us when one ends, and what it leaves does not come to us.
    These(BTreeMap<Pid, u64>),
}

/// A process that was found while ending.
#[derive(Clone, Debug)]
pub struct Process {
    /// Its PID.
    pub pid: Pid,
    /// Its name, at most 15 bytes; empty where it could not be read, or there were too many to name.
    pub name: Vec<u8>,
    /// Its arguments, where they were asked for.
    pub arguments: Vec<Vec<u8>>,
    /// When it started, in clock ticks since boot, where it was asked for.
    pub start: Option<u64>,
    /// The last signal it got from us that was meant to end it, and how long after the first.
    pub sent: Option<(Signal, Duration)>,
    /// Whether we may not signal it.
    pub denied: bool,
    /// Whether it has ended, as far as we know.
    pub gone: bool,
    met: Duration,
    known: Known,
    asked: Asked,
}

/// Whether a process has been met by a look that sends what is due at its stage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Asked {
    No,
    /// By a look that began then, where that is known.
    By(Option<Moment>),
}

/// What a look has left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Left {
    /// How many processes live that are to be ended.
    pub alive: usize,
}

/// How much to find out about each process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Detail {
    /// The names of the first few: what one line of summary can hold.
    Few,
    /// Name, arguments and start of each.
    All,
}

/// How many names a line of summary holds.
pub const FEW: usize = 10;
/// After so many passes everything is killed although new processes still show; the next round stops them again.
const STOP_PASSES: usize = 64;
/// Looks may take a fifth of the time: the next one comes after four times what the last one took, so that N strays
/// that end one by one cost no N².
const REST: u32 = 4;
const SHORTEST_REST: Duration = Duration::from_micros(200);
/// So often `/proc` may miss all of our children before it is not asked any more.
const TRUSTED: u32 = 3;
/// While killing, or while somebody cleans up, we look this often also where nothing has told us to.
const TICK: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing is sent.
    Watching,
    /// Nothing is sent but SIGCONT, to orphans that are stopped.
    Waiting,
    /// Each gets this signal, once; `None` is the signal that sends nothing.
    Asking(Option<Signal>),
    /// Each gets SIGKILL.
    Killing,
}

/// An ending under way.
pub struct Ending<'a> {
    scope: Scope,
    stage: Stage,
    spare: &'a Spare,
    voice: &'a Voice,
    detail: Detail,
    method: Method,
    me: Pid,
    begun: Instant,
    found: BTreeMap<Pid, Process>,
    spared: BTreeMap<Pid, Process>,
    earlier: Vec<Process>,
    /// Whom SIGSTOP has reached in this round of passes, and how many passes it has had.
    stopped: BTreeSet<Pid>,
    stop_passes: usize,
    /// How many looks on end have found nobody although somebody was there.
    overlooked: u32,
    search: Search,
    next_look: Option<Instant>,
    rest_until: Instant,
}

impl<'a> Ending<'a> {
    /// Nothing is sent yet, nor by a look, until [`Ending::ask`] or [`Ending::kill`].
    pub fn new(scope: Scope, detail: Detail, spare: &'a Spare, voice: &'a Voice) -> Self {
        let now = Instant::now();
        Self {
            scope,
            stage: Stage::Watching,
            spare,
            voice,
            detail,
            method: Method::find(),
            me: std::process::id() as Pid,
            begun: now,
            found: BTreeMap::new(),
            spared: BTreeMap::new(),
            earlier: Vec::new(),
            stopped: BTreeSet::new(),
            stop_passes: 0,
            overlooked: 0,
            search: Search::new(),
            next_look: None,
            rest_until: now,
        }
    }

    /// Looks, and has orphans that are stopped go on, now and in every look from now on: they are to end by themselves.
    pub fn wait(&mut self) -> Left {
        self.stage = Stage::Waiting;
        self.look()
    }

    /// Looks for processes, and sends each new one what is due at this stage.
    pub fn look(&mut self) -> Left {
        let before = Instant::now();
        let known = self.found.len();
        self.next_look = None;
        let mut alive = match self.stage {
            Stage::Watching | Stage::Waiting => self.ask_all(None),
            Stage::Asking(signal) => self.ask_all(signal),
            Stage::Killing if !self.method.can_read() => {
                self.kill_at_sight();
                0
            }
            Stage::Killing => self.kill_all(),
        };
        let now = Instant::now();
        self.rest_until = now + ((now - before) * REST).max(SHORTEST_REST);
        if !self.method.can_read() {
            if self.found.len() > known {
                self.search.found();
            }
            // The look has seen some of the numbers only.
            alive = self.left_by_wait(now);
        }
        if alive == 0 && self.has_overlooked() {
            alive = 1;
            self.look_by(now);
        }
        if self.stage == Stage::Killing && alive > 0 {
            self.look_by(now + TICK);
        }
        Left { alive }
    }

    /// Whether somebody is left where `/proc` cannot be asked, and a look takes in only some numbers; and has the search go on.
    fn left_by_wait(&mut self, now: Instant) -> usize {
        if self.stage == Stage::Killing {
            // Whoever forks meanwhile does not rest either.
            self.rest_until = now;
        }
        let left = usize::from(self.found.keys().any(|&pid| sys::is_child(pid)));
        if self.search.is_over() {
            return left;
        }
        self.look_by(self.rest_until);
        // Of orphans it only counts who was found.
        if matches!(self.scope, Scope::Job { .. }) { left.max(1) } else { left }
    }

    /// Whether we have a child although a look has found none. It may just have been adopted. If that goes on, `/proc` lies: it was unmounted,
    /// or we may open no file any more (prlimit(2)).
    fn has_overlooked(&mut self) -> bool {
        let is_sure = match &self.scope {
            Scope::Job { strangers, .. } => strangers.is_empty() && self.spared.is_empty(),
            Scope::Orphans { .. } | Scope::These(_) => false,
        };
        if !is_sure || !sys::is_child(0) {
            self.overlooked = 0;
            return false;
        }
        self.overlooked += 1;
        if self.overlooked > TRUSTED {
            self.method = Method::Wait;
        }
        true
    }

    /// Sends each the polite signal; `None` sends none.
    pub fn ask(&mut self, signal: Option<Signal>) -> Left {
        self.ask_from_now_on(signal);
        self.found.values_mut().for_each(|process| process.asked = Asked::No);
        self.look()
    }

    /// Has every look from now on send the polite signal to what is new.
    pub fn ask_from_now_on(&mut self, signal: Option<Signal>) {
        self.begun = Instant::now();
        self.stage = Stage::Asking(signal);
    }

    /// Kills those that have had their grace. Only for processes that are ended one by one: among many, new ones would get away.
    pub fn kill_overdue(&mut self, grace: Duration) {
        let now = self.begun.elapsed();
        let is_overdue = |process: &&Process| now.saturating_sub(process.met) >= grace && !process.gone;
        let overdue: Vec<_> =
            self.found.values().filter(is_overdue).map(|process| (process.pid, process.known)).collect();
        for (pid, known) in overdue {
            let sent = delivery::send(pid, known, &[Signal::KILL]);
            self.note_sent(pid, Signal::KILL, sent);
        }
    }

    /// What there is to wait for: a number and the first few names.
    pub fn waited_for(&self) -> Vec<String> {
        self.found.values().filter(|process| !process.gone).map(title).collect()
    }

    /// Stops and kills all.
    pub fn kill(&mut self) -> Left {
        self.stage = Stage::Killing;
        self.look()
    }

    /// Whether anybody was to be ended by now; before that, they are only looked at.
    pub fn has_begun(&self) -> bool {
        !matches!(self.stage, Stage::Watching | Stage::Waiting)
    }

    /// When to look again, where there is a reason to.
    pub fn next_look(&self) -> Option<Instant> {
        self.next_look
    }

    /// A child ended and is reaped: its number may be another's from now on, and its children may be ours.
    pub fn reaped(&mut self, pid: Pid) {
        self.spared.remove(&pid);
        self.stopped.remove(&pid);
        self.search.reaped(pid);
        if let Scope::Job { command, .. } = &mut self.scope
            && *command == pid
        {
            *command = 0;
        }
        if let Some(mut process) = self.found.remove(&pid) {
            process.gone = true;
            self.voice.step(format_args!("{} ended", title(&process)));
            self.earlier.push(process);
        }
        self.look_by(self.rest_until);
    }

    /// Everything that was found and was to be ended, COMMAND too, in no particular order.
    pub fn processes(&self) -> impl Iterator<Item = &Process> {
        self.earlier.iter().chain(self.found.values())
    }

    /// What was found and is spared.
    pub fn spared(&self) -> impl Iterator<Item = &Process> {
        self.spared.values()
    }

    fn look_by(&mut self, time: Instant) {
        self.next_look = Some(self.next_look.map_or(time, |earlier| earlier.min(time)));
    }

    /// Where to start looking: who they are and how we know them.
    fn roots(&self, family: &Family) -> VecDeque<(Pid, Known)> {
        let ours = |skip: &dyn Fn(Pid) -> bool| {
            let children = family.children(self.me).into_iter().filter(|&pid| !skip(pid));
            children.map(|pid| (pid, Known::OurChild)).collect::<VecDeque<_>>()
        };
        let mut roots = match &self.scope {
            Scope::Job { strangers, .. } => ours(&|pid| strangers.contains(pid)),
            Scope::Orphans { command, strangers } => ours(&|pid| pid == *command || strangers.contains(pid)),
            Scope::These(these) => these.iter().map(|(&pid, &start)| (pid, Known::StartedAt(start))).collect(),
        };
        // What we know already, also where its parent is gone and it went to somebody else.
        let known = self.found.values().filter(|process| process.known != Known::OurChild && !process.gone);
        roots.extend(known.map(|process| (process.pid, process.known)));
        roots
    }

    /// Takes a process into the books, if it is new. `None` where it is gone or spared.
    fn meet(&mut self, pid: Pid, known: Known) -> Option<&mut Process> {
        let direct = known == Known::OurChild;
        let wanted = !direct || (self.detail == Detail::All && self.method.can_read());
        let stat = if wanted { Stat::of(pid).ok() } else { None };
        let is_meant = |stat: &Stat| !stat.is_zombie() && known.is(stat);
        if !direct && !stat.as_ref().is_some_and(is_meant) {
            // It has ended, and its number may be a stranger's by now. Where it only has another parent, we know it by its start already.
            let start = stat.filter(|stat| !stat.is_zombie()).map(|stat| stat.start);
            if let Some(process) = self.found.get_mut(&pid).filter(|process| process.start != start) {
                process.gone = true;
            }
            return None;
        }
        let start = stat.map(|stat| stat.start);
        let known = match stat {
            Some(stat) if !direct => self.known_from_now_on(&stat),
            _ => known,
        };
        let is_same = |process: &Process| direct || process.start.is_none() || process.start == start;
        if self.spared.get(&pid).is_some_and(is_same) {
            return None;
        }
        if let Some(other) = self.found.get(&pid).filter(|process| !is_same(process)) {
            let mut other = other.clone();
            other.gone = true;
            self.earlier.push(other);
            self.found.remove(&pid);
        }
        if !self.found.contains_key(&pid) {
            let process = self.describe(pid, known, start);
            if self.is_spared(pid) {
                // The stop of its group may have reached it.
                if self.stage == Stage::Killing {
                    let _ = delivery::send(pid, known, &[Signal::CONT]);
                }
                self.voice.step(format_args!("{} is spared", title(&process)));
                self.spared.insert(pid, process);
                return None;
            }
            self.voice.step(format_args!("found {}", title(&process)));
            self.found.insert(pid, process);
        }
        let process = self.found.get_mut(&pid)?;
        process.known = known;
        Some(process)
    }

    /// What descends from us stays below us: its parent is the one that it was found under until that ends and it becomes our child, or is found
    /// under another. What does not may be adopted by anybody.
    fn known_from_now_on(&self, stat: &Stat) -> Known {
        match self.scope {
            Scope::Job { .. } | Scope::Orphans { .. } => Known::Below { parent: stat.parent, start: stat.start },
            Scope::These(_) => Known::StartedAt(stat.start),
        }
    }

    fn describe(&self, pid: Pid, known: Known, start: Option<u64>) -> Process {
        let all = self.detail == Detail::All && self.method.can_read();
        let named = all || self.method.can_read() && self.found.len() + self.earlier.len() < FEW + 1;
        Process {
            pid,
            name: if named { tree::name(pid) } else { Vec::new() },
            arguments: if all { tree::arguments(pid) } else { Vec::new() },
            start,
            sent: None,
            denied: false,
            gone: false,
            met: self.begun.elapsed(),
            known,
            asked: Asked::No,
        }
    }

    /// Whether it is meant itself, not as one of many, so that no mark or pattern spares it.
    fn is_named(&self, pid: Pid) -> bool {
        match &self.scope {
            Scope::Job { command, .. } => *command == pid,
            Scope::Orphans { .. } => false,
            Scope::These(these) => these.contains_key(&pid),
        }
    }

    fn is_spared(&self, pid: Pid) -> bool {
        !self.is_named(pid) && self.method.can_read() && self.spare.contains(pid)
    }

    /// Whether a process that was found lives, as far as can be known.
    pub fn lives(&self, process: &Process) -> bool {
        if process.gone || !self.method.can_read() {
            return !process.gone && sys::is_child(process.pid);
        }
        let is_same = |stat: &Stat| process.start.is_none_or(|start| start == stat.start);
        Stat::of(process.pid).is_ok_and(|stat| !stat.is_zombie() && is_same(&stat))
    }

    /// Who is whose child now, as far as one look goes.
    fn family(&mut self) -> Family {
        if self.method.can_read() { Family::look(self.method) } else { Family::Own(self.search.piece()) }
    }

    // ---- asking ---------------------------------------------------------------------------------------------------

    fn ask_all(&mut self, signal: Option<Signal>) -> usize {
        // Who is only looked at has been asked nothing that it could act on.
        let begun = if self.has_begun() && self.method.can_read() { Moment::now() } else { None };
        let family = self.family();
        let mut queue = self.roots(&family);
        let mut seen = BTreeSet::new();
        let mut new = Vec::new();
        while let Some((pid, known)) = queue.pop_front() {
            if seen.contains(&pid) {
                continue;
            }
            let is_adopted = known == Known::OurChild && self.found.get(&pid).is_none_or(|old| old.known != known);
            let Some(process) = self.meet(pid, known) else { continue };
            seen.insert(pid);
            let (known, start) = (process.known, process.start);
            let is_new = process.asked == Asked::No;
            if is_new && self.is_cleanup(pid, known, start) {
                // Nobody tells us when that parent ends, unless it is our child.
                self.look_by(Instant::now() + TICK);
                continue;
            }
            if let Some(process) = self.found.get_mut(&pid).filter(|_| is_new) {
                process.asked = Asked::By(begun);
            }
            if is_adopted && self.stage == Stage::Waiting {
                self.rouse(&family, pid);
            }
            if is_new {
                self.look_by(Instant::now() + SHORTEST_REST);
                if !matches!(self.scope, Scope::These(_)) {
                    // Most of ours end now, and what is below them comes to us: only what is still there at the next look is looked into.
                    self.ask_one(pid, known, signal);
                    continue;
                }
                // What is below others goes to others, so it has to be found before any of them is asked.
                new.push((pid, known));
            }
            let children = delivery::children(&family, pid, known);
            queue.extend(children.into_iter().map(|child| (child, Known::ChildOf(pid))));
        }
        for (pid, known) in new {
            self.ask_one(pid, known, signal);
        }
        seen.len()
    }

    /// Whether a process was started by one that had been asked to end by then, and lives: a shell's trap, a server that shuts down, may need it for
    /// that. It is left alone as long as its parent lives and the grace runs; what it starts itself is not even looked at.
    fn is_cleanup(&self, pid: Pid, known: Known, start: Option<u64>) -> bool {
        let (Known::ChildOf(parent) | Known::Below { parent, .. }) = known else { return false };
        match (self.found.get(&parent).map(|parent| parent.asked), start) {
            (Some(Asked::By(Some(moment))), Some(start)) => moment.is_before(pid, start),
            _ => false,
        }
    }

    /// Has an orphan go on that is stopped, with what is stopped in its group below it. Once nobody of its session is the parent of a stopped
    /// job, the kernel sends it SIGHUP and SIGCONT (setpgid(2)), but we are of its session.
    fn rouse(&self, family: &Family, orphan: Pid) {
        let stopped = |pid: Pid| Stat::of(pid).ok().filter(|stat| stat.state == b'T');
        let Some(of_orphan) = self.method.can_read().then(|| stopped(orphan)).flatten() else { return };
        self.voice.step(format_args!("process {orphan} is stopped, and nobody is left who could have it go on"));
        let mut queue = VecDeque::from([(orphan, Known::OurChild)]);
        while let Some((pid, known)) = queue.pop_front() {
            if stopped(pid).is_some_and(|stat| stat.group == of_orphan.group) {
                let children = delivery::children(family, pid, known);
                queue.extend(children.into_iter().map(|child| (child, Known::ChildOf(pid))));
                let _ = delivery::send(pid, known, &[Signal::CONT]);
            }
        }
    }

    fn ask_one(&mut self, pid: Pid, known: Known, signal: Option<Signal>) {
        let Some(signal) = signal else { return };
        if known == Known::OurChild && sys::has_ended(pid) {
            // It came to us like that, or ended on its way here. A signal would be taken for the cause.
            return;
        }
        let sent = delivery::send(pid, known, &[signal, Signal::CONT]);
        self.note_sent(pid, signal, sent);
    }

    fn group(&self) -> Option<Pid> {
        match self.scope {
            Scope::Job { group, .. } => group,
            Scope::Orphans { .. } | Scope::These(_) => None,
        }
    }

    // ---- killing --------------------------------------------------------------------------------------------------

    /// One pass from the top down that stops what is new. When a pass finds nothing new, all is killed. Between passes our caller
    /// reaps, so that the dead links of a forking chain do not hide the live one.
    fn kill_all(&mut self) -> usize {
        if self.stopped.is_empty() {
            self.stop_group();
        }
        let family = self.family();
        let mut queue = self.roots(&family);
        // The youngest first: of a chain, it is the one that has not yet forked and gone.
        queue.make_contiguous().reverse();
        let mut alive = BTreeMap::new();
        let before = self.stopped.len();
        while let Some((pid, known)) = queue.pop_front() {
            if alive.contains_key(&pid) {
                continue;
            }
            let Some(process) = self.meet(pid, known) else { continue };
            let known = process.known;
            alive.insert(pid, known);
            if self.stopped.insert(pid) {
                let _ = delivery::send(pid, known, &[Signal::STOP]);
            }
            let children = delivery::children(&family, pid, known);
            queue.extend(children.into_iter().map(|child| (child, Known::ChildOf(pid))));
        }
        self.stop_passes += 1;
        if self.stopped.len() > before && self.stop_passes < STOP_PASSES {
            self.look_by(Instant::now());
            return alive.len();
        }
        self.stopped.clear();
        self.stop_passes = 0;
        let mut left = 0;
        for (pid, known) in alive {
            let sent = delivery::send(pid, known, &[Signal::KILL]);
            left += usize::from(!sent.as_ref().is_err_and(is_gone));
            self.note_sent(pid, Signal::KILL, sent);
        }
        left
    }

    /// Where `/proc` cannot be asked, each child is killed as soon as it is found: there is nobody below it that we could stop first, and until a
    /// search from end to end has found nobody new, a chain has moved on.
    fn kill_at_sight(&mut self) {
        let family = self.family();
        for (pid, known) in self.roots(&family) {
            if self.meet(pid, known).is_some() {
                let sent = delivery::send(pid, known, &[Signal::KILL]);
                self.note_sent(pid, Signal::KILL, sent);
            }
        }
    }

    /// Stops COMMAND's whole group in one call, where one of our children keeps its number from being given to strangers. Those of
    /// it that are spared go on at once.
    fn stop_group(&self) {
        let Some(group) = self.group() else { return };
        let family = Family::look(self.method);
        if family.children(self.me).into_iter().any(|pid| tree::is_in_group(pid, group)) {
            let _ = sys::kill(-group, Some(Signal::STOP));
            for process in self.spared.values().filter(|process| tree::is_in_group(process.pid, group)) {
                let _ = delivery::send(process.pid, process.known, &[Signal::CONT]);
            }
        }
    }

    // ---- both -----------------------------------------------------------------------------------------------------

    fn note_sent(&mut self, pid: Pid, signal: Signal, sent: io::Result<()>) {
        let after = self.begun.elapsed();
        let Some(process) = self.found.get_mut(&pid) else { return };
        match sent {
            Ok(()) if process.sent.is_none_or(|(before, _)| before != signal) => {
                process.sent = Some((signal, after));
                self.voice.step(format_args!("sent {signal} to {}", title(process)));
            }
            Err(error) if error.raw_os_error() == Some(libc::EPERM) && !process.denied => {
                process.denied = true;
                self.voice.step(format_args!("may not send {signal} to {}", title(process)));
            }
            _ => {}
        }
    }
}

fn is_gone(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ESRCH)
}

/// `node[4711]`, and its arguments where they are known.
pub fn title(process: &Process) -> String {
    let name = if process.name.is_empty() { "?".into() } else { readable(&process.name) };
    let mut title = format!("{name}[{}]", process.pid);
    if process.arguments.len() > 1 {
        let words: Vec<String> = process.arguments.iter().map(|word| readable(word)).collect();
        title.push_str(&format!(" ({})", words.join(" ")));
    }
    title
}

/// `TERM`, or `KILL after 5s`.
pub fn fate((signal, after): (Signal, Duration)) -> String {
    if signal == Signal::KILL && after >= Duration::from_millis(1) {
        format!("{signal} after {}", duration::display(after))
    } else {
        signal.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Verbosity;
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    /// What a child dies of that is meant by this start time, made from its own. At last it gets a SIGKILL that is not the ending's.
    fn dies_of(meant: impl Fn(u64) -> u64) -> Option<i32> {
        let (spare, voice) = (Spare::nobody(), Voice::new(Verbosity::Quiet));
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        let pid = child.id() as Pid;
        let start = Stat::of(pid).unwrap().start;
        let these = BTreeMap::from([(pid, meant(start))]);
        let mut ending = Ending::new(Scope::These(these), Detail::Few, &spare, &voice);
        ending.ask(Some(Signal::TERM));
        child.kill().unwrap();
        child.wait().unwrap().signal()
    }

    #[test]
    fn who_is_meant_is_asked() {
        assert_eq!(dies_of(|start| start), Some(libc::SIGTERM));
    }

    #[test]
    fn a_stranger_that_got_the_number_is_not() {
        assert_eq!(dies_of(|start| start - 1), Some(libc::SIGKILL));
    }
}
