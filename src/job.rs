//! What is known of the job before any process is made.

use std::io;
use std::os::fd::OwnedFd;

use nix::sys::prctl;
use nix::unistd::{getpgrp, getpid, getppid, getsid};

use crate::cli::{Group, Options, Verbosity};
use crate::ending::Detail;
use crate::inherited::Inherited;
use crate::place::Place;
use crate::report::{Report, ReportFile};
use crate::spare::Spare;
use crate::status::Rules;
use crate::sys::{self, CStrings, Pid};
use crate::terminal::Terminal;
use crate::voice::{Voice, reason};

/// The job: what to run and how.
pub struct Job {
    /// The options.
    pub options: Options,
    /// COMMAND and its arguments.
    pub argv: CStrings,
    /// What COMMAND shall find as we found it.
    pub inherited: Inherited,
    /// Who is never ended.
    pub spare: Spare,
    /// How our exit status follows from COMMAND's.
    pub rules: Rules,
    /// Standard error.
    pub voice: Voice,
    /// The process that the caller started.
    pub started: Pid,
    /// The caller's process group.
    pub caller_group: Pid,
    /// Where COMMAND runs.
    pub place: Place,
    /// The process that started us, where its death shall end the job.
    pub parent: Option<OwnedFd>,
    /// Where the report goes.
    pub report: Option<ReportFile>,
}

impl Job {
    /// Takes the inherited state and watches the parent, if asked to: from here on every signal is blocked.
    ///
    /// # Errors
    /// A line that says why the parent cannot be watched, or the report not be written.
    pub fn prepare(options: Options, argv: CStrings) -> Result<Self, String> {
        let inherited = Inherited::take();
        // From here on no process of the job can attach to sentinel or guard, or take their descriptors (ptrace(2), "access mode
        // checking"), but root's. Nor do we leave a core file when we die of COMMAND's signal (core(5)). COMMAND is as it would be: exec
        // makes that anew.
        let _ = prctl::set_dumpable(false);
        let started = getpid().as_raw();
        let parent = if options.die_with_parent { Some(watch_parent()?) } else { None };
        let report = options.report.as_deref().map(ReportFile::open).transpose()?;
        let caller_group = getpgrp().as_raw();
        let place = Place::choose(options.group, caller_group, caller_group == started);
        let rules = Rules {
            by_signal: options.exit_by_signal,
            map: options.map_status.clone(),
            orphan_status: options.orphan_status,
            preserve: options.preserve_status,
            is_init: started == 1,
        };
        Ok(Self {
            spare: Spare::new(options.spare.clone(), CStrings::environment()),
            voice: Voice::new(options.verbosity),
            inherited,
            argv,
            rules,
            started,
            caller_group,
            place,
            parent,
            report,
            options,
        })
    }

    /// Whether the process that the caller started leads its session, as one does that a terminal's window runs.
    pub fn leads_session(&self) -> bool {
        getsid(None).is_ok_and(|session| session.as_raw() == self.started)
    }

    /// Whether we are PID 1 of our PID namespace.
    pub fn is_init(&self) -> bool {
        self.started == 1
    }

    /// Whether the sentinel has to hear when COMMAND is there: it takes the caller's signals then (see [`early`](crate::early)), or writes of it.
    pub fn wants_to_know_of_start(&self) -> bool {
        self.place.is_callers() || self.options.report.is_some()
    }

    /// The terminal, where COMMAND's own group may have to be given it.
    pub fn terminal(&self) -> Option<Terminal> {
        if self.options.group == Group::New { Terminal::controlling() } else { None }
    }

    /// How much is to be found out about the processes that are ended.
    pub fn detail(&self) -> Detail {
        let all = self.options.report.is_some() || self.options.verbosity == Verbosity::Verbose;
        if all { Detail::All } else { Detail::Few }
    }

    /// Writes the report, where one is wanted; whether all is well.
    pub fn write_report(&self, report: &Report<'_>) -> bool {
        let Some(file) = &self.report else { return true };
        let written = file.write(report);
        if let Err(error) = &written {
            self.voice.error(format_args!("--report: cannot write the report: {}", reason(error)));
        }
        written.is_ok()
    }
}

/// A descriptor that becomes readable when our parent dies. It means the process: the end of a mere thread of it, which is what
/// `PR_SET_PDEATHSIG` tells of, is not its death.
fn watch_parent() -> Result<OwnedFd, String> {
    let parent = getppid();
    if parent.as_raw() == 0 {
        return Err(
            "--die-with-parent: the parent is outside this PID namespace and cannot be watched; leave the option out"
                .into(),
        );
    }
    let pidfd = sys::pidfd_open(parent.as_raw());
    if getppid() != parent {
        return Err("--die-with-parent: the parent has died already".into());
    }
    pidfd.map_err(|error: io::Error| {
        format!("--die-with-parent: cannot watch the parent, process {parent}: {}", reason(&error))
    })
}
