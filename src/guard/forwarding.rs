//! Sends a signal that came for the job on: to COMMAND, to its group, or to everything of the job.

use crate::delivery::{self, Known};
use crate::guard::Guard;
use crate::place::Place;
use crate::plan::Target;
use crate::signal::Signal;
use crate::sys::{self, Pid};
use crate::tree;

impl Guard<'_> {
    pub(super) fn forward(&mut self, signal: Signal, target: Target) {
        if signal == Signal::CONT
            && let Some(terminal) = &self.terminal
        {
            // `fg` has given it to the caller's group; `bg` has not, and then it stays where it is.
            terminal.hand_over(self.job.caller_group, self.command);
        }
        match target {
            Target::Command => self.send_to_command(signal),
            Target::Group => self.send_to_group(signal),
            Target::Tree => {
                let everyone = delivery::everyone(&self.strangers);
                self.send_to_each(signal, &everyone);
            }
        }
    }

    fn send_to_command(&self, signal: Signal) {
        self.job.voice.step(format_args!("sending {signal} to process {}", self.command));
        // COMMAND is not reaped, so the number is its own. ESRCH cannot be, EPERM is a set-user-ID COMMAND's right.
        let _ = match self.current {
            Some(info) if info.code == libc::SI_QUEUE && info.number == signal.number() as u32 => {
                sys::queue_signal(self.command, &info)
            }
            _ => sys::kill(self.command, Some(signal)),
        };
    }

    fn send_to_group(&self, signal: Signal) {
        match (self.group, self.job.place) {
            // As long as COMMAND is in it, its number is no stranger's.
            (Some(group), _) if tree::is_in_group(self.command, group) => {
                self.job.voice.step(format_args!("sending {signal} to process group {group}"));
                let _ = sys::kill(-group, Some(signal));
            }
            // The terminal has sent it to all who are in there.
            (None, _) if self.current.is_some_and(|info| info.code == libc::SI_KERNEL) => self.send_to_command(signal),
            // COMMAND has gone into a group of its own, as shells do; or kill(-group) would hit the caller.
            (Some(group), _) | (None, Place::Group(group)) => self.send_to_members(signal, group),
            (None, _) => self.send_to_command(signal),
        }
    }

    /// To those of the job that are in this group, and to COMMAND wherever it is.
    fn send_to_members(&self, signal: Signal, group: Pid) {
        self.send_to_command(signal);
        let mut others = delivery::everyone(&self.strangers);
        others.retain(|&(pid, _)| pid != self.command && tree::is_in_group(pid, group));
        self.send_to_each(signal, &others);
    }

    fn send_to_each(&self, signal: Signal, processes: &[(Pid, Known)]) {
        for &(pid, known) in processes {
            self.job.voice.step(format_args!("sending {signal} to process {pid}"));
            // Gone, or not ours to signal: then it does not get it.
            let _ = delivery::send(pid, known, &[signal]);
        }
    }
}
