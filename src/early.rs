//! Signals of the terminal that come before COMMAND is in the caller's group.
//!
//! What the terminal sends, Ctrl-C say, goes to its whole foreground group: COMMAND gets it there itself, and it is not passed on to it. But
//! what came before COMMAND had joined the group, be it in the first half of a millisecond, has reached none but the process that the
//! caller started, which has it blocked. So that process takes none until COMMAND is there, and COMMAND's own process looks, right after it
//! has joined, what waits there and not for itself too. A signal to a group goes to all its members under one lock: what waits for one of
//! them and not, a moment later, for another was sent before that one had joined.

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::read;

use crate::entry::Entry;
use crate::signal::{Signal, SignalSet};
use crate::sys::{self, Pid};
use crate::tree;

/// What terminals, and shells that do job control, send to whole groups (signal(7), termios(3)).
pub const SENT_TO_GROUPS: [Signal; 8] =
    [Signal::HUP, Signal::INT, Signal::QUIT, Signal::CONT, Signal::TSTP, Signal::TTIN, Signal::TTOU, Signal::WINCH];

/// The signals of terminals that wait for this process, which has been in our group for longer than we have, and not for us. None where `/proc`
/// is not there to say. For the process that becomes COMMAND: async-signal-safe, allocates nothing.
pub fn missed(by_older: Pid) -> SignalSet {
    let waiting = waiting_for(by_older).unwrap_or_default();
    let ours = sys::pending_signals();
    SENT_TO_GROUPS
        .into_iter()
        .filter(|&signal| waiting.contains(signal) && !ours.contains(signal))
        .fold(SignalSet::default(), SignalSet::with)
}

/// Takes a stop away that waits for this process and would take effect as soon as this mask is set: before exec, which the guard waits for. Sent
/// again once COMMAND runs, it stops that. For the process that becomes COMMAND: async-signal-safe, allocates nothing.
pub fn take_stop(mask: SignalSet) -> Option<Signal> {
    let waiting = sys::pending_signals();
    let stops = [Signal::TSTP, Signal::TTIN, Signal::TTOU];
    let stop = stops.into_iter().find(|&stop| waiting.contains(stop) && !mask.contains(stop))?;
    // To ignore it throws away what waits (sigaction(2)).
    if sys::set_ignored(stop, true) {
        return None;
    }
    sys::set_ignored(stop, false);
    Some(stop)
}

fn waiting_for(process: Pid) -> Option<SignalSet> {
    let file = Entry::new(b"/proc/").number(process as u64).bytes(b"/status");
    let file = open(file.as_c_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()).ok()?;
    // Its length is that of a page at the most (proc_pid_status(5) is one record of some 1500 bytes).
    let mut text = [0; 4096];
    let length = read(&file, &mut text).ok()?;
    let text = &text[..length];
    if !tree::is_seen_from_our_namespace(text, process) {
        return None;
    }
    tree::signals_in(text, "ShdPnd:")
}
