//! What sentinel and guard tell each other, over a pair of sockets that keep messages apart.
//!
//! From the sentinel come signals, with all that the kernel said of them; from the guard comes that COMMAND runs, and the outcome. The end of
//! either process shows as end-of-file at the other's side. Stopping and going on, which has an order to keep with signals, is told
//! by a queued signal instead: see [`Request`].

use std::io;
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair};
use nix::unistd::getppid;

use crate::signal::Signal;
use crate::status::Exit;
use crate::sys::{self, Pid, SignalInfo};

/// One side of the channel.
pub struct Channel(OwnedFd);

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub enum Received<T> {
    /// A message.
    Message(T),
    /// Nothing yet.
    Nothing,
    /// The other side is gone.
    End,
}

impl Channel {
    /// Two connected sides, neither of which is descriptor 0, 1 or 2, both closed on exec.
    ///
    /// # Errors
    /// As socketpair(2).
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
        Ok((Self(sys::above_stderr(one)?), Self(sys::above_stderr(other)?)))
    }

    /// Its descriptor, to be kept open.
    pub fn descriptor(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    fn send(&self, message: &[u8]) -> Result<(), Errno> {
        send(self.descriptor(), message, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL).map(drop)
    }

    fn receive<const N: usize>(&self) -> Received<[u8; N]> {
        let mut message = [0; N];
        let mut take = || recv(self.descriptor(), &mut message, MsgFlags::MSG_DONTWAIT);
        // The other side ended without having read all that we sent. That is told once, and ahead of what it sent before it ended.
        let taken = take().or_else(|error| if error == Errno::ECONNRESET { take() } else { Err(error) });
        match taken {
            Ok(length) if length == N => Received::Message(message),
            Err(Errno::EAGAIN | Errno::EINTR) => Received::Nothing,
            Ok(_) | Err(_) => Received::End,
        }
    }

    /// Whether there is something to receive, be it the end.
    pub fn is_readable(&self) -> bool {
        recv(self.descriptor(), &mut [0], MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_PEEK) != Err(Errno::EAGAIN)
    }

    /// Sends a signal to the guard. False where there is no room for it yet.
    pub fn send_signal(&self, signal: &Taken) -> bool {
        self.send(&encode(signal)) != Err(Errno::EAGAIN)
    }

    /// Takes the next signal that the sentinel sent.
    pub fn receive_signal(&self) -> Received<Taken> {
        match self.receive() {
            Received::Message(message) => Received::Message(decode(&message)),
            Received::Nothing => Received::Nothing,
            Received::End => Received::End,
        }
    }

    /// Tells the sentinel something.
    pub fn tell(&self, message: &FromGuard) {
        // The sentinel is gone: nobody is left to hear of it.
        let _ = self.send(&message.encode());
    }

    /// Takes what the guard has told.
    pub fn hear(&self) -> Received<FromGuard> {
        match self.receive() {
            Received::Message(message) => FromGuard::decode(message).map_or(Received::End, Received::Message),
            Received::Nothing => Received::Nothing,
            Received::End => Received::End,
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// What the guard tells the sentinel, each once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FromGuard {
    /// COMMAND runs, and has this PID.
    Started(Pid),
    /// All is over: end like this.
    Over(Exit),
}

impl FromGuard {
    fn encode(self) -> [u8; 5] {
        let (kind, value) = match self {
            Self::Started(pid) => (0, pid as u32),
            Self::Over(Exit::Code(code)) => (1, u32::from(code)),
            Self::Over(Exit::Signal(signal)) => (2, signal.number() as u32),
        };
        let [a, b, c, d] = value.to_ne_bytes();
        [kind, a, b, c, d]
    }

    fn decode([kind, value @ ..]: [u8; 5]) -> Option<Self> {
        let value = u32::from_ne_bytes(value);
        match kind {
            0 => Some(Self::Started(value as Pid)),
            1 => Some(Self::Over(Exit::Code(value as u8))),
            _ => Signal::new(value as i32).map(|signal| Self::Over(Exit::Signal(signal))),
        }
    }
}

/// A signal as the sentinel took it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Taken {
    /// What the kernel said of it.
    pub info: SignalInfo,
    /// How many requests to stop the sentinel had followed by then. It tells a signal that belongs to an earlier stop from one that
    /// belongs to this one.
    pub stops: u32,
    /// Whether the sentinel has sent it to COMMAND itself.
    pub is_sent: bool,
}

const LENGTH: usize = size_of::<SignalInfo>() + 2 * size_of::<u32>();

fn encode(Taken { info, stops, is_sent }: &Taken) -> [u8; LENGTH] {
    let mut message = [0; LENGTH];
    message[0..4].copy_from_slice(&info.number.to_ne_bytes());
    message[4..8].copy_from_slice(&info.code.to_ne_bytes());
    message[8..12].copy_from_slice(&info.sender.to_ne_bytes());
    message[12..16].copy_from_slice(&info.user.to_ne_bytes());
    message[16..24].copy_from_slice(&info.value.to_ne_bytes());
    message[24..28].copy_from_slice(&stops.to_ne_bytes());
    message[28..32].copy_from_slice(&u32::from(*is_sent).to_ne_bytes());
    message
}

fn decode(message: &[u8; LENGTH]) -> Taken {
    let word = |at: usize| u32::from_ne_bytes(std::array::from_fn(|n| message[at + n]));
    let info = SignalInfo {
        number: word(0),
        code: word(4) as i32,
        sender: word(8) as Pid,
        user: word(12),
        value: u64::from_ne_bytes(std::array::from_fn(|n| message[16 + n])),
    };
    Taken { info, stops: word(24), is_sent: word(28) != 0 }
}

/// What the guard asks of the sentinel while the job goes on. It travels as a queued realtime signal, so that requests keep their order
/// among each other, and can be told from a user's signals by their sender and value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Request {
    /// Stop, of this signal, as COMMAND did, which has this PID; as what it left does, where it has ended.
    Stop(Signal, Option<Pid>),
    /// Go on: COMMAND does.
    Wake,
}

/// What the upper half of a request's value says: `og`, and which one; the lower half is its number.
const STOP: u64 = 0x6f67_0001_0000_0000;
const WAKE: u64 = 0x6f67_0002_0000_0000;
const NUMBER: u64 = 0xffff_ffff;

impl Request {
    /// Sends it to the sentinel, if that lives: once it does not, its number may be a stranger's.
    ///
    /// # Errors
    /// EAGAIN where the user has as many signals queued as RLIMIT_SIGPENDING allows, ESRCH where the sentinel is gone.
    pub fn send(self, sentinel: Pid) -> io::Result<()> {
        if getppid().as_raw() != sentinel {
            return Err(Errno::ESRCH.into());
        }
        let value = match self {
            // A PID has 22 bits at the most (proc_sys_kernel(5), pid_max).
            Self::Stop(signal, pid) => STOP | (pid.unwrap_or(0) as u64) << 8 | signal.number() as u64,
            Self::Wake => WAKE,
        };
        let info = SignalInfo {
            number: Self::signal().number() as u32,
            code: libc::SI_QUEUE,
            sender: std::process::id() as Pid,
            user: 0,
            value,
        };
        let queued = sys::queue_signal(sentinel, &info);
        if self == Self::Wake {
            return sys::kill(sentinel, Some(Signal::CONT));
        }
        queued
    }

    /// Whether a signal is a request from this guard.
    pub fn from_signal(info: &SignalInfo, guard: Pid) -> Option<Self> {
        let is_from_guard = info.sender == guard && info.code == libc::SI_QUEUE;
        if !is_from_guard || info.number != Self::signal().number() as u32 {
            return None;
        }
        let number = (info.value & NUMBER) as i32;
        match info.value & !NUMBER {
            STOP => {
                let pid = Some(number >> 8).filter(|&pid| pid != 0);
                Signal::new(number & 0xff).map(|signal| Self::Stop(signal, pid))
            }
            WAKE => Some(Self::Wake),
            _ => None,
        }
    }

    fn signal() -> Signal {
        Signal::new(64).unwrap_or(Signal::KILL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_arrive_whole_and_apart_and_the_end_shows() {
        let (sentinel, guard) = Channel::pair().unwrap();
        let info = SignalInfo { number: 34, code: -1, sender: 4711, user: 1000, value: 0x0123_4567_89ab_cdef };
        let signal = Taken { info, stops: 0x89ab_cdef, is_sent: true };
        let other = Taken { info: SignalInfo { number: 15, ..info }, stops: 0, is_sent: false };
        assert!(!guard.is_readable());
        assert!(sentinel.send_signal(&signal) && sentinel.send_signal(&other));
        assert!(guard.is_readable());
        assert_eq!(guard.receive_signal(), Received::Message(signal));
        assert_eq!(guard.receive_signal(), Received::Message(other));
        assert_eq!(guard.receive_signal(), Received::Nothing);
        drop(sentinel);
        assert!(guard.is_readable());
        assert_eq!(guard.receive_signal(), Received::End);
    }

    #[test]
    fn a_full_channel_says_so_instead_of_losing_a_signal() {
        let (sentinel, guard) = Channel::pair().unwrap();
        let info = |value| {
            let info = SignalInfo { number: 34, code: -1, sender: 1, user: 0, value };
            Taken { info, stops: 0, is_sent: false }
        };
        let sent = (0..1_000_000).take_while(|&n| sentinel.send_signal(&info(n))).count() as u64;
        assert!(sent >= 200, "only {sent} fit");
        for n in 0..sent {
            assert_eq!(guard.receive_signal(), Received::Message(info(n)));
        }
    }

    #[test]
    fn the_outcome_arrives_although_signals_were_on_their_way() {
        let (sentinel, guard) = Channel::pair().unwrap();
        let info = SignalInfo { number: 15, code: 0, sender: 1, user: 0, value: 0 };
        assert!(sentinel.send_signal(&Taken { info, stops: 0, is_sent: false }));
        guard.tell(&FromGuard::Over(Exit::Code(7)));
        drop(guard);
        assert_eq!(sentinel.hear(), Received::Message(FromGuard::Over(Exit::Code(7))));
        assert_eq!(sentinel.hear(), Received::End);
    }

    #[test]
    fn a_process_that_has_the_sentinels_number_gets_no_request() {
        let mut stranger = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        for request in [Request::Stop(Signal::TSTP, Some(1)), Request::Wake] {
            assert!(request.send(stranger.id() as Pid).is_err());
        }
        stranger.kill().unwrap();
        let status = stranger.wait().unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(libc::SIGKILL));
    }

    #[test]
    fn what_the_guard_tells_arrives() {
        let ends = [Exit::Code(0), Exit::Code(255), Exit::Signal(Signal::KILL)].map(FromGuard::Over);
        for message in ends.into_iter().chain([FromGuard::Started(4_194_303)]) {
            let (sentinel, guard) = Channel::pair().unwrap();
            guard.tell(&message);
            drop(guard);
            assert_eq!(sentinel.hear(), Received::Message(message));
            assert_eq!(sentinel.hear(), Received::End);
        }
    }
}
