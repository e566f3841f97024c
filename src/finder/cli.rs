//! The command line of `orphans`.

use std::ffi::OsString;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::duration;
use crate::finder::guard_id::GuardFilter;
use crate::finder::one_line::one_line;
use crate::finder::users::Users;
use crate::sys::Pid;

/// Exit status where `orphans` itself failed: bad usage, nothing to be seen.
pub const FAILED: u8 = 125;
/// Exit status of `orphans check` where it has no answer.
pub const NO_ANSWER: u8 = 2;

/// What the command line asks for.
#[derive(Debug)]
pub enum Request {
    /// `orphans`
    List(Selection, Format),
    /// `orphans check`
    Check {
        /// Whom; our parent where none is given.
        pid: Option<Pid>,
        /// Whether to say why.
        verbose: bool,
    },
    /// `orphans end`
    End(End),
    /// `orphans watch`
    Watch(Watch),
    /// Print the help or the version, and succeed.
    Print(String),
}

/// Which orphans are meant.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// `--user`
    pub user: Option<u32>,
    /// `--older-than`
    pub older_than: Option<Duration>,
    /// `--guard`
    pub guard: Option<GuardFilter>,
    /// The certain ones only.
    pub certain_only: bool,
}

/// How a list looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// A line for each.
    Table,
    /// The same, with all that descends from each below it.
    Tree,
    /// For programs.
    Json,
}

/// `orphans end`
#[derive(Debug)]
pub struct End {
    /// Whom; all that are selected where none is given.
    pub pids: Vec<Pid>,
    /// Which of them, or which of all.
    pub selection: Selection,
    /// `--grace`
    pub grace: Duration,
    /// `--dry-run`
    pub dry_run: bool,
    /// `--yes`
    pub yes: bool,
    /// `--verbose`
    pub verbose: bool,
}

/// `orphans watch`
#[derive(Debug)]
pub struct Watch {
    /// Which are told of.
    pub selection: Selection,
    /// `--json`
    pub json: bool,
    /// `--interval`
    pub interval: Duration,
}

/// What went wrong, and the exit status that says so.
#[derive(Debug)]
pub struct UsageError {
    /// One line.
    pub message: String,
    /// The exit status.
    pub status: u8,
}

/// Reads the command line, the program's name included.
///
/// # Errors
/// One line that names what is wrong, why, and the way out.
pub fn parse(arguments: &[OsString], users: &Users) -> Result<Request, UsageError> {
    let is_check = arguments.get(1).is_some_and(|word| word == "check");
    let status = if is_check { NO_ANSWER } else { FAILED };
    let wrong = |message| UsageError { message, status };
    match command().try_get_matches_from(arguments) {
        Ok(matches) => request(&matches, users).map_err(wrong),
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            Ok(Request::Print(error.to_string()))
        }
        Err(error) => Err(wrong(one_line(&error))),
    }
}

fn request(matches: &ArgMatches, users: &Users) -> Result<Request, String> {
    match matches.subcommand() {
        Some(("check", matches)) => {
            let pids = texts(matches, "PID").map(pid).collect::<Result<Vec<_>, _>>()?;
            if pids.len() > 1 {
                return Err(format!("check answers for one process, but got {}; ask for each", pids.len()));
            }
            Ok(Request::Check { pid: pids.first().copied(), verbose: matches.get_flag("verbose") })
        }
        Some(("end", matches)) => {
            let pids = texts(matches, "PID").map(pid).collect::<Result<Vec<_>, _>>()?;
            let mut selection = selection(matches, users)?;
            // Who is named is meant, certain or likely.
            selection.certain_only = pids.is_empty() && !matches.get_flag("likely");
            Ok(Request::End(End {
                pids,
                selection,
                grace: duration_of(matches, "grace")?.unwrap_or(Duration::from_secs(5)),
                dry_run: matches.get_flag("dry-run"),
                yes: matches.get_flag("yes"),
                verbose: matches.get_flag("verbose"),
            }))
        }
        Some(("watch", matches)) => {
            let interval = duration_of(matches, "interval")?.unwrap_or(Duration::from_secs(2));
            if interval.is_zero() {
                return Err(
                    "--interval: '0': looking without a pause would keep a processor busy; give 100ms or more".into()
                );
            }
            Ok(Request::Watch(Watch {
                selection: selection(matches, users)?,
                json: matches.get_flag("json"),
                interval,
            }))
        }
        other => {
            let matches = other.map_or(matches, |(_, matches)| matches);
            let format = match (matches.get_flag("tree"), matches.get_flag("json")) {
                (true, _) => Format::Tree,
                (_, true) => Format::Json,
                _ => Format::Table,
            };
            Ok(Request::List(selection(matches, users)?, format))
        }
    }
}

fn selection(matches: &ArgMatches, users: &Users) -> Result<Selection, String> {
    let user = |word: &str| {
        users
            .find(word)
            .ok_or_else(|| format!("--user: '{word}': no such user; give a name of /etc/passwd, or a number"))
    };
    let guard = |word: &str| {
        GuardFilter::parse(word).ok_or_else(|| {
            format!("--guard: '{word}': give a guard's PID, or its ID as ORPHANGUARD_ID has it (4711.123456.4712)")
        })
    };
    Ok(Selection {
        user: texts(matches, "user").last().map(user).transpose()?,
        older_than: duration_of(matches, "older-than")?,
        guard: texts(matches, "guard").last().map(guard).transpose()?,
        certain_only: matches.try_get_one::<bool>("certain").ok().flatten() == Some(&true),
    })
}

fn texts<'a>(matches: &'a ArgMatches, name: &str) -> impl Iterator<Item = &'a str> {
    matches.get_many::<String>(name).into_iter().flatten().map(String::as_str)
}

fn pid(word: &str) -> Result<Pid, String> {
    let is_number = word.bytes().all(|b| b.is_ascii_digit());
    word.parse().ok().filter(|&pid| is_number && pid > 0).ok_or_else(|| format!("'{word}': not a process number"))
}

fn duration_of(matches: &ArgMatches, name: &str) -> Result<Option<Duration>, String> {
    let parse = |word: &str| {
        duration::parse(word).map_err(|why| {
            format!("--{name}: '{word}': not a duration ({why}); write 500ms, 5s, 1m 30s or a number of seconds")
        })
    };
    texts(matches, name).last().map(parse).transpose()
}

// ---- as clap sees it ----------------------------------------------------------------------------------------------

/// The command line as clap sees it.
pub fn command() -> Command {
    Command::new("orphans")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Finds orphaned processes, tells why they are orphans, and ends them.")
        .override_usage("orphans [OPTIONS]\n       orphans check [-v] [PID]\n       orphans end [OPTIONS] [PID]...\n       orphans watch [OPTIONS]")
        .after_help(EPILOGUE)
        .args_conflicts_with_subcommands(true)
        .disable_help_subcommand(true)
        .args(list_options())
        .subcommand(Command::new("list").about("List the orphans (without a command, too)").args(list_options()))
        .subcommand(check())
        .subcommand(end())
        .subcommand(watch())
}

const EPILOGUE: &str = "\
Certain orphans have the ID of an orphanguard that is gone, or one that lives
has adopted them. Likely ones show by their session, process group or systemd
unit that another parent than theirs has started them. Each has its reason.

Exit status: 0; 125 orphans itself failed. check: 0 orphaned, 1 not, 2 no such
process, or nothing tells. end: 0 all are gone, 1 some live on.

Examples:
  orphans --tree                       with all that descends from each
  orphans check -v 4711                is this one orphaned, and why?
  orphans end --user ci --yes          the sweep at the start of a CI job
  orphans end --likely --older-than 1d --dry-run

More: man orphans";

fn list_options() -> Vec<Arg> {
    let mut options = vec![
        switch("tree", None, "Show what descends from each, too").conflicts_with("json"),
        switch("json", None, "Print JSON; its schema is orphans.schema.json"),
    ];
    options.extend(selecting());
    options.extend(kinds());
    options
}

fn selecting() -> [Arg; 3] {
    [
        value("user", "USER", "Only this user's, by name or number"),
        value("older-than", "DURATION", "Only those that started longer ago (90s, 1h, 2d)"),
        value("guard", "ID", "Only those of this guard: PID, or ORPHANGUARD_ID"),
    ]
}

fn kinds() -> [Arg; 2] {
    [
        switch("certain", None, "Only the certain ones"),
        switch("likely", None, "The likely ones, too [default]").overrides_with("certain"),
    ]
}

fn check() -> Command {
    Command::new("check")
        .about("Tell by the exit status whether a process is orphaned")
        .override_usage("orphans check [-v] [PID]")
        .arg(switch("verbose", Some('v'), "Print the reason"))
        .arg(operand("PID").help("The process [default: the one that calls]").num_args(0..))
        .after_help("Exit status: 0 orphaned, certainly or likely; 1 not; 2 no such process, or\nnothing tells.")
}

fn end() -> Command {
    Command::new("end")
        .about("End orphans, and all that descends from them")
        .override_usage("orphans end [OPTIONS] [PID]...")
        .arg(switch("likely", None, "Likely ones, too, not only the certain"))
        .args(selecting())
        .arg(value("grace", "DURATION", "From SIGTERM to SIGKILL [default: 5s]; 0: at once").short('g'))
        .arg(switch("dry-run", Some('n'), "Only show what would be ended"))
        .arg(switch("yes", Some('y'), "Do not ask"))
        .arg(switch("verbose", Some('v'), "Narrate each step on standard error"))
        .arg(operand("PID").help("Only these, certain or likely [default: all certain ones]").num_args(0..))
        .after_help(
            "Exit status: 0 all are gone; 1 some live on; 125 orphans itself failed, or there\nwas nobody to be asked.",
        )
}

fn watch() -> Command {
    Command::new("watch")
        .about("Wait for new orphans and print each, until stopped")
        .override_usage("orphans watch [OPTIONS]")
        .args(selecting())
        .args(kinds())
        .arg(switch("json", None, "Print a line of JSON for each"))
        .arg(value("interval", "DURATION", "How often to look [default: 2s]; root is told"))
}

fn switch(name: &'static str, short: Option<char>, help: &'static str) -> Arg {
    let arg = Arg::new(name).long(name).help(help).action(ArgAction::SetTrue).overrides_with(name);
    match short {
        Some(short) => arg.short(short),
        None => arg,
    }
}

fn value(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help).action(ArgAction::Append).allow_hyphen_values(true)
}

fn operand(name: &'static str) -> Arg {
    Arg::new(name).value_name(name).action(ArgAction::Append)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &str) -> Result<Request, UsageError> {
        let words: Vec<OsString> = std::iter::once("orphans").chain(words.split_whitespace()).map(Into::into).collect();
        parse(&words, &Users::default())
    }

    fn message(words: &str) -> (String, u8) {
        let error = parsed(words).unwrap_err();
        (error.message, error.status)
    }

    #[test]
    fn the_command_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn the_help_fits_a_terminal_of_80_columns() {
        for words in ["--help", "list --help", "check --help", "end --help", "watch --help"] {
            let Request::Print(text) = parsed(words).unwrap() else { panic!("{words}") };
            let longest = text.lines().map(|line| line.chars().count()).max();
            assert!(longest <= Some(80), "{words}: {longest:?}\n{text}");
        }
    }

    #[test]
    fn without_a_command_it_lists_all_kinds() {
        for words in ["", "list", "--likely", "--certain --likely"] {
            let request = parsed(words).unwrap();
            assert!(matches!(&request, Request::List(s, Format::Table) if !s.certain_only), "{words}: {request:?}");
        }
        assert!(matches!(parsed("--tree --certain").unwrap(), Request::List(s, Format::Tree) if s.certain_only));
        assert!(matches!(parsed("--json").unwrap(), Request::List(_, Format::Json)));
    }

    #[test]
    fn what_ends_takes_likely_ones_only_where_they_are_asked_for() {
        let certain_only = |words: &str| match parsed(words).unwrap() {
            Request::End(end) => end.selection.certain_only,
            other => panic!("{other:?}"),
        };
        assert!(certain_only("end"));
        assert!(certain_only("end --user 5 --older-than 1h --guard 7"));
        assert!(!certain_only("end --likely"));
        assert!(!certain_only("end 4711"));
    }

    #[test]
    fn bad_input_is_one_line_with_its_own_exit_status() {
        for (words, expected, status) in [
            ("--tere", "unknown option '--tere'; did you mean '--tree'?", FAILED),
            ("--tree --json", "the argument '--tree' cannot be used with '--json'; see orphans --help", FAILED),
            ("end x", "'x': not a process number", FAILED),
            ("end 0", "'0': not a process number", FAILED),
            ("end +5", "'+5': not a process number", FAILED),
            ("end --grace soon", "--grace: 'soon': not a duration", FAILED),
            ("--user nobody-at-all", "--user: 'nobody-at-all': no such user", FAILED),
            ("--guard x", "--guard: 'x': give a guard's PID", FAILED),
            ("--older-than", "--older-than: needs a value: --older-than DURATION", FAILED),
            ("watch --interval 0", "--interval: '0': looking without a pause", FAILED),
            ("kill", "unrecognized subcommand 'kill'", FAILED),
            ("check 99999999999", "'99999999999': not a process number", NO_ANSWER),
            ("check x", "'x': not a process number", NO_ANSWER),
            ("check -1", "unknown option '-1'; see orphans --help", NO_ANSWER),
            ("check 1 2", "check answers for one process, but got 2; ask for each", NO_ANSWER),
        ] {
            let (message, with) = message(words);
            assert!(message.starts_with(expected) && !message.contains('\n'), "{words}: {message}");
            assert_eq!(with, status, "{words}");
        }
    }
}
