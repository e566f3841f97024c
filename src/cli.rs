//! Reads the command line and the variables.

pub mod help;
pub mod options;
pub mod table;
mod values;

use std::ffi::{CStr, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use lexopt::{Arg, Error, Parser};

pub use options::{Forward, Group, OnExit, OnOrphan, Options, Verbosity};
pub use table::{OPTIONS, Spec};

use crate::launch::ID;
use crate::nearest::nearest;
use crate::spare::MARK;
use crate::sys::CStrings;
use crate::voice::readable;
use help::USAGE;
use table::VARIABLES;

/// What the command line asks for.
pub enum Request {
    /// Run a command: the options, and its `argv`.
    Run(Options, CStrings),
    /// Print the help or the version, and succeed.
    Print(String),
}

/// Options that were given, each with its value.
type Given = Vec<(&'static Spec, OsString)>;

/// Reads the command line (`argv`, the program's name included) and the environment.
///
/// # Errors
/// One line that names what is wrong, why, and the way out.
pub fn parse(argv: CStrings, environment: CStrings) -> Result<Request, String> {
    let line = match without_options(argv) {
        Some(operands) => Line::Run(Vec::new(), operands),
        None => split(argv)?,
    };
    let (given, operands) = match line {
        Line::Run(given, operands) => (given, operands),
        Line::Print(text) => return Ok(Request::Print(text)),
    };
    let mut options = Options::default();
    let variables = variables(environment);
    if !given.is_empty() || !variables.is_empty() {
        set(&mut options, &given, &variables)?;
    }
    // Last: of `-g make`, what is wrong is the value of -g.
    if operands.first().is_none() {
        return Err(format!("no COMMAND given; usage: {USAGE}; see orphanguard --help"));
    }
    Ok(Request::Run(options, operands))
}

/// What stands on the command line.
enum Line {
    Run(Given, CStrings),
    Print(String),
}

/// COMMAND and its arguments, where no option stands before them: then there is nothing to parse.
fn without_options(argv: CStrings) -> Option<CStrings> {
    let words = argv.skip(argv.first().map_or(0, |_| 1));
    match words.first().map(CStr::to_bytes) {
        Some(b"--") => Some(words.skip(1)),
        Some([b'-', _, ..]) => None,
        _ => Some(words),
    }
}

/// Tells the options from COMMAND and its arguments: they end at the first word that is neither one nor the value of one.
fn split(argv: CStrings) -> Result<Line, String> {
    let mut parser = Parser::from_iter(argv.iter().map(|word| OsStr::from_bytes(word.to_bytes())));
    let mut given = Vec::new();
    loop {
        let spec = match parser.next().map_err(|error| wrong(&error))? {
            Some(Arg::Short('h')) => return Ok(Line::Print(help::short())),
            Some(Arg::Long("help")) => return Ok(Line::Print(help::long())),
            Some(Arg::Short('V') | Arg::Long("version")) => return Ok(Line::Print(help::version())),
            Some(Arg::Short(letter)) => {
                let spec = OPTIONS.iter().find(|spec| spec.short == Some(letter));
                spec.ok_or_else(|| unknown(&format!("-{letter}")))?
            }
            Some(Arg::Long(name)) => {
                let spec = OPTIONS.iter().find(|spec| spec.long == name);
                spec.ok_or_else(|| unknown(&format!("--{name}")))?
            }
            Some(Arg::Value(_)) => {
                let after = parser.try_raw_args().map_or(0, |rest| rest.as_slice().len());
                return Ok(Line::Run(given, argv.skip(argv.count() - after - 1)));
            }
            None => return Ok(Line::Run(given, argv.skip(argv.count()))),
        };
        let value = match spec.value {
            Some(name) => parser.value().map_err(|_| format!("--{0}: needs a value: --{0} {name}", spec.long))?,
            None => "1".into(),
        };
        given.push((spec, value));
    }
}

fn unknown(option: &str) -> String {
    let names = OPTIONS.iter().map(|spec| spec.long);
    let meant = option.strip_prefix("--").and_then(|word| nearest(word, names));
    let option = readable(option.as_bytes());
    match meant {
        Some(name) => format!("unknown option '{option}'; did you mean '--{name}'?"),
        None => format!("unknown option '{option}'; see orphanguard --help"),
    }
}

fn wrong(error: &Error) -> String {
    let Error::UnexpectedValue { option, value } = error else {
        return format!("{}; see orphanguard --help", readable(error.to_string().as_bytes()));
    };
    format!("{}: takes no value, but got '{}'; leave it out", readable(option.as_bytes()), readable(value.as_bytes()))
}

/// Sets each option from the command line, or else from its variable. Of an option that is given more than once, but is not repeatable, the
/// last counts.
fn set(options: &mut Options, given: &Given, variables: &[(&Spec, &OsStr)]) -> Result<(), String> {
    let is_given = |long: &str| given.iter().any(|(spec, _)| spec.long == long);
    for spec in OPTIONS {
        let values = || given.iter().filter(|(other, _)| other.long == spec.long).map(|(_, value)| value);
        // Verbosity has two switches: one on the command line overrules the other's variable.
        let rival = match spec.long {
            "verbose" => "quiet",
            "quiet" => "verbose",
            _ => "",
        };
        if is_given(spec.long) {
            let passed_over = if spec.repeatable { 0 } else { values().count() - 1 };
            for value in values().skip(passed_over) {
                apply(spec, options, value, &format!("--{}", spec.long))?;
            }
        } else if let Some((_, value)) = variables.iter().find(|(other, _)| other.long == spec.long)
            && !is_given(rival)
        {
            from_variable(spec, options, value)?;
        }
    }
    Ok(())
}

/// The options that the environment sets, with their values. Of their prefix, and no option, is what a guard around us gave us; nor is the mark
/// of the spared one, although `--spare` has its name: a pattern that is just `1` needs the command line.
fn variables(environment: CStrings) -> Vec<(&'static Spec, &'static OsStr)> {
    let ours = environment
        .iter()
        .map(CStr::to_bytes)
        .filter(|&entry| entry.starts_with(VARIABLES.as_bytes()) && !entry.starts_with(ID) && entry != MARK);
    ours.filter_map(|entry| {
        let equals = entry.iter().position(|&b| b == b'=')?;
        let spec = OPTIONS.iter().find(|spec| spec.variable().as_bytes() == &entry[..equals])?;
        Some((spec, OsStr::from_bytes(&entry[equals + 1..])))
    })
    .collect()
}

fn from_variable(spec: &Spec, options: &mut Options, value: &OsStr) -> Result<(), String> {
    if value.is_empty() {
        return Ok(());
    }
    if !spec.repeatable {
        return apply(spec, options, value, &spec.variable());
    }
    for part in value.as_bytes().split(|&b| b == b',') {
        apply(spec, options, OsStr::from_bytes(part), &spec.variable())?;
    }
    Ok(())
}

fn apply(spec: &Spec, options: &mut Options, value: &OsStr, source: &str) -> Result<(), String> {
    (spec.set)(options, value).map_err(|why| format!("{source}: '{}': {why}", readable(value.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is made of these words: the options with their values, and what is left.
    fn told(line: &[&str]) -> String {
        let words: Vec<&str> = ["orphanguard"].iter().chain(line).copied().collect();
        let argv = CStrings::leaked(&words);
        let split = match split(argv) {
            Ok(Line::Run(given, operands)) => {
                let given = given.iter().map(|(spec, value)| format!("{}={}", spec.long, value.display()));
                let operands = operands.iter().map(|word| word.to_string_lossy().into_owned());
                format!("{} | {}", given.collect::<Vec<_>>().join(" "), operands.collect::<Vec<_>>().join(" "))
            }
            Ok(Line::Print(text)) => text.lines().next().unwrap_or_default().into(),
            Err(message) => message,
        };
        if let Some(operands) = without_options(argv) {
            let operands: Vec<_> = operands.iter().map(CStr::to_string_lossy).collect();
            assert_eq!(split, format!(" | {}", operands.join(" ")), "{line:?}");
        }
        split
    }

    #[test]
    fn options_end_at_the_first_word_that_is_none_and_no_value_of_one() {
        let lines: [(&[&str], &str); 14] = [
            (&[], " | "),
            (&["--"], " | "),
            (&["sh", "-c", "x", "--version"], " | sh -c x --version"),
            (&["--", "--grace", "5"], " | --grace 5"),
            (&["--", "--"], " | --"),
            (&["-", "-v"], " | - -v"),
            (&["", "-v"], " |  -v"),
            (&["-v", "--grace", "5", "x", "-q"], "verbose=1 grace=5 | x -q"),
            (&["--grace=5", "--report=", "--", "-q"], "grace=5 report= | -q"),
            (&["-vg5", "-t=1", "-k", "-1", "x"], "verbose=1 grace=5 timeout=1 kill-after=-1 | x"),
            (&["-r", "HUP=none", "--rewrite=TERM=INT", "x"], "rewrite=HUP=none rewrite=TERM=INT | x"),
            (&["-g", "--", "x"], "grace=-- | x"),
            (&["-h", "--bogus"], "Runs COMMAND so that no process of it is left behind."),
            (&["-vV"], concat!("orphanguard ", env!("CARGO_PKG_VERSION"))),
        ];
        for (line, expected) in lines {
            assert_eq!(told(line), expected, "{line:?}");
        }
    }
}
