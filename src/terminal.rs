//! The controlling terminal: which process group it belongs to, and handing it over.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::{Pid as NixPid, tcgetpgrp, tcsetpgrp};

use crate::sys::{self, Pid};
use crate::tree::Stat;

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
    fn give_to(&self, group: Pid) {
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

/// Whether anybody does job control over this process, as a member of this group. If not, the kernel does not stop it by TSTP, TTIN or TTOU. Yes,
/// where that cannot be read.
pub fn has_job_control(process: Pid, group: Pid) -> bool {
    !matches!(controller(process, group), Ok(None))
}

/// Who could have this process go on, which was started in this group, whatever it is in now: a parent in another group of the session, of
/// it or of one of its ancestors in the group. Without one the group is orphaned (setpgid(2)).
///
/// # Errors
/// Where that cannot be read.
pub fn controller(process: Pid, group: Pid) -> io::Result<Option<Pid>> {
    let mut member = Stat { group, ..Stat::of(process)? };
    loop {
        let parent = match Stat::of(member.parent) {
            Err(_) if member.parent == 0 => return Ok(None),
            parent => parent?,
        };
        if parent.session != member.session {
            return Ok(None);
        }
        if parent.group != member.group {
            return Ok(Some(member.parent));
        }
        member = parent;
    }
}

#[cfg(test)]
mod tests {
    use super::has_job_control;
    use crate::sys::Pid;
    use std::io::Read;
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};

    /// What a shell's job, or a process that nobody controls, says of itself.
    fn asked(command: &mut Command) -> bool {
        let command = command.args(["-c", "echo; read line"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        let answer = has_job_control(child.id() as Pid, child.id() as Pid);
        drop(child.stdin.take());
        child.wait().unwrap();
        answer
    }

    #[test]
    fn a_job_has_it_and_the_leader_of_a_session_has_not() {
        assert!(asked(Command::new("sh").process_group(0)));
        assert!(!asked(Command::new("setsid").arg("sh")));
    }
}
