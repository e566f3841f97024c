//! What we were started with, so that COMMAND gets it back exactly, and what must not be kept.

use std::os::fd::RawFd;

use crate::signal::{Signal, SignalSet};
use crate::sys;

/// The inherited state that we change for ourselves. All else is left alone, and so reaches COMMAND by itself.
#[derive(Clone, Copy, Debug)]
pub struct Inherited {
    mask: SignalSet,
    child_signal_ignored: bool,
}

impl Inherited {
    /// Blocks every signal from here on, and has the kernel keep our children's ends for us to see: where SIGCHLD comes ignored
    /// it reaps them itself, and wait(2) answers ECHILD.
    pub fn take() -> Self {
        let mask = sys::set_signal_mask(SignalSet::ALL);
        let child_signal_ignored = sys::set_ignored(Signal::CHLD, false);
        Self { mask, child_signal_ignored }
    }

    /// Which signals were blocked.
    pub fn mask(&self) -> SignalSet {
        self.mask
    }

    /// Puts it back, in the process that becomes COMMAND. Async-signal-safe.
    pub fn give_back(&self) {
        if self.child_signal_ignored {
            sys::set_ignored(Signal::CHLD, true);
        }
        sys::set_signal_mask(self.mask);
    }
}

/// Closes every descriptor but standard error and these: a guard that idles must not hold a pipe whose reader waits for its end,
/// nor a socket, nor a lock.
pub fn close_all_but<const N: usize>(keep: [Option<RawFd>; N]) {
    // Standard error is the lowest of those that are kept.
    let mut keep = keep.map(|fd| fd.unwrap_or(libc::STDERR_FILENO));
    keep.sort_unstable();
    let mut first = 0;
    for &fd in [libc::STDERR_FILENO].iter().chain(&keep) {
        close(first, fd - 1);
        first = fd + 1;
    }
    close(first, RawFd::MAX);
}

fn close(first: RawFd, last: RawFd) {
    if first > last {
        return;
    }
    // SAFETY: what the process opened itself is in `keep`; the rest is inherited, and nothing here uses it.
    #[allow(unsafe_code)]
    let closed = unsafe { sys::close_range(first, last) };
    if closed.is_err() {
        for fd in open_descriptors().filter(|fd| (first..=last).contains(fd)) {
            // SAFETY: as above.
            #[allow(unsafe_code)]
            unsafe {
                sys::close(fd);
            }
        }
    }
}

/// Before Linux 5.9, or under a filter that knows no close_range(2).
fn open_descriptors() -> impl Iterator<Item = RawFd> {
    let listed: Vec<RawFd> = std::fs::read_dir("/proc/self/fd")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    // Without /proc: what a process usually may open.
    let all = if listed.is_empty() { 0..1024 } else { 0..0 };
    listed.into_iter().chain(all)
}
