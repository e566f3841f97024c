//! Shows that work which takes long is alive: a line on a terminal, rewritten in place, or now and then a line in a log.

use std::time::{Duration, Instant};

use crate::duration;
use crate::voice::Voice;

/// Ordinary endings are over before this.
const FIRST: Duration = Duration::from_secs(3);
/// How often a line on a terminal is rewritten.
const ON_A_TERMINAL: Duration = Duration::from_secs(1);
/// How long a log waits for its second line; each next one waits twice as long, up to an hour.
const IN_A_LOG: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(3600);

/// The lines of one wait.
#[derive(Debug)]
pub struct Progress {
    since: Instant,
    next: Instant,
    pause: Duration,
}

impl Progress {
    /// A wait that begins now; nothing is said where nothing is to be heard.
    pub fn begin(voice: &Voice) -> Option<Self> {
        let now = Instant::now();
        voice.shows_progress().then(|| Self { since: now, next: now + FIRST, pause: IN_A_LOG })
    }

    /// When the next line is due.
    pub fn next(&self) -> Instant {
        self.next
    }

    /// Says for what we wait, if that is due.
    pub fn tell(&mut self, voice: &Voice, what: impl FnOnce() -> String) {
        let now = Instant::now();
        if now < self.next {
            return;
        }
        let waited = duration::display(Duration::from_secs((now - self.since).as_secs()));
        voice.progress(format_args!("waiting for {} ({waited})", what()));
        if voice.is_on_terminal() {
            self.next = now + ON_A_TERMINAL;
        } else {
            self.next = now + self.pause;
            self.pause = (self.pause * 2).min(LONGEST);
        }
    }
}
