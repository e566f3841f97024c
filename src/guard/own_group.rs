//! A COMMAND on the terminal that has made a process group of its own, as timeout(1) does.
//!
//! As a shell's job, and without us, it would lead the foreground group already, and setpgid(2) would change nothing. Here we lead that, and
//! COMMAND finds itself in the background, where it may not read. So the terminal follows it, as under `--group new`: to it while it runs,
//! and back to the caller's group when it stops or ends.

use std::time::{Duration, Instant};

use nix::unistd::{Pid as NixPid, getsid};

use crate::delivery;
use crate::guard::Guard;
use crate::signal::Signal;
use crate::sys::{self, Pid};
use crate::terminal::Terminal;
use crate::tree;

/// The kernel tells nobody of a new group. Who makes one does so as soon as it runs; these are the pauses before each look.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(2), Duration::from_millis(8), Duration::from_millis(40), Duration::from_millis(200)];

/// The looks at COMMAND's group that are yet to come.
#[derive(Default)]
pub(super) struct Looks {
    next: Option<Instant>,
    done: usize,
}

impl Looks {
    /// From now on.
    pub(super) fn begin() -> Self {
        Self { next: Some(Instant::now() + PAUSES[0]), done: 0 }
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.next
    }

    fn pass(&mut self) {
        self.done += 1;
        self.next = PAUSES.get(self.done).map(|pause| Instant::now() + *pause);
    }
}

impl Guard<'_> {
    /// Whether the caller started us as the leader of the group that COMMAND shares: then COMMAND would lead it.
    pub(super) fn leads_for_command(&self) -> bool {
        self.job.place.is_callers() && self.job.caller_group == self.job.started
    }

    pub(super) fn look_at_group(&mut self) {
        self.looks.pass();
        if self.plan.is_running() && !self.plan.is_stopped() {
            self.follow_own_group();
        }
    }

    /// Has the terminal follow COMMAND into a group of its own, if that has made one, and nobody else needs the terminal: a pager, in a
    /// pipeline.
    pub(super) fn follow_own_group(&mut self) {
        if !self.leads_for_command() || !self.has_own_group() {
            return;
        }
        if self.terminal.is_none() {
            let Some(terminal) = Terminal::controlling() else { return };
            match terminal.foreground() {
                // It has taken it.
                Some(group) if group == self.command => {}
                Some(group) if group == self.job.caller_group && self.is_alone() => {
                    terminal.hand_over(group, self.command);
                }
                _ => return,
            }
            self.terminal = Some(terminal);
        }
        self.rouse_group();
    }

    /// In our session, or it has nothing to do with our terminal.
    fn has_own_group(&self) -> bool {
        tree::is_in_group(self.command, self.command) && getsid(Some(NixPid::from_raw(self.command))) == getsid(None)
    }

    /// Whether nobody is in the caller's group but us.
    fn is_alone(&self) -> bool {
        let us = [self.job.started, std::process::id() as Pid];
        !tree::all().any(|pid| !us.contains(&pid) && tree::is_in_group(pid, self.job.caller_group))
    }

    /// Has those of COMMAND's group go on that were stopped because they wanted the terminal. timeout(1) itself ignores that.
    fn rouse_group(&self) {
        let is_stopped = |&(pid, _): &(Pid, _)| {
            pid != self.command && tree::is_in_group(pid, self.command) && tree::is_stopped_or_stopping(pid)
        };
        // COMMAND last: what the user's Ctrl-Z stops, it stops with COMMAND.
        if delivery::everyone(&self.strangers).iter().any(is_stopped) && !tree::is_stopped_or_stopping(self.command) {
            let _ = sys::kill(-self.command, Some(Signal::CONT));
        }
    }
}
