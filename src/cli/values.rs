//! Reads the values of options; what is wrong with one is told in a few words, with the way out.

use std::ffi::OsStr;
use std::time::Duration;

use crate::cli::table::OPTIONS;
use crate::duration;
use crate::nearest::nearest;
use crate::signal::{Signal, UnknownSignal};
use crate::voice::readable;

pub fn put<T>(place: &mut T, value: Result<T, String>) -> Result<(), String> {
    *place = value?;
    Ok(())
}

pub fn text(value: &OsStr) -> Result<&str, String> {
    value.to_str().ok_or_else(|| "it is not UTF-8 text".into())
}

/// The value whose word stands at the same place in the option's list of words.
pub fn choose<T: Copy>(value: &OsStr, all: &[T], option: &str) -> Result<T, String> {
    let words = OPTIONS.iter().find(|spec| spec.long == option).map_or(&[][..], |spec| spec.words);
    let chosen = words.iter().zip(all).find(|(word, _)| OsStr::new(word) == value);
    chosen.map(|(_, &chosen)| chosen).ok_or_else(|| {
        let meant = nearest(&value.to_string_lossy().to_ascii_lowercase(), words.iter().copied());
        let meant = meant.map(|word| format!("; did you mean {word}?")).unwrap_or_default();
        format!("must be one of {}{meant}", words.join(", "))
    })
}

pub fn duration(value: &OsStr) -> Result<Duration, String> {
    let text = text(value)?;
    duration::parse(text)
        .map_err(|why| format!("not a duration ({why}); write 500ms, 5s, 1m 30s or a number of seconds"))
}

/// A signal, or the word for none.
pub fn signal_or(value: &OsStr, none: &str) -> Result<Option<Signal>, String> {
    let word = text(value)?;
    if word.eq_ignore_ascii_case(none) {
        return Ok(None);
    }
    // Each option has the word that its forerunners have; who uses the other one's is told.
    let means_none = matches!(word, "0" | "none") || nearest(&word.to_ascii_lowercase(), [none].into_iter()).is_some();
    Signal::parse(word).map(Some).map_err(|unknown| match unknown.nearest {
        _ if means_none => format!("unknown signal; did you mean {none}?"),
        Some(_) => no_signal(&unknown),
        None => format!("{}; {none} sends none", no_signal(&unknown)),
    })
}

/// A signal that can come for COMMAND.
pub fn forwarded(word: &str) -> Result<Signal, String> {
    match Signal::parse(word).map_err(|unknown| no_signal(&unknown))? {
        Signal::KILL | Signal::STOP => Err("no process can catch it, so it is never forwarded".into()),
        Signal::CHLD => Err("it tells us of our own children, so it is never forwarded".into()),
        signal => Ok(signal),
    }
}

fn no_signal(unknown: &UnknownSignal) -> String {
    match &unknown.nearest {
        Some(nearest) => format!("unknown signal; did you mean {nearest}?"),
        None => "unknown signal; give a name (see kill -l) or a number from 1 to 64".into(),
    }
}

/// The two halves of FROM=TO, each read by its function; `example` is one that is right.
pub fn pair<F, T>(
    value: &OsStr,
    example: &str,
    from: impl FnOnce(&str) -> Result<F, String>,
    to: impl FnOnce(&str) -> Result<T, String>,
) -> Result<(F, T), String> {
    let halves = text(value)?.split_once('=');
    let (left, right) = halves.ok_or_else(|| format!("must be FROM=TO, as in {example}"))?;
    let named = |half: &str, why: String| format!("'{}': {why}", readable(half.as_bytes()));
    Ok((from(left).map_err(|why| named(left, why))?, to(right).map_err(|why| named(right, why))?))
}

pub fn code(word: &str) -> Result<u8, String> {
    word.parse().map_err(|_| "an exit status is a number from 0 to 255".into())
}

pub fn switch(value: &OsStr) -> Result<bool, String> {
    match value.to_str().map(str::to_ascii_lowercase).as_deref() {
        Some("1" | "true" | "yes" | "on") => Ok(true),
        Some("0" | "false" | "no" | "off") => Ok(false),
        _ => Err("a switch is 1 or 0 (or true, yes, on; false, no, off)".into()),
    }
}
