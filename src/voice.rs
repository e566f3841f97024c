//! What we say, on standard error: `orphanguard: …` (or `orphans: …`), one line each.
//!
//! Nothing that happens to standard error changes what we do: closed, broken, or full with nobody reading, the line is lost and
//! the job goes on.

use std::cell::Cell;
use std::fmt;
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use crate::cli::Verbosity;
use crate::sys;

/// How long a line waits for room in a pipe that is full. A reader that is merely slow makes room within it; the first line that
/// waits in vain is the last one that waits.
const PATIENCE: Duration = Duration::from_secs(1);
/// What poll(2) promises to be writable without blocking: `PIPE_BUF`, pipe(7).
const AT_ONCE: usize = 4096;

/// Writes messages, as many as the verbosity allows.
pub struct Voice {
    name: &'static str,
    verbosity: Verbosity,
    /// Where somebody wants to know it: reading the clock first costs a page fault, in each process (some 3 µs).
    start: Option<Instant>,
    stuck: Cell<bool>,
    /// Whether a line that will be rewritten stands on the terminal.
    passing: Cell<bool>,
}

impl Voice {
    /// orphanguard's voice, which tells the time from now on.
    pub fn new(verbosity: Verbosity) -> Self {
        Self::of("orphanguard", verbosity)
    }

    /// The voice of the program of this name.
    pub fn of(name: &'static str, verbosity: Verbosity) -> Self {
        let start = (verbosity == Verbosity::Verbose).then(Instant::now);
        Self { name, verbosity, start, stuck: Cell::new(false), passing: Cell::new(false) }
    }

    /// Whether each step is told.
    pub fn is_verbose(&self) -> bool {
        self.start.is_some()
    }

    /// Says what went wrong; always.
    pub fn error(&self, message: fmt::Arguments<'_>) {
        self.line(&format!("{}: {message}\n", self.name));
    }

    /// Says what a user wants to know, unless quiet.
    pub fn note(&self, message: fmt::Arguments<'_>) {
        if self.verbosity >= Verbosity::Normal {
            self.error(message);
        }
    }

    /// Narrates a step, with the time since the start, where asked for.
    pub fn step(&self, message: fmt::Arguments<'_>) {
        if let Some(start) = self.start {
            let elapsed = start.elapsed();
            self.error(format_args!("[{}.{:03}s] {message}", elapsed.as_secs(), elapsed.subsec_millis()));
        }
    }

    /// Whether anybody wants to know that we still wait.
    pub fn shows_progress(&self) -> bool {
        self.verbosity >= Verbosity::Normal
    }

    /// Whether standard error is a terminal.
    pub fn is_on_terminal(&self) -> bool {
        std::io::stderr().is_terminal()
    }

    /// Says what we wait for: on a terminal in a line that the next one takes the place of.
    pub fn progress(&self, message: fmt::Arguments<'_>) {
        if self.is_on_terminal() {
            self.write(&format!("\r\x1b[K{}: {message}", self.name));
            self.passing.set(true);
        } else {
            self.error(message);
        }
    }

    fn line(&self, line: &str) {
        self.clear();
        self.write(line);
    }

    /// Takes the passing line away.
    pub fn clear(&self) {
        if self.passing.replace(false) {
            self.write("\r\x1b[K");
        }
    }

    fn write(&self, text: &str) {
        for piece in text.as_bytes().chunks(AT_ONCE) {
            let patience = if self.stuck.get() { Duration::ZERO } else { PATIENCE };
            if !sys::stderr_is_writable(patience) {
                self.stuck.set(true);
                return;
            }
            if sys::write_stderr(piece).is_err() {
                return;
            }
        }
    }
}

/// What the system says of an error, without its number.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// Bytes that are text to a reader: what is not UTF-8, and control characters, come escaped (`\xff`, `\n`).
pub fn readable(bytes: &[u8]) -> String {
    as_text(bytes, |text, valid| {
        for character in valid.chars() {
            if character.is_control() { text.extend(character.escape_default()) } else { text.push(character) }
        }
    })
}

/// Text, of which the valid parts are added by this function; what is not UTF-8 comes as `\xff`.
pub fn as_text(bytes: &[u8], add: impl Fn(&mut String, &str)) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        add(&mut text, chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn odd_names_stay_on_one_line_and_lose_nothing() {
        assert_eq!(readable(b"node"), "node");
        assert_eq!(readable("größe".as_bytes()), "größe");
        assert_eq!(readable(b"a\nb\x1b[2J\xff"), "a\\nb\\u{1b}[2J\\xff");
    }
}
