//! The options, their help and their checks.
//!
//! [`OPTIONS`] is the one list of them: the parser, the variables, the help, and the tests of the manual and of the
//! completions are made from it.

use std::ffi::{CStr, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};

use crate::duration;
use crate::nearest::nearest;
use crate::pattern::Pattern;
use crate::signal::{Signal, UnknownSignal};
use crate::spare::MARK;
use crate::status::ExitBySignal;
use crate::sys::CStrings;
use crate::voice::readable;

/// `--on-exit`: what to do with the processes that COMMAND leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnExit {
    /// End them.
    #[default]
    Kill,
    /// Stay until the last has ended.
    Wait,
    /// Let them go.
    Leave,
}

/// `--on-orphan`: what to do with a process that is orphaned while COMMAND runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnOrphan {
    /// Adopt it, and leave it alone until COMMAND ends.
    #[default]
    Adopt,
    /// End it then and there.
    Kill,
}

/// `--forward`: who gets forwarded signals.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Forward {
    /// What a terminal sends to its foreground group goes to the group, all else to COMMAND.
    #[default]
    Auto,
    /// COMMAND.
    Command,
    /// COMMAND's process group.
    Group,
    /// Every descendant.
    Tree,
}

/// `--group`: the process group that COMMAND runs in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Group {
    /// The caller's with a controlling terminal, a new one without.
    #[default]
    Auto,
    /// A new one, which gets the terminal where the caller's had it.
    New,
    /// The caller's.
    Same,
    /// A new session.
    Session,
}

/// `-v`, `-q`: how much is said on standard error.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Verbosity {
    /// Errors only.
    Quiet,
    /// Errors, and one line on what was ended.
    #[default]
    Normal,
    /// Each step.
    Verbose,
}

/// What the command line and the environment ask for.
#[derive(Clone, Debug)]
pub struct Options {
    /// `--on-exit`
    pub on_exit: OnExit,
    /// `--grace`
    pub grace: Duration,
    /// `--signal`; `None` is `0`: send nothing.
    pub signal: Option<Signal>,
    /// `--on-orphan`
    pub on_orphan: OnOrphan,
    /// `--spare`
    pub spare: Vec<Pattern>,
    /// `--orphan-status`
    pub orphan_status: Option<u8>,
    /// `--timeout`; `None` is no limit.
    pub timeout: Option<Duration>,
    /// `--kill-after`; `None` is the grace.
    pub kill_after: Option<Duration>,
    /// `--preserve-status`
    pub preserve_status: bool,
    /// `--rewrite`: what came, and what is forwarded instead, or nothing.
    pub rewrite: Vec<(Signal, Option<Signal>)>,
    /// `--forward`
    pub forward: Forward,
    /// `--pdeathsig`
    pub pdeathsig: Option<Signal>,
    /// `--group`
    pub group: Group,
    /// `--die-with-parent`
    pub die_with_parent: bool,
    /// `--no-sentinel`
    pub no_sentinel: bool,
    /// `--no-new-privs`
    pub no_new_privs: bool,
    /// `--map-status`
    pub map_status: Vec<(u8, u8)>,
    /// `--exit-by-signal`
    pub exit_by_signal: ExitBySignal,
    /// `--report`
    pub report: Option<PathBuf>,
    /// `--verbose`, `--quiet`
    pub verbosity: Verbosity,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            on_exit: OnExit::default(),
            grace: Duration::from_secs(5),
            signal: Some(Signal::TERM),
            on_orphan: OnOrphan::default(),
            spare: Vec::new(),
            orphan_status: None,
            timeout: None,
            kill_after: None,
            preserve_status: false,
            rewrite: Vec::new(),
            forward: Forward::default(),
            pdeathsig: Some(Signal::KILL),
            group: Group::default(),
            die_with_parent: false,
            no_sentinel: false,
            no_new_privs: false,
            map_status: Vec::new(),
            exit_by_signal: ExitBySignal::default(),
            report: None,
            verbosity: Verbosity::default(),
        }
    }
}

/// What the command line asks for.
pub enum Request {
    /// Run a command: the options, and its `argv`.
    Run(Options, CStrings),
    /// Print the help or the version, and succeed.
    Print(String),
}

/// One option, with or without a value.
pub struct Spec {
    /// Its long name; `ORPHANGUARD_` and this in capitals is its variable.
    pub long: &'static str,
    /// Its letter.
    pub short: Option<char>,
    /// What its value is called; `None` is a switch.
    pub value: Option<&'static str>,
    /// The words that its value may be, where it is one of a few.
    pub words: &'static [&'static str],
    /// Whether it may be given more than once; in its variable, values are separated by commas.
    pub repeatable: bool,
    /// The heading that it stands under.
    pub heading: &'static str,
    /// What it does without it, where that is a value.
    pub default: Option<&'static str>,
    /// What it does, in a line of `-h`: the default in brackets.
    pub help: &'static str,
    /// What it does, for `--help`.
    pub long_help: &'static str,
    set: fn(&mut Options, &OsStr) -> Result<(), String>,
}

impl Spec {
    /// The variable that it is also read from.
    pub fn variable(&self) -> String {
        format!("{PREFIX}{}", self.long.to_ascii_uppercase().replace('-', "_"))
    }
}

const PREFIX: &str = "ORPHANGUARD_";
/// Of that prefix and no option: what a guard around us gave us. Nor is the mark of the spared one, although `--spare` has its name:
/// a pattern that is just `1` needs the command line.
const ID: &[u8] = b"ORPHANGUARD_ID=";

const LEFTOVERS: &str = "Leftovers";
const TIME_LIMIT: &str = "Time limit";
const SIGNALS: &str = "Signals";
const PROCESSES: &str = "Processes";
const EXIT_STATUS: &str = "Exit status";
const REPORTING: &str = "Reporting";
const HELP: &str = "Help";

const BASE: Spec = Spec {
    long: "",
    short: None,
    value: None,
    words: &[],
    repeatable: false,
    heading: "",
    default: None,
    help: "",
    long_help: "",
    set: |_, _| Ok(()),
};

/// Every option but `--help` and `--version`, in the order of the help.
pub const OPTIONS: &[Spec] = &[
    Spec {
        long: "on-exit",
        value: Some("POLICY"),
        words: &["kill", "wait", "leave"],
        heading: LEFTOVERS,
        default: Some("kill"),
        help: "What COMMAND leaves: kill, wait, leave [kill]",
        long_help: "What to do with the processes that COMMAND leaves when it ends:\n\
               kill   end them\n\
               wait   stay until the last has ended\n\
               leave  let them go",
        set: |o, v| put(&mut o.on_exit, choose(v, &[OnExit::Kill, OnExit::Wait, OnExit::Leave], "on-exit")),
        ..BASE
    },
    Spec {
        long: "grace",
        short: Some('g'),
        value: Some("DURATION"),
        heading: LEFTOVERS,
        default: Some("5s"),
        help: "From the polite signal to SIGKILL [5s]",
        long_help: "What processes that are to end have from the polite signal to\n\
               SIGKILL; 0 is SIGKILL at once. Nobody waits once all have ended.",
        set: |o, v| put(&mut o.grace, duration(v)),
        ..BASE
    },
    Spec {
        long: "signal",
        short: Some('s'),
        value: Some("SIGNAL"),
        heading: LEFTOVERS,
        default: Some("TERM"),
        help: "The polite signal [TERM]",
        long_help: "The first, polite signal to processes that are to end; 0 sends none.",
        set: |o, v| put(&mut o.signal, signal_or(v, "0")),
        ..BASE
    },
    Spec {
        long: "on-orphan",
        value: Some("POLICY"),
        words: &["adopt", "kill"],
        heading: LEFTOVERS,
        default: Some("adopt"),
        help: "What is orphaned before: adopt, kill [adopt]",
        long_help: "What to do with a process that is orphaned while COMMAND still runs:\n\
               adopt  keep it until COMMAND ends\n\
               kill   end it then and there",
        set: |o, v| put(&mut o.on_orphan, choose(v, &[OnOrphan::Adopt, OnOrphan::Kill], "on-orphan")),
        ..BASE
    },
    Spec {
        long: "spare",
        value: Some("PATTERN"),
        repeatable: true,
        heading: LEFTOVERS,
        help: "Never end what is named so, as sccache*",
        long_help: "Never end a process whose name matches the glob (sccache*), nor what\n\
               it started. A process with ORPHANGUARD_SPARE=1 in its environment is\n\
               spared, too. May be given more than once.",
        set: |o, v| {
            o.spare.push(Pattern::new(v.as_bytes())?);
            Ok(())
        },
        ..BASE
    },
    Spec {
        long: "orphan-status",
        value: Some("CODE"),
        heading: LEFTOVERS,
        help: "Exit CODE where a success left processes",
        long_help: "Exit with CODE where COMMAND succeeded yet left processes behind that\n\
               are not spared: a leak check for CI.",
        set: |o, v| put(&mut o.orphan_status, code(text(v)?).map(Some)),
        ..BASE
    },
    Spec {
        long: "timeout",
        short: Some('t'),
        value: Some("DURATION"),
        heading: TIME_LIMIT,
        default: Some("0"),
        help: "End the job after that long [0: no limit]",
        long_help: "End the job, all its processes, after that long; then the exit status\n\
               is 124, or 137 where COMMAND took SIGKILL. 0 is no limit.",
        set: |o, v| put(&mut o.timeout, duration(v).map(|d| (!d.is_zero()).then_some(d))),
        ..BASE
    },
    Spec {
        long: "kill-after",
        short: Some('k'),
        value: Some("DURATION"),
        heading: TIME_LIMIT,
        default: Some("the grace"),
        help: "From the limit's signal to SIGKILL [the grace]",
        long_help: "The grace of a job that ran into its time limit.",
        set: |o, v| put(&mut o.kill_after, duration(v).map(Some)),
        ..BASE
    },
    Spec {
        long: "preserve-status",
        heading: TIME_LIMIT,
        help: "Exit as COMMAND did also where it timed out",
        long_help: "Exit as COMMAND did also where it ran into its time limit.",
        set: |o, v| put(&mut o.preserve_status, switch(v)),
        ..BASE
    },
    Spec {
        long: "rewrite",
        short: Some('r'),
        value: Some("FROM=TO"),
        repeatable: true,
        heading: SIGNALS,
        help: "Forward TO where FROM comes; none drops it",
        long_help: "Forward the signal TO where FROM comes; HUP=none drops it. May be\n\
               given more than once; the last one for a signal counts.",
        set: |o, v| {
            o.rewrite.push(pair(v, "TERM=INT", forwarded, |word| signal_or(OsStr::new(word), "none"))?);
            Ok(())
        },
        ..BASE
    },
    Spec {
        long: "forward",
        value: Some("TARGET"),
        words: &["auto", "command", "group", "tree"],
        heading: SIGNALS,
        default: Some("auto"),
        help: "Forward to: auto, command, group, tree [auto]",
        long_help: "Who gets forwarded signals:\n\
               auto     INT, QUIT, TSTP, CONT and WINCH: the process group, as from a\n         terminal; all else: COMMAND alone, as from kill(1)\n\
               command  COMMAND\n\
               group    its process group\n\
               tree     every descendant",
        set: |o, v| {
            let all = [Forward::Auto, Forward::Command, Forward::Group, Forward::Tree];
            put(&mut o.forward, choose(v, &all, "forward"))
        },
        ..BASE
    },
    Spec {
        long: "pdeathsig",
        value: Some("SIGNAL"),
        heading: SIGNALS,
        default: Some("KILL"),
        help: "COMMAND's signal where its guard dies [KILL]",
        long_help: "What the kernel sends COMMAND when its guard dies, or none.",
        set: |o, v| put(&mut o.pdeathsig, signal_or(v, "none")),
        ..BASE
    },
    Spec {
        long: "group",
        value: Some("WHICH"),
        words: &["auto", "new", "same", "session"],
        heading: PROCESSES,
        default: Some("auto"),
        help: "Process group: auto, new, same, session [auto]",
        long_help: "The process group that COMMAND runs in:\n\
               auto     the caller's with a terminal, a new one without\n\
               new      a new one, which gets the terminal if the caller had it\n\
               same     the caller's\n\
               session  a new session, which has no terminal",
        set: |o, v| put(&mut o.group, choose(v, &[Group::Auto, Group::New, Group::Same, Group::Session], "group")),
        ..BASE
    },
    Spec {
        long: "die-with-parent",
        short: Some('p'),
        heading: PROCESSES,
        help: "End the job when the caller dies",
        long_help: "End the job when the process that started orphanguard dies.",
        set: |o, v| put(&mut o.die_with_parent, switch(v)),
        ..BASE
    },
    Spec {
        long: "no-sentinel",
        heading: PROCESSES,
        help: "One process instead of two",
        long_help: "One process instead of two: a SIGKILL to it leaves orphans.",
        set: |o, v| put(&mut o.no_sentinel, switch(v)),
        ..BASE
    },
    Spec {
        long: "no-new-privs",
        heading: PROCESSES,
        help: "COMMAND gains no privileges, as by sudo",
        long_help: "COMMAND and all below it can gain no privileges, as by sudo, and so\n\
               cannot escape our signals.",
        set: |o, v| put(&mut o.no_new_privs, switch(v)),
        ..BASE
    },
    Spec {
        long: "map-status",
        value: Some("FROM=TO"),
        repeatable: true,
        heading: EXIT_STATUS,
        help: "Exit TO where COMMAND exited FROM",
        long_help: "Exit TO where COMMAND exited FROM, or 128+n for its death of signal n.\n\
               May be given more than once; the last one for a status counts.",
        set: |o, v| {
            o.map_status.push(pair(v, "143=0", code, code)?);
            Ok(())
        },
        ..BASE
    },
    Spec {
        long: "exit-by-signal",
        value: Some("HOW"),
        words: &["auto", "raise", "code"],
        heading: EXIT_STATUS,
        default: Some("auto"),
        help: "Died of a signal: auto, raise, code [auto]",
        long_help: "Where COMMAND died of signal n:\n\
               auto   raise, but as PID 1 code\n\
               raise  die of the same signal\n\
               code   exit 128+n",
        set: |o, v| {
            let all = [ExitBySignal::Auto, ExitBySignal::Raise, ExitBySignal::Code];
            put(&mut o.exit_by_signal, choose(v, &all, "exit-by-signal"))
        },
        ..BASE
    },
    Spec {
        long: "report",
        value: Some("FILE"),
        heading: REPORTING,
        help: "Write a JSON report to FILE at the end",
        long_help: "Write a JSON report to FILE at the end: how COMMAND ended, what came\n\
               for it, what it left and what became of that, what it cost.",
        set: |o, v| {
            if v.is_empty() {
                return Err("it is empty; give the name of a file".into());
            }
            o.report = Some(v.into());
            Ok(())
        },
        ..BASE
    },
    Spec {
        long: "verbose",
        short: Some('v'),
        heading: REPORTING,
        help: "Narrate each step on standard error",
        long_help: "Narrate each step on standard error, with the time since the start.",
        set: |o, v| {
            if switch(v)? {
                o.verbosity = Verbosity::Verbose;
            }
            Ok(())
        },
        ..BASE
    },
    Spec {
        long: "quiet",
        short: Some('q'),
        heading: REPORTING,
        help: "Say nothing but errors",
        long_help: "Say nothing but errors.",
        set: |o, v| {
            if switch(v)? {
                o.verbosity = Verbosity::Quiet;
            }
            Ok(())
        },
        ..BASE
    },
];

/// Reads the command line (`argv`, the program's name included) and the environment.
///
/// # Errors
/// One line that names what is wrong, why, and the way out.
pub fn parse(argv: CStrings, environment: CStrings) -> Result<Request, String> {
    let (given, operands) = match plain(argv) {
        Some(plain) => plain,
        None => match by_clap(argv)? {
            Parsed::Run(given, operands) => (given, operands),
            Parsed::Print(text) => return Ok(Request::Print(text)),
        },
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

/// Options that were given, each with its value.
type Given = Vec<(&'static Spec, OsString)>;

/// Reads a command line on which every option stands by itself and in full, with its value in the next word: nearly all do. What is not so
/// plain, or wrong, is for clap, which says the same of the plain ones, but takes 25 µs to build and 70 µs to use.
fn plain(argv: CStrings) -> Option<(Given, CStrings)> {
    let mut given = Vec::new();
    let mut words = argv.first().map(|_| argv.skip(1))?;
    loop {
        let word = words.first()?.to_bytes();
        let after = words.skip(1);
        match word {
            b"--" => return after.first().map(|_| (given, after)),
            [b'-', _, ..] => {}
            _ => return Some((given, words)),
        }
        let spec = OPTIONS.iter().find(|spec| match word.strip_prefix(b"--") {
            Some(long) => long == spec.long.as_bytes(),
            None => word.len() == 2 && spec.short.map(|letter| letter as u8) == Some(word[1]),
        })?;
        words = after;
        let mut value = OsStr::new("1");
        if spec.value.is_some() {
            value = OsStr::from_bytes(words.first()?.to_bytes());
            words = words.skip(1);
        }
        given.push((spec, value.to_owned()));
    }
}

enum Parsed {
    Run(Given, CStrings),
    Print(String),
}

fn by_clap(argv: CStrings) -> Result<Parsed, String> {
    let arguments = argv.iter().map(|a| OsStr::from_bytes(a.to_bytes()));
    let matches = match command().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            return Ok(Parsed::Print(error.to_string()));
        }
        Err(error) => return Err(one_line(&error, "orphanguard")),
    };
    let values = |spec: &Spec| {
        if spec.value.is_none() {
            return if matches.get_flag(spec.long) { vec!["1".into()] } else { Vec::new() };
        }
        matches.get_many::<OsString>(spec.long).into_iter().flatten().cloned().collect()
    };
    let given = OPTIONS.iter().flat_map(|spec| values(spec).into_iter().map(move |value| (spec, value))).collect();
    let operands = matches.get_many::<OsString>("COMMAND").map_or(0, Iterator::count);
    Ok(Parsed::Run(given, argv.skip(argv.count() - operands)))
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

/// The options that the environment sets, with their values.
fn variables(environment: CStrings) -> Vec<(&'static Spec, &'static OsStr)> {
    let ours = environment
        .iter()
        .map(CStr::to_bytes)
        .filter(|&entry| entry.starts_with(PREFIX.as_bytes()) && !entry.starts_with(ID) && entry != MARK);
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

/// The command line as clap sees it. Its help has no colour anywhere: clap is built without it.
pub fn command() -> Command {
    let options = OPTIONS.iter().map(|spec| {
        let mut arg = Arg::new(spec.long).long(spec.long).help_heading(spec.heading);
        arg = arg.help(spec.help).long_help(long_help(spec));
        if let Some(short) = spec.short {
            arg = arg.short(short);
        }
        match spec.value {
            Some(name) => arg
                .value_name(name)
                .action(ArgAction::Append)
                .allow_hyphen_values(true)
                .value_parser(clap::value_parser!(OsString)),
            None => arg.action(ArgAction::SetTrue).overrides_with(spec.long),
        }
    });
    let operands = Arg::new("COMMAND")
        .help("What to run, and its arguments")
        .value_names(["COMMAND", "ARG"])
        .value_parser(clap::value_parser!(OsString))
        .trailing_var_arg(true)
        .num_args(1..)
        .hide(true);
    let help = Arg::new("help").short('h').long("help").action(ArgAction::Help).help_heading(HELP);
    let version = Arg::new("version").short('V').long("version").action(ArgAction::Version).help_heading(HELP);
    Command::new("orphanguard")
        .version(env!("CARGO_PKG_VERSION"))
        .override_usage(USAGE)
        .about(ABOUT)
        .after_help(EPILOGUE)
        .after_long_help(LONG_EPILOGUE)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args(options)
        .args([
            help.help("A line an option; --help: all there is to them").long_help("This; -h is a line an option."),
            version.help("Print the version").long_help("Print the version."),
        ])
        .arg(operands)
}

fn long_help(spec: &Spec) -> String {
    let default = spec.default.map(|default| format!("[default: {default}] ")).unwrap_or_default();
    format!("{}\n{default}[variable: {}]", spec.long_help, spec.variable())
}

const USAGE: &str = "orphanguard [OPTIONS] [--] COMMAND [ARG]...";
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

/// clap's error as one line with a way out, for the program of this name.
pub fn one_line(error: &clap::Error, program: &str) -> String {
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
            nearest if nearest.is_empty() => format!("unknown option '{name}'; see {program} --help"),
            nearest => format!("unknown option '{name}'; did you mean '{nearest}'?"),
        },
        ErrorKind::InvalidValue => format!("{name}: needs a value: {name} {value}"),
        ErrorKind::TooManyValues => {
            format!("{name}: takes no value, but got '{}'; leave it out", word(ContextKind::InvalidValue))
        }
        _ => {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            format!("{}; see {program} --help", readable(first.trim_start_matches("error: ").as_bytes()))
        }
    }
}

// ---- values -------------------------------------------------------------------------------------------------------

fn put<T>(place: &mut T, value: Result<T, String>) -> Result<(), String> {
    *place = value?;
    Ok(())
}

fn text(value: &OsStr) -> Result<&str, String> {
    value.to_str().ok_or_else(|| "it is not UTF-8 text".into())
}

/// The value whose word stands at the same place in the option's list of words.
fn choose<T: Copy>(value: &OsStr, all: &[T], option: &str) -> Result<T, String> {
    let words = OPTIONS.iter().find(|spec| spec.long == option).map_or(&[][..], |spec| spec.words);
    let chosen = words.iter().zip(all).find(|(word, _)| OsStr::new(word) == value);
    chosen.map(|(_, &chosen)| chosen).ok_or_else(|| {
        let meant = nearest(&value.to_string_lossy().to_ascii_lowercase(), words.iter().copied());
        let meant = meant.map(|word| format!("; did you mean {word}?")).unwrap_or_default();
        format!("must be one of {}{meant}", words.join(", "))
    })
}

fn duration(value: &OsStr) -> Result<Duration, String> {
    let text = text(value)?;
    duration::parse(text)
        .map_err(|why| format!("not a duration ({why}); write 500ms, 5s, 1m 30s or a number of seconds"))
}

/// A signal, or the word for none.
fn signal_or(value: &OsStr, none: &str) -> Result<Option<Signal>, String> {
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
fn forwarded(word: &str) -> Result<Signal, String> {
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
fn pair<F, T>(
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

fn code(word: &str) -> Result<u8, String> {
    word.parse().map_err(|_| "an exit status is a number from 0 to 255".into())
}

fn switch(value: &OsStr) -> Result<bool, String> {
    match value.to_str().map(str::to_ascii_lowercase).as_deref() {
        Some("1" | "true" | "yes" | "on") => Ok(true),
        Some("0" | "false" | "no" | "off") => Ok(false),
        _ => Err("a switch is 1 or 0 (or true, yes, on; false, no, off)".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_defaults_that_are_told_are_those_that_hold() {
        let defaults = format!("{:?}", Options::default());
        for spec in OPTIONS {
            // Not a value of its own.
            let Some(default) = spec.default.filter(|&default| default != "the grace") else { continue };
            let mut options = Options::default();
            (spec.set)(&mut options, OsStr::new(default)).unwrap();
            assert_eq!(format!("{options:?}"), defaults, "--{} {default}", spec.long);
        }
        assert_eq!(Options::default().kill_after, None);
    }

    #[test]
    fn an_option_of_a_few_words_has_one_of_them_for_its_default() {
        for spec in OPTIONS.iter().filter(|spec| !spec.words.is_empty()) {
            assert!(spec.default.is_some_and(|default| spec.words.contains(&default)), "--{}", spec.long);
        }
    }

    /// As text: which options with which values, and COMMAND's words.
    fn told(given: &Given, operands: CStrings) -> String {
        // clap sorts by option; the order of one option's values is what counts.
        let mut given: Vec<_> = given.iter().map(|(spec, value)| (spec.long, spec.value.is_none(), value)).collect();
        given.sort_by_key(|(long, ..)| *long);
        given.dedup_by(|one, other| one == other && one.1);
        format!("{given:?} {:?}", operands.iter().collect::<Vec<_>>())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_plain_command_line_means_the_same_to_clap(
            options in prop::collection::vec((0..OPTIONS.len(), any::<bool>(), 0..6usize), 0..6),
            ended in any::<bool>(),
            command in prop::sample::select(vec!["sh", "", "-", "./a b"]),
            rest in prop::collection::vec(prop::sample::select(vec!["--version", "-h", "x", "--", "-g", "", "--bogus"]), 0..4),
        ) {
            const VALUES: [&str; 6] = ["5", "--", "-x", "", "--grace", "TERM=INT"];
            let mut words = vec!["orphanguard".to_owned()];
            for (which, letter, value) in options {
                let spec = &OPTIONS[which];
                words.push(match spec.short.filter(|_| letter) {
                    Some(letter) => format!("-{letter}"),
                    None => format!("--{}", spec.long),
                });
                words.extend(spec.value.map(|_| VALUES[value].to_owned()));
            }
            words.extend(ended.then(|| "--".to_owned()));
            words.push(command.to_owned());
            words.extend(rest.into_iter().map(str::to_owned));
            let argv = CStrings::leaked(&words.iter().map(String::as_str).collect::<Vec<_>>());
            let (given, operands) = plain(argv).expect("it is plain");
            match by_clap(argv) {
                Ok(Parsed::Run(by_clap, rest)) => prop_assert_eq!(told(&given, operands), told(&by_clap, rest)),
                Ok(Parsed::Print(text)) => prop_assert!(false, "printed {text}"),
                Err(message) => prop_assert!(false, "{message}"),
            }
        }
    }

    #[test]
    fn what_is_not_plain_is_for_clap() {
        let lines: [&[&str]; 9] = [
            &[],
            &["-h"],
            &["--help"],
            &["--version", "x"],
            &["-vq", "x"],
            &["-g5", "x"],
            &["--grace=5", "x"],
            &["--bogus", "x"],
            &["-g"],
        ];
        for line in lines {
            let words: Vec<&str> = ["orphanguard"].iter().chain(line).copied().collect();
            assert!(plain(CStrings::leaked(&words)).is_none(), "{line:?}");
        }
    }

    #[test]
    fn clap_finds_nothing_wrong_with_the_options() {
        command().debug_assert();
    }
}
