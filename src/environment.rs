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

/// Of the time that goes by, so much may be spent on waiting.
const SHARE: u32 = 20;

/// How much longer execve(2) is waited for. A process can make its environment and its arguments look like that for ever (prctl(2), `PR_SET_MM`), and
/// any number of processes can: so it is a stock that is used up, and comes back by a twentieth of the time.
#[derive(Debug)]
pub struct Patience {
    most: Duration,
    left: Cell<Duration>,
    /// When we last looked what is left. Not from the beginning on: to ask for the time at every start would cost page faults.
    looked: Cell<Option<Instant>>,
}

impl Patience {
    /// So much of it at once.
    pub const fn new(most: Duration) -> Self {
        Self { most, left: Cell::new(most), looked: Cell::new(None) }
    }

    /// Of a process whose environment reads as empty, and that has this folder in `/proc`: waits while it is in the midst of execve(2).
    /// Whether the process is worth another look.
    pub fn waits_for_exec(&self, folder: &str) -> bool {
        let mut has_waited = false;
        loop {
            if !read(format!("{folder}/cmdline")).unwrap_or_default().is_empty() {
                return true;
            }
            let stat = read(format!("{folder}/stat")).ok().and_then(|text| Stat::parse(&text));
            if stat.is_none_or(|stat| stat.is_zombie()) || self.left() < REST {
                return has_waited;
            }
            let begun = Instant::now();
            std::thread::sleep(REST);
            self.left.set(self.left.get().saturating_sub(begun.elapsed()));
            has_waited = true;
        }
    }

    fn left(&self) -> Duration {
        let now = Instant::now();
        let back = self.looked.replace(Some(now)).map_or(Duration::ZERO, |looked| (now - looked) / SHARE);
        self.left.set((self.left.get() + back).min(self.most));
        self.left.get()
    }
}

/// Whether a process was started with this `NAME=value`; no, where that cannot be read.
pub fn has(pid: Pid, entry: &[u8], patience: &Patience) -> bool {
    let folder = format!("/proc/{pid}");
    let look = || read(format!("{folder}/environ"));
    let mut environment = look();
    if environment.as_ref().is_ok_and(Vec::is_empty) && patience.waits_for_exec(&folder) {
        environment = look();
    }
    environment.is_ok_and(|text| text.split(|&b| b == 0).any(|found| found == entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_up_comes_back_with_time_and_no_more_than_there_was() {
        let patience = Patience::new(Duration::from_millis(100));
        assert_eq!(patience.left(), Duration::from_millis(100));
        patience.left.set(Duration::ZERO);
        let Some(then) = Instant::now().checked_sub(Duration::from_secs(1)) else { return };
        patience.looked.set(Some(then));
        let left = patience.left();
        assert!((Duration::from_millis(50)..Duration::from_millis(100)).contains(&left), "{left:?}");
        patience.looked.set(Instant::now().checked_sub(Duration::from_secs(10)));
        assert_eq!(patience.left(), Duration::from_millis(100));
    }
}
