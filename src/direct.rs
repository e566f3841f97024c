//! Signals that the sentinel sends to COMMAND by itself: one wake-up less on the way, half of the time that it takes.
//!
//! Only what is for COMMAND alone whatever happened before, while COMMAND just runs; and never ahead of one that the guard has yet to deal with. The
//! guard is told, for the report and the narration, and because the job's end may have begun meanwhile: then the others get it from there.

use std::os::fd::{AsFd, OwnedFd};

use crate::board::Board;
use crate::job::Job;
use crate::plan;
use crate::signal::Signal;
use crate::sys::{self, SignalInfo};

/// The sentinel's way to COMMAND.
#[derive(Default)]
pub struct Direct {
    board: Board,
    command: Option<OwnedFd>,
    /// How many signals were left to the guard.
    left_to_guard: u32,
}

impl Direct {
    /// What the guard shows.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// Sends the signal to COMMAND; whether that has it now. If not, it is the guard's to deal with.
    pub fn send(&mut self, job: &Job, info: &SignalInfo) -> bool {
        let is_sent = self.try_to_send(job, info).unwrap_or(false);
        if !is_sent {
            self.leave_to_guard();
        }
        is_sent
    }

    /// One goes by way of the guard.
    pub fn leave_to_guard(&mut self) {
        self.left_to_guard = self.left_to_guard.wrapping_add(1);
    }

    fn try_to_send(&mut self, job: &Job, info: &SignalInfo) -> Option<bool> {
        let signal = Signal::new(info.number as i32)?;
        if !plan::is_for_command_alone(&job.options, signal) || self.board.handled() != self.left_to_guard {
            return Some(false);
        }
        let pid = self.board.command()?;
        let command = match &self.command {
            Some(command) => command,
            None => {
                let command = sys::pidfd_open(pid).ok()?;
                // It is shown still: so it was not reaped when we opened it, and the number was its own.
                self.board.command()?;
                self.command.insert(command)
            }
        };
        // One that has ended takes no signal any more, though the kernel has it taken until it is reaped.
        if sys::is_readable(command.as_fd()) {
            return Some(false);
        }
        let value = (info.code == libc::SI_QUEUE).then_some(info);
        Some(sys::pidfd_kill(command.as_fd(), signal, value).is_ok())
    }
}
