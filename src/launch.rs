//! Starts COMMAND: a process that shares our memory until it calls exec, as vfork(2), so that nothing is copied; it puts back what was
//! inherited, and an exec that fails is told as such, never as an exit status.

use std::ffi::{CStr, OsStr};
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use nix::sys::prctl;
use nix::unistd::{Pid as NixPid, getpgrp, getpid, getppid, setpgid, setsid};

use crate::early;
use crate::entry::Entry;
use crate::inherited::Inherited;
use crate::place::Place;
use crate::signal::{Signal, SignalSet};
use crate::status::{FAILED, NOT_FOUND, NOT_RUNNABLE};
use crate::sys::{self, CStrings, Environment, Pid};
use crate::terminal::Terminal;
use crate::voice::{readable, reason};

/// How COMMAND is started.
pub struct Launch<'a> {
    /// Its `argv`; the first is searched in PATH.
    pub argv: CStrings,
    /// What it shall find as we found it.
    pub inherited: &'a Inherited,
    /// Its process group.
    pub place: Place,
    /// The terminal to hand to its new group, where it is the caller's in the foreground.
    pub terminal: Option<&'a Terminal>,
    /// The caller's group, to which the terminal goes back where COMMAND could not be run.
    pub caller_group: Pid,
    /// What the kernel sends it when we die.
    pub pdeathsig: Option<Signal>,
    /// Whether it can gain privileges.
    pub no_new_privs: bool,
    /// The PID of the process that the caller started: where `LISTEN_PID` names it, COMMAND is meant, and so it is by a signal that waits for it.
    pub started: Pid,
}

/// COMMAND runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Started {
    /// Its PID.
    pub pid: Pid,
    /// Its process group, where that is the job's alone. Once nobody is in there, its number may be another's.
    pub group: Option<Pid>,
    /// What the terminal sent before it was in the caller's group: see [`early`].
    pub missed: SignalSet,
}

/// What COMMAND's process tells us before it calls exec.
#[derive(Clone, Copy, Default)]
struct Told {
    missed: SignalSet,
    group: Option<Pid>,
    /// The process that has made its group, where it leads none; to be reaped.
    group_maker: Pid,
    /// What is to stop COMMAND, as it came before that could run.
    stop: Option<Signal>,
}

/// Why COMMAND does not run.
#[derive(Debug)]
pub enum LaunchError {
    /// No process could be made.
    Fork(io::Error),
    /// It could not be run.
    Exec(ExecError),
}

impl LaunchError {
    /// The exit status that tells of it.
    pub fn status(&self) -> u8 {
        match self {
            Self::Fork(_) => FAILED,
            Self::Exec(error) => error.status(),
        }
    }

    /// What is wrong, in a line.
    pub fn message(&self) -> String {
        match self {
            Self::Fork(error) => format!("cannot start a process: {}", reason(error)),
            Self::Exec(error) => error.message(),
        }
    }
}

/// Why exec failed.
#[derive(Debug)]
pub struct ExecError {
    command: &'static CStr,
    errno: i32,
}

impl ExecError {
    /// 127 where it was not found, 126 where it was and could not be run, as shells and env(1) have it.
    fn status(&self) -> u8 {
        if self.errno == libc::ENOENT { NOT_FOUND } else { NOT_RUNNABLE }
    }

    fn message(&self) -> String {
        let name = readable(self.command.to_bytes());
        let why = reason(&io::Error::from_raw_os_error(self.errno));
        let file = find(self.command);
        match self.errno {
            libc::ENOENT if file.is_some() => {
                format!("cannot run '{name}': the interpreter in its #! line, or its dynamic loader, does not exist")
            }
            libc::ENOENT if name.is_empty() => "cannot run '': the command's name is empty".into(),
            libc::ENOENT if !name.contains('/') => format!("cannot run '{name}': not found in PATH"),
            libc::EACCES if file.as_ref().is_some_and(|file| file.is_dir()) => {
                format!("cannot run '{name}': it is a directory")
            }
            _ => format!("cannot run '{name}': {why}"),
        }
    }
}

/// The file that a command's name means, where there is one.
fn find(command: &CStr) -> Option<PathBuf> {
    let name = OsStr::from_bytes(command.to_bytes());
    if name.is_empty() {
        return None;
    }
    if command.to_bytes().contains(&b'/') {
        return Some(PathBuf::from(name)).filter(|file| file.symlink_metadata().is_ok());
    }
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/bin:/usr/bin".into());
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.exists())
}

/// By this the processes of a guard are known, and COMMAND among them.
pub const ID: &[u8] = b"ORPHANGUARD_ID=";
const LISTEN_PID: &[u8] = b"LISTEN_PID=";
/// What execvpe(3) and we need of stack, besides the arguments that it copies to run a script without `#!`.
const STACK: usize = 64 * 1024;
/// What one needs that makes a process group and ends.
const MAKERS_STACK: usize = 8 * 1024;

/// Puts this process, which is COMMAND's, into a new process group without leading it. A group has the number of the process that made it, and
/// lasts as long as it has a member: one that has ended and is not reaped is member enough for us to join. The answer is that process, for the
/// guard to reap, whose child it is; 0 where none can be made, and COMMAND leads its group after all. Async-signal-safe, allocates nothing.
#[inline(never)]
fn join_leaderless_group() -> Pid {
    let ourselves = NixPid::from_raw(0);
    let mut stack = [MaybeUninit::uninit(); MAKERS_STACK];
    let maker = sys::vfork_sibling(&mut stack, &mut || u8::from(setpgid(ourselves, ourselves).is_err())).unwrap_or(0);
    if maker == 0 || setpgid(ourselves, NixPid::from_raw(maker)).is_err() {
        let _ = setpgid(ourselves, ourselves);
    }
    maker
}

impl Launch<'_> {
    /// Starts COMMAND. `id` is its entry of the name [`ID`], without COMMAND's own PID, which is its end.
    ///
    /// # Errors
    /// [`LaunchError`]
    pub fn start(&self, id: Entry) -> Result<Started, LaunchError> {
        let mut environment = self.environment(id);
        let mut stack: Vec<u8> = Vec::with_capacity(STACK + self.argv.count() * size_of::<usize>());
        let guard = getpid();
        let (mut errno, mut told) = (0, Told::default());
        let mut child = || {
            errno = self.become_command(guard, &mut environment, &mut told);
            NOT_RUNNABLE
        };
        let pid = sys::vfork(stack.spare_capacity_mut(), &mut child).map_err(LaunchError::Fork)?;
        // The other process wrote them while we waited, which the compiler cannot know.
        let Told { missed, group, group_maker, stop } = std::hint::black_box(told);
        if group_maker != 0 {
            let _ = sys::wait_for(group_maker);
        }
        match std::hint::black_box(errno) {
            0 => {
                if let Some(stop) = stop {
                    let _ = sys::kill(pid, Some(stop));
                }
                Ok(Started { pid, group, missed })
            }
            errno => {
                if let Some(terminal) = self.terminal {
                    terminal.hand_over(pid, self.caller_group);
                }
                let _ = sys::wait_for(pid);
                let command = self.argv.first().unwrap_or_default();
                Err(LaunchError::Exec(ExecError { command, errno }))
            }
        }
    }

    /// COMMAND's environment: ours, byte for byte, but for the guard's ID, and `LISTEN_PID` where that means us (sd_listen_fds(3)).
    fn environment(&self, id: Entry) -> Environment<'static> {
        let ours = CStrings::environment();
        let means_us = |entry: &CStr| {
            let value = entry.to_bytes().strip_prefix(LISTEN_PID);
            value.and_then(|value| std::str::from_utf8(value).ok()?.parse().ok()) == Some(self.started)
        };
        let listens = ours.iter().any(means_us);
        let kept = ours.iter().filter(|entry| {
            let is_one_of = |names: &[&[u8]]| names.iter().any(|name| entry.to_bytes().starts_with(name));
            // LISTEN_PIDFDID names the same process by another number of its own.
            let is_replaced = is_one_of(&[ID]) || (listens && is_one_of(&[LISTEN_PID, b"LISTEN_PIDFDID="]));
            !is_replaced
        });
        Environment::new(kept, [Some(id), listens.then(|| Entry::new(LISTEN_PID))])
    }

    /// Runs in the new process, in our memory. Returns only where COMMAND cannot be run, with the error number.
    fn become_command(&self, guard: NixPid, environment: &mut Environment<'_>, told: &mut Told) -> i32 {
        let me = getpid();
        let myself = NixPid::from_raw(0);
        // EPERM: the caller's group is in another session, or gone. COMMAND runs all the same, in the guard's group.
        let _ = match self.place {
            Place::NewGroup => setpgid(myself, myself),
            Place::Leaderless => {
                told.group_maker = join_leaderless_group();
                Ok(())
            }
            Place::Group(group) => setpgid(myself, NixPid::from_raw(group)),
            Place::NewSession => setsid().map(drop),
        };
        if self.place.is_callers() {
            told.missed = early::missed(self.started);
        } else {
            told.group = Some(getpgrp().as_raw());
        }
        if let Some(terminal) = self.terminal {
            // Before COMMAND can read from it; and only if it is the caller's: from the background it would throw the shell out.
            terminal.hand_over(self.caller_group, me.as_raw());
        }
        if let Some(signal) = self.pdeathsig {
            sys::set_parent_death_signal(signal);
            // It may have died before that: then the kernel has nothing to tell any more. None is seen where COMMAND is the first of a PID namespace
            // that the caller has made for its children (unshare(2)), and the guard outside.
            let parent = getppid();
            if parent != guard && parent.as_raw() != 0 {
                return libc::ESRCH;
            }
        }
        if self.no_new_privs
            && let Err(error) = prctl::set_no_new_privs()
        {
            return error as i32;
        }
        if self.place.is_callers() || self.terminal.is_some() {
            told.stop = early::take_stop(self.inherited.mask());
        }
        self.inherited.give_back();
        sys::exec(self.argv, environment, me.as_raw())
    }
}
