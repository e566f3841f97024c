//! What guard and sentinel show each other without waking anybody: a page of memory that both share (mmap(2), `MAP_SHARED | MAP_ANONYMOUS`).
//!
//! With it the sentinel sends COMMAND what is for COMMAND alone, by itself: see [`direct`](crate::direct). Nobody else has that page: exec
//! takes it away.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::sys::{self, Pid};

/// The page; none where there is no memory to share, and then nothing is ever shown.
pub struct Board(Option<&'static [AtomicU32; 3]>);

const COMMAND: usize = 0;
const HANDLED: usize = 1;
const SENT: usize = 2;

impl Board {
    /// An empty one, to be made before the fork.
    pub fn new() -> Self {
        Self(sys::shared_numbers().ok())
    }

    // ---- from the guard -------------------------------------------------------------------------------------------

    /// COMMAND, which is not reaped and gets its signals alone; `None` before anybody may be reaped, and where all of the job gets them.
    pub fn show(&self, command: Option<Pid>) {
        if let Some(numbers) = self.0 {
            numbers[COMMAND].store(command.unwrap_or(0) as u32, Ordering::SeqCst);
        }
    }

    /// What is shown now.
    pub fn command(&self) -> Option<Pid> {
        let number = self.0.map_or(0, |numbers| numbers[COMMAND].load(Ordering::SeqCst));
        (number != 0).then_some(number as Pid)
    }

    /// One more signal that came over the channel has been dealt with.
    pub fn count_handled(&self) {
        if let Some(numbers) = self.0 {
            numbers[HANDLED].fetch_add(1, Ordering::SeqCst);
        }
    }

    /// How many there were, wrapping.
    pub fn handled(&self) -> u32 {
        self.0.map_or(0, |numbers| numbers[HANDLED].load(Ordering::SeqCst))
    }

    // ---- from the sentinel ----------------------------------------------------------------------------------------

    /// How many signals it has sent to COMMAND itself, one that it is about to send included, wrapping.
    pub fn show_sent(&self, count: u32) {
        if let Some(numbers) = self.0 {
            numbers[SENT].store(count, Ordering::SeqCst);
        }
    }

    /// What is shown now.
    pub fn sent(&self) -> u32 {
        self.0.map_or(0, |numbers| numbers[SENT].load(Ordering::SeqCst))
    }
}

impl Default for Board {
    fn default() -> Self {
        Self::new()
    }
}
