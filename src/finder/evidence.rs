//! Is this process an orphan, and how do we know? Pure: from a [`Snapshot`] to a [`Verdict`], with an answer for every process.
//!
//! Linux keeps no record of who was adopted. Two things are as good as one:
//!
//! - **A guard's ID** (certain). Its guard is gone; or its guard is its parent, and it is not COMMAND, whose PID stands in the ID, too. (A
//!   stray that has got this number since COMMAND ended is not called an orphan.) A process's environment is its own affair: whatever it
//!   says there can make an orphan of itself, and of nobody else.
//! - **A session or a process group** (likely). Both are inherited from the parent, so one that differs from the parent's, in a process
//!   that leads neither, came from another parent.

use std::cmp::Ordering;

use crate::finder::guard_id::GuardId;
use crate::finder::snapshot::{Environment, Place, Presence, Process, Snapshot, World};
use crate::finder::trade;
use crate::finder::unit::{Kind as UnitKind, Unit};
use crate::sys::Pid;

/// How sure we are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// It is an orphan.
    Certain,
    /// It looks like one.
    Likely,
    /// It is none.
    Not,
    /// Nothing tells.
    Unclear,
}

/// What a verdict rests on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Evidence {
    // certain
    /// The guard that its ID names is gone.
    GuardGone(GuardId),
    /// Its parent is its guard, or one that is known by its name, and it is not COMMAND.
    AdoptedByGuard(Pid),

    // likely
    /// Its session is not its parent's, and it has made none of its own.
    OtherSession,
    /// Its parent is one that adopts, and the leader of its process group is gone.
    GroupLeaderGone,
    /// Its parent starts one process only, and that is another.
    SecondChild,
    /// It is in a scope, where systemd starts nothing, and yet systemd's child.
    LeftInScope(Unit),
    /// It is in a service whose main process is another, and yet systemd's child.
    LeftInService(Unit, Pid),

    // not
    /// Its parent lives.
    ParentLives,
    /// It is its guard's COMMAND.
    Command(Pid),
    /// Its parent, which starts one process only, has started it.
    OnlyChild,
    /// systemd has started it.
    MainProcess(Unit),
    /// It has registered itself under `/run`, as a daemon does.
    Registered,
    /// It is in a scope and leads a session of its own: a daemon of somebody who was logged in.
    DaemonInScope(Unit),
    /// The parent of a container: being left behind is its business.
    ContainerShim,
    /// A thread of the kernel.
    KernelThread,
    /// PID 1.
    Init,
    /// It has ended; its parent has yet to take note.
    Ended,

    // unclear
    /// Its parent is one that adopts and that starts processes too, and nothing tells which was the case.
    StartedOrAdopted,
    /// It is systemd's child in a service, and may be its main process.
    MaybeMainProcess(Unit),
    /// Its parent, or its guard, is outside our PID namespace.
    Outside,
    /// Its parent, or its guard, is kept from us.
    Hidden(Pid),
    /// Its parent went while we looked.
    ParentGone,
}

impl Evidence {
    /// How sure it makes us.
    pub fn kind(&self) -> Kind {
        match self {
            Self::GuardGone(_) | Self::AdoptedByGuard(_) => Kind::Certain,
            Self::OtherSession
            | Self::GroupLeaderGone
            | Self::SecondChild
            | Self::LeftInScope(_)
            | Self::LeftInService(..) => Kind::Likely,
            Self::ParentLives
            | Self::Command(_)
            | Self::OnlyChild
            | Self::MainProcess(_)
            | Self::Registered
            | Self::DaemonInScope(_)
            | Self::ContainerShim
            | Self::KernelThread
            | Self::Init
            | Self::Ended => Kind::Not,
            Self::StartedOrAdopted | Self::MaybeMainProcess(_) | Self::Outside | Self::Hidden(_) | Self::ParentGone => {
                Kind::Unclear
            }
        }
    }
}

/// Whether the process is an orphan, and why.
pub fn judge(snapshot: &Snapshot, process: &Process) -> Evidence {
    if process.is_kernel_thread {
        return Evidence::KernelThread;
    }
    if process.stat.is_zombie() {
        return Evidence::Ended;
    }
    if process.pid == 1 {
        return Evidence::Init;
    }
    let guard = guard(snapshot, process);
    if let Some(evidence) = guard.and_then(|guard| by_guard(process, guard)) {
        return evidence;
    }
    let evidence = by_parent(snapshot, process);
    match guard {
        // What could have made it certain we cannot see.
        Some(Guard::Outside) if evidence.kind() == Kind::Unclear => Evidence::Outside,
        Some(Guard::Hidden(pid)) if evidence.kind() == Kind::Unclear => Evidence::Hidden(pid),
        _ => evidence,
    }
}

// ---- by its guard -------------------------------------------------------------------------------------------------

#[derive(Clone, Copy)]
enum Guard {
    Lives(GuardId),
    Gone(GuardId),
    /// Its number is not of our PID namespace, or may not be.
    Outside,
    Hidden(Pid),
}

fn guard(snapshot: &Snapshot, process: &Process) -> Option<Guard> {
    let id = process.guard()?;
    Some(match process.world {
        World::Unknown => Guard::Outside,
        _ if is_from_outside(snapshot, process, id) => Guard::Outside,
        World::Below => {
            if has_guard_below(snapshot, process, id) {
                Guard::Outside
            } else {
                Guard::Gone(id)
            }
        }
        World::Ours => match snapshot.presence(id.pid) {
            Presence::Visible(_) if is_guard(snapshot, id.pid, id) => Guard::Lives(id),
            Presence::Visible(_) | Presence::Gone => Guard::Gone(id),
            Presence::Hidden => Guard::Hidden(id.pid),
        },
    })
}

/// Whether anybody may be the guard of a process that is in a PID namespace below ours. The number is the one that the guard has in its own, which is
/// that of the process or one above it.
fn has_guard_below(snapshot: &Snapshot, process: &Process, id: GuardId) -> bool {
    let Some(own) = snapshot.places.get(&process.pid) else { return true };
    let is_above = |place: &Place| {
        let may_be_same = place.namespace.is_none() || place.namespace == own.namespace;
        place.depth < own.depth || (place.depth == own.depth && may_be_same)
    };
    let mut owners = snapshot.places.iter().filter(|(_, place)| place.number == id.pid && is_above(place));
    owners.any(|(&pid, _)| is_guard(snapshot, pid, id))
}

fn is_guard(snapshot: &Snapshot, pid: Pid, id: GuardId) -> bool {
    let Presence::Visible(process) = snapshot.presence(pid) else { return false };
    process.stat.start <= id.taken && !process.is_kernel_thread
}

/// Whether its guard is outside our PID namespace: it took the job before the namespace began, or the process has entered from outside
/// (nsenter(1)), and its session with it.
fn is_from_outside(snapshot: &Snapshot, process: &Process, id: GuardId) -> bool {
    let init = snapshot.processes.get(&1);
    // Both may be of one tick. A guard has not its own ID, so PID 1 tells, where it can be read.
    let is_before = |began: u64| match id.taken.cmp(&began) {
        Ordering::Less => true,
        Ordering::Equal => {
            init.is_none_or(|init| init.environment == Environment::Unreadable || init.guard() == Some(id))
        }
        Ordering::Greater => false,
    };
    let init_session = init.map_or(0, |init| init.stat.session);
    snapshot.namespace_began.is_none_or(is_before)
        || (process.stat.session == 0 && init_session != 0)
        || process.stat.parent == 0
}

fn by_guard(process: &Process, guard: Guard) -> Option<Evidence> {
    match guard {
        Guard::Gone(id) => Some(Evidence::GuardGone(id)),
        Guard::Lives(id) if process.stat.parent == id.pid => {
            Some(if process.pid == id.command { Evidence::Command(id.pid) } else { Evidence::AdoptedByGuard(id.pid) })
        }
        Guard::Lives(_) | Guard::Outside | Guard::Hidden(_) => None,
    }
}

/// A child of a guard that has lost the ID, as COMMAND may have, too. Who that is stands in the ID of another child; where none has one, it is the
/// first that came to the guard, if that still runs.
fn by_guards_name(snapshot: &Snapshot, process: &Process, guard: Pid, order: &[Pid]) -> Evidence {
    let ids = order.iter().filter_map(|child| snapshot.processes.get(child)).filter(|child| child.world == World::Ours);
    let id = ids.filter_map(Process::guard).find(|&id| id.pid == guard && is_guard(snapshot, guard, id));
    let command = id.map(|id| id.command).or(order.first().copied());
    if command == Some(process.pid) { Evidence::Command(guard) } else { Evidence::AdoptedByGuard(guard) }
}

// ---- by its parent ------------------------------------------------------------------------------------------------

fn by_parent(snapshot: &Snapshot, process: &Process) -> Evidence {
    let pid = process.stat.parent;
    if pid == 0 {
        return Evidence::Outside;
    }
    let parent = match snapshot.presence(pid) {
        Presence::Visible(parent) => parent,
        Presence::Hidden => return Evidence::Hidden(pid),
        Presence::Gone => return Evidence::ParentGone,
    };
    let is_of_another_session = !process.leads_session() && process.stat.session != parent.stat.session;
    let adopts = pid == 1 || trade::adopts(&parent.name);
    if !adopts {
        let was_left_behind = || has_left_session(snapshot, parent, process.stat.session);
        return if is_of_another_session && !was_left_behind() {
            Evidence::OtherSession
        } else {
            Evidence::ParentLives
        };
    }
    if trade::is_container_shim(&process.name) {
        return Evidence::ContainerShim;
    }
    if snapshot.registered.contains(&process.pid) {
        return Evidence::Registered;
    }
    if snapshot.is_service_manager(parent)
        && let Some(unit) = &process.unit
    {
        return by_unit(snapshot, process, unit);
    }
    if trade::starts_one_child(&parent.name)
        && let Some(order) = snapshot.order.get(&pid).filter(|order| order.contains(&process.pid))
    {
        return match order.first() {
            _ if parent.name == trade::GUARD => by_guards_name(snapshot, process, pid, order),
            Some(&first) if first == process.pid => Evidence::OnlyChild,
            _ => Evidence::SecondChild,
        };
    }
    if is_of_another_session {
        return Evidence::OtherSession;
    }
    let group = process.stat.group;
    let lost_its_leader = group != 0 && group != process.pid && is_gone(snapshot, group);
    if lost_its_leader && !process.is_in_foreground {
        return Evidence::GroupLeaderGone;
    }
    Evidence::StartedOrAdopted
}

/// Whether a process may have been in this session before it made its own: then what it started before that is in it still.
fn has_left_session(snapshot: &Snapshot, process: &Process, session: Pid) -> bool {
    let parent = snapshot.processes.get(&process.stat.parent);
    process.leads_session() && parent.is_none_or(|parent| parent.stat.session == session)
}

/// A number is not given again while a process group or a session bears it, so whoever has it is the leader.
fn is_gone(snapshot: &Snapshot, leader: Pid) -> bool {
    matches!(snapshot.presence(leader), Presence::Gone)
}

fn by_unit(snapshot: &Snapshot, process: &Process, unit: &Unit) -> Evidence {
    if is_started_by_systemd(process) {
        return Evidence::MainProcess(unit.clone());
    }
    if unit.kind == UnitKind::Scope {
        let leads = process.leads_session();
        return if leads { Evidence::DaemonInScope(unit.clone()) } else { Evidence::LeftInScope(unit.clone()) };
    }
    let siblings = || {
        let is_sibling = |other: &&Process| {
            other.unit.as_ref() == Some(unit) && other.stat.parent == process.stat.parent && !other.stat.is_zombie()
        };
        snapshot.processes.values().filter(is_sibling)
    };
    if let Some(main) = siblings().find(|other| is_started_by_systemd(other)) {
        return Evidence::LeftInService(unit.clone(), main.pid);
    }
    // An older systemd, a service that forks itself into the background, or an environment that we may not read: the eldest is the main process.
    match siblings().min_by_key(|other| (other.stat.start, other.pid)) {
        Some(eldest) if eldest.pid != process.pid => {
            if process.leads_session() {
                Evidence::MaybeMainProcess(unit.clone())
            } else {
                Evidence::LeftInService(unit.clone(), eldest.pid)
            }
        }
        _ => Evidence::MainProcess(unit.clone()),
    }
}

fn is_started_by_systemd(process: &Process) -> bool {
    process.started_by_systemd() == Some(process.pid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finder::snapshot::Marks;
    use proptest::prelude::*;

    /// A machine that never was: PID 1 and what a test adds.
    #[derive(Clone)]
    struct Machine(Snapshot);

    fn process(pid: Pid, parent: Pid, name: &str) -> Process {
        Process::made_up(pid, parent, name)
    }

    impl Process {
        fn session(mut self, session: Pid) -> Self {
            self.stat.session = session;
            self.stat.group = session;
            self
        }

        fn group(mut self, group: Pid) -> Self {
            self.stat.group = group;
            self
        }

        fn started(mut self, start: u64) -> Self {
            self.stat.start = start;
            self
        }

        fn marks(mut self, change: impl FnOnce(&mut Marks)) -> Self {
            if let Environment::Read(marks) = &mut self.environment {
                change(marks);
            }
            self
        }

        fn guarded(self, id: &str) -> Self {
            let id = GuardId::parse(id.as_bytes());
            assert!(id.is_some());
            self.marks(|marks| marks.guard = id)
        }

        fn by_systemd(self, pid: Pid) -> Self {
            self.marks(|marks| marks.systemd_exec = Some(pid))
        }

        fn in_unit(mut self, unit: &str) -> Self {
            self.unit = Unit::parse(format!("0::/{unit}\n").as_bytes());
            assert!(self.unit.is_some());
            self
        }
    }

    impl Machine {
        fn new(init: &str) -> Self {
            let snapshot =
                Snapshot { namespace_began: Some(0), init_is_systemd: init == "systemd", ..Snapshot::default() };
            Self(snapshot).with(process(1, 0, init).started(0))
        }

        fn with(mut self, process: Process) -> Self {
            self.0.processes.insert(process.pid, process);
            self
        }

        fn order(mut self, parent: Pid, children: &[Pid]) -> Self {
            self.0.order.insert(parent, children.to_vec());
            self
        }

        fn change(mut self, change: impl FnOnce(&mut Snapshot)) -> Self {
            change(&mut self.0);
            self
        }

        fn judge(&self, pid: Pid) -> Evidence {
            judge(&self.0, &self.0.processes[&pid])
        }
    }

    fn unit(name: &str) -> Unit {
        Unit::parse(format!("0::/{name}\n").as_bytes()).unwrap()
    }

    /// Of a process: its number in its own namespace, how deep that is, and which; none where that is unknown.
    fn place(pid: Pid, number: Pid, depth: usize, namespace: &str) -> (Pid, Place) {
        let namespace = Some(namespace.into()).filter(|_| !namespace.is_empty());
        (pid, Place { number, depth, namespace })
    }

    fn id(text: &str) -> GuardId {
        GuardId::parse(text.as_bytes()).unwrap()
    }

    /// A sentinel (40), its guard (41), which took the job at tick 415, COMMAND (42), a child of that (43), and a stray (44).
    fn guarded() -> Machine {
        Machine::new("init")
            .with(process(30, 1, "bash"))
            .with(process(40, 30, "orphanguard").session(30))
            .with(process(41, 40, "og-guard").session(30).group(41))
            .with(process(42, 41, "sh").session(30).group(42).guarded("41.415.42"))
            .with(process(43, 42, "sleep").session(30).group(42).guarded("41.415.42"))
            .with(process(44, 41, "sleep").session(30).group(42).guarded("41.415.42"))
            .order(41, &[42, 44])
    }

    // ---- certain --------------------------------------------------------------------------------------------------

    #[test]
    fn all_that_a_guard_has_left_is_certain() {
        let machine = Machine::new("init")
            .with(process(42, 1, "sh").guarded("41.415.42"))
            .with(process(43, 42, "sleep").session(42).guarded("41.415.42"));
        for pid in [42, 43] {
            assert_eq!(machine.judge(pid), Evidence::GuardGone(id("41.415.42")));
        }
    }

    #[test]
    fn a_later_owner_of_the_guards_number_is_not_the_guard() {
        let with_owner_from = |start| {
            Machine::new("init")
                .with(process(41, 1, "og-guard").started(start))
                .with(process(42, 1, "sh").guarded("41.415.42"))
                .judge(42)
        };
        assert_eq!(with_owner_from(416), Evidence::GuardGone(id("41.415.42")));
        assert_eq!(with_owner_from(415).kind(), Kind::Unclear);
        assert_eq!(with_owner_from(3).kind(), Kind::Unclear);
    }

    #[test]
    fn a_guard_that_is_a_zombie_is_gone() {
        let mut machine = guarded();
        machine.0.processes.get_mut(&41).unwrap().stat.state = b'Z';
        assert_eq!(machine.judge(44), Evidence::GuardGone(id("41.415.42")));
    }

    #[test]
    fn under_a_guard_its_strays_are_certain_and_its_command_is_none() {
        let machine = guarded();
        assert_eq!(machine.judge(44), Evidence::AdoptedByGuard(41));
        assert_eq!(machine.judge(42), Evidence::Command(41));
        for pid in [40, 41, 43] {
            assert_eq!(machine.judge(pid), Evidence::ParentLives, "{pid}");
        }
    }

    #[test]
    fn a_stray_is_certain_also_where_the_command_has_ended() {
        let machine = guarded().change(|s| s.processes.retain(|&pid, _| pid != 42)).order(41, &[44]);
        assert_eq!(machine.judge(44), Evidence::AdoptedByGuard(41));
    }

    #[test]
    fn a_guards_children_from_before_are_no_orphans_of_it() {
        // `sleep 9 & exec orphanguard --no-sentinel -- …`
        let machine = Machine::new("init")
            .with(process(30, 1, "bash"))
            .with(process(37, 30, "orphanguard").session(30))
            .with(process(39, 37, "sleep").session(30).started(415))
            .with(process(42, 37, "env").session(30).started(415).guarded("37.415.42"))
            .with(process(44, 37, "sleep").session(30).guarded("37.415.42"));
        let found = [39, 42, 44].map(|pid| machine.judge(pid));
        assert_eq!(found, [Evidence::ParentLives, Evidence::Command(37), Evidence::AdoptedByGuard(37)]);
    }

    #[test]
    fn a_command_that_has_cleared_its_environment_is_not_mistaken_for_a_stray() {
        let mut machine = guarded();
        machine.0.processes.get_mut(&42).unwrap().environment = Environment::Read(Marks::default());
        assert_eq!(machine.judge(42), Evidence::Command(41));
        assert_eq!(machine.judge(44), Evidence::AdoptedByGuard(41));
        // Nor where nobody else has the ID: it is the first.
        machine.0.processes.get_mut(&44).unwrap().environment = Environment::Unreadable;
        assert_eq!(machine.judge(42), Evidence::Command(41));
        assert_eq!(machine.judge(44), Evidence::AdoptedByGuard(41));
        // Where one has it, it is known that COMMAND has ended, and that the first is another.
        let machine = machine.with(process(45, 41, "sleep").session(30).guarded("41.415.42")).order(41, &[44, 45]);
        let machine = machine.change(|s| s.processes.retain(|&pid, _| pid != 42));
        assert_eq!(machine.judge(44), Evidence::AdoptedByGuard(41));
    }

    #[test]
    fn guards_within_guards_are_told_apart() {
        // COMMAND's shell (42) ran a second guard (50, 51), whose COMMAND is 52; the shell of an earlier one is gone, as is that one (60).
        let machine = guarded()
            .with(process(50, 42, "orphanguard").session(30).guarded("41.415.42"))
            .with(process(51, 50, "og-guard").session(30).guarded("41.415.42"))
            .with(process(52, 51, "make").session(30).guarded("51.515.52"))
            .with(process(61, 41, "sleep").session(30).guarded("60.605.61"))
            .order(51, &[52])
            .order(41, &[42, 44, 61]);
        assert_eq!(machine.judge(50), Evidence::ParentLives);
        assert_eq!(machine.judge(51), Evidence::ParentLives);
        assert_eq!(machine.judge(52), Evidence::Command(51));
        assert_eq!(machine.judge(61), Evidence::GuardGone(id("60.605.61")));
        // The shell is killed: the sentinel of the second is a stray of the first.
        let machine = machine.with(process(50, 41, "orphanguard").session(30).guarded("41.415.42"));
        let machine = machine.change(|s| s.processes.retain(|&pid, _| pid != 42)).order(41, &[44, 61, 50]);
        assert_eq!(machine.judge(50), Evidence::AdoptedByGuard(41));
        assert_eq!(machine.judge(52), Evidence::Command(51));
    }

    #[test]
    fn what_a_process_says_of_itself_harms_no_other() {
        // Somebody claims that PID 1, or a shell, is his guard: that makes no orphans of their children.
        let machine = Machine::new("init")
            .with(process(20, 1, "sshd"))
            .with(process(21, 20, "sshd").session(20))
            .with(process(30, 1, "liar").guarded("1.999999.2"))
            .with(process(31, 20, "liar").session(20).guarded("20.999999.21"))
            .order(1, &[20, 30])
            .order(20, &[21, 31]);
        assert_eq!(machine.judge(20), Evidence::StartedOrAdopted);
        assert_eq!(machine.judge(21), Evidence::ParentLives);
    }

    #[test]
    fn a_guard_that_cannot_be_seen_is_not_called_gone() {
        let machine = Machine::new("init").with(process(42, 1, "sh").guarded("41.415.42"));
        let machine = machine.change(|s| s.hidden.extend([41]));
        assert_eq!(machine.judge(42), Evidence::Hidden(41));
    }

    #[test]
    fn a_guard_outside_our_namespace_is_not_called_gone() {
        let orphan = || process(42, 1, "sh").guarded("41.415.42");
        // It took the job before the namespace began, or nobody knows when that was.
        for began in [Some(416), None] {
            let machine = Machine::new("init").with(orphan()).change(|s| s.namespace_began = began);
            assert_eq!(machine.judge(42), Evidence::Outside, "{began:?}");
        }
        for (began, init, expected) in [
            (414, process(1, 0, "init").guarded("41.415.42"), Evidence::GuardGone(id("41.415.42"))),
            (415, process(1, 0, "init"), Evidence::GuardGone(id("41.415.42"))),
            (415, process(1, 0, "init").guarded("41.415.42"), Evidence::Outside),
            (415, Process { environment: Environment::Unreadable, ..process(1, 0, "init") }, Evidence::Outside),
        ] {
            let machine = Machine::new("init").with(orphan()).with(init.started(began));
            assert_eq!(machine.change(|s| s.namespace_began = Some(began)).judge(42), expected, "{began}");
        }
        // It has entered the namespace later, with its session or by itself.
        let machine = Machine::new("init").with(process(42, 0, "sh").guarded("41.415.42"));
        assert_eq!(machine.judge(42), Evidence::Outside);
        let machine = Machine::new("init").with(orphan().session(0)).with(process(1, 0, "init").started(0));
        assert_ne!(machine.judge(42).kind(), Kind::Certain);
    }

    #[test]
    fn the_numbers_of_a_container_below_are_its_own() {
        // A container's PID 1 (50) is a guard; ours is not, although its number and age fit.
        let inside = |mut process: Process| {
            process.world = World::Below;
            process
        };
        let machine = Machine::new("systemd")
            .with(process(50, 49, "orphanguard"))
            .with(process(49, 1, "containerd-shim"))
            .with(inside(process(51, 50, "sh").session(50).guarded("1.505.2")))
            .with(inside(process(52, 50, "sleep").session(50).guarded("7.515.8")))
            .order(1, &[49])
            .change(|s| {
                s.places.extend([
                    place(1, 1, 0, "ours"),
                    place(50, 1, 1, "a"),
                    place(51, 2, 1, "a"),
                    place(52, 9, 1, "a"),
                ]);
            });
        assert_eq!(machine.judge(51), Evidence::ParentLives);
        assert_eq!(machine.judge(52), Evidence::GuardGone(id("7.515.8")));
        // Somebody with that number may be its guard: above it, beside it, or where nobody knows; in another container or below it he is not.
        let gone = Evidence::GuardGone(id("7.515.8"));
        for (depth, namespace, expected) in [
            (0, "ours", Evidence::ParentLives),
            (1, "a", Evidence::ParentLives),
            (1, "", Evidence::ParentLives),
            (1, "b", gone.clone()),
            (2, "c", gone),
        ] {
            let other = machine.clone().with(process(48, 1, "og-guard"));
            let other = other.change(|s| s.places.extend([place(48, 7, depth, namespace)]));
            assert_eq!(other.judge(52), expected, "{depth} {namespace}");
        }
        // A process whose clock is another's says nothing.
        let mut odd = process(53, 50, "sleep").session(50).guarded("7.515.8");
        odd.world = World::Unknown;
        assert_eq!(machine.with(odd).judge(53), Evidence::ParentLives);
    }

    // ---- likely ---------------------------------------------------------------------------------------------------

    #[test]
    fn a_session_that_is_not_the_parents_was_another_parents() {
        let machine = Machine::new("init")
            .with(process(20, 1, "sshd"))
            .with(process(30, 20, "bash"))
            .with(process(31, 1, "make").session(30))
            .with(process(32, 31, "cc").session(30))
            .with(process(33, 20, "sleep").session(30));
        assert_eq!(machine.judge(31), Evidence::OtherSession);
        assert_eq!(machine.judge(32), Evidence::ParentLives);
        // A subreaper that nobody knows by name.
        assert_eq!(machine.judge(33), Evidence::OtherSession);
    }

    #[test]
    fn who_has_made_a_session_may_have_left_children_in_the_one_before() {
        let machine = Machine::new("init")
            .with(process(20, 1, "bash"))
            .with(process(30, 20, "server"))
            .with(process(31, 30, "worker").session(20))
            .with(process(32, 30, "worker").session(29));
        assert_eq!(machine.judge(31), Evidence::ParentLives);
        assert_eq!(machine.judge(32), Evidence::OtherSession);
    }

    #[test]
    fn in_a_container_the_leader_of_the_group_tells() {
        let machine = Machine::new("bash")
            .with(process(20, 1, "sleep").session(1))
            .with(process(21, 1, "sleep").session(1).group(19))
            .with(process(22, 1, "less").session(1).group(18))
            .change(|s| s.processes.get_mut(&22).unwrap().is_in_foreground = true);
        assert_eq!(machine.judge(20), Evidence::StartedOrAdopted);
        assert_eq!(machine.judge(21), Evidence::GroupLeaderGone);
        // The rest of a pipeline that somebody looks at.
        assert_eq!(machine.judge(22), Evidence::StartedOrAdopted);
        let hidden = machine.change(|s| s.hidden.extend([19]));
        assert_eq!(hidden.judge(21), Evidence::StartedOrAdopted);
    }

    #[test]
    fn an_init_that_starts_one_process_has_adopted_the_others() {
        let machine = Machine::new("tini")
            .with(process(20, 1, "server"))
            .with(process(21, 1, "worker"))
            .with(process(22, 20, "worker").session(20))
            .order(1, &[20, 21]);
        assert_eq!(machine.judge(20), Evidence::OnlyChild);
        assert_eq!(machine.judge(21), Evidence::SecondChild);
        assert_eq!(machine.judge(22), Evidence::ParentLives);
    }

    #[test]
    fn a_child_that_came_while_we_looked_is_not_taken_for_a_second_one() {
        let machine = Machine::new("tini").with(process(20, 1, "server")).order(1, &[]);
        assert_eq!(machine.judge(20), Evidence::StartedOrAdopted);
    }

    // ---- systemd --------------------------------------------------------------------------------------------------

    #[test]
    fn what_systemd_has_started_is_no_orphan() {
        let machine = Machine::new("systemd")
            .with(process(20, 1, "sshd").in_unit("system.slice/ssh.service").by_systemd(20))
            .with(process(21, 1, "agetty").in_unit("system.slice/getty@tty1.service"))
            // One that forks itself into the background, out of its session.
            .with(process(22, 1, "nginx").session(19).in_unit("system.slice/nginx.service").by_systemd(19))
            .with(process(23, 22, "nginx").session(19).in_unit("system.slice/nginx.service").by_systemd(19));
        for (pid, name) in [(20, "ssh.service"), (21, "getty@tty1.service"), (22, "nginx.service")] {
            let Evidence::MainProcess(unit) = machine.judge(pid) else { panic!("{pid}: {:?}", machine.judge(pid)) };
            assert_eq!(unit.name, name);
        }
        assert_eq!(machine.judge(23), Evidence::ParentLives);
    }

    #[test]
    fn what_a_services_jobs_have_left_is_likely() {
        let agent = "system.slice/agent.service";
        let machine = Machine::new("systemd")
            .with(process(20, 1, "agent").in_unit(agent).by_systemd(20))
            .with(process(30, 1, "node").in_unit(agent).by_systemd(20))
            .with(process(31, 1, "sleep").session(29).in_unit(agent).by_systemd(20));
        for pid in [30, 31] {
            assert_eq!(machine.judge(pid), Evidence::LeftInService(unit(agent), 20), "{pid}");
        }
        // The agent was started again, and is younger than what it left before.
        let machine = machine.with(process(20, 1, "agent").started(900).in_unit(agent).by_systemd(20));
        assert_eq!(machine.judge(20), Evidence::MainProcess(unit(agent)));
        assert_eq!(machine.judge(30), Evidence::LeftInService(unit(agent), 20));
    }

    #[test]
    fn without_systemds_word_a_leader_of_a_session_may_be_the_main_process() {
        let agent = "system.slice/agent.service";
        let machine = Machine::new("systemd")
            .with(process(20, 1, "agent").in_unit(agent))
            .with(process(30, 1, "node").in_unit(agent))
            .with(process(31, 1, "sleep").session(29).in_unit(agent));
        assert_eq!(machine.judge(20), Evidence::MainProcess(unit(agent)));
        assert_eq!(machine.judge(30), Evidence::MaybeMainProcess(unit(agent)));
        assert_eq!(machine.judge(31), Evidence::LeftInService(unit(agent), 20));
    }

    #[test]
    fn a_login_leaves_orphans_and_daemons() {
        let scope = "user.slice/user-1000.slice/session-3.scope";
        let machine = Machine::new("systemd")
            .with(process(30, 1, "make").session(29).in_unit(scope))
            .with(process(31, 1, "tmux: server").in_unit(scope));
        assert_eq!(machine.judge(30), Evidence::LeftInScope(unit(scope)));
        assert_eq!(machine.judge(31), Evidence::DaemonInScope(unit(scope)));
    }

    #[test]
    fn a_users_systemd_is_one_too() {
        let app = "user.slice/user-1000.slice/user@1000.service/app.slice/vte-spawn-1.scope";
        let machine = Machine::new("systemd")
            .with(process(20, 1, "systemd"))
            .with(process(21, 20, "(sd-pam)").session(20))
            .with(process(30, 20, "sleep").session(29).in_unit(app));
        assert_eq!(machine.judge(21), Evidence::StartedOrAdopted);
        assert_eq!(machine.judge(30), Evidence::LeftInScope(unit(app)));
    }

    // ---- none -----------------------------------------------------------------------------------------------------

    #[test]
    fn daemons_that_are_looked_after_and_parents_of_containers_are_none() {
        let machine = Machine::new("init")
            .with(process(20, 1, "cron").session(19))
            .with(process(21, 1, "containerd-shim").session(18))
            .with(process(22, 1, "conmon").session(18))
            .change(|s| s.registered.extend([20]));
        assert_eq!(machine.judge(20), Evidence::Registered);
        assert_eq!(machine.judge(21), Evidence::ContainerShim);
        assert_eq!(machine.judge(22), Evidence::ContainerShim);
    }

    #[test]
    fn the_kernels_own_and_the_dead_are_none() {
        let mut thread = process(2, 0, "kthreadd").session(0);
        thread.is_kernel_thread = true;
        let mut zombie = process(20, 1, "x").session(19);
        zombie.stat.state = b'Z';
        let machine = Machine::new("init").with(thread).with(zombie);
        assert_eq!(machine.judge(1), Evidence::Init);
        assert_eq!(machine.judge(2), Evidence::KernelThread);
        assert_eq!(machine.judge(20), Evidence::Ended);
    }

    #[test]
    fn where_nothing_tells_it_says_so() {
        let machine = Machine::new("init")
            .with(process(20, 1, "daemon"))
            .with(process(21, 99, "x"))
            .with(process(22, 98, "x"))
            .with(process(23, 0, "x"))
            .change(|s| s.hidden.extend([98]));
        let found = [20, 21, 22, 23].map(|pid| machine.judge(pid));
        let expected = [Evidence::StartedOrAdopted, Evidence::ParentGone, Evidence::Hidden(98), Evidence::Outside];
        assert_eq!(found, expected);
    }

    // ---- all ------------------------------------------------------------------------------------------------------

    proptest! {
        /// Whatever `/proc` shows, torn or forged: everybody is judged, PID 1, the kernel and the dead are never orphans, and a process without an
        /// ID is certain only below a guard that is known by its name.
        #[test]
        fn every_machine_is_judged(
            rows in prop::collection::vec(
                (1..12i32, 0..12i32, 0..12i32, 0..12i32, 0..30u64, 0..6u8, prop::option::of((1..12i32, 0..30u64)), 0..6u8),
                0..12,
            ),
            hidden in prop::collection::btree_set(1..12i32, 0..4),
            order in prop::collection::btree_map(1..12i32, prop::collection::vec(1..12i32, 0..6), 0..4),
            began in prop::option::of(0..20u64),
        ) {
            let mut machine = Machine::new("init").change(|s| {
                s.hidden = hidden;
                s.order = order;
                s.namespace_began = began;
            });
            for (pid, parent, group, session, start, kind, guard, name) in rows {
                let name = ["sh", "og-guard", "tini", "systemd", "conmon", "orphanguard"][usize::from(name)];
                let mut row = process(pid, parent, name).session(session).group(group).started(start);
                row.is_kernel_thread = kind == 1;
                row.stat.state = if kind == 2 { b'Z' } else { b'S' };
                row.world = if kind == 3 { World::Below } else { World::Ours };
                row = row.marks(|marks| {
                    marks.guard = guard.map(|(pid, taken)| GuardId { pid, taken, command: pid % 11 + 1 });
                    marks.systemd_exec = (kind == 4).then_some(pid);
                });
                machine = machine.with(row);
            }
            for process in machine.0.processes.values() {
                let kind = judge(&machine.0, process).kind();
                if process.pid == 1 || process.is_kernel_thread || process.stat.is_zombie() {
                    prop_assert_eq!(kind, Kind::Not);
                }
                if kind == Kind::Certain && process.guard().is_none() {
                    let parent = &machine.0.processes[&process.stat.parent];
                    prop_assert_eq!(parent.name.as_slice(), trade::GUARD);
                }
            }
        }
    }
}
