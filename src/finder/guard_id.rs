//! What a guard leaves in the environment of its job: `ORPHANGUARD_ID`.

use std::fmt;

use crate::sys::Pid;

/// The variable's name and the `=` after it.
pub const ENTRY: &[u8] = b"ORPHANGUARD_ID=";

/// The value of `ORPHANGUARD_ID`: `<guard's PID>.<clock ticks since boot at which it took the job>.<COMMAND's PID>`.
///
/// A process that has the guard's number is that guard if and only if it started no later than that moment, for a later owner of
/// the number had to wait for the guard's end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct GuardId {
    /// The guard's PID, as its own PID namespace counts.
    pub pid: Pid,
    /// When it took the job, in clock ticks since boot.
    pub taken: u64,
    /// Its COMMAND's PID, in the same PID namespace.
    pub command: Pid,
}

impl GuardId {
    /// Reads the value; anything else is no guard's.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let mut numbers = value.split(|&b| b == b'.').map(number);
        let pid = pid(numbers.next()??)?;
        let taken = numbers.next()??;
        let command = self::pid(numbers.next()??)?;
        numbers.next().is_none().then_some(Self { pid, taken, command })
    }
}

fn pid(number: u64) -> Option<Pid> {
    number.try_into().ok().filter(|&pid| pid > 0)
}

/// Digits and nothing else.
fn number(text: &[u8]) -> Option<u64> {
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    is_number.then(|| std::str::from_utf8(text).ok()?.parse().ok()).flatten()
}

impl fmt::Display for GuardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.pid, self.taken, self.command)
    }
}

/// Which guard `--guard` means: all that had this PID, or the one of this ID.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GuardFilter {
    /// Every guard of this PID.
    Pid(Pid),
    /// This one.
    Id(GuardId),
}

impl GuardFilter {
    /// Reads a PID, or an ID as `ORPHANGUARD_ID` has it.
    pub fn parse(text: &str) -> Option<Self> {
        let pid = || text.parse().ok().filter(|&pid: &Pid| pid > 0 && number(text.as_bytes()).is_some());
        GuardId::parse(text.as_bytes()).map(Self::Id).or_else(|| pid().map(Self::Pid))
    }

    /// Whether this guard is meant.
    pub fn means(self, guard: GuardId) -> bool {
        match self {
            Self::Pid(pid) => guard.pid == pid,
            Self::Id(id) => guard == id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_what_it_prints() {
        let id = GuardId { pid: 4711, taken: 123_456, command: 4712 };
        assert_eq!(GuardId::parse(id.to_string().as_bytes()), Some(id));
    }

    #[test]
    fn what_no_guard_has_written_is_no_id() {
        for value in [
            "",
            ".",
            "..",
            "4711",
            "4711.5",
            "4711.5.",
            "4711..6",
            ".5.6",
            "0.5.6",
            "-1.5.6",
            "+1.5.6",
            "4711.5.0",
            "4711.5.6.7",
            "a.b.c",
        ] {
            assert_eq!(GuardId::parse(value.as_bytes()), None, "{value:?}");
        }
        assert_eq!(GuardId::parse(b"99999999999.5.6"), None);
        assert_eq!(GuardId::parse(b"4711.99999999999999999999.6"), None);
        assert_eq!(GuardId::parse(b"4711.5.\xff"), None);
    }

    #[test]
    fn a_filter_is_a_pid_or_an_id() {
        let id = GuardId { pid: 4711, taken: 5, command: 4712 };
        assert!(GuardFilter::parse("4711").unwrap().means(id));
        assert!(GuardFilter::parse("4711.5.4712").unwrap().means(id));
        assert!(!GuardFilter::parse("4711.6.4712").unwrap().means(id));
        assert!(!GuardFilter::parse("471").unwrap().means(id));
        for text in ["", "0", "-4711", "+4711", "x", "4711.", "4711.5"] {
            assert_eq!(GuardFilter::parse(text), None, "{text:?}");
        }
    }
}
