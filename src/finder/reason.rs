//! Evidence in words.

use crate::finder::evidence::{Evidence, Kind};
use crate::finder::snapshot::{Presence, Process, Snapshot};
use crate::sys::Pid;
use crate::voice::readable;

/// The kind of a verdict in a word, for people and for programs.
pub fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Certain => "certain",
        Kind::Likely => "likely",
        Kind::Not => "not",
        Kind::Unclear => "unclear",
    }
}

/// A name for each kind of evidence, for programs; the manual and the schema have those of orphans.
pub fn code(evidence: &Evidence) -> &'static str {
    match evidence {
        Evidence::GuardGone(_) => "guard-gone",
        Evidence::AdoptedByGuard(_) => "adopted-by-guard",
        Evidence::OtherSession => "other-session",
        Evidence::GroupLeaderGone => "group-leader-gone",
        Evidence::SecondChild => "second-child",
        Evidence::LeftInScope(_) => "left-in-scope",
        Evidence::LeftInService(..) => "left-in-service",
        Evidence::ParentLives => "parent-lives",
        Evidence::Command(_) => "command",
        Evidence::OnlyChild => "only-child",
        Evidence::MainProcess(_) => "main-process",
        Evidence::Registered => "registered",
        Evidence::DaemonInScope(_) => "daemon-in-scope",
        Evidence::ContainerShim => "container-shim",
        Evidence::KernelThread => "kernel-thread",
        Evidence::Init => "init",
        Evidence::Ended => "ended",
        Evidence::StartedOrAdopted => "started-or-adopted",
        Evidence::MaybeMainProcess(_) => "maybe-main-process",
        Evidence::Outside => "outside",
        Evidence::Hidden(_) => "hidden",
        Evidence::ParentGone => "parent-gone",
    }
}

/// Why the verdict on this process is what it is.
pub fn words(snapshot: &Snapshot, process: &Process, evidence: &Evidence) -> String {
    let parent = titled(snapshot, process.stat.parent);
    match evidence {
        Evidence::GuardGone(id) => format!("its guard {} is gone", id.pid),
        Evidence::AdoptedByGuard(guard) => format!("its parent ended; adopted by its guard {guard}, which lives"),
        Evidence::OtherSession => {
            format!("its parent ended; adopted by {parent}; {}", session(snapshot, process.stat.session))
        }
        Evidence::GroupLeaderGone => {
            format!("adopted by {parent}; its process group's leader {} is gone", process.stat.group)
        }
        Evidence::SecondChild => format!("its parent ended; adopted by {parent}, which starts one process only"),
        Evidence::LeftInScope(unit) => {
            format!("its parent ended; adopted by {parent}, which starts nothing in {}", unit.name)
        }
        Evidence::LeftInService(unit, main) => {
            let main = titled(snapshot, *main);
            format!("its parent ended; adopted by {parent}; what that started in {} is {main}", unit.name)
        }
        Evidence::ParentLives => format!("its parent {parent} lives"),
        Evidence::Command(guard) => format!("it is what its guard {guard} runs"),
        Evidence::OnlyChild => format!("it is what {parent} runs"),
        Evidence::MainProcess(unit) => format!("it is the main process of {}", unit.name),
        Evidence::Registered => "a file under /run names it, as a daemon that is looked after".into(),
        Evidence::DaemonInScope(unit) => {
            format!("it left {} for a session of its own, as a daemon that is meant to stay", unit.name)
        }
        Evidence::ContainerShim => "it is the parent of a container, which is always left behind".into(),
        Evidence::KernelThread => "it is a thread of the kernel".into(),
        Evidence::Init => "it is PID 1, which adopts the others".into(),
        Evidence::Ended => format!("it has ended; its parent {parent} has yet to take note"),
        Evidence::StartedOrAdopted => {
            format!("its parent is {parent}, and nothing tells whether that started it or adopted it")
        }
        Evidence::MaybeMainProcess(unit) => {
            format!("its parent is {parent}, and it may be the main process of {}", unit.name)
        }
        Evidence::Outside => "its parent, or its guard, is outside this PID namespace".into(),
        Evidence::Hidden(pid) => format!("process {pid}, on which it depends, cannot be seen; try as root"),
        Evidence::ParentGone => "its parent ended this very moment; look again".into(),
    }
}

fn session(snapshot: &Snapshot, leader: Pid) -> String {
    match snapshot.presence(leader) {
        _ if leader == 0 => "its session's leader is outside this PID namespace".into(),
        Presence::Visible(_) => format!("its session's leader {} lives", titled(snapshot, leader)),
        Presence::Hidden => format!("its session's leader {leader} cannot be seen"),
        Presence::Gone => format!("its session's leader {leader} is gone"),
    }
}

/// `bash (4000)`, `systemd --user (812)`
pub fn titled(snapshot: &Snapshot, pid: Pid) -> String {
    let is_systemd = |process: &&Process| snapshot.is_service_manager(process);
    let parent = |process: &Process| snapshot.processes.get(&process.stat.parent);
    // A user's systemd, which has the name of the machine's, is started by that.
    let process = snapshot.processes.get(&pid).filter(is_systemd);
    let is_users = process.and_then(parent).as_ref().is_some_and(is_systemd);
    let of_user = if is_users { " --user" } else { "" };
    format!("{}{of_user} ({pid})", name(snapshot, pid))
}

/// `bash[4000]`
pub fn title(snapshot: &Snapshot, pid: Pid) -> String {
    format!("{}[{pid}]", name(snapshot, pid))
}

fn name(snapshot: &Snapshot, pid: Pid) -> String {
    snapshot.processes.get(&pid).map_or("?".into(), |process| readable(&process.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_users_systemd_is_told_from_a_machines_and_a_containers() {
        let process = Process::made_up;
        let all =
            [process(1, 0, "systemd"), process(20, 1, "systemd"), process(30, 1, "conmon"), process(31, 30, "systemd")];
        let processes = all.into_iter().map(|process| (process.pid, process)).collect();
        let snapshot = Snapshot { processes, init_is_systemd: true, ..Snapshot::default() };
        let shown = [1, 20, 31, 99].map(|pid| titled(&snapshot, pid));
        assert_eq!(shown, ["systemd (1)", "systemd --user (20)", "systemd (31)", "? (99)"]);
        assert_eq!(title(&snapshot, 20), "systemd[20]");
    }
}
