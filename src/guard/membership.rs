//! The guard as a member of the caller's process group, where COMMAND shares that and runs.
//!
//! The sentinel is in another group then. So what the sentinel gets was sent to it alone, and is passed on; what the guard gets was sent to the whole
//! group, and has reached COMMAND too, unless that has left the group, as a shell does that takes jobs of its own.

use nix::unistd::getpgrp;

use crate::guard::Guard;
use crate::place::Place;
use crate::signal::Signal;
use crate::sys::{self, SignalInfo};
use crate::tree::{self, Stat};

impl Guard<'_> {
    /// Whether the sentinel has moved us there.
    pub(super) fn is_member(&self) -> bool {
        matches!(self.job.place, Place::Group(group) if self.behind.is_some() && getpgrp().as_raw() == group)
    }

    /// A signal was sent to the group.
    pub(super) fn group_signal_came(&mut self, signal: Signal, info: SignalInfo) {
        if signal == Signal::CONT {
            self.wake_sentinel();
        }
        // Once COMMAND has ended, everybody in the group has got what was meant for him.
        let delivered = self.plan.ended().is_some() || tree::is_in_group(self.command, getpgrp().as_raw());
        self.take(signal, info, delivered);
    }

    /// Has the sentinel go on if somebody has stopped it alone, by SIGSTOP: the shell takes the job for stopped, and has its group go on.
    fn wake_sentinel(&self) {
        if let Some(behind) = self.behind
            && Stat::of(behind.sentinel).is_ok_and(|stat| stat.is_stopped())
        {
            let _ = sys::kill(behind.sentinel, Some(Signal::CONT));
        }
    }
}
