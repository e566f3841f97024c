//! The thin parent of the guard, and what the caller sees of us.
//!
//! It passes signals on, stops and goes on when the guard says that COMMAND did, and ends as the guard tells it. If the guard is killed,
//! every process of the job becomes its child, and it ends them all.

use std::collections::VecDeque;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::sys::prctl;

use crate::channel::{self, Channel, FromGuard, Request, Taken};
use crate::cli::OnExit;
use crate::direct::Direct;
use crate::ending::{Ending, Scope};
use crate::exit::{self, Stop};
use crate::fate;
use crate::guard;
use crate::inherited;
use crate::job::Job;
use crate::plan::GIVE_UP;
use crate::report::{Received, Report, ReportFile};
use crate::signal::Signal;
use crate::status::{Change, Ended, Exit, FAILED, KILLED};
use crate::strangers::Strangers;
use crate::summary;
use crate::sys::{self, Pid, SignalInfo};
use crate::tree::{Family, Method, Stat};
use crate::voice::reason;
use crate::waiting::wait;

/// Forks the guard and stands behind it until the job is over; how to end.
pub fn run(job: &Job) -> Exit {
    let strangers = Strangers::now();
    let direct = Direct::default();
    let prepared = prctl::set_child_subreaper(true).map_err(Into::into);
    // Before the fork: once COMMAND runs, it may take our right to open anything away (prlimit(2)). Each of us reads its own signals from it
    // (signalfd(2)).
    let opened = prepared.and_then(|()| Ok((sys::signalfd()?, Channel::pair()?)));
    let forked = opened.and_then(|(signals, (ours, guards))| Ok((sys::fork()?, ours, guards, signals)));
    match forked {
        Ok((None, ours, guards, signals)) => {
            drop(ours);
            let behind = guard::Behind { channel: &guards, sentinel: job.started, board: direct.board() };
            let exit = guard::run(job, Some(behind), Ok(signals));
            guards.tell(&FromGuard::Over(exit));
            sys::exit_now(0);
        }
        Ok((Some(guard), channel, guards, signals)) => {
            drop(guards);
            Sentinel::new(job, guard, channel, signals, strangers, direct).watch()
        }
        Err(error) => {
            job.voice.error(format_args!("cannot start the guard: {}", reason(&error)));
            Exit::Code(FAILED)
        }
    }
}

/// How long we wait for what the guard overlooked. SIGKILL ends that at once; what it does not end, the guard has waited for already.
const OVERLOOKED: Duration = Duration::from_secs(1);

/// How long we look after nothing but the channel at a time before COMMAND runs.
const DEAF_AT_MOST: Duration = Duration::from_millis(100);

struct Sentinel<'a> {
    job: &'a Job,
    guard: Pid,
    channel: Channel,
    signals: OwnedFd,
    strangers: Strangers,
    direct: Direct,
    /// Signals for which the channel had no room yet.
    backlog: VecDeque<Taken>,
    stop: Option<(Signal, Option<Pid>)>,
    /// How many requests to stop were read, and how many of them followed.
    asked: u32,
    stops: u32,
    guard_ended: bool,
    /// Whether signals are taken: see [`early`](crate::early).
    listens: bool,
    /// For the report, should it fall to us.
    command: Option<Pid>,
    received: Vec<Received>,
}

impl<'a> Sentinel<'a> {
    fn new(job: &'a Job, guard: Pid, channel: Channel, signals: OwnedFd, strangers: Strangers, direct: Direct) -> Self {
        inherited::close_all_but([
            Some(channel.descriptor()),
            Some(signals.as_raw_fd()),
            // The guard's to watch; but the job owns it here too, and will close it.
            job.parent.as_ref().map(AsRawFd::as_raw_fd),
            job.report.as_ref().map(ReportFile::descriptor),
        ]);
        let mut sentinel = Self {
            job,
            guard,
            channel,
            signals,
            strangers,
            direct,
            backlog: VecDeque::new(),
            stop: None,
            asked: 0,
            stops: 0,
            guard_ended: false,
            listens: false,
            command: None,
            received: Vec::new(),
        };
        if !job.wants_to_know_of_start() {
            sentinel.listen();
        }
        sentinel
    }

    /// From now on signals are taken.
    fn listen(&mut self) {
        self.listens = true;
        // If somebody stops us and then kills the guard, the channel's end must wake us. Not earlier: what the guard tells at the start would wake us
        // too, and a SIGCONT throws away the stops that wait.
        sys::signal_when_readable(self.channel.as_fd(), Signal::CONT);
    }

    fn watch(mut self) -> Exit {
        loop {
            let more = (!self.backlog.is_empty()).then_some(1);
            let signals = self.listens.then_some(self.signals.as_fd());
            // Should somebody stop or kill the guard meanwhile, the signal that tells of it is not taken either.
            let until = (!self.listens).then(|| Instant::now() + DEAF_AT_MOST);
            let [signal, channel] = wait([signals, Some(self.channel.as_fd())], more, until);
            if !self.listens {
                self.reap();
                self.rouse_command();
            }
            if signal {
                self.read_signals();
            }
            if channel || self.guard_ended {
                match self.channel.hear() {
                    channel::Received::Message(FromGuard::Started(command)) => {
                        self.command = Some(command);
                        self.listen();
                    }
                    channel::Received::Message(FromGuard::Over(exit)) => {
                        self.reap_guard();
                        self.end_overlooked();
                        return exit;
                    }
                    // Somebody may have taken a copy of the guard's side: then the channel has no end.
                    channel::Received::Nothing if self.guard_ended => return self.take_over(),
                    channel::Received::Nothing => {}
                    channel::Received::End => return self.take_over(),
                }
            }
            while let Some(signal) = self.backlog.pop_front() {
                if !self.channel.send_signal(&signal) {
                    self.backlog.push_front(signal);
                    break;
                }
            }
            if let Some((signal, command)) = self.stop.take() {
                self.stop_as(signal, command);
            }
        }
    }

    /// Takes what waits in the signalfd, and reaps where it says that a child changed.
    fn read_signals(&mut self) {
        loop {
            let mut count = 0;
            let mut child = false;
            for info in sys::read_signals(self.signals.as_fd()) {
                count += 1;
                if info.number == Signal::CHLD.number() as u32 {
                    child = true;
                } else {
                    self.take(info);
                }
            }
            if child {
                self.reap();
            }
            if count < sys::SIGNALS_AT_ONCE {
                return;
            }
        }
    }

    fn take(&mut self, info: SignalInfo) {
        match Request::from_signal(&info, self.guard) {
            Some(Request::Stop(signal, command)) => {
                self.stop = Some((signal, command));
                self.asked += 1;
            }
            Some(Request::Wake) => self.stop = None,
            None if self.is_for_the_job(&info) => {
                if let Some(report) = &self.job.report {
                    self.received.push(report.received(info));
                }
                let is_sent = self.direct.send(&self.job.options, &info);
                self.backlog.push_back(Taken { info, stops: self.stops, is_sent });
            }
            None => {}
        }
    }

    /// Not what we caused ourselves: a broken pipe of ours, the channel's wake-up call, the guard's.
    fn is_for_the_job(&self, info: &SignalInfo) -> bool {
        let is_continue = info.number == Signal::CONT.number() as u32;
        let is_call = is_continue && (info.sender == self.guard || (1..libc::SI_KERNEL).contains(&info.code));
        !is_call && !exit::is_our_own(info)
    }

    fn reap(&mut self) {
        while let Ok(Some((pid, change))) = sys::wait_any() {
            if pid != self.guard {
                continue;
            }
            match change {
                Change::Ended(_) => {
                    self.guard_ended = true;
                    // What it showed is ours now, and may be reaped.
                    self.direct.board().show(None);
                }
                // The guard must not sleep while it stands for the job.
                Change::Stopped(_) => drop(sys::kill(self.guard, Some(Signal::CONT))),
                Change::Continued => {}
            }
        }
    }

    /// Waits for the end of a guard that has nothing more to do, or nothing more it could: its descriptors are closed before its children become
    /// ours. Somebody may have stopped it just now.
    fn reap_guard(&self) {
        if !self.guard_ended {
            let _ = sys::kill(self.guard, Some(Signal::KILL));
            let _ = sys::wait_for(self.guard);
        }
    }

    /// Has COMMAND's process go on if a stop has hit it after its signals were let in and before exec: the guard sleeps until that, and could not.
    fn rouse_command(&self) {
        // As a process does in vfork(2).
        if !Stat::of(self.guard).is_ok_and(|stat| stat.state == b'D') {
            return;
        }
        for child in Family::look(Method::find()).children(self.guard) {
            if Stat::of(child).is_ok_and(|stat| stat.is_stopped()) {
                let _ = sys::kill(child, Some(Signal::CONT));
            }
        }
    }

    /// Stops as COMMAND was stopped; comes back when somebody has us go on.
    fn stop_as(&mut self, signal: Signal, command: Option<Pid>) {
        let channel = &self.channel;
        let stopped = exit::stop(signal, command, self.job.terminal().is_some(), || channel.is_readable());
        self.stops = self.asked;
        if stopped == Stop::Refused {
            // It would not have stopped COMMAND in our place, so COMMAND goes on.
            let info = SignalInfo { number: Signal::CONT.number() as u32, code: 0, sender: 0, user: 0, value: 0 };
            self.direct.leave_to_guard();
            self.backlog.push_back(Taken { info, stops: self.stops, is_sent: false });
        }
    }

    /// The guard has ended all, so we have no children but what is spared or could not be ended. A process of root's may have tampered with it.
    ///
    /// Where somebody was there before the job, what that has left since has come to us as well, and cannot be told from what was overlooked.
    fn end_overlooked(&mut self) {
        if self.job.options.on_exit != OnExit::Leave && self.strangers.is_empty() && sys::is_child(0) {
            self.kill_all(OVERLOOKED);
        }
    }

    /// The guard was killed: ends what is left of the job, which is ours now. Nothing stands behind us any more, so there is no grace. What
    /// strangers have left since the job began cannot be told from it, and goes with it: that nothing of the job is left comes first.
    fn take_over(mut self) -> Exit {
        let voice = &self.job.voice;
        // Whoever stops us now stops the last one that can end the job.
        exit::keep_awake();
        voice.error(format_args!("the guard (process {}) was killed from outside; ending the job", self.guard));
        self.reap_guard();
        let (ending, command_ended) = self.kill_all(GIVE_UP);
        let fates = fate::of_all(&ending, self.command, false);
        summary::tell(voice, "process", &fates);
        let exit = Exit::Code(KILLED);
        self.job.write_report(&Report {
            argv: self.job.argv,
            pid: self.command,
            ended: command_ended,
            exit,
            timed_out: false,
            signals: &self.received,
            orphans: &fates,
        });
        exit
    }

    /// Kills all that is left, and waits at most so long for its end; how COMMAND ended, if it was there.
    fn kill_all(&mut self, patience: Duration) -> (Ending<'a>, Option<Ended>) {
        let begun = Instant::now();
        let scope = Scope::Job { command: 0, group: None, strangers: std::mem::take(&mut self.strangers) };
        let mut ending = Ending::new(scope, self.job.detail(), &self.job.spare, &self.job.voice);
        let mut command_ended = None;
        let mut left = ending.kill();
        while left.alive > 0 && begun.elapsed() < patience {
            let _ = wait([Some(self.signals.as_fd())], None, ending.next_look());
            while sys::read_signals(self.signals.as_fd()).count() > 0 {}
            while let Ok(Some((pid, change))) = sys::wait_any() {
                if let Change::Ended(ended) = change {
                    if Some(pid) == self.command {
                        command_ended = Some(ended);
                    }
                    ending.reaped(pid);
                }
            }
            if ending.next_look().is_some_and(|next| next <= Instant::now()) {
                left = ending.look();
            }
        }
        (ending, command_ended)
    }
}
