//! `orphans`, the second program: finds the orphans that are there already, tells how it knows, and ends them.
//!
//! [`scan`] looks at all processes once and makes a [`snapshot`], [`evidence`] judges it, [`reason`] puts that into words. The commands, [`list`],
//! [`check`], [`end`] and [`watch`], show or use it.

pub mod check;
pub mod cli;
pub mod columns;
pub mod end;
pub mod events;
pub mod evidence;
pub mod guard_id;
pub mod json;
pub mod list;
mod one_line;
pub mod orphan;
pub mod reason;
pub mod scan;
pub mod snapshot;
pub mod table;
pub mod trade;
pub mod unit;
pub mod users;
pub mod watch;

use std::ffi::OsString;
use std::io::{self, Write};

use crate::cli::Verbosity;
use crate::sys;
use crate::voice::{self, Voice};
use cli::{FAILED, Request};
use users::Users;

/// What we are called in our messages.
const NAME: &str = "orphans";

/// The whole program, from its arguments (its name included) to its exit status.
pub fn run(arguments: &[OsString]) -> u8 {
    let voice = Voice::of(NAME, Verbosity::Normal);
    let users = Users::of_this_machine();
    match cli::parse(arguments, &users) {
        Ok(Request::List(selection, format)) => list::run(&voice, &users, &selection, format),
        Ok(Request::Check { pid, verbose }) => check::run(&voice, pid, verbose),
        Ok(Request::End(request)) => end::run(&users, &request),
        Ok(Request::Watch(request)) => watch::run(&voice, &users, &request),
        Ok(Request::Print(text)) => u8::from(!print(&voice, &text)) * FAILED,
        Err(error) => {
            voice.error(format_args!("{}", error.message));
            error.status
        }
    }
}

/// Writes to standard output; whether all of it got there. A reader that has gone (`orphans | head`) has had enough, which is no failure.
fn print(voice: &Voice, text: &str) -> bool {
    match write(text) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => true,
        Err(error) => {
            voice.error(format_args!("cannot write to standard output: {}", voice::reason(&error)));
            false
        }
    }
}

/// Writes to standard output, all at once and now.
fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// How many columns a line may have: the terminal's, none where it is no terminal.
fn width() -> Option<usize> {
    sys::terminal_width()
}
