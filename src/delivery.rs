//! Sends a signal to the process that is meant, and to no other, although the kernel gives numbers again.
//!
//! A child of ours keeps its number until we reap it, so kill(2) is safe for it. Any other process may have ended, and its
//! number may belong to a stranger by now: we open a pidfd first, and then check that the process behind that number
//! is the one meant. If it is, the pidfd means it too, for it was opened while the number was already in use by it; if the number is given
//! away after the check, the pidfd means a dead process and the signal goes nowhere.

use std::io;
use std::os::fd::AsFd;

use crate::signal::Signal;
use crate::strangers::Strangers;
use crate::sys::{self, Pid};
use crate::tree::{Family, Method, Stat};

/// How we know a process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Known {
    /// It is a child of ours that we have not reaped.
    OurChild,
    /// It is a child of this process now.
    ChildOf(Pid),
    /// It started then, in clock ticks since boot.
    StartedAt(u64),
    /// Both: it is a child of this process, or has become ours, and started then. Where numbers are short, one is given again within a tick.
    Below {
        /// Its parent when it was found.
        parent: Pid,
        /// When it started, in clock ticks since boot.
        start: u64,
    },
}

impl Known {
    /// Whether it is the process that this was read of.
    pub fn is(self, stat: &Stat) -> bool {
        match self {
            Self::OurChild => stat.parent == std::process::id() as Pid,
            Self::ChildOf(parent) => stat.parent == parent || stat.parent == std::process::id() as Pid,
            Self::StartedAt(start) => stat.start == start,
            Self::Below { parent, start } => Self::ChildOf(parent).is(stat) && stat.start == start,
        }
    }
}

/// Sends the signals in order.
///
/// # Errors
/// ESRCH where the process is gone, or another has its number; EPERM where it is not ours to signal.
pub fn send(pid: Pid, known: Known, signals: &[Signal]) -> io::Result<()> {
    if known == Known::OurChild {
        return signals.iter().try_for_each(|&signal| sys::kill(pid, Some(signal)));
    }
    let pidfd = match sys::pidfd_open(pid) {
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return Err(error),
        // An old kernel, a seccomp filter, no descriptor left: the check alone must do.
        other => other.ok(),
    };
    let stat = Stat::of(pid).map_err(|_| io::Error::from_raw_os_error(libc::ESRCH))?;
    if !known.is(&stat) || stat.is_zombie() {
        return Err(io::Error::from_raw_os_error(libc::ESRCH));
    }
    for (place, &signal) in signals.iter().enumerate() {
        let sent = match &pidfd {
            Some(pidfd) => match sys::pidfd_kill(pidfd.as_fd(), signal, None) {
                // pidfd_open without pidfd_send_signal: Linux 5.1 had the one, 5.3 the other, filters may have either.
                Err(error) if error.raw_os_error() == Some(libc::ENOSYS) => sys::kill(pid, Some(signal)),
                sent => sent,
            },
            None => sys::kill(pid, Some(signal)),
        };
        match sent {
            // It has ended of the one before, and is reaped already: it has got that.
            Err(error) if place > 0 && error.raw_os_error() == Some(libc::ESRCH) => return Ok(()),
            sent => sent?,
        }
    }
    Ok(())
}

/// The children of a process that was the one meant a moment ago. If it is that no more, its number may be another's, and they
/// strangers: then there are none.
pub fn children(family: &Family, pid: Pid, known: Known) -> Vec<Pid> {
    let children = family.children(pid);
    // The same before and after: so it was in between.
    let is_still = || known == Known::OurChild || Stat::of(pid).is_ok_and(|stat| known.is(&stat));
    if children.is_empty() || is_still() { children } else { Vec::new() }
}

/// Every descendant of ours at this moment but for the strangers and what descends from them, and how we know it.
pub fn everyone(strangers: &Strangers) -> Vec<(Pid, Known)> {
    let family = Family::look(Method::find());
    let ours = family.children(std::process::id() as Pid).into_iter().filter(|&child| !strangers.contains(child));
    let mut found: Vec<(Pid, Known)> = ours.map(|child| (child, Known::OurChild)).collect();
    let mut next = 0;
    while let Some(&(parent, known)) = found.get(next) {
        found.extend(children(&family, parent, known).into_iter().filter_map(|pid| {
            let stat = Stat::of(pid).ok().filter(|stat| Known::ChildOf(parent).is(stat))?;
            Some((pid, Known::Below { parent: stat.parent, start: stat.start }))
        }));
        next += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, ExitStatus};

    fn after(known: impl Fn(&Stat) -> Known) -> (io::Result<()>, ExitStatus) {
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        let pid = child.id() as Pid;
        let sent = send(pid, known(&Stat::of(pid).unwrap()), &[Signal::TERM, Signal::CONT]);
        // Its own end, if the signal did not reach it.
        child.kill().unwrap();
        (sent, child.wait().unwrap())
    }

    #[test]
    fn the_process_that_is_meant_gets_it() {
        let me = std::process::id() as Pid;
        for known in [|_: &Stat| Known::OurChild, |stat: &Stat| Known::StartedAt(stat.start)] {
            let (sent, status) = after(known);
            assert!(sent.is_ok());
            assert_eq!(status.signal(), Some(libc::SIGTERM));
        }
        assert_eq!(after(|_| Known::ChildOf(me)).1.signal(), Some(libc::SIGTERM));
    }

    #[test]
    fn another_that_has_its_number_does_not() {
        let (sent, status) = after(|stat| Known::StartedAt(stat.start + 1));
        assert_eq!(sent.unwrap_err().raw_os_error(), Some(libc::ESRCH));
        assert_eq!(status.signal(), Some(libc::SIGKILL));
    }
}
