//! Signals that the sentinel sends to COMMAND by itself: one wake-up less on the way, half of the time that it takes.
//!
//! Only what is for COMMAND alone whatever happened before, while COMMAND just runs; and never ahead of one that the guard has yet to deal with. The
//! guard is told, for the report and the narration, and because the job's end may have begun meanwhile: then the others get it from there.

use std::os::fd::{AsFd, OwnedFd};

use crate::board::Board;
use crate::cli::Options;
use crate::plan;
use crate::signal::Signal;
use crate::sys::{self, SignalInfo};

/// The sentinel's way to COMMAND.
#[derive(Default)]
pub struct Direct {
    board: Board,
    command: Option<OwnedFd>,
    /// How many signals were sent, and how many were left to the guard.
    sent: u32,
    left_to_guard: u32,
}

impl Direct {
    /// What the guard shows.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// Sends the signal to COMMAND; whether that has it now. If not, it is the guard's to deal with.
    pub fn send(&mut self, options: &Options, info: &SignalInfo) -> bool {
        let is_sent = self.try_to_send(options, info).is_some();
        if !is_sent {
            self.leave_to_guard();
        }
        is_sent
    }

    /// One goes by way of the guard.
    pub fn leave_to_guard(&mut self) {
        self.left_to_guard = self.left_to_guard.wrapping_add(1);
    }

    fn try_to_send(&mut self, options: &Options, info: &SignalInfo) -> Option<()> {
        let signal = Signal::new(info.number as i32)?;
        if !plan::is_for_command_alone(options, signal) || self.board.handled() != self.left_to_guard {
            return None;
        }
        let pid = self.board.command()?;
        if self.command.is_none() {
            let command = sys::pidfd_open(pid).ok()?;
            // It is shown still: so it was not reaped when we opened it, and the number was its own.
            self.board.command()?;
            self.command = Some(command);
        }
        let command = self.command.as_ref()?.as_fd();
        // One that has ended takes no signal any more, though the kernel has it taken until it is reaped.
        if !sys::is_alive(command) {
            return None;
        }
        // Before COMMAND can die of it: the guard shall hear of it first.
        self.board.show_sent(self.sent.wrapping_add(1));
        let value = (info.code == libc::SI_QUEUE).then_some(info);
        let is_sent = sys::pidfd_kill(command, signal, value).is_ok();
        self.sent = self.sent.wrapping_add(u32::from(is_sent));
        self.board.show_sent(self.sent);
        is_sent.then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Pid;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Child, Command, Stdio};

    const TERM: SignalInfo =
        SignalInfo { number: libc::SIGTERM as u32, code: libc::SI_USER, sender: 1, user: 0, value: 0 };

    /// A process that sleeps, and ends with the test.
    struct Sleeper(Child);

    impl Sleeper {
        fn start() -> Self {
            Self(Command::new("sleep").arg("1000").stdout(Stdio::null()).spawn().unwrap())
        }

        fn pid(&self) -> Pid {
            self.0.id() as Pid
        }
    }

    impl Drop for Sleeper {
        fn drop(&mut self) {
            drop(self.0.kill());
            drop(self.0.wait());
        }
    }

    fn send(direct: &mut Direct) -> bool {
        direct.send(&Options::default(), &TERM)
    }

    #[test]
    fn it_is_sent_once_command_is_shown() {
        let mut sleeper = Sleeper::start();
        let mut direct = Direct::default();
        assert!(!send(&mut direct));
        direct.board().count_handled();
        direct.board().show(Some(sleeper.pid()));
        assert!(send(&mut direct));
        assert_eq!(sleeper.0.wait().unwrap().signal(), Some(libc::SIGTERM));
    }

    #[test]
    fn it_does_not_overtake_one_that_the_guard_has_yet_to_deal_with() {
        let sleeper = Sleeper::start();
        let mut direct = Direct::default();
        direct.board().show(Some(sleeper.pid()));
        direct.leave_to_guard();
        assert!(!send(&mut direct));
        direct.board().count_handled();
        direct.board().count_handled();
        assert!(send(&mut direct));
    }

    #[test]
    fn it_is_not_sent_while_command_may_be_reaped_or_has_ended() {
        let mut sleeper = Sleeper::start();
        let mut direct = Direct::default();
        direct.board().show(Some(sleeper.pid()));
        direct.board().show(None);
        assert!(!send(&mut direct));
        direct.board().count_handled();
        sleeper.0.kill().unwrap();
        while !sys::has_ended(sleeper.pid()) {
            std::thread::yield_now();
        }
        direct.board().show(Some(sleeper.pid()));
        assert!(!send(&mut direct), "it is a zombie");
    }
}
