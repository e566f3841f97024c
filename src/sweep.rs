//! Ends what is orphaned while COMMAND still runs: `--on-orphan kill`.
//!
//! The kernel tells a subreaper nothing when it adopts a process, so our own children are looked at now and then: often while
//! COMMAND has children that might be orphaned, seldom while it has none, not at all once it has ended.

use std::time::{Duration, Instant};

use crate::ending::{Detail, Ending, Scope};
use crate::signal::Signal;
use crate::spare::Spare;
use crate::strangers::Strangers;
use crate::sys::Pid;
use crate::tree::{Family, Method};
use crate::voice::Voice;

const OFTEN: Duration = Duration::from_millis(100);
const SELDOM: Duration = Duration::from_secs(1);

/// The watch over COMMAND's orphans.
pub struct Sweep<'a> {
    ending: Ending<'a>,
    command: Pid,
    grace: Duration,
    next: Instant,
}

impl<'a> Sweep<'a> {
    /// Looks first after a moment: right after the start there is nothing to see.
    pub fn new(
        command: Pid,
        strangers: Strangers,
        (signal, grace): (Option<Signal>, Duration),
        spare: &'a Spare,
        detail: Detail,
        voice: &'a Voice,
    ) -> Self {
        let mut ending = Ending::new(Scope::Orphans { command, strangers }, detail, spare, voice);
        ending.ask_from_now_on(signal.filter(|_| !grace.is_zero()));
        Self { ending, command, grace, next: Instant::now() + OFTEN }
    }

    /// When to look next.
    pub fn next(&self) -> Instant {
        self.next
    }

    /// Looks: asks new orphans to end, and kills those whose grace is over. Whether there are any.
    pub fn look(&mut self) -> bool {
        let left = self.ending.look();
        self.ending.kill_overdue(self.grace);
        let may_leave_some = || !Family::look(Method::find()).children(self.command).is_empty();
        let pause = if left.alive > 0 || may_leave_some() { OFTEN } else { SELDOM };
        let wanted = self.ending.next_look();
        self.next = wanted.map_or(Instant::now() + pause, |wanted| wanted.min(Instant::now() + pause));
        left.alive > 0
    }

    /// A child ended and is reaped.
    pub fn reaped(&mut self, pid: Pid) {
        self.ending.reaped(pid);
    }

    /// What it has found so far.
    pub fn ending(&self) -> &Ending<'a> {
        &self.ending
    }
}
