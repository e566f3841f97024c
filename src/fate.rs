//! What became of the processes that COMMAND left.

use crate::ending::{Ending, Process};
use crate::signal::Signal;
use crate::sys::Pid;

/// What became of a process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It ended by itself.
    Exited,
    /// It ended after the polite signal.
    Terminated,
    /// It took SIGKILL.
    Killed,
    /// It lives on, as it is spared.
    Spared,
    /// It lives on, as `--on-exit leave` asks for.
    Left,
    /// It lives on although it was to end: not ours to signal, or stuck in the kernel.
    Survived,
}

impl Fate {
    /// As the report has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Exited => "exited",
            Self::Terminated => "terminated",
            Self::Killed => "killed",
            Self::Spared => "spared",
            Self::Left => "left",
            Self::Survived => "survived",
        }
    }
}

/// All that was found of the job but COMMAND, and what became of each, by PID. To be asked when all is over; `leaves` says that
/// nothing was to be ended.
pub fn of_all<'e>(ending: &'e Ending<'_>, command: Option<Pid>, leaves: bool) -> Vec<(&'e Process, Fate)> {
    let others = ending.processes().filter(|process| Some(process.pid) != command);
    let mut fates: Vec<_> = others.map(|process| (process, of_one(ending, process, leaves))).collect();
    fates.extend(ending.spared().map(|process| (process, Fate::Spared)));
    fates.sort_unstable_by_key(|(process, _)| (process.pid, process.start));
    fates
}

fn of_one(ending: &Ending<'_>, process: &Process, leaves: bool) -> Fate {
    match process.sent {
        _ if ending.lives(process) => {
            if leaves {
                Fate::Left
            } else {
                Fate::Survived
            }
        }
        Some((Signal::KILL, _)) => Fate::Killed,
        Some(_) => Fate::Terminated,
        None => Fate::Exited,
    }
}
