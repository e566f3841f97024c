//! Processes that are below us and yet not of the job: `sleep 9 & exec orphanguard …` makes the sleep our child, and what it had started
//! becomes our child when it ends, for we are a subreaper.

use crate::delivery;
use crate::sys::{self, Pid};
use crate::tree::{Method, Stat};

/// Who was there before the job.
#[derive(Clone, Debug, Default)]
pub struct Strangers {
    /// Those that could be found, by PID and start; zero where that cannot be read.
    known: Vec<(Pid, u64)>,
    /// When the job began, in clock ticks since boot.
    since: u64,
}

impl Strangers {
    /// All that descend from us now. Nearly always there are none, which one call tells.
    pub fn now() -> Self {
        if !sys::is_child(0) {
            return Self::default();
        }
        let found = delivery::everyone(&Self::default());
        Self { known: found.into_iter().map(|(pid, _)| (pid, start_of(pid))).collect(), since: sys::ticks_since_boot() }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Whether this process was there before the job. What is older than the job cannot be of it, known or not.
    pub fn contains(&self, pid: Pid) -> bool {
        if self.known.is_empty() {
            return false;
        }
        let start = start_of(pid);
        self.known.contains(&(pid, start)) || (1..self.since).contains(&start)
    }
}

fn start_of(pid: Pid) -> u64 {
    // In a `/proc` of another PID namespace it would be that of whoever has the number there.
    if !Method::find().can_read() {
        return 0;
    }
    Stat::of(pid).map_or(0, |stat| stat.start)
}
