//! What a process was started with, `/proc/PID/environ`, also where it is just about to start another program.
//!
//! In the midst of execve(2) a process has its new memory already and no environment in it yet: the file reads as empty, and so does its command
//! line (`environ_read` and `get_mm_cmdline` in fs/proc/base.c both ask for `env_end`, which is set last). On a loaded machine that lasts for
//! milliseconds. Taken at its word, a process that is marked would be unmarked for that moment.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::sys::Pid;
use crate::tree::{Stat, read};

/// How long to wait before looking again: the time that an execve(2) takes on an idle machine.
const REST: Duration = Duration::from_micros(100);

/// How much longer execve(2) is waited for, in all. A process can make its environment and its arguments look like that for ever (prctl(2),
/// `PR_SET_MM`), and any number of processes can.
#[derive(Debug)]
pub struct Patience {
    left: Cell<Duration>,
}

impl Patience {
    /// So much of it.
    pub const fn new(left: Duration) -> Self {
        Self { left: Cell::new(left) }
    }

    /// Of a process whose environment reads as empty, and that has this folder in `/proc`: waits while it is in the midst of execve(2).
    /// Whether the environment is worth another look, once.
    pub fn waits_for_exec(&self, folder: &str) -> bool {
        loop {
            if !read(format!("{folder}/cmdline")).unwrap_or_default().is_empty() {
                return true;
            }
            let stat = read(format!("{folder}/stat")).ok().and_then(|text| Stat::parse(&text));
            if self.left.get().is_zero() || stat.is_none_or(|stat| stat.is_zombie()) {
                return false;
            }
            let begun = Instant::now();
            std::thread::sleep(REST);
            self.left.set(self.left.get().saturating_sub(begun.elapsed()));
        }
    }
}

/// Whether a process was started with this `NAME=value`; no, where that cannot be read.
pub fn has(pid: Pid, entry: &[u8], patience: &Patience) -> bool {
    let folder = format!("/proc/{pid}");
    let look = || read(format!("{folder}/environ")).unwrap_or_default();
    let mut environment = look();
    if environment.is_empty() && patience.waits_for_exec(&folder) {
        environment = look();
    }
    environment.split(|&b| b == 0).any(|found| found == entry)
}
