//! What `/proc` showed of all processes at one moment. Plain data, made by [`super::scan`], so that judgement can be tested over machines that
//! never were.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use crate::finder::guard_id::GuardId;
use crate::finder::trade;
use crate::finder::unit::Unit;
use crate::sys::Pid;
use crate::tree::Stat;

/// One process.
#[derive(Clone, Debug)]
pub struct Process {
    /// Its PID.
    pub pid: Pid,
    /// Its name as the kernel keeps it: at most 15 bytes of anything.
    pub name: Vec<u8>,
    /// Parent, group, session, start.
    pub stat: Stat,
    /// Whether it is a thread of the kernel.
    pub is_kernel_thread: bool,
    /// Whether its terminal belongs to its process group: somebody is working with it.
    pub is_in_foreground: bool,
    /// The processor time that it has used, user and system, in clock ticks.
    pub cpu_ticks: u64,
    /// What of it is in memory, in pages.
    pub memory_pages: u64,
    /// What it was started with.
    pub environment: Environment,
    /// Whether its numbers and clock are ours. Looked up where it has a guard's ID.
    pub world: World,
    /// Its unit of systemd. Looked up where systemd may have started it.
    pub unit: Option<Unit>,
}

impl Process {
    /// Of a made-up machine: in a session and a group of its own, started at its PID times ten.
    #[cfg(test)]
    pub fn made_up(pid: Pid, parent: Pid, name: &str) -> Self {
        Self {
            pid,
            name: name.as_bytes().to_vec(),
            stat: Stat { state: b'S', parent, group: pid, session: pid, threads: 1, start: pid as u64 * 10 },
            is_kernel_thread: false,
            is_in_foreground: false,
            cpu_ticks: 0,
            memory_pages: 0,
            environment: Environment::Read(Marks::default()),
            world: World::Ours,
            unit: None,
        }
    }

    /// The guard that it says it runs under. Whoever says so can harm nobody but himself.
    pub fn guard(&self) -> Option<GuardId> {
        match &self.environment {
            Environment::Read(marks) => marks.guard,
            Environment::Unreadable => None,
        }
    }

    /// The process that systemd started directly, of those that this one descends from: `SYSTEMD_EXEC_PID`, systemd.exec(5), since version 248.
    pub fn started_by_systemd(&self) -> Option<Pid> {
        match &self.environment {
            Environment::Read(marks) => marks.systemd_exec,
            Environment::Unreadable => None,
        }
    }

    /// Whether it is marked to be spared.
    pub fn is_spared(&self) -> bool {
        matches!(&self.environment, Environment::Read(marks) if marks.is_spared)
    }

    /// Whether it leads a session of its own.
    pub fn leads_session(&self) -> bool {
        self.stat.session == self.pid
    }
}

/// What a process was started with, as far as it matters here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Environment {
    /// It is another user's, or the process has forbidden it.
    Unreadable,
    /// What it says.
    Read(Marks),
}

/// The entries of an environment that matter here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Marks {
    /// `ORPHANGUARD_ID`
    pub guard: Option<GuardId>,
    /// `SYSTEMD_EXEC_PID`
    pub systemd_exec: Option<Pid>,
    /// `ORPHANGUARD_SPARE=1`
    pub is_spared: bool,
}

/// Whose numbers a process's environment speaks of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum World {
    /// Ours, as far as it was looked at.
    Ours,
    /// It is in a PID namespace below ours: a container. The numbers in its environment are that one's, or ours.
    Below,
    /// It has another clock (time_namespaces(7)), or its namespaces cannot be seen: its numbers say nothing to us.
    Unknown,
}

/// Where a process is among the PID namespaces from ours down.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// Its number in its own.
    pub number: Pid,
    /// How far below ours that is; ours is 0.
    pub depth: usize,
    /// Which that is, where it can be seen.
    pub namespace: Option<PathBuf>,
}

/// The units that `/proc` counts in.
#[derive(Clone, Copy, Debug)]
pub struct Units {
    /// Clock ticks in a second.
    pub ticks_per_second: u64,
    /// Bytes in a page.
    pub page: u64,
}

impl Default for Units {
    fn default() -> Self {
        Self { ticks_per_second: 100, page: 4096 }
    }
}

impl Units {
    /// So many clock ticks.
    pub fn duration(self, ticks: u64) -> Duration {
        let nanoseconds = u128::from(ticks) * 1_000_000_000 / u128::from(self.ticks_per_second);
        Duration::from_nanos(nanoseconds.try_into().unwrap_or(u64::MAX))
    }
}

/// All processes.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Our own PID.
    pub me: Pid,
    /// When it was taken, in clock ticks since boot.
    pub now: u64,
    /// What times and sizes are counted in.
    pub units: Units,
    /// What is visible, by PID.
    pub processes: BTreeMap<Pid, Process>,
    /// Numbers that something visible names (a parent, a group, a session, a guard), and that exist without being visible.
    pub hidden: BTreeSet<Pid>,
    /// The children of the processes that start one only and adopt the others, in the order in which they came to them.
    pub order: BTreeMap<Pid, Vec<Pid>>,
    /// Where each process is among the PID namespaces below ours, looked up where a guard may be in one.
    pub places: BTreeMap<Pid, Place>,
    /// Processes whose PID stands in a file under `/run`, and is theirs: daemons that somebody looks after.
    pub registered: BTreeSet<Pid>,
    /// When our PID namespace began, in clock ticks since boot; `None` where that cannot be seen.
    pub namespace_began: Option<u64>,
    /// Whether other users' processes are kept from us altogether (`hidepid`, proc(5)).
    pub hides_others: bool,
    /// Whether PID 1 is systemd (sd_booted(3)).
    pub init_is_systemd: bool,
}

/// What there is of a number.
#[derive(Clone, Copy, Debug)]
pub enum Presence<'a> {
    /// This process.
    Visible(&'a Process),
    /// A process that we cannot see.
    Hidden,
    /// None.
    Gone,
}

impl Snapshot {
    /// What there is of this number. Zombies are gone: they hold no more than their number.
    pub fn presence(&self, pid: Pid) -> Presence<'_> {
        match self.processes.get(&pid) {
            Some(process) if process.stat.is_zombie() => Presence::Gone,
            Some(process) => Presence::Visible(process),
            None if self.hidden.contains(&pid) => Presence::Hidden,
            None => Presence::Gone,
        }
    }

    /// Whether this process manages services: a systemd of the machine or of a user.
    pub fn is_service_manager(&self, process: &Process) -> bool {
        (process.pid == 1 && self.init_is_systemd) || trade::is_systemd(&process.name)
    }

    /// The children of each process, by age.
    pub fn children(&self) -> BTreeMap<Pid, Vec<Pid>> {
        let mut children: BTreeMap<Pid, Vec<Pid>> = BTreeMap::new();
        for process in self.processes.values() {
            children.entry(process.stat.parent).or_default().push(process.pid);
        }
        for pids in children.values_mut() {
            pids.sort_by_key(|pid| (self.processes.get(pid).map(|process| process.stat.start), *pid));
        }
        children
    }

    /// The parent of a process, that one's parent, and so on, as far as they are visible. What was read one after the other may hold a loop,
    /// so no more of them than there are processes.
    pub fn ancestors(&self, of: Pid) -> impl Iterator<Item = Pid> {
        let parent = |pid: &Pid| self.processes.get(pid).map(|process| process.stat.parent);
        std::iter::successors(parent(&of), parent).take(self.processes.len()).take_while(|&pid| pid != 0)
    }

    /// All that descends from a process at this moment, given [`Snapshot::children`].
    pub fn descendants(&self, of: Pid, children: &BTreeMap<Pid, Vec<Pid>>) -> Vec<Pid> {
        let (mut found, mut queue) = (BTreeSet::from([of]), vec![of]);
        let mut descendants = Vec::new();
        while let Some(parent) = queue.pop() {
            let new = children.get(&parent).into_iter().flatten().filter(|&&child| found.insert(child));
            let new: Vec<Pid> = new.copied().collect();
            descendants.extend_from_slice(&new);
            queue.extend(new);
        }
        descendants
    }

    /// How long ago it started.
    pub fn age(&self, process: &Process) -> Duration {
        self.units.duration(self.now.saturating_sub(process.stat.start))
    }

    /// How many processes have an environment that could not be read. PID 1's does not matter.
    pub fn unread(&self) -> usize {
        let is_unread = |process: &&Process| {
            process.environment == Environment::Unreadable && !process.is_kernel_thread && process.pid != 1
        };
        self.processes.values().filter(is_unread).count()
    }
}
