//! What the command line and the environment can ask for, as types.

use std::path::PathBuf;
use std::time::Duration;

use crate::pattern::Pattern;
use crate::signal::Signal;
use crate::status::ExitBySignal;

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
