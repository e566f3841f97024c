//! Ends this process as COMMAND ended, stops it as COMMAND was stopped, and keeps it from being stopped for good.

use std::time::Duration;

use crate::plan::GIVE_UP;
use crate::signal::{Signal, SignalSet};
use crate::status::Exit;
use crate::sys::{self, Pid, SignalInfo};
use crate::tree::{Method, Stat};

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

/// What became of a stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop {
    /// We were stopped, and go on.
    Over,
    /// COMMAND went on before we stopped.
    Void,
    /// The kernel has not stopped us, for nobody could have us go on: the process group is orphaned (setpgid(2)).
    Refused,
}

/// Stops this process of the signal that stopped COMMAND, until somebody has us go on. There is no COMMAND where that has ended, and what it left is
/// waited for. Where COMMAND has a group of its own and the terminal was handed to that, the `whole_group` of ours is stopped, as the
/// terminal would have done: a script around us, a pipeline.
///
/// `goes_on` is asked once the stop is pending, where what happens from then on takes it back by SIGCONT.
pub fn stop(signal: Signal, command: Option<Pid>, whole_group: bool, goes_on: impl FnOnce() -> bool) -> Stop {
    if signal == Signal::STOP {
        // It cannot be pending; it takes effect at once.
        if has_gone_on(command) || goes_on() {
            return Stop::Void;
        }
        let _ = sys::kill(std::process::id() as Pid, Some(signal));
        return Stop::Over;
    }
    raise_blocked(signal);
    // What COMMAND was continued by before that may have been to continue us too, and is thrown away by the pending stop.
    if has_gone_on(command) || goes_on() {
        let _ = sys::kill(std::process::id() as Pid, Some(Signal::CONT));
        return Stop::Void;
    }
    if whole_group {
        let _ = sys::kill(0, Some(signal));
    }
    let_in(signal);
    // SIGCONT waits, which had us go on, or a stop that came after that and threw it away.
    let pending = sys::pending_signals();
    let traces = [Signal::CONT, Signal::TSTP, Signal::TTIN, Signal::TTOU];
    if traces.into_iter().any(|trace| pending.contains(trace)) { Stop::Over } else { Stop::Refused }
}

/// Whether COMMAND surely is stopped no more.
fn has_gone_on(command: Option<Pid>) -> bool {
    let Some(command) = command.filter(|_| Method::find().can_read()) else { return false };
    // Of a process whose first thread has ended, the others may be stopped.
    Stat::of(command).map_or(true, |stat| if stat.is_zombie() { stat.threads < 2 } else { !stat.is_stopped() })
}

/// Whether we have sent ourselves this signal, or the kernel did in our name: to stop, to go on, for a write that nobody reads. What else comes from
/// our number was sent before exec made us of our caller, and it is COMMAND's.
pub fn is_our_own(info: &SignalInfo) -> bool {
    let caused = [libc::SIGPIPE, libc::SIGXFSZ, libc::SIGCONT, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];
    info.sender == std::process::id() as Pid && info.code <= 0 && caused.contains(&(info.number as i32))
}

/// Makes a signal pending in this process with its default action, to take effect once it is let in.
fn raise_blocked(signal: Signal) {
    sys::set_ignored(signal, false);
    let _ = sys::kill(std::process::id() as Pid, Some(signal));
}

/// Lets a pending signal in, and blocks all again when it has had its effect.
fn let_in(signal: Signal) {
    sys::set_signal_mask(SignalSet::ALL.without(signal));
    sys::set_signal_mask(SignalSet::ALL);
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
