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
                let mut everyone = delivery::everyone(&self.strangers);
                everyone.retain(|&(pid, _)| !self.command_has_it || pid != self.command);
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
        let group = match (self.group, self.job.place) {
            // As long as COMMAND is in it, its number is no stranger's.
            (Some(group), _) if tree::is_in_group(self.command, group) => {
                return self.send_to_whole_group(signal, group);
            }
            (Some(group), _) | (None, Place::Group(group)) => group,
            (None, _) => return self.send_to_command(signal),
        };
        // COMMAND has gone into a group of its own, as shells and timeout(1) do; or kill(-group) would hit the caller.
        if tree::is_in_group(self.command, self.command) {
            self.send_to_whole_group(signal, self.command);
        } else {
            self.send_to_command(signal);
        }
        // What came from the terminal has come to all who are in there.
        if self.current.is_none_or(|info| info.code != libc::SI_KERNEL) {
            let mut others = delivery::everyone(&self.strangers);
            others.retain(|&(pid, _)| pid != self.command && tree::is_in_group(pid, group));
            self.send_to_each(signal, &others);
        }
    }

    fn send_to_whole_group(&self, signal: Signal, group: Pid) {
        self.job.voice.step(format_args!("sending {signal} to process group {group}"));
        let _ = sys::kill(-group, Some(signal));
    }

    fn send_to_each(&self, signal: Signal, processes: &[(Pid, Known)]) {
        for &(pid, known) in processes {
            self.job.voice.step(format_args!("sending {signal} to process {pid}"));
            // Gone, or not ours to signal: then it does not get it.
            let _ = delivery::send(pid, known, &[signal]);
        }
    }
}
