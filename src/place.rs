//! Where COMMAND runs: its process group or session.

use crate::cli::Group;
use crate::sys::Pid;
use crate::terminal::Terminal;

/// Where COMMAND runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// Leading a process group of its own.
    NewGroup,
    /// In a new process group without leading it: the guard has made it, and has left it. What leads a group can begin no session (setsid(2)), and
    /// setsid(1) runs its program behind the back of whoever waits for it then.
    Leaderless,
    /// In this group, the caller's.
    Group(Pid),
    /// Leading a session of its own.
    NewSession,
}

impl Place {
    /// What `--group` asks for, where the caller started us in this group, as its leader or not. COMMAND leads one where it would without us.
    pub fn choose(group: Group, caller_group: Pid, leads: bool) -> Self {
        match group {
            Group::Same => Self::Group(caller_group),
            Group::Session => Self::NewSession,
            Group::New => Self::NewGroup,
            Group::Auto if Terminal::controlling().is_some() => Self::Group(caller_group),
            Group::Auto if leads => Self::NewGroup,
            Group::Auto => Self::Leaderless,
        }
    }

    /// The same for a guard of this PID: kill(2) has no word for a group of number 1.
    #[must_use]
    pub fn with_guard(self, guard: Pid) -> Self {
        if self == Self::Leaderless && guard == 1 { Self::NewGroup } else { self }
    }

    /// Whether COMMAND shares the caller's group.
    pub fn is_callers(self) -> bool {
        matches!(self, Self::Group(_))
    }
}
