//! Lets go of processes that have made us their tracer: a child that asks for it (`PTRACE_TRACEME`, ptrace(2)) stops at its next signal, or
//! exec, until its parent has it go on. We are no debugger.

use crate::signal::Signal;
use crate::status::Change;
use crate::sys::{self, Pid};
use crate::tree::Stat;

/// Whether a child's change was a stop for its tracer, us; then it goes on, and gets the signal that was kept back for us to see.
pub fn let_go(pid: Pid, change: Change) -> bool {
    let Change::Stopped(signal) = change else { return false };
    let is_stop = signal == Signal::STOP || signal.is_terminal_stop();
    // `t` is a stop for a tracer, `T` one for everybody (proc_pid_stat(5)). Signals that stop nobody leave no doubt.
    if is_stop && !Stat::of(pid).is_ok_and(|stat| stat.state == b't') {
        return false;
    }
    let is_exec = signal.number() == libc::SIGTRAP;
    sys::detach(pid, (!is_exec).then_some(signal));
    true
}
