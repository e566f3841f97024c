//! The JSON report: `--report FILE`. Its schema is `man/orphanguard-report.schema.json`.
//!
//! It is written to a temporary file beside FILE, which takes FILE's place in one step, so that a reader finds a whole report or none. The
//! temporary file is made before COMMAND starts: what cannot be written is known then.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::ending::Process;
use crate::fate::Fate;
use crate::signal::Signal;
use crate::status::{Ended, Exit};
use crate::sys::{self, CStrings, Pid, SignalInfo};
use crate::voice::{as_text, readable, reason};

/// Where the report goes.
#[derive(Debug)]
pub struct ReportFile {
    file: File,
    /// The temporary file and the place that it takes; none where FILE is a pipe or a device, which is written to directly.
    rename: Option<(PathBuf, PathBuf)>,
    beginning: Beginning,
}

impl ReportFile {
    /// Opens it; the job begins now.
    ///
    /// # Errors
    /// A line that says why it cannot be written.
    pub fn open(path: &Path) -> Result<Self, String> {
        let shown = readable(path.as_os_str().as_bytes());
        Self::try_open(path)
            .map_err(|error| format!("--report: cannot write '{shown}': {}; choose another file", reason(&error)))
    }

    fn try_open(path: &Path) -> io::Result<Self> {
        let beginning = Beginning::now();
        // A link stays a link, and is written through.
        let place = match fs::canonicalize(path) {
            Ok(place) => place,
            Err(_) => std::path::absolute(path)?,
        };
        match fs::metadata(&place) {
            Ok(found) if found.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(found) if !found.is_file() => {
                // No waiting for a pipe's reader.
                let flags = if found.file_type().is_fifo() { libc::O_NONBLOCK } else { 0 };
                let file = OpenOptions::new().write(true).custom_flags(flags).open(path)?;
                return Ok(Self { file: above_stderr(file)?, rename: None, beginning });
            }
            // It shall not be replaced where it might not be written.
            Ok(_) => drop(OpenOptions::new().write(true).open(&place)?),
            Err(_) => {}
        }
        let mut name = std::ffi::OsString::from(".");
        name.push(place.file_name().ok_or(io::ErrorKind::InvalidInput)?);
        name.push(format!(".{}.tmp", std::process::id()));
        let temporary = place.with_file_name(name);
        let file = above_stderr(OpenOptions::new().write(true).create_new(true).open(&temporary)?)?;
        Ok(Self { file, rename: Some((temporary, place)), beginning })
    }

    /// Its descriptor, to be kept open.
    pub fn descriptor(&self) -> RawFd {
        self.file.as_raw_fd()
    }

    /// Takes note of a signal that comes now.
    pub fn received(&self, info: SignalInfo) -> Received {
        Received { info, at: self.beginning.elapsed() }
    }

    /// Writes the report and puts it in its place.
    ///
    /// # Errors
    /// As write(2) and rename(2).
    pub fn write(&self, report: &Report<'_>) -> io::Result<()> {
        let mut file = &self.file;
        let text = format!("{:#}\n", report.to_json(self.beginning));
        if let Some((temporary, place)) = &self.rename {
            file.rewind()?;
            file.set_len(0)?;
            file.write_all(text.as_bytes())?;
            fs::rename(temporary, place)
        } else {
            file.write_all(text.as_bytes())
        }
    }
}

/// A job that could not be run leaves no temporary file; one that was has put it in its place.
impl Drop for ReportFile {
    fn drop(&mut self) {
        if let Some((temporary, _)) = &self.rename {
            let _ = fs::remove_file(temporary);
        }
    }
}

fn above_stderr(file: File) -> io::Result<File> {
    sys::above_stderr(file.into()).map(File::from)
}

/// A signal that came for the job.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    /// As it came.
    pub info: SignalInfo,
    /// How long after the start.
    pub at: Duration,
}

/// When the job began, by both clocks.
#[derive(Clone, Copy, Debug)]
struct Beginning {
    /// The calendar's.
    time: SystemTime,
    /// Since boot, by which the kernel dates processes.
    since_boot: Duration,
}

impl Beginning {
    fn now() -> Self {
        Self { time: SystemTime::now(), since_boot: sys::time_since_boot() }
    }

    fn elapsed(self) -> Duration {
        sys::time_since_boot().saturating_sub(self.since_boot)
    }

    /// When a process started, from its start in clock ticks since boot; zero for one that is older than the job.
    fn seconds_until(self, ticks: u64) -> f64 {
        let start = Duration::from_nanos(ticks * (1_000_000_000 / sys::ticks_per_second()));
        start.saturating_sub(self.since_boot).as_secs_f64()
    }
}

/// What is reported.
pub struct Report<'a> {
    /// COMMAND and its arguments.
    pub argv: CStrings,
    /// COMMAND's PID, where it was started.
    pub pid: Option<Pid>,
    /// How COMMAND ended, where that is known.
    pub ended: Option<Ended>,
    /// How we end.
    pub exit: Exit,
    /// Whether the time limit ended it.
    pub timed_out: bool,
    /// What came for it.
    pub signals: &'a [Received],
    /// What it left, and what became of that.
    pub orphans: &'a [(&'a Process, Fate)],
}

impl Report<'_> {
    fn to_json(&self, beginning: Beginning) -> Value {
        let (user, system, max_rss) = sys::children_usage();
        json!({
            "schema": 1,
            "command": self.argv.iter().map(|word| escaped(word.to_bytes())).collect::<Vec<_>>(),
            "pid": self.pid,
            "started": humantime::format_rfc3339_millis(beginning.time).to_string(),
            "duration_s": seconds(beginning.elapsed()),
            "outcome": self.ended.map(outcome),
            "status": status(self.exit),
            "timed_out": self.timed_out,
            "signals": self.signals.iter().map(received).collect::<Vec<_>>(),
            "orphans": self.orphans.iter().map(|(process, fate)| orphan(process, *fate, beginning)).collect::<Vec<_>>(),
            "usage": { "user_s": seconds(user), "system_s": seconds(system), "max_rss_kib": max_rss },
        })
    }
}

fn orphan(process: &Process, fate: Fate, beginning: Beginning) -> Value {
    json!({
        "pid": process.pid,
        "name": escaped(&process.name),
        "args": process.arguments.iter().map(|word| escaped(word)).collect::<Vec<_>>(),
        "started_s": process.start.map(|ticks| rounded(beginning.seconds_until(ticks))),
        "fate": fate.word(),
        "signal": process.sent.map(|(signal, _)| signal.to_string()),
        "after_s": process.sent.map(|(_, after)| seconds(after)),
    })
}

fn outcome(ended: Ended) -> Value {
    match ended {
        Ended::Exited(code) => json!({ "exit_code": code }),
        Ended::Signaled { signal, core_dumped } => json!({ "signal": signal.to_string(), "core_dumped": core_dumped }),
    }
}

fn status(exit: Exit) -> u8 {
    match exit {
        Exit::Code(code) => code,
        Exit::Signal(signal) => 128 + signal.number() as u8,
    }
}

fn received(received: &Received) -> Value {
    let signal = Signal::new(received.info.number as i32).map(|signal| signal.to_string());
    json!({ "signal": signal, "sender_pid": received.info.sender, "at_s": seconds(received.at) })
}

fn seconds(duration: Duration) -> f64 {
    rounded(duration.as_secs_f64())
}

/// To the microsecond: what follows is noise.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1e6).round() / 1e6
}

/// Text as it is; a byte that is not UTF-8 as `\xff`. So that this can be undone, a backslash before an `x` is `\x5c`.
pub fn escaped(bytes: &[u8]) -> String {
    as_text(bytes, |text, valid| text.push_str(&valid.replace("\\x", "\\x5cx")))
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn text_stays_and_other_bytes_can_be_got_back() {
        assert_eq!(escaped("größe \n \\n".as_bytes()), "größe \n \\n");
        assert_eq!(escaped(b"a\xffb"), "a\\xffb");
        assert_eq!(escaped(b"a\\xffb"), "a\\x5cxffb");
    }
}
