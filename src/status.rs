//! How a command ended, and how we end after it.

use crate::signal::Signal;

/// Exit status of a job that ran into its time limit, as timeout(1).
pub const TIMED_OUT: u8 = 124;
/// Exit status where orphanguard itself failed: bad usage, report not writable, no fork.
pub const FAILED: u8 = 125;
/// Exit status where COMMAND was found and could not be run.
pub const NOT_RUNNABLE: u8 = 126;
/// Exit status where COMMAND was not found.
pub const NOT_FOUND: u8 = 127;
/// Exit status where SIGKILL had to be used, or one of our own processes was killed: 128 + 9.
pub const KILLED: u8 = 137;

/// How a process ended, from its wait status (wait(2)).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// It called `exit` with this code.
    Exited(u8),
    /// A signal ended it.
    Signaled {
        /// Which one.
        signal: Signal,
        /// Whether it left a core file.
        core_dumped: bool,
    },
}

impl Ended {
    /// The status a shell would show: the exit code, or 128 + the signal's number.
    pub fn status(self) -> u8 {
        match self {
            Self::Exited(code) => code,
            Self::Signaled { signal, .. } => 128 + signal.number() as u8,
        }
    }
}

/// What a wait status says of a child (wait(2)).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// It ended, and is reaped.
    Ended(Ended),
    /// A signal stopped it.
    Stopped(Signal),
    /// SIGCONT made it go on.
    Continued,
}

impl Change {
    /// Decodes the `int` that wait(2) fills in. Realtime signals included, which is where other decoders fail.
    pub fn from_wait_status(status: i32) -> Self {
        if libc::WIFCONTINUED(status) {
            return Self::Continued;
        }
        if libc::WIFSTOPPED(status) {
            // The upper half of a ptrace stop is above the eight bits of WSTOPSIG.
            return Self::Stopped(Signal::new(libc::WSTOPSIG(status) & 0x7f).unwrap_or(Signal::STOP));
        }
        if libc::WIFEXITED(status) {
            return Self::Ended(Ended::Exited(libc::WEXITSTATUS(status) as u8));
        }
        Self::Ended(Ended::Signaled {
            signal: Signal::new(libc::WTERMSIG(status)).unwrap_or(Signal::KILL),
            core_dumped: libc::WCOREDUMP(status),
        })
    }
}

/// How we end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// With this exit code.
    Code(u8),
    /// By raising this signal in ourselves, after COMMAND died of it.
    Signal(Signal),
}

/// `--exit-by-signal`
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ExitBySignal {
    /// Die of COMMAND's signal, but as PID 1 exit 128+n: the kernel drops a signal that PID 1 raises in itself.
    #[default]
    Auto,
    /// Die of COMMAND's signal.
    Raise,
    /// Exit 128+n.
    Code,
}

/// The rules by which COMMAND's end becomes ours.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// `--exit-by-signal`
    pub by_signal: ExitBySignal,
    /// `--map-status FROM=TO`, in the order given; the last one for a status counts. Death by signal n is 128 + n.
    pub map: Vec<(u8, u8)>,
    /// `--orphan-status CODE`
    pub orphan_status: Option<u8>,
    /// `--preserve-status`
    pub preserve: bool,
    /// Whether we are PID 1 of our PID namespace.
    pub is_init: bool,
}

/// What happened to the job, as far as our exit status depends on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Circumstances {
    /// The time limit ended it.
    pub timed_out: bool,
    /// COMMAND was still there when the grace was over, and we sent it SIGKILL.
    pub command_killed: bool,
    /// COMMAND left processes behind that are not spared.
    pub left_orphans: bool,
}

impl Rules {
    /// How we end where COMMAND ended like this.
    pub fn exit(&self, ended: Ended, so: Circumstances) -> Exit {
        if so.timed_out && !self.preserve {
            return Exit::Code(if so.command_killed { KILLED } else { TIMED_OUT });
        }
        let exit = match self.map.iter().rev().find(|(from, _)| *from == ended.status()) {
            Some(&(_, to)) => Exit::Code(to),
            None => self.unmapped(ended),
        };
        match self.orphan_status {
            Some(code) if exit == Exit::Code(0) && so.left_orphans => Exit::Code(code),
            _ => exit,
        }
    }

    fn unmapped(&self, ended: Ended) -> Exit {
        match ended {
            Ended::Exited(code) => Exit::Code(code),
            Ended::Signaled { signal, .. } => {
                let raise = match self.by_signal {
                    ExitBySignal::Auto => !self.is_init,
                    ExitBySignal::Raise => true,
                    ExitBySignal::Code => false,
                };
                if raise { Exit::Signal(signal) } else { Exit::Code(ended.status()) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Circumstances = Circumstances { timed_out: false, command_killed: false, left_orphans: false };

    fn died_of(signal: Signal) -> Ended {
        Ended::Signaled { signal, core_dumped: false }
    }

    #[test]
    fn without_options_every_code_and_signal_is_passed_on() {
        let rules = Rules::default();
        for code in 0..=255 {
            assert_eq!(rules.exit(Ended::Exited(code), NOTHING), Exit::Code(code));
        }
        for signal in Signal::all() {
            assert_eq!(rules.exit(died_of(signal), NOTHING), Exit::Signal(signal));
        }
    }

    #[test]
    fn pid_1_exits_128_plus_n_unless_told_to_raise() {
        let mut rules = Rules { is_init: true, ..Rules::default() };
        assert_eq!(rules.exit(died_of(Signal::TERM), NOTHING), Exit::Code(143));
        rules.by_signal = ExitBySignal::Raise;
        assert_eq!(rules.exit(died_of(Signal::TERM), NOTHING), Exit::Signal(Signal::TERM));
    }

    #[test]
    fn a_map_sees_death_by_signal_as_a_shell_does() {
        let rules = Rules { map: vec![(143, 0)], ..Rules::default() };
        assert_eq!(rules.exit(died_of(Signal::TERM), NOTHING), Exit::Code(0));
        assert_eq!(rules.exit(died_of(Signal::KILL), NOTHING), Exit::Signal(Signal::KILL));
    }

    #[test]
    fn a_map_changes_one_code_and_the_last_entry_counts() {
        let rules = Rules { map: vec![(143, 0), (3, 4), (3, 5)], ..Rules::default() };
        assert_eq!(rules.exit(Ended::Exited(143), NOTHING), Exit::Code(0));
        assert_eq!(rules.exit(Ended::Exited(3), NOTHING), Exit::Code(5));
        assert_eq!(rules.exit(Ended::Exited(4), NOTHING), Exit::Code(4));
    }

    #[test]
    fn orphans_change_a_success_only() {
        let rules = Rules { orphan_status: Some(9), ..Rules::default() };
        let left = Circumstances { left_orphans: true, ..NOTHING };
        assert_eq!(rules.exit(Ended::Exited(0), left), Exit::Code(9));
        assert_eq!(rules.exit(Ended::Exited(0), NOTHING), Exit::Code(0));
        assert_eq!(rules.exit(Ended::Exited(2), left), Exit::Code(2));
        assert_eq!(rules.exit(died_of(Signal::INT), left), Exit::Signal(Signal::INT));
    }

    #[test]
    fn a_timeout_is_124_or_137_or_what_the_command_said() {
        let out = Circumstances { timed_out: true, ..NOTHING };
        let killed = Circumstances { command_killed: true, ..out };
        let mut rules = Rules::default();
        assert_eq!(rules.exit(died_of(Signal::TERM), out), Exit::Code(124));
        assert_eq!(rules.exit(Ended::Exited(0), out), Exit::Code(124));
        assert_eq!(rules.exit(died_of(Signal::KILL), killed), Exit::Code(137));
        rules.preserve = true;
        assert_eq!(rules.exit(Ended::Exited(3), out), Exit::Code(3));
    }

    #[test]
    fn wait_statuses_decode_realtime_signals_and_cores_too() {
        assert_eq!(Change::from_wait_status(0x0300), Change::Ended(Ended::Exited(3)));
        assert_eq!(Change::from_wait_status(64), Change::Ended(died_of(Signal::new(64).unwrap())));
        let core = Ended::Signaled { signal: Signal::new(11).unwrap(), core_dumped: true };
        assert_eq!(Change::from_wait_status(0x8b), Change::Ended(core));
        assert_eq!(Change::from_wait_status(0x137f), Change::Stopped(Signal::STOP));
        assert_eq!(Change::from_wait_status(0xffff), Change::Continued);
    }
}
