//! What is wrong with a command line, in a line.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::voice::readable;

/// clap's error as one line with a way out.
pub fn one_line(error: &clap::Error) -> String {
    let word = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) => readable(word.as_bytes()),
        Some(ContextValue::Strings(words)) => words.first().map(|word| readable(word.as_bytes())).unwrap_or_default(),
        _ => String::new(),
    };
    // `--grace <DURATION>`
    let thing = word(ContextKind::InvalidArg).replace(['<', '>'], "");
    let (name, value) = thing.split_once(' ').unwrap_or((&thing, ""));
    match error.kind() {
        // What clap makes of `-v=1`.
        ErrorKind::UnknownArgument if name == "-=" => {
            "unknown option '-='; a letter's value has no '=' before it".into()
        }
        ErrorKind::UnknownArgument => match word(ContextKind::SuggestedArg) {
            nearest if nearest.is_empty() => format!("unknown option '{name}'; see orphans --help"),
            nearest => format!("unknown option '{name}'; did you mean '{nearest}'?"),
        },
        ErrorKind::InvalidValue => format!("{name}: needs a value: {name} {value}"),
        ErrorKind::TooManyValues => {
            format!("{name}: takes no value, but got '{}'; leave it out", word(ContextKind::InvalidValue))
        }
        _ => {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            format!("{}; see orphans --help", readable(first.trim_start_matches("error: ").as_bytes()))
        }
    }
}
