//! Ends this process as COMMAND ended, stops it as COMMAND was stopped, and keeps it from being stopped for good.

use std::time::Duration;

use crate::plan::GIVE_UP;
use crate::signal::{Signal, SignalSet};
use crate::status::Exit;
use crate::sys;

/// Ends this process: by its exit code, or of the signal, without leaving a second core file.
pub fn end(exit: Exit) -> ! {
    match exit {
        Exit::Code(code) => sys::exit_now(code),
        Exit::Signal(signal) => {
            // There is no second core file, for we are not dumpable: see `Job::prepare`.
            raise_blocked(signal);
            let_in(signal);
            // Still here: as PID 1, or where the signal's default action ends nothing.
            sys::exit_now(128 + signal.number() as u8)
        }
    }
}

/// Makes a signal pending in this process with its default action, to take effect once it is let in.
pub fn raise_blocked(signal: Signal) {
    sys::set_ignored(signal, false);
    let _ = sys::kill(std::process::id() as sys::Pid, Some(signal));
}

/// Lets a pending signal in, and blocks all again when it has had its effect.
pub fn let_in(signal: Signal) {
    sys::set_signal_mask(SignalSet::ALL.without(signal));
    sys::set_signal_mask(SignalSet::ALL);
}

/// Whether this signal, let in, has stopped us: then SIGCONT waits, which had us go on, or a stop that came after that and threw it away.
pub fn has_stopped_of(signal: Signal) -> bool {
    let pending = sys::pending_signals();
    let traces = [Signal::CONT, Signal::TSTP, Signal::TTIN, Signal::TTOU];
    signal == Signal::STOP || traces.into_iter().any(|trace| pending.contains(trace))
}

/// From now on and for as long as an ending may take, has us go on ten times a second, should somebody stop us.
///
/// Each time has a timer of its own. One that repeats begins its next period when its signal is received; a SIGSTOP throws a SIGCONT that waits
/// away, and then it never would be.
pub fn keep_awake() {
    const EVERY: Duration = Duration::from_millis(100);
    let times = 2 * GIVE_UP.as_millis() / EVERY.as_millis();
    for time in 1..=times as u32 {
        sys::signal_after(Signal::CONT, EVERY * time);
    }
}
