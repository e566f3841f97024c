//! The one list of the options: what reads the command line and the variables, the help, and the tests of the manual and of the completions are
//! made from it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::cli::options::{Forward, Group, OnExit, OnOrphan, Options, Verbosity};
use crate::cli::values::{choose, code, duration, forwarded, pair, put, signal_or, switch, text};
use crate::pattern::Pattern;
use crate::status::ExitBySignal;

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
    pub(super) set: fn(&mut Options, &OsStr) -> Result<(), String>,
}

impl Spec {
    /// The variable that it is also read from.
    pub fn variable(&self) -> String {
        format!("{VARIABLES}{}", self.long.to_ascii_uppercase().replace('-', "_"))
    }
}

const LEFTOVERS: &str = "Leftovers";
const TIME_LIMIT: &str = "Time limit";
const SIGNALS: &str = "Signals";
const PROCESSES: &str = "Processes";
const EXIT_STATUS: &str = "Exit status";
const REPORTING: &str = "Reporting";

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

/// What the variables' names begin with.
pub const VARIABLES: &str = "ORPHANGUARD_";

#[cfg(test)]
mod tests {
    use super::*;

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
}
