//! Where COMMAND runs: its process group or session.

use crate::cli::Group;
use crate::sys::Pid;
use crate::terminal::Terminal;

/// Where COMMAND runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// Leading a process group of its own.
    NewGroup,
    /// In this group, the caller's.
    Group(Pid),
    /// Leading a session of its own.
    NewSession,
}

impl Place {
    /// What `--group` asks for.
    pub fn choose(group: Group, caller_group: Pid) -> Self {
        match group {
            Group::Same => Self::Group(caller_group),
            Group::Session => Self::NewSession,
            Group::Auto if Terminal::controlling().is_some() => Self::Group(caller_group),
            Group::Auto | Group::New => Self::NewGroup,
        }
    }

    /// Whether COMMAND shares the caller's group.
    pub fn is_callers(self) -> bool {
        matches!(self, Self::Group(_))
    }
}
