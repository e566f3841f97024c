//! COMMAND stops and goes on, and what the caller started with it, as a shell's job does.

use std::time::Instant;

use nix::unistd::getppid;

use crate::channel::Request;
use crate::early::SENT_TO_GROUPS;
use crate::exit::{self, Stop};
use crate::guard::Guard;
use crate::plan::{Event, Target};
use crate::signal::Signal;
use crate::sys::{self, SignalInfo};
use crate::terminal::{self, Terminal};
use crate::tree::{self, Stat};

impl Guard<'_> {
    /// The shell is gone, perhaps as the terminal was hung up. What the kernel does about stopped processes then, it does not do here: we
    /// are COMMAND's parent in another group of its session, which looks like job control to it.
    pub(super) fn lost_controller(&mut self) {
        self.controller = None;
        if self.plan.is_stopped() && !self.has_job_control() {
            self.job.voice.step(format_args!("nobody is left who could have the job go on"));
            for signal in [Signal::HUP, Signal::CONT] {
                self.happened(Event::Signal { signal, delivered: false });
            }
        }
    }

    fn has_job_control(&self) -> bool {
        terminal::has_job_control(self.job.started, self.job.caller_group)
    }

    /// What a terminal sends goes to its whole foreground group, and so to COMMAND where that shares it with us and has not left it.
    pub(super) fn terminal_has_delivered(&self, signal: Signal, info: &SignalInfo) -> bool {
        // A terminal that hangs up tells the leader of its session and nobody else.
        let is_for_leader = || [Signal::HUP, Signal::CONT].contains(&signal) && self.job.leads_session();
        let is_in_group = || self.plan.ended().is_some() || tree::is_in_group(self.command, self.job.caller_group);
        info.code == libc::SI_KERNEL
            && self.job.place.is_callers()
            && is_in_group()
            && SENT_TO_GROUPS.contains(&signal)
            && !is_for_leader()
    }

    /// Whether COMMAND has been stopped or continued since the signal came, or by the signal itself: passed on now, it would undo
    /// what came after it.
    pub(super) fn is_void(&mut self, signal: Signal, stops: u32) -> bool {
        if self.plan.ended().is_some() {
            return false;
        }
        if signal.is_terminal_stop() {
            return stops != self.stops;
        }
        if signal != Signal::CONT || !self.job.place.is_callers() {
            return false;
        }
        // It is older than the stop that waits for COMMAND, or it would have thrown that away. A shell's `fg` may continue a job that runs,
        // and the user stop it before we come to pass that on.
        if tree::is_stopped_or_stopping(self.command) && !self.plan.is_stopped() {
            return true;
        }
        // What continues the caller's group continues COMMAND before us, for the youngest of a group is signalled first.
        self.reap();
        if !self.plan.is_stopped() && stops == self.stops {
            // The first one after a stop is the one that has continued it. Any other is meant for COMMAND.
            return std::mem::take(&mut self.went_on);
        }
        self.went_on || stops != self.stops
    }

    pub(super) fn command_stopped(&mut self, signal: Signal) {
        self.job.voice.step(format_args!("process {} was stopped by {signal}", self.command));
        self.follow_own_group();
        if self.waits_for_the_callers_terminal(signal) {
            return self.forward(Signal::CONT, Target::Group);
        }
        if let Some(terminal) = &self.terminal {
            terminal.hand_over(self.command, self.job.caller_group);
        }
        self.happened(Event::CommandStopped(signal));
    }

    /// Whether COMMAND was stopped for want of the terminal although that is the caller's, and has it now. `fg` gives it to the caller's
    /// group, and tells nobody where the job was not stopped.
    fn waits_for_the_callers_terminal(&self, signal: Signal) -> bool {
        let Some(terminal) = self.terminal.as_ref().filter(|_| [Signal::TTIN, Signal::TTOU].contains(&signal)) else {
            return false;
        };
        let is_callers = terminal.foreground() == Some(self.job.caller_group);
        terminal.hand_over(self.job.caller_group, self.command);
        // Not if COMMAND has left the group that it led: to have it go on would be to have it stopped again, for ever.
        is_callers && terminal.foreground() == Some(self.command)
    }

    pub(super) fn command_continued(&mut self) {
        self.went_on = true;
        // Whoever continued the caller's group continued the sentinel too. To wake it again, where the terminal has stopped both again
        // meanwhile, would show the caller a second stop. COMMAND is the first that the terminal's stop reaches, so look at it last.
        self.sentinel_is_awake =
            self.behind.is_some_and(|behind| Stat::of(behind.sentinel).is_ok_and(|stat| !stat.is_stopped()));
        if !tree::is_stopped_or_stopping(self.command) {
            self.happened(Event::CommandContinued);
        }
        self.sentinel_is_awake = false;
    }

    /// Has what the caller started stop of this signal, so that a shell sees a stopped job.
    pub(super) fn stop_as(&mut self, signal: Signal) {
        self.went_on = false;
        if self.behind.is_some() {
            // Before the look below: it may die at any moment.
            let controller = terminal::controller(self.job.started, self.job.caller_group).ok().flatten();
            self.controller = controller.and_then(|controller| sys::pidfd_open(controller).ok());
        }
        let in_other_group = self.behind.is_some() || !(self.job.place.is_callers() || self.job.is_init());
        if in_other_group && signal.is_terminal_stop() && !self.has_job_control() {
            // We are COMMAND's parent in another group of its session, which to the kernel looks like job control; so it has stopped
            // COMMAND although nobody will have it go on.
            return self.undo_stop(signal);
        }
        // While we wait for what it left, there is none whose going on could make our stop void.
        let command = self.plan.ended().is_none().then_some(self.command);
        match self.behind {
            Some(behind) if Request::Stop(signal, command).send(behind.sentinel).is_ok() => self.stops += 1,
            // It is gone, and its number may be a stranger's.
            Some(behind) if getppid().as_raw() != behind.sentinel => {}
            // The next best, where no signal can be queued.
            Some(behind) => drop(sys::kill(behind.sentinel, Some(Signal::STOP))),
            // The kernel drops a stop signal for PID 1; and nobody could have it go on.
            None if self.job.is_init() => {}
            None => {
                self.stops += 1;
                if let Some(deadline) = self.timer.deadline() {
                    // It runs on, and we sleep deeper than it can wake us.
                    sys::signal_after(Signal::CONT, deadline.saturating_duration_since(Instant::now()));
                }
                if exit::stop(signal, command, self.terminal.is_some(), || false) == Stop::Refused {
                    self.undo_stop(signal);
                }
            }
        }
    }

    /// COMMAND would not have been stopped in our place, for nobody could have it go on: so it goes on.
    fn undo_stop(&mut self, signal: Signal) {
        if self.plan.ended().is_some() {
            // It was for what COMMAND has left.
            return self.happened(Event::Signal { signal: Signal::CONT, delivered: false });
        }
        if [Signal::TTIN, Signal::TTOU].contains(&signal) && Terminal::controlling().is_some() {
            // It would use the terminal again, and be stopped again, for ever. This is what the kernel does about stopped orphans.
            self.forward(Signal::HUP, Target::Group);
        }
        self.forward(Signal::CONT, Target::Group);
    }
}
