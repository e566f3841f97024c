//! The guard: starts COMMAND, sees what happens, asks the plan, and does what it says.

mod forwarding;
mod own_group;
mod stops;

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::sys::prctl;
use nix::unistd::{Pid as NixPid, getppid, setpgid};

use crate::board::Board;
use crate::channel::{self, Channel, FromGuard, Request, Taken};
use crate::cli::{OnExit, OnOrphan};
use crate::duration;
use crate::ending::{Ending, Left, Scope};
use crate::entry::Entry;
use crate::exit;
use crate::fate;
use crate::guard::own_group::Looks;
use crate::inherited;
use crate::job::Job;
use crate::launch::{self, Launch, Started};
use crate::place::Place;
use crate::plan::{Action, Cause, Event, Plan, Setting};
use crate::progress::Progress;
use crate::report::{Received, Report, ReportFile};
use crate::signal::{Signal, SignalSet};
use crate::status::{Change, Ended, Exit, FAILED, KILLED};
use crate::strangers::Strangers;
use crate::summary;
use crate::sweep::Sweep;
use crate::sys::{self, Pid, SignalInfo};
use crate::terminal::Terminal;
use crate::timer::Timer;
use crate::tracing;
use crate::voice::reason;
use crate::waiting::wait;

/// The sentinel, where there is one.
#[derive(Clone, Copy)]
pub struct Behind<'a> {
    /// How to talk to it.
    pub channel: &'a Channel,
    /// Its PID.
    pub sentinel: Pid,
    /// What it can see without being told.
    pub board: &'a Board,
}

/// Runs the job to its end, with its signals read from this descriptor; how to end after it.
pub fn run(job: &Job, behind: Option<Behind<'_>>, signals: io::Result<OwnedFd>) -> Exit {
    if behind.is_some() {
        // First of all: it may die at any moment, and then wakes us even if we were stopped.
        sys::set_parent_death_signal(Signal::CONT);
        let _ = prctl::set_name(c"og-guard");
    }
    let strangers = if behind.is_some() { Strangers::default() } else { Strangers::now() };
    if let Err(error) = prctl::set_child_subreaper(true) {
        job.voice.error(format_args!("cannot become a subreaper: {}", reason(&error.into())));
        return Exit::Code(FAILED);
    }
    let terminal = job.terminal();
    // One careless kill of a group must not hit sentinel and guard; without a sentinel, the group that a terminal belongs to is the caller's.
    let leaves_the_callers =
        matches!(job.place, Place::NewGroup if terminal.is_none()) || job.place == Place::Leaderless;
    if behind.is_some() || leaves_the_callers {
        let _ = setpgid(NixPid::from_raw(0), NixPid::from_raw(0));
    }
    let launch = Launch {
        argv: job.argv,
        inherited: &job.inherited,
        place: job.place,
        terminal: terminal.as_ref(),
        caller_group: job.caller_group,
        pdeathsig: job.options.pdeathsig,
        no_new_privs: job.options.no_new_privs,
        started: job.started,
    };
    let signals = match signals {
        Ok(signals) => signals,
        Err(error) => {
            job.voice.error(format_args!("cannot receive signals: {}", reason(&error)));
            return Exit::Code(FAILED);
        }
    };
    match launch.start(identity()) {
        Ok(started) => Guard::new(job, behind, strangers, terminal, signals, started).watch(),
        Err(error) => {
            job.voice.error(format_args!("{}", error.message()));
            let exit = Exit::Code(error.status());
            job.write_report(&Report {
                argv: job.argv,
                pid: None,
                ended: None,
                exit,
                timed_out: false,
                signals: &[],
                orphans: &[],
            });
            exit
        }
    }
}

/// `ORPHANGUARD_ID`: our PID, and the time in clock ticks since boot. A process of that PID is this guard if it started no
/// later than that: a later owner of the number would have had to start after this one had ended. COMMAND's PID comes after that, so that
/// what the guard has adopted is told from what it has started.
fn identity() -> Entry {
    let guard = Entry::new(launch::ID).number(u64::from(std::process::id()));
    guard.bytes(b".").number(sys::ticks_since_boot()).bytes(b".")
}

/// How long we wait, once COMMAND has ended, for the sentinel to tell of what it has sent to it.
const HEAR_AT_MOST: Duration = Duration::from_secs(1);

struct Guard<'a> {
    job: &'a Job,
    behind: Option<Behind<'a>>,
    strangers: Strangers,
    terminal: Option<Terminal>,
    signals: OwnedFd,
    command: Pid,
    /// Its process group, where that is the job's alone.
    group: Option<Pid>,
    /// What the terminal sent before COMMAND was there, and has not come to us yet.
    missed: SignalSet,
    plan: Plan,
    timer: Timer,
    ending: Option<Ending<'a>>,
    sweep: Option<Sweep<'a>>,
    progress: Option<Progress>,
    /// For the report.
    received: Vec<Received>,
    /// The channel's and the parent's descriptors stay readable for ever after their end.
    sentinel_lost: bool,
    parent_lost: bool,
    /// How many signals the sentinel has told of that it has sent to COMMAND itself.
    heard: u32,
    /// The signal being handled, for its value and its sender.
    current: Option<SignalInfo>,
    /// Whether the sentinel has sent that to COMMAND.
    command_has_it: bool,
    /// How often what the caller started was asked to stop, and whether COMMAND has been continued since.
    stops: u32,
    went_on: bool,
    /// While COMMAND's going on is handled.
    sentinel_is_awake: bool,
    /// Whether COMMAND may be reaped now, or is.
    may_be_reaped: bool,
    /// Whether our numbers are the sentinel's too.
    is_seen_by_sentinel: bool,
    /// While the job is stopped: who may have it go on, readable once that is gone.
    controller: Option<OwnedFd>,
    /// Whether COMMAND has made a group of its own is to be looked at then.
    looks: Looks,
}

impl<'a> Guard<'a> {
    fn new(
        job: &'a Job,
        behind: Option<Behind<'a>>,
        strangers: Strangers,
        terminal: Option<Terminal>,
        signals: OwnedFd,
        Started { pid: command, group, missed }: Started,
    ) -> Self {
        inherited::close_all_but([
            Some(signals.as_raw_fd()),
            behind.map(|behind| behind.channel.descriptor()),
            job.parent.as_ref().map(AsRawFd::as_raw_fd),
            terminal.as_ref().map(Terminal::descriptor),
            job.report.as_ref().map(ReportFile::descriptor),
        ]);
        let on_terminal = job.place.is_callers() || terminal.is_some();
        let (plan, first) = Plan::new(&job.options, Setting { is_init: job.is_init(), on_terminal });
        if let Some(behind) = behind.filter(|_| job.wants_to_know_of_start()) {
            behind.channel.tell(&FromGuard::Started(command));
        }
        job.voice.step(format_args!("started process {command}"));
        let sweep = (job.options.on_orphan == OnOrphan::Kill).then(|| {
            let how = (job.options.signal, job.options.grace);
            Sweep::new(command, strangers.clone(), how, &job.spare, job.detail(), &job.voice)
        });
        let mut guard = Self {
            job,
            behind,
            strangers,
            terminal,
            signals,
            command,
            group,
            missed,
            plan,
            timer: Timer::default(),
            ending: None,
            sweep,
            progress: None,
            received: Vec::new(),
            sentinel_lost: false,
            parent_lost: false,
            heard: 0,
            current: None,
            command_has_it: false,
            stops: 0,
            went_on: false,
            sentinel_is_awake: false,
            may_be_reaped: false,
            is_seen_by_sentinel: behind.is_some_and(|behind| getppid().as_raw() == behind.sentinel),
            controller: None,
            looks: Looks::default(),
        };
        if guard.leads_for_command() {
            guard.looks = Looks::begin();
        }
        guard.show();
        guard.carry_out(first);
        guard
    }

    fn watch(mut self) -> Exit {
        while !self.plan.is_over() {
            let channel = self.behind.filter(|_| !self.sentinel_lost).map(|behind| behind.channel.as_fd());
            let parent = self.job.parent.as_ref().filter(|_| !self.parent_lost).map(AsFd::as_fd);
            let until = self.next_moment();
            let controller = self.controller.as_ref().filter(|_| self.plan.is_stopped()).map(AsFd::as_fd);
            let descriptors = [Some(self.signals.as_fd()), channel, parent, controller];
            let [signal, channel, parent, controller] = wait(descriptors, None, until);
            if channel {
                if signal {
                    // What has ended takes no signal any more: then it is for those that are left.
                    self.reap();
                }
                self.read_channel();
            }
            if signal {
                self.read_signals();
            }
            if parent {
                self.parent_lost = true;
                self.job.voice.step(format_args!("the parent has died"));
                self.happened(Event::ParentLost);
            }
            if controller {
                self.lost_controller();
            }
            if self.next_moment().is_none() {
                continue;
            }
            let now = Instant::now();
            if self.timer.deadline().is_some_and(|deadline| deadline <= now) {
                self.timer = Timer::Unset;
                self.happened(Event::TimeUp);
            }
            if self.looks.next().is_some_and(|next| next <= now) {
                self.look_at_group();
            }
            if self.ending.as_ref().and_then(Ending::next_look).is_some_and(|next| next <= now) {
                self.look();
            }
            if let Some(sweep) = self.sweep.as_mut().filter(|sweep| sweep.next() <= now)
                && self.plan.ended().is_none()
                && sweep.look()
            {
                self.plan.note_orphans();
            }
            if let (Some(progress), Some(ending)) = (&mut self.progress, &self.ending) {
                progress.tell(&self.job.voice, || {
                    let names = ending.waited_for();
                    format!("{}: {}", summary::count(names.len(), "process"), summary::list(&names))
                });
            }
        }
        self.finish()
    }

    /// When there is something to do although nothing happens; never, while COMMAND just runs.
    fn next_moment(&self) -> Option<Instant> {
        let sweep = self.sweep.as_ref().filter(|_| self.plan.ended().is_none());
        let moments = [
            self.timer.deadline(),
            self.ending.as_ref().and_then(Ending::next_look),
            sweep.map(Sweep::next),
            self.progress.as_ref().map(Progress::next),
            self.looks.next(),
        ];
        moments.into_iter().flatten().min()
    }

    // ---- what happens ---------------------------------------------------------------------------------------------

    fn happened(&mut self, event: Event) {
        let actions = self.plan.on(event);
        self.show();
        self.carry_out(actions);
    }

    /// Shows the sentinel COMMAND, where that runs, signals for it go to nobody else, and its number is its own.
    fn show(&self) {
        let is_shown = self.plan.is_running() && !self.may_be_reaped;
        // In another PID namespace than ours (unshare(2)) the sentinel would take the number for another's.
        if let Some(behind) = self.behind.filter(|_| self.is_seen_by_sentinel) {
            behind.board.show(is_shown.then_some(self.command));
        }
    }

    fn read_channel(&mut self) {
        let Some(behind) = self.behind else { return };
        loop {
            match behind.channel.receive_signal() {
                channel::Received::Message(signal) => self.signal_heard(behind.board, signal),
                channel::Received::Nothing => return,
                channel::Received::End => return self.lost_sentinel(),
            }
        }
    }

    fn signal_heard(&mut self, board: &Board, signal: Taken) {
        self.signal_came(signal);
        if signal.is_sent {
            self.heard = self.heard.wrapping_add(1);
        } else {
            board.count_handled();
        }
    }

    /// COMMAND has ended, perhaps of a signal that the sentinel has sent and is about to tell of: hears that first. The others that come meanwhile
    /// are for what is left.
    fn hear_what_was_sent(&mut self) -> Vec<Taken> {
        let mut others = Vec::new();
        let Some(behind) = self.behind.filter(|_| !self.sentinel_lost) else { return others };
        // Somebody may have stopped it just then.
        let until = Instant::now() + HEAR_AT_MOST;
        while self.heard != behind.board.sent() && Instant::now() < until {
            match behind.channel.receive_signal() {
                channel::Received::Message(signal) if signal.is_sent => self.signal_heard(behind.board, signal),
                channel::Received::Message(signal) => others.push(signal),
                channel::Received::Nothing => drop(wait([Some(behind.channel.as_fd())], None, Some(until))),
                channel::Received::End => break,
            }
        }
        others
    }

    fn lost_sentinel(&mut self) {
        if self.sentinel_lost {
            return;
        }
        self.sentinel_lost = true;
        // Whoever stops us now stops the last one that can end the job.
        exit::keep_awake();
        self.job.voice.error(format_args!("the sentinel was killed from outside; ending the job"));
        self.happened(Event::SentinelLost);
    }

    fn read_signals(&mut self) {
        let stops = self.stops;
        let all: Vec<SignalInfo> = sys::read_signals(self.signals.as_fd()).collect();
        if let Some(behind) = self.behind
            && all.iter().any(|info| info.sender == behind.sentinel)
            && getppid().as_raw() != behind.sentinel
        {
            // Its last signal. Somebody may have taken a copy of its side of the channel, and then that has no end.
            self.lost_sentinel();
        }
        let (children, others): (Vec<SignalInfo>, Vec<SignalInfo>) = all
            .into_iter()
            .filter(|info| !self.is_ours(info))
            .partition(|info| info.number == Signal::CHLD.number() as u32);
        // First of all what has changed: whether COMMAND is stopped decides what a signal does.
        if !children.is_empty() {
            self.reap();
        }
        for info in others {
            self.signal_came(Taken { info, stops, is_sent: false });
        }
    }

    /// A broken pipe of ours, our own timer, the sentinel's death.
    fn is_ours(&self, info: &SignalInfo) -> bool {
        let is_wake_up = info.number == Signal::CONT.number() as u32
            && (info.code == libc::SI_TIMER || self.behind.is_some_and(|behind| behind.sentinel == info.sender));
        is_wake_up || exit::is_our_own(info)
    }

    fn signal_came(&mut self, Taken { info, stops, is_sent }: Taken) {
        let Some(signal) = Signal::new(info.number as i32) else { return };
        let is_missed = self.missed.contains(signal);
        self.missed = self.missed.without(signal);
        // COMMAND lived when the sentinel sent it, as far as the kernel tells: what has ended since has had it.
        let delivered = (is_sent && (self.plan.is_running() || self.plan.ended().is_some()))
            || (!is_missed && self.terminal_has_delivered(signal, &info))
            || self.is_void(signal, stops);
        match info.sender {
            0 => self.job.voice.step(format_args!("received {signal}")),
            sender => self.job.voice.step(format_args!("received {signal} from process {sender}")),
        }
        if let Some(report) = &self.job.report {
            self.received.push(report.received(info));
        }
        if is_sent {
            self.job.voice.step(format_args!("sending {signal} to process {}", self.command));
        }
        self.command_has_it = is_sent;
        self.current = Some(info);
        self.happened(Event::Signal { signal, delivered });
        self.current = None;
        self.command_has_it = false;
    }

    /// Takes the ends, stops and goings-on of all children, however many signals for them were merged into one.
    fn reap(&mut self) {
        let mut command_ended = None;
        self.may_be_reaped = true;
        self.show();
        let left = loop {
            match sys::wait_any() {
                Ok(Some((pid, change))) if tracing::let_go(pid, change) => {}
                // Once it has ended, its number may be an orphan's.
                Ok(Some((pid, change))) if pid == self.command && command_ended.or(self.plan.ended()).is_none() => {
                    match change {
                        Change::Ended(ended) => command_ended = Some(ended),
                        Change::Stopped(signal) => self.command_stopped(signal),
                        Change::Continued => self.command_continued(),
                    }
                }
                Ok(Some((pid, Change::Ended(_)))) => self.orphan_ended(pid),
                Ok(Some(_)) => {}
                Ok(None) => break true,
                Err(_) => break false,
            }
        };
        if let Some(ended) = command_ended {
            // And so it stays.
            let others = self.hear_what_was_sent();
            self.command_ended(ended, left);
            for signal in others {
                self.signal_came(signal);
            }
        } else {
            self.may_be_reaped = self.plan.ended().is_some();
            self.show();
            if !left {
                self.happened(Event::NothingLeft);
            }
        }
    }

    fn orphan_ended(&mut self, pid: Pid) {
        match &mut self.ending {
            Some(ending) => ending.reaped(pid),
            None => self.job.voice.step(format_args!("reaped orphan {pid}")),
        }
        if let Some(sweep) = &mut self.sweep {
            sweep.reaped(pid);
        }
    }

    fn command_ended(&mut self, ended: Ended, left: bool) {
        match ended {
            Ended::Exited(code) => self.job.voice.step(format_args!("process {} exited {code}", self.command)),
            Ended::Signaled { signal, .. } => {
                self.job.voice.step(format_args!("process {} died of {signal}", self.command));
            }
        }
        if let Some(terminal) = &self.terminal {
            terminal.hand_over(self.command, self.job.caller_group);
        }
        if let Some(ending) = &mut self.ending {
            ending.reaped(self.command);
        }
        self.happened(Event::CommandEnded { ended, left });
    }

    fn look(&mut self) {
        if let Some(ending) = &mut self.ending {
            let left = ending.look();
            self.looked(left.alive);
        }
    }

    fn looked(&mut self, alive: usize) {
        if self.plan.ended().is_some() && alive == 0 {
            self.happened(Event::NothingLeft);
        }
    }

    // ---- what to do -----------------------------------------------------------------------------------------------

    fn carry_out(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Forward(signal, target) => self.forward(signal, target),
                Action::Stop(signal) => self.stop_as(signal),
                Action::Wake => {
                    if let Some(behind) = self.behind.filter(|_| !self.sentinel_is_awake) {
                        let _ = Request::Wake.send(behind.sentinel);
                    }
                }
                Action::Watch if self.job.options.on_exit == OnExit::Wait => self.end_by(Ending::wait),
                Action::Watch => self.end_by(Ending::look),
                Action::Ask(cause) => {
                    self.tell_cause(cause);
                    let signal = self.job.options.signal;
                    self.end_by(|ending| ending.ask(signal));
                }
                Action::Kill(cause) => {
                    if !self.ending.as_ref().is_some_and(Ending::has_begun) {
                        self.tell_cause(cause);
                    }
                    self.end_by(Ending::kill);
                }
                Action::SetTimer(duration) => self.timer = Timer::after(duration),
                Action::HoldTimer => self.timer = self.timer.held(),
                Action::ReleaseTimer => self.timer = self.timer.released(),
                Action::Finish => {}
            }
        }
    }

    fn tell_cause(&self, cause: Cause) {
        let limit = duration::display(self.job.options.timeout.unwrap_or_default());
        match cause {
            Cause::Timeout => self.job.voice.note(format_args!("the time limit of {limit} is over; ending the job")),
            Cause::ParentLost => self.job.voice.note(format_args!("the parent has died; ending the job")),
            Cause::Leftovers | Cause::SentinelLost => {}
        }
    }

    fn end_by(&mut self, step: impl FnOnce(&mut Ending<'a>) -> Left) {
        let left = step(self.ending.get_or_insert_with(|| {
            let job = self.job;
            // Reaped, it has no number any more.
            let command = if self.plan.ended().is_some() { 0 } else { self.command };
            let scope = Scope::Job { command, group: self.group, strangers: self.strangers.clone() };
            Ending::new(scope, job.detail(), &job.spare, &job.voice)
        }));
        if self.plan.ended().is_some() && left.alive > 0 {
            self.plan.note_orphans();
        }
        if self.progress.is_none() {
            self.progress = Progress::begin(&self.job.voice);
        }
        self.looked(left.alive);
    }

    // ---- the end --------------------------------------------------------------------------------------------------

    fn finish(self) -> Exit {
        let job = self.job;
        job.voice.clear();
        let leaves = job.options.on_exit == OnExit::Leave;
        let circumstances = self.plan.circumstances();
        let endings = self.sweep.as_ref().map(Sweep::ending).into_iter().chain(&self.ending);
        let fates: Vec<_> = endings.flat_map(|ending| fate::of_all(ending, Some(self.command), leaves)).collect();
        if circumstances.command_killed {
            job.voice.note(format_args!("COMMAND (process {}) took SIGKILL", self.command));
        }
        summary::tell(&job.voice, if circumstances.timed_out { "process" } else { "orphan" }, &fates);
        if job.is_init() {
            summary::tell_doomed(&job.voice, &fates);
        }
        let exit = if let Some(ended) = self.plan.ended() {
            job.rules.exit(ended, circumstances)
        } else {
            job.voice.error(format_args!("could not end COMMAND (process {})", self.command));
            Exit::Code(KILLED)
        };
        let report = Report {
            argv: job.argv,
            pid: Some(self.command),
            ended: self.plan.ended(),
            exit,
            timed_out: circumstances.timed_out,
            signals: &self.received,
            orphans: &fates,
        };
        job.write_report(&report);
        exit
    }
}
