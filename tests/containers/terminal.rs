//! A terminal, as the user of `podman run --tty` has it.
#![allow(unsafe_code, clippy::undocumented_unsafe_blocks, clippy::multiple_unsafe_ops_per_block)]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::ptr;
use std::time::Instant;

use crate::common::{PATIENCE, wait_for};

pub struct Terminal {
    keyboard: File,
    child: Child,
    text: String,
}

impl Terminal {
    /// Starts the command as the leader of a session on a terminal of this size.
    pub fn start(command: &mut Command, (rows, columns): (u16, u16)) -> Self {
        let (mut master, mut slave) = (0, 0);
        let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let opened =
            unsafe { libc::openpty(&raw mut master, &raw mut slave, ptr::null_mut(), ptr::null(), &raw const size) };
        assert_eq!(opened, 0, "no terminal: {}", std::io::Error::last_os_error());
        unsafe { libc::fcntl(master, libc::F_SETFD, libc::FD_CLOEXEC) };
        let (keyboard, slave) = unsafe { (File::from_raw_fd(master), OwnedFd::from_raw_fd(slave)) };
        unsafe {
            command.pre_exec(|| {
                libc::setsid();
                libc::ioctl(0, libc::TIOCSCTTY, 0);
                Ok(())
            });
        }
        command.stdin(slave.try_clone().unwrap()).stdout(slave.try_clone().unwrap()).stderr(slave);
        let child = command.spawn().unwrap();
        // The command has the terminal open for as long as it lives, and then nobody could see its end.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self { keyboard, child, text: String::new() }
    }

    pub fn press(&mut self, key: u8) {
        self.keyboard.write_all(&[key]).unwrap();
    }

    pub fn resize(&self, rows: u16, columns: u16) {
        let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        assert_eq!(unsafe { libc::ioctl(self.keyboard.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) }, 0);
    }

    /// Reads until the text has come.
    pub fn expect(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.text.contains(text) {
            assert!(self.read(deadline), "{text:?} does not come, but {:?}", self.text);
        }
    }

    /// All that came, and how the command ended.
    pub fn end(mut self) -> (String, ExitStatus) {
        let deadline = Instant::now() + PATIENCE;
        while self.read(deadline) {}
        (self.text, wait_for("the command's end", || self.child.try_wait().unwrap()))
    }

    /// Whether more came.
    fn read(&mut self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now()).as_millis() as i32;
        let mut poll = libc::pollfd { fd: self.keyboard.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        if unsafe { libc::poll(&raw mut poll, 1, left) } != 1 {
            return false;
        }
        let mut buffer = [0; 4096];
        // EIO: nobody has the terminal open any more.
        let count = self.keyboard.read(&mut buffer).unwrap_or(0);
        self.text.push_str(&String::from_utf8_lossy(&buffer[..count]));
        count > 0
    }
}
