//! The kernel's process events (linux/cn_proc.h): root is told when a process ends, and need not look again and again.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::sys;

/// `PROC_EVENT_EXIT`
const EXIT: u32 = 0x8000_0000;
/// The kernel's `struct nlmsghdr` and `struct cn_msg`, in front of an event.
const HEADERS: usize = 16 + 20;

/// A socket on which the kernel tells of them.
#[derive(Debug)]
pub struct ProcessEvents {
    socket: OwnedFd,
}

impl ProcessEvents {
    /// Asks the kernel to tell. `None` where it will not: not to ordinary users, not in containers, not where it was built without.
    pub fn listen() -> Option<Self> {
        let socket = sys::process_events().ok()?;
        let events = Self { socket };
        // It acknowledges at once where it listens to us, and is silent elsewhere.
        sys::receive(events.as_fd(), &mut [0; 512]).ok().filter(|&length| length > 0)?;
        Some(events)
    }

    /// Takes what has come; whether a process has ended since.
    pub fn has_one_ended(&self) -> bool {
        let mut ended = false;
        let mut buffer = [0; 512];
        loop {
            match sys::receive(self.as_fd(), &mut buffer) {
                Ok(length) => {
                    let event = buffer[..length].get(HEADERS..HEADERS + 4).and_then(|what| what.try_into().ok());
                    ended |= event.map(u32::from_ne_bytes) == Some(EXIT);
                }
                // Some were lost: one of them may have been an end.
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => ended = true,
                Err(_) => return ended,
            }
        }
    }
}

impl AsFd for ProcessEvents {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
