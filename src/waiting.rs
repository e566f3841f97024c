//! Sleeps until a descriptor has something to read or a moment has come.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};

use libc::{POLLIN, POLLOUT, pollfd};

use crate::sys;

/// How often all descriptors are looked at where they cannot be waited for.
const BLIND: Duration = Duration::from_millis(10);

/// Waits for the descriptors or the moment, whichever is first, or for ever where there is no moment. Gives which descriptors are ready;
/// `also_writable` is waited for to take more, too.
///
/// Nothing is allocated: the first touch of the heap after the fork is two pages to copy, in each of the two processes (some 10 µs).
pub fn wait<const N: usize>(
    descriptors: [Option<BorrowedFd<'_>>; N],
    also_writable: Option<usize>,
    until: Option<Instant>,
) -> [bool; N] {
    let mut place = 0;
    let mut polled = descriptors.map(|fd| {
        let events = if also_writable == Some(place) { POLLIN | POLLOUT } else { POLLIN };
        place += 1;
        pollfd { fd: fd.map_or(-1, |fd| fd.as_raw_fd()), events, revents: 0 }
    });
    let wait = until.map(|moment| moment.saturating_duration_since(Instant::now()));
    if sys::poll(&mut polled, wait).is_err() {
        // Somebody has taken our right to open files away. None of them blocks, so all can be looked at.
        std::thread::sleep(wait.unwrap_or(BLIND).min(BLIND));
        return descriptors.map(|fd| fd.is_some());
    }
    polled.map(|polled| polled.revents != 0)
}
