//! The help: a line an option, or all there is to each. It fits a terminal of 80 columns, and has no colour anywhere.

use std::fmt::Write;

use crate::cli::table::{OPTIONS, Spec};

/// How it is called.
pub const USAGE: &str = "orphanguard [OPTIONS] [--] COMMAND [ARG]...";
const ABOUT: &str = "Runs COMMAND so that no process of it is left behind.";
const EPILOGUE: &str = "In brackets: the default. More: orphanguard --help, man orphanguard";
const LONG_EPILOGUE: &str = "\
The variables are for where the command line is fixed; the command line wins. A
switch is 1 or 0; values of an option that may be given more than once are
separated by commas.

DURATION: 500ms, 5s, 1m 30s, or a number of seconds.
SIGNAL: TERM, SIGTERM, 15, RTMIN+3.

Exit status: COMMAND's own, its death by a signal too, or
  124  it ran into the time limit
  125  orphanguard itself failed: a wrong option, a report it cannot write
  126  COMMAND was found and could not be run
  127  COMMAND was not found
  137  SIGKILL ended it (a time limit's, the kernel's, anybody's), or its guard

Examples:
  In a script: whatever the tests leave is ended, and named.
      orphanguard -- make test
  A container's PID 1, which reaps, forwards, and gives all the time to end.
      ENTRYPOINT [\"/orphanguard\", \"--\"]
  A CI job: ten minutes, no leaks, and a report on who leaked.
      orphanguard -t 10m --orphan-status 3 --report leaks.json -- ./ci.sh

More: man orphanguard";

/// What stands under the last heading: name, letter, help, long help.
const HELP: [(&str, char, &str, &str); 2] = [
    ("help", 'h', "A line an option; --help: all there is to them", "This; -h is a line an option."),
    ("version", 'V', "Print the version", "Print the version."),
];

/// `-V`
pub fn version() -> String {
    format!("orphanguard {}\n", env!("CARGO_PKG_VERSION"))
}

/// `-h`: a line an option.
pub fn short() -> String {
    let entries = |entries: &[(String, String)], text: &mut String| {
        let width = entries.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        for (name, help) in entries {
            let _ = writeln!(text, "{name:width$}  {help}");
        }
    };
    let of = |spec: &Spec| (title(spec), spec.help.to_owned());
    page(of, &HELP.map(|(long, short, help, _)| (name(long, Some(short)), help.to_owned())), entries, EPILOGUE)
}

/// `--help`: all there is to each option.
pub fn long() -> String {
    let entries = |entries: &[(String, String)], text: &mut String| {
        let blocks: Vec<String> = entries
            .iter()
            .map(|(name, help)| format!("{name}\n          {}\n", help.replace('\n', "\n          ")))
            .collect();
        text.push_str(&blocks.join("\n"));
    };
    let of = |spec: &Spec| {
        let default = spec.default.map(|default| format!("[default: {default}] ")).unwrap_or_default();
        (title(spec), format!("{}\n{default}[variable: {}]", spec.long_help, spec.variable()))
    };
    page(of, &HELP.map(|(long, short, _, help)| (name(long, Some(short)), help.to_owned())), entries, LONG_EPILOGUE)
}

/// The whole, from the entries of the options under their headings.
fn page(
    of: impl Fn(&Spec) -> (String, String),
    help: &[(String, String)],
    entries: impl Fn(&[(String, String)], &mut String),
    epilogue: &str,
) -> String {
    let mut text = format!("{ABOUT}\n\nUsage: {USAGE}\n\n");
    for group in OPTIONS.chunk_by(|one, next| one.heading == next.heading) {
        let _ = writeln!(text, "{}:", group[0].heading);
        entries(&group.iter().map(&of).collect::<Vec<_>>(), &mut text);
        text.push('\n');
    }
    text.push_str("Help:\n");
    entries(help, &mut text);
    let _ = writeln!(text, "\n{epilogue}");
    text
}

/// `  -g, --grace <DURATION>`
fn title(spec: &Spec) -> String {
    let value = spec.value.map(|value| format!(" <{value}>")).unwrap_or_default();
    format!("{}{value}", name(spec.long, spec.short))
}

fn name(long: &str, short: Option<char>) -> String {
    let short = short.map_or_else(|| "    ".to_owned(), |short| format!("-{short}, "));
    format!("  {short}--{long}")
}
