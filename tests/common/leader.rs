//! A command that leads a session on a terminal, as one does that a terminal's window runs.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::{Running, start};

/// Starts a command as the leader of a session whose controlling terminal is new, and its standard input. Gives the keyboard besides; the
/// terminal hangs up when that is dropped.
pub fn on_a_terminal(command: &mut Command) -> (Running, File) {
    let keyboard = give_terminal(command);
    (start(command), keyboard)
}

/// The same for a command that is to be started.
pub fn give_terminal(command: &mut Command) -> File {
    let (keyboard, terminal) = open_terminal();
    lead_session(command.stdin(terminal));
    keyboard
}

/// A new terminal: the side of its keyboard and its screen, and the side of its programs.
pub fn open_terminal() -> (File, File) {
    // Closed on exec from the first moment on: a keyboard that another test's process holds would keep the terminal from hanging up.
    let keyboard = File::options().read(true).write(true).custom_flags(libc::O_NOCTTY).open("/dev/ptmx").unwrap();
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    assert_eq!(unsafe { libc::unlockpt(keyboard.as_raw_fd()) }, 0, "{}", io::Error::last_os_error());
    let terminal = unsafe { libc::ioctl(keyboard.as_raw_fd(), libc::TIOCGPTPEER, flags) };
    assert!(terminal >= 0, "cannot open the terminal: {}", io::Error::last_os_error());
    (keyboard, unsafe { File::from_raw_fd(terminal) })
}

/// Has the command lead a session whose controlling terminal is its standard input.
pub fn lead_session(command: &mut Command) {
    let become_leader = || {
        let leads = unsafe { libc::setsid() } >= 0;
        let has_terminal = leads && unsafe { libc::ioctl(0, libc::TIOCSCTTY, 0) } == 0;
        if has_terminal { Ok(()) } else { Err(io::Error::last_os_error()) }
    };
    unsafe { command.pre_exec(become_leader) };
}
