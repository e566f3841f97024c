//! A moment that processes can be told to be younger than.
//!
//! Start times are kept in clock ticks, usually a hundredth of a second: too coarse to tell what a process started before it was signalled from
//! what it started because of that. Within a tick the numbers tell it, for the kernel gives them in ascending order.

use crate::sys::{self, Pid};
use crate::tree;

/// Now, at some time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment {
    ticks: u64,
    newest: Pid,
}

impl Moment {
    /// This moment; `None` where `/proc` does not tell which number was given last.
    pub fn now() -> Option<Self> {
        // In this order: a process that is made between the two is taken for an older one at the worst.
        let ticks = sys::ticks_since_boot();
        tree::newest().map(|newest| Self { ticks, newest })
    }

    /// Whether a process of this number and start, in clock ticks since boot, was made after it.
    pub fn is_before(self, pid: Pid, start: u64) -> bool {
        // Should the numbers begin anew within a tick, it is taken for an older one.
        start > self.ticks || (start == self.ticks && pid > self.newest)
    }
}

#[cfg(test)]
mod tests {
    use super::Moment;
    use crate::sys::Pid;
    use crate::tree::Stat;
    use std::process::{Child, Command};

    fn child() -> (Child, Pid, u64) {
        let child = Command::new("sleep").arg("1000").spawn().unwrap();
        let pid = child.id() as Pid;
        (child, pid, Stat::of(pid).unwrap().start)
    }

    #[test]
    fn what_was_made_before_is_told_from_what_was_made_after() {
        for _ in 0..50 {
            let (mut earlier, pid, start) = child();
            let moment = Moment::now().unwrap();
            assert!(!moment.is_before(pid, start));
            let (mut later, pid, start) = child();
            assert!(moment.is_before(pid, start), "{moment:?} {pid} {start}");
            for child in [&mut earlier, &mut later] {
                child.kill().unwrap();
                child.wait().unwrap();
            }
        }
    }
}
