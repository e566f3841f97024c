//! Sleeps until a descriptor has something to read or a moment has come.

use std::os::fd::BorrowedFd;
use std::time::Instant;

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

/// Waits for the descriptors (ppoll(2)) or the moment, whichever is first, or for ever where there is no moment. Gives which
/// descriptors are ready, in their order; `also_writable` is waited for to take more, too.
pub fn wait<const N: usize>(
    descriptors: [Option<BorrowedFd<'_>>; N],
    also_writable: Option<usize>,
    until: Option<Instant>,
) -> [bool; N] {
    let mut polled: Vec<PollFd<'_>> = Vec::with_capacity(N);
    for (place, fd) in descriptors.iter().enumerate() {
        let Some(fd) = fd else { continue };
        let mut flags = PollFlags::POLLIN;
        flags.set(PollFlags::POLLOUT, also_writable == Some(place));
        polled.push(PollFd::new(*fd, flags));
    }
    let timeout = until.map(|moment| TimeSpec::from(moment.saturating_duration_since(Instant::now())));
    // EINTR cannot happen, as all signals are blocked; were it to, the caller looks and comes back.
    let _ = ppoll(&mut polled, timeout, None);
    let mut ready = polled.iter().map(|fd| fd.any().unwrap_or(false));
    descriptors.map(|fd| fd.is_some() && ready.next().unwrap_or(false))
}
