//! Where COMMAND runs: its process group or session.

use crate::cli::Group;
use crate::sys::Pid;
use crate::terminal::Terminal;

/// Where COMMAND runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// Leading a process group of its own.
    NewGroup,
    /// In a new process group that nobody leads. What leads a group can begin no session (setsid(2)): setsid(1) forks then, and does not wait.
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

    /// Whether COMMAND shares the caller's group.
    pub fn is_callers(self) -> bool {
        matches!(self, Self::Group(_))
    }
}
