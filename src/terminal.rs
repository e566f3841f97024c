//! The controlling terminal: which process group it belongs to, and handing it over.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::{Pid as NixPid, tcgetpgrp, tcsetpgrp};

use crate::sys::{self, Pid};

/// Our controlling terminal.
#[derive(Debug)]
pub struct Terminal {
    fd: OwnedFd,
}

impl Terminal {
    /// The controlling terminal, where we have one (tty(4)).
    pub fn controlling() -> Option<Self> {
        let fd = open(c"/dev/tty", OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC, Mode::empty()).ok()?;
        sys::above_stderr(fd).ok().map(|fd| Self { fd })
    }

    /// Its foreground process group, where it has one.
    pub fn foreground(&self) -> Option<Pid> {
        tcgetpgrp(&self.fd).ok().map(NixPid::as_raw)
    }

    /// Makes this group the foreground one. Never fatal: the terminal may have been hung up, or the group may be gone. SIGTTOU is blocked,
    /// so a background process may do this too.
    pub fn give_to(&self, group: Pid) {
        let _ = tcsetpgrp(&self.fd, NixPid::from_raw(group));
    }

    /// Hands it on, if it belongs to the first group and to no other: nobody is thrown out.
    pub fn hand_over(&self, from: Pid, to: Pid) {
        if self.foreground() == Some(from) {
            self.give_to(to);
        }
    }

    /// Its descriptor, to be kept open.
    pub fn descriptor(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}
