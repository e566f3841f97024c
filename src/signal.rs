//! A signal: a number from 1 to 64 with its name, and sets of them.
//!
//! Numbers and names are those of signal(7). 32 and 33 have no name of their own (the C library keeps them to
//! itself, yet the kernel delivers them as it does all others), so they are `32` and `33` here.

use std::fmt;

use nix::sys::signal::Signal as Standard;

use crate::nearest::nearest;

/// The first realtime signal as the C library counts them; `RTMIN+n` starts here (signal(7)).
const RTMIN: u8 = 34;
/// The highest signal number on Linux.
const RTMAX: u8 = 64;

/// A signal number from 1 to 64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(u8);

/// Why a word is not a signal, with the name that comes nearest, if any comes near.
#[derive(Debug, PartialEq, Eq)]
pub struct UnknownSignal {
    /// The name that was probably meant.
    pub nearest: Option<String>,
}

impl Signal {
    /// Hang-up of the terminal.
    pub const HUP: Self = Self(libc::SIGHUP as u8);
    /// Interrupt from the keyboard.
    pub const INT: Self = Self(libc::SIGINT as u8);
    /// Quit from the keyboard.
    pub const QUIT: Self = Self(libc::SIGQUIT as u8);
    /// Cannot be caught, blocked or ignored: the end.
    pub const KILL: Self = Self(libc::SIGKILL as u8);
    /// Please end.
    pub const TERM: Self = Self(libc::SIGTERM as u8);
    /// A child ended, stopped or went on.
    pub const CHLD: Self = Self(libc::SIGCHLD as u8);
    /// Go on, if stopped.
    pub const CONT: Self = Self(libc::SIGCONT as u8);
    /// Cannot be caught, blocked or ignored: stop.
    pub const STOP: Self = Self(libc::SIGSTOP as u8);
    /// Stop from the keyboard.
    pub const TSTP: Self = Self(libc::SIGTSTP as u8);
    /// A background process read from its terminal.
    pub const TTIN: Self = Self(libc::SIGTTIN as u8);
    /// A background process wrote to its terminal.
    pub const TTOU: Self = Self(libc::SIGTTOU as u8);
    /// The terminal has a new size.
    pub const WINCH: Self = Self(libc::SIGWINCH as u8);

    /// The signal with this number, where 1 to 64 is one.
    pub fn new(number: i32) -> Option<Self> {
        u8::try_from(number).ok().filter(|n| (1..=RTMAX).contains(n)).map(Self)
    }

    /// All of them, from 1 to 64.
    pub fn all() -> impl Iterator<Item = Self> {
        (1..=RTMAX).map(Self)
    }

    /// Its number, for system calls.
    pub fn number(self) -> i32 {
        i32::from(self.0)
    }

    /// Whether the kernel queues it, so that two sent are two received.
    pub fn is_realtime(self) -> bool {
        self.0 > 31
    }

    /// Whether its default action stops a process, and may be left undone in an orphaned process group (setpgid(2)).
    pub fn is_terminal_stop(self) -> bool {
        [Self::TSTP, Self::TTIN, Self::TTOU].contains(&self)
    }

    /// Reads `TERM`, `SIGTERM`, `term`, `15`, `RTMIN+3`, `RTMAX-1`.
    ///
    /// # Errors
    /// [`UnknownSignal`], with the nearest name, for anything else.
    pub fn parse(word: &str) -> Result<Self, UnknownSignal> {
        if !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit()) {
            return word.parse().ok().and_then(Self::new).ok_or(UnknownSignal { nearest: None });
        }
        let upper = word.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        realtime(name).or_else(|| synonym(name)).or_else(|| standard(name)).ok_or_else(|| unknown(name))
    }
}

/// `RTMIN`, `RTMIN+n`, `RTMAX`, `RTMAX-n`.
fn realtime(name: &str) -> Option<Signal> {
    let number = if let Some(rest) = name.strip_prefix("RTMIN") {
        RTMIN.checked_add(offset(rest, '+')?)?
    } else {
        RTMAX.checked_sub(offset(name.strip_prefix("RTMAX")?, '-')?)?
    };
    (RTMIN..=RTMAX).contains(&number).then_some(Signal(number))
}

fn offset(rest: &str, sign: char) -> Option<u8> {
    if rest.is_empty() { Some(0) } else { rest.strip_prefix(sign)?.parse().ok() }
}

/// Second names that signal(7) lists.
fn synonym(name: &str) -> Option<Signal> {
    match name {
        "CLD" => Some(Signal::CHLD),
        "IOT" => Signal::new(libc::SIGABRT),
        "POLL" => Signal::new(libc::SIGIO),
        _ => None,
    }
}

fn standard(name: &str) -> Option<Signal> {
    Standard::iterator().find(|s| s.as_str().strip_prefix("SIG") == Some(name)).and_then(|s| Signal::new(s as i32))
}

fn unknown(name: &str) -> UnknownSignal {
    let names = Standard::iterator().filter_map(|s| s.as_str().strip_prefix("SIG"));
    UnknownSignal { nearest: nearest(name, names).map(str::to_owned) }
}

/// `TERM`, `RTMIN+3`, `32`: the name without its `SIG`, as kill(1) prints it.
impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Standard::try_from(self.number()) {
            Ok(standard) => f.pad(standard.as_str().strip_prefix("SIG").unwrap_or_default()),
            Err(_) if self.0 == RTMIN => f.pad("RTMIN"),
            Err(_) if self.0 == RTMAX => f.pad("RTMAX"),
            Err(_) if self.0 > RTMIN => f.pad(&format!("RTMIN+{}", self.0 - RTMIN)),
            Err(_) => f.pad(&self.0.to_string()),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A set of signals in the kernel's own form: bit n-1 is signal n.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SignalSet(pub u64);

impl SignalSet {
    /// Every signal, 32 and 33 included, which the C library's `sigfillset` leaves out.
    pub const ALL: Self = Self(u64::MAX);

    /// Whether the signal is in the set.
    pub fn contains(self, signal: Signal) -> bool {
        self.0 & (1 << (signal.0 - 1)) != 0
    }

    /// The set with this signal.
    #[must_use]
    pub fn with(self, signal: Signal) -> Self {
        Self(self.0 | (1 << (signal.0 - 1)))
    }

    /// The set without this signal.
    #[must_use]
    pub fn without(self, signal: Signal) -> Self {
        Self(self.0 & !(1 << (signal.0 - 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signal_reads_back_what_it_prints() {
        for signal in Signal::all() {
            assert_eq!(Signal::parse(&signal.to_string()), Ok(signal));
            assert_eq!(Signal::parse(&signal.number().to_string()), Ok(signal));
        }
    }

    #[test]
    fn names_come_with_and_without_sig_and_in_any_case() {
        for word in ["TERM", "SIGTERM", "term", "sigterm", "Term", "15"] {
            assert_eq!(Signal::parse(word), Ok(Signal::TERM), "{word}");
        }
        assert_eq!(Signal::parse("rtmin+3").map(Signal::number), Ok(37));
        assert_eq!(Signal::parse("SIGRTMAX-1").map(Signal::number), Ok(63));
        assert_eq!(Signal::parse("CLD"), Ok(Signal::CHLD));
    }

    #[test]
    fn what_is_no_signal_is_refused_with_the_nearest_name() {
        for word in ["", "0", "65", "-1", "RTMIN+31", "RTMIN-1", "RTMAX+1", "99999999999", "TERM ", "SIG"] {
            assert!(Signal::parse(word).is_err(), "{word:?}");
        }
        assert_eq!(Signal::parse("TREM"), Err(UnknownSignal { nearest: Some("TERM".into()) }));
        assert_eq!(Signal::parse("sigkil"), Err(UnknownSignal { nearest: Some("KILL".into()) }));
        assert_eq!(Signal::parse("banana"), Err(UnknownSignal { nearest: None }));
    }

    #[test]
    fn a_set_holds_the_kernels_bits() {
        let set = SignalSet(1 << 14);
        assert!(set.contains(Signal::TERM));
        assert!(!set.contains(Signal::INT));
        assert_eq!(set.without(Signal::TERM), SignalSet::default());
        assert_eq!(SignalSet::default().with(Signal::TERM), set);
    }
}
