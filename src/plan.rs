//! What to do when something happens. Pure: it knows no PID, no descriptor and no clock.
//!
//! The guard tells it what happened ([`Event`]) and carries out what it answers ([`Action`]). Every state has an answer to
//! every event, also where the answer is "nothing":
//!
//! | event ↓ state → | Running | Waiting | Asking | Killing | Over |
//! | --- | --- | --- | --- | --- | --- |
//! | a signal | forward | forward to all | forward to all | – | – |
//! | COMMAND stopped, continued | stop, go on with it | – | the same on a terminal | – | – |
//! | COMMAND ended, alone | → Over | – | → Over | → Over | – |
//! | COMMAND ended, others left | by policy → Asking, Waiting, Over | – | note it | note it | – |
//! | time is up | → Asking | → Asking | → Killing | give up → Over | – |
//! | the parent is gone | → Asking | → Asking | – | – | – |
//! | the sentinel is gone | → Killing | → Killing | → Killing | – | – |
//! | nothing is left | – | → Over | → Over | → Over | – |

use std::time::Duration;

use crate::cli::{Forward, OnExit, Options};
use crate::early::SENT_TO_GROUPS;
use crate::signal::Signal;
use crate::status::{Circumstances, Ended};

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A signal came for the job.
    Signal {
        /// Which.
        signal: Signal,
        /// Whether COMMAND has had it already, as the terminal sent it to the whole group.
        delivered: bool,
    },
    /// COMMAND was stopped by this signal.
    CommandStopped(Signal),
    /// COMMAND goes on.
    CommandContinued,
    /// COMMAND ended; whether it left children to us.
    CommandEnded {
        /// How.
        ended: Ended,
        /// Whether we have a child yet.
        left: bool,
    },
    /// The process that started us died.
    ParentLost,
    /// Our sentinel died.
    SentinelLost,
    /// The timer that was set last has run out.
    TimeUp,
    /// COMMAND has ended and nothing of the job is left but what is spared.
    NothingLeft,
}

/// Who gets a forwarded signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// COMMAND alone.
    Command,
    /// COMMAND's process group.
    Group,
    /// Everything of the job that is left.
    Tree,
}

/// Why the job is being ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// COMMAND ended and left processes.
    Leftovers,
    /// The time limit.
    Timeout,
    /// The process that started us died.
    ParentLost,
    /// Our sentinel was killed.
    SentinelLost,
}

/// What to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Send this signal on.
    Forward(Signal, Target),
    /// Stop what the caller started, of this signal, so that a shell sees a stopped job.
    Stop(Signal),
    /// Have what the caller started go on.
    Wake,
    /// Begin to end what is left: the polite signal, once to each.
    Ask(Cause),
    /// Look at what COMMAND left, and keep looking until nothing is left.
    Watch,
    /// End what is left by SIGKILL.
    Kill(Cause),
    /// Set the one timer, in place of the one before; `None` has no end.
    SetTimer(Option<Duration>),
    /// The timer stands still from now on.
    HoldTimer,
    /// The timer runs again.
    ReleaseTimer,
    /// All is over: end as [`Plan::ended`] and [`Plan::circumstances`] say.
    Finish,
}

/// How long we wait for what SIGKILL does not end (it is stuck in the kernel, or not ours to signal) before we name it and leave.
pub const GIVE_UP: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// COMMAND runs and nobody wants it to end.
    Running,
    /// COMMAND ended; we wait for the last of what it left (`--on-exit wait`).
    Waiting,
    /// The polite signal was sent, the grace runs.
    Asking(Cause),
    /// SIGKILL was sent.
    Killing(Cause),
    /// There is nothing more to do.
    Over,
}

/// Where we run, as far as that decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Setting {
    /// We are PID 1 of our PID namespace.
    pub is_init: bool,
    /// COMMAND has a terminal, whose user may stop it.
    pub on_terminal: bool,
}

/// The options that decide.
#[derive(Clone, Debug)]
struct Rules {
    on_exit: OnExit,
    grace: Duration,
    kill_after: Duration,
    /// `--signal KILL`: there is no polite signal to wait for.
    at_once: bool,
    forward: Forward,
    rewrite: Vec<(Signal, Option<Signal>)>,
    setting: Setting,
}

/// Where the job stands.
#[derive(Clone, Debug)]
pub struct Plan {
    rules: Rules,
    state: State,
    ended: Option<Ended>,
    stopped: bool,
    /// A stop was forwarded: if COMMAND stops now, it was told to.
    told_to_stop: bool,
    circumstances: Circumstances,
}

impl Plan {
    /// A job whose COMMAND has just been started, with the first actions: the time limit's timer.
    pub fn new(options: &Options, setting: Setting) -> (Self, Vec<Action>) {
        let rules = Rules {
            on_exit: options.on_exit,
            grace: options.grace,
            kill_after: options.kill_after.unwrap_or(options.grace),
            at_once: options.signal == Some(Signal::KILL),
            forward: options.forward,
            rewrite: options.rewrite.clone(),
            setting,
        };
        let plan = Self {
            rules,
            state: State::Running,
            ended: None,
            stopped: false,
            told_to_stop: false,
            circumstances: Circumstances::default(),
        };
        (plan, options.timeout.map(|limit| Action::SetTimer(Some(limit))).into_iter().collect())
    }

    /// How COMMAND ended, where it has.
    pub fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// What our exit status depends on besides.
    pub fn circumstances(&self) -> Circumstances {
        self.circumstances
    }

    /// Whether all is over.
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Whether COMMAND runs and nobody wants it to end.
    pub fn is_running(&self) -> bool {
        self.state == State::Running
    }

    /// Whether COMMAND is stopped, as far as we have heard.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Takes note of orphans that COMMAND left and that are not spared.
    pub fn note_orphans(&mut self) {
        self.circumstances.left_orphans = true;
    }

    /// What to do about an event.
    #[must_use]
    pub fn on(&mut self, event: Event) -> Vec<Action> {
        if self.state == State::Over {
            return Vec::new();
        }
        match event {
            Event::Signal { signal, delivered } => self.on_signal(signal, delivered),
            Event::CommandStopped(signal) => self.on_stop(signal),
            Event::CommandContinued => self.on_continue(),
            Event::CommandEnded { ended, left } => self.on_end(ended, left),
            Event::TimeUp => self.on_time_up(),
            Event::ParentLost => match self.state {
                State::Running | State::Waiting => self.ask(Cause::ParentLost),
                State::Asking(_) | State::Killing(_) | State::Over => Vec::new(),
            },
            Event::SentinelLost => match self.state {
                // Nothing stands behind us any more: a SIGKILL to us during a grace would leak the job.
                State::Running | State::Waiting | State::Asking(_) => self.kill(Cause::SentinelLost),
                State::Killing(_) | State::Over => Vec::new(),
            },
            Event::NothingLeft => {
                if self.ended.is_some() {
                    self.finish()
                } else {
                    Vec::new()
                }
            }
        }
    }

    fn on_signal(&mut self, came: Signal, delivered: bool) -> Vec<Action> {
        if matches!(self.state, State::Killing(_)) {
            return Vec::new();
        }
        let rewritten = self.rules.rewrite.iter().rev().find(|(from, _)| *from == came);
        let signal = match rewritten {
            Some((_, None)) => return Vec::new(),
            Some((_, Some(to))) => *to,
            None => came,
        };
        let delivered = delivered && signal == came;
        if self.stopped && self.ended.is_none() && signal.is_terminal_stop() {
            // It would have no effect: SIGCONT throws away the stop signals that wait. Sent too late, it would.
            return Vec::new();
        }
        let mut actions = Vec::new();
        if !delivered {
            let target = self.target(signal);
            actions.push(Action::Forward(signal, target));
            self.told_to_stop |= signal.is_terminal_stop();
            // A stopped COMMAND cannot end until it goes on. A shell's `kill %1` sees to that for these two signals; a container
            // runtime, the caller of PID 1, does not, and would wait for its SIGKILL.
            let ends = [Signal::TERM, Signal::HUP].contains(&signal);
            if ends && self.rules.setting.is_init && self.stopped && self.ended.is_none() {
                actions.push(Action::Forward(Signal::CONT, target));
            }
        }
        // While COMMAND lives, its own stop and its own going on are what counts. While we wait for what it left, we are the program that
        // the user's Ctrl-Z and fg mean. What is being ended cannot put its end off by such a signal.
        if self.state == State::Waiting {
            if signal.is_terminal_stop() && !self.stopped {
                self.stopped = true;
                actions.extend([Action::HoldTimer, Action::Stop(signal)]);
            } else if signal == Signal::CONT && self.stopped {
                self.stopped = false;
                actions.push(Action::ReleaseTimer);
            }
        }
        actions
    }

    fn target(&self, signal: Signal) -> Target {
        if self.state != State::Running {
            return Target::Tree;
        }
        target_while_running(self.rules.forward, signal)
    }

    fn on_stop(&mut self, signal: Signal) -> Vec<Action> {
        let may = match self.state {
            State::Running => true,
            // The grace stands still for a user's Ctrl-Z. What is being ended cannot put its end off by a stop of its own.
            State::Asking(_) => self.rules.setting.on_terminal && signal.is_terminal_stop() && self.ended.is_none(),
            State::Waiting | State::Killing(_) | State::Over => false,
        };
        if !may {
            return Vec::new();
        }
        self.stopped = true;
        // A user, or a batch system by way of us, has the job pause. One that stops by itself, where nobody sees it, is just what a limit is for.
        let pauses = self.rules.setting.on_terminal || self.told_to_stop;
        let hold = pauses.then_some(Action::HoldTimer);
        hold.into_iter().chain([Action::Stop(signal)]).collect()
    }

    fn on_continue(&mut self) -> Vec<Action> {
        if self.stopped && self.ended.is_none() { self.resume() } else { Vec::new() }
    }

    /// The job goes on, whether it was continued or is to be ended.
    fn resume(&mut self) -> Vec<Action> {
        if !self.stopped {
            return Vec::new();
        }
        self.stopped = false;
        self.told_to_stop = false;
        vec![Action::ReleaseTimer, Action::Wake]
    }

    fn on_end(&mut self, ended: Ended, left: bool) -> Vec<Action> {
        self.ended = Some(ended);
        if !left {
            return self.finish();
        }
        match self.state {
            State::Running => match self.rules.on_exit {
                OnExit::Kill => self.ask(Cause::Leftovers),
                OnExit::Wait => {
                    self.state = State::Waiting;
                    let mut actions = self.resume();
                    actions.push(Action::Watch);
                    actions
                }
                OnExit::Leave => {
                    let mut actions = vec![Action::Watch];
                    actions.extend(self.finish());
                    actions
                }
            },
            State::Waiting | State::Asking(_) | State::Killing(_) | State::Over => Vec::new(),
        }
    }

    fn on_time_up(&mut self) -> Vec<Action> {
        match self.state {
            State::Running | State::Waiting => {
                self.circumstances.timed_out = true;
                self.ask(Cause::Timeout)
            }
            State::Asking(cause) => self.kill(cause),
            State::Killing(_) => self.finish(),
            State::Over => Vec::new(),
        }
    }

    fn ask(&mut self, cause: Cause) -> Vec<Action> {
        let grace = if cause == Cause::Timeout { self.rules.kill_after } else { self.rules.grace };
        if grace.is_zero() || self.rules.at_once {
            return self.kill(cause);
        }
        self.state = State::Asking(cause);
        let mut actions = self.resume();
        actions.extend([Action::SetTimer(Some(grace)), Action::Ask(cause)]);
        actions
    }

    fn kill(&mut self, cause: Cause) -> Vec<Action> {
        self.state = State::Killing(cause);
        self.circumstances.command_killed = self.ended.is_none();
        let mut actions = self.resume();
        actions.extend([Action::SetTimer(Some(GIVE_UP)), Action::Kill(cause)]);
        actions
    }

    fn finish(&mut self) -> Vec<Action> {
        self.state = State::Over;
        vec![Action::Finish]
    }
}

fn target_while_running(forward: Forward, signal: Signal) -> Target {
    match forward {
        Forward::Command => Target::Command,
        Forward::Group => Target::Group,
        Forward::Tree => Target::Tree,
        // CONT takes back what TSTP did, so it goes where TSTP went.
        Forward::Auto => {
            let terminal = [Signal::INT, Signal::QUIT, Signal::TSTP, Signal::CONT, Signal::WINCH];
            if terminal.contains(&signal) { Target::Group } else { Target::Command }
        }
    }
}

/// Whether this signal goes to COMMAND, as it came, and to nobody else, while nobody wants COMMAND to end: whatever has been before, and whoever
/// sent it.
pub fn is_for_command_alone(options: &Options, signal: Signal) -> bool {
    !SENT_TO_GROUPS.contains(&signal)
        && !options.rewrite.iter().any(|&(from, _)| from == signal)
        && target_while_running(options.forward, signal) == Target::Command
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TERM: Event = Event::Signal { signal: Signal::TERM, delivered: false };
    const TSTP: Event = Event::Signal { signal: Signal::TSTP, delivered: false };
    const CONT: Event = Event::Signal { signal: Signal::CONT, delivered: false };
    const CTRL_C: Event = Event::Signal { signal: Signal::INT, delivered: true };
    const ENDED_ALONE: Event = Event::CommandEnded { ended: Ended::Exited(7), left: false };
    const ENDED: Event = Event::CommandEnded { ended: Ended::Exited(7), left: true };

    /// One of each kind; enough to reach every state with every event.
    const EVENTS: [Event; 12] = [
        TERM,
        TSTP,
        CONT,
        CTRL_C,
        Event::CommandStopped(Signal::TSTP),
        Event::CommandContinued,
        ENDED_ALONE,
        ENDED,
        Event::ParentLost,
        Event::SentinelLost,
        Event::TimeUp,
        Event::NothingLeft,
    ];

    fn options(on_exit: OnExit) -> Options {
        Options { on_exit, ..Options::default() }
    }

    fn plan(on_exit: OnExit) -> Plan {
        Plan::new(&options(on_exit), Setting::default()).0
    }

    /// What a run of events made of the plan, checked at each step against every rule that holds for all of them.
    struct Checked {
        plan: Plan,
        held: bool,
        asleep: bool,
        asked: bool,
        killed: bool,
        finished: bool,
        command: Option<Ended>,
    }

    impl Checked {
        fn new(plan: Plan) -> Self {
            Self { plan, held: false, asleep: false, asked: false, killed: false, finished: false, command: None }
        }

        /// Whether the kernel could make this happen here: COMMAND ends once, a timer that stands still does not run out.
        fn is_possible(&self, event: Event) -> bool {
            match event {
                Event::CommandEnded { .. } | Event::CommandStopped(_) | Event::CommandContinued => {
                    self.command.is_none()
                }
                Event::NothingLeft => self.command.is_some(),
                Event::TimeUp => !self.held,
                Event::Signal { .. } | Event::ParentLost | Event::SentinelLost => true,
            }
        }

        fn step(&mut self, event: Event) {
            let actions = self.plan.on(event);
            if self.finished {
                assert_eq!(actions, [], "nothing is done after the end");
                return;
            }
            if let Event::CommandEnded { ended, .. } = event {
                self.command = Some(ended);
            }
            for action in actions {
                assert!(!self.finished, "the end is the last action");
                match action {
                    Action::Ask(_) => {
                        assert!(!self.asked && !self.killed, "the polite signal comes once, and never after SIGKILL");
                        assert!(!self.held, "the grace runs");
                        self.asked = true;
                    }
                    Action::Forward(..) => assert!(!self.killed, "nothing polite is sent after SIGKILL"),
                    Action::Kill(_) => {
                        assert!(!self.killed && !self.held);
                        self.killed = true;
                    }
                    Action::HoldTimer => self.held = true,
                    Action::ReleaseTimer => self.held = false,
                    Action::Stop(_) => self.asleep = true,
                    Action::Wake => self.asleep = false,
                    Action::SetTimer(_) | Action::Watch => {}
                    Action::Finish => self.finished = true,
                }
            }
            assert_eq!(self.finished, self.plan.is_over());
            assert_eq!(self.command, self.plan.ended());
        }

        /// Whatever came, when the processes that are left end or cannot be ended, so does the plan.
        fn must_come_to_an_end(mut self) {
            if self.command.is_none() && !self.finished {
                if self.asleep {
                    self.step(Event::CommandContinued);
                }
                self.step(ENDED);
            }
            for _ in 0..3 {
                self.step(CONT);
                self.step(Event::NothingLeft);
            }
            assert!(self.finished);
        }
    }

    fn exhaust(checked: &Checked, depth: usize, visited: &mut usize) {
        *visited += 1;
        if depth == 0 {
            return;
        }
        for event in EVENTS {
            if !checked.is_possible(event) {
                continue;
            }
            let mut next = Checked { plan: checked.plan.clone(), ..*checked };
            next.step(event);
            exhaust(&next, depth - 1, visited);
        }
    }

    #[test]
    fn every_short_sequence_of_events_keeps_every_rule() {
        for on_exit in [OnExit::Kill, OnExit::Wait, OnExit::Leave] {
            for grace in [Duration::ZERO, Duration::from_secs(5)] {
                let (plan, _) = Plan::new(&Options { on_exit, grace, ..Options::default() }, Setting::default());
                let mut visited = 0;
                exhaust(&Checked::new(plan), 5, &mut visited);
                assert!(visited > 20_000, "only {visited} sequences");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_comes_it_ends(picks in prop::collection::vec(0..EVENTS.len(), 0..40), policy in 0..3usize) {
            let on_exit = [OnExit::Kill, OnExit::Wait, OnExit::Leave][policy];
            let mut checked = Checked::new(plan(on_exit));
            for pick in picks {
                if checked.is_possible(EVENTS[pick]) {
                    checked.step(EVENTS[pick]);
                }
            }
            checked.must_come_to_an_end();
        }

        #[test]
        fn any_signal_is_forwarded_exactly_once_while_the_command_runs(number in 1..=64i32) {
            let signal = Signal::new(number).unwrap();
            let actions = plan(OnExit::Kill).on(Event::Signal { signal, delivered: false });
            prop_assert_eq!(actions.len(), 1);
            prop_assert!(matches!(actions[0], Action::Forward(sent, _) if sent == signal));
        }
    }

    #[test]
    fn a_command_that_leaves_nothing_is_the_end() {
        for on_exit in [OnExit::Kill, OnExit::Wait, OnExit::Leave] {
            assert_eq!(plan(on_exit).on(ENDED_ALONE), [Action::Finish]);
        }
    }

    #[test]
    fn leftovers_are_asked_then_killed_then_given_up() {
        let mut plan = plan(OnExit::Kill);
        let grace = Some(Duration::from_secs(5));
        assert_eq!(plan.on(ENDED), [Action::SetTimer(grace), Action::Ask(Cause::Leftovers)]);
        assert_eq!(plan.on(Event::TimeUp), [Action::SetTimer(Some(GIVE_UP)), Action::Kill(Cause::Leftovers)]);
        assert_eq!(plan.on(Event::TimeUp), [Action::Finish]);
    }

    #[test]
    fn the_grace_ends_when_nothing_is_left() {
        let mut plan = plan(OnExit::Kill);
        let _ = plan.on(ENDED);
        assert_eq!(plan.on(Event::NothingLeft), [Action::Finish]);
    }

    #[test]
    fn wait_waits_and_leave_leaves() {
        let mut waiting = plan(OnExit::Wait);
        assert_eq!(waiting.on(ENDED), [Action::Watch]);
        assert_eq!(waiting.on(TERM), [Action::Forward(Signal::TERM, Target::Tree)]);
        assert_eq!(waiting.on(Event::NothingLeft), [Action::Finish]);
        assert_eq!(plan(OnExit::Leave).on(ENDED), [Action::Watch, Action::Finish]);
    }

    #[test]
    fn only_the_first_signal_of_a_timeout_sets_the_kill_timer() {
        let kill_after = Duration::from_secs(1);
        let limit = Duration::from_secs(60);
        let options = Options { kill_after: Some(kill_after), timeout: Some(limit), ..Options::default() };
        let (mut plan, first) = Plan::new(&options, Setting::default());
        assert_eq!(first, [Action::SetTimer(Some(limit))]);
        assert_eq!(plan.on(Event::TimeUp), [Action::SetTimer(Some(kill_after)), Action::Ask(Cause::Timeout)]);
        assert_eq!(plan.on(TERM), [Action::Forward(Signal::TERM, Target::Tree)]);
        assert_eq!(plan.on(ENDED), []);
        assert!(!plan.circumstances().command_killed);
        assert!(plan.circumstances().timed_out);
    }

    #[test]
    fn a_command_that_outlives_the_grace_was_killed() {
        let mut plan = plan(OnExit::Kill);
        let _ = plan.on(Event::TimeUp);
        let _ = plan.on(Event::TimeUp);
        assert!(plan.circumstances().command_killed);
    }

    #[test]
    fn a_stopped_job_stops_us_and_its_timer_and_goes_on_with_both() {
        let (mut plan, _) = Plan::new(&options(OnExit::Kill), Setting { is_init: false, on_terminal: true });
        assert_eq!(plan.on(Event::CommandStopped(Signal::TTIN)), [Action::HoldTimer, Action::Stop(Signal::TTIN)]);
        assert_eq!(plan.on(CONT), [Action::Forward(Signal::CONT, Target::Group)]);
        assert_eq!(plan.on(Event::CommandContinued), [Action::ReleaseTimer, Action::Wake]);
        assert_eq!(plan.on(Event::CommandContinued), []);
    }

    #[test]
    fn where_nobody_sees_it_only_a_stop_that_was_asked_for_holds_the_timer() {
        let mut plan = plan(OnExit::Kill);
        assert_eq!(plan.on(Event::CommandStopped(Signal::STOP)), [Action::Stop(Signal::STOP)]);
        let _ = plan.on(Event::CommandContinued);
        let _ = plan.on(TSTP);
        assert_eq!(plan.on(Event::CommandStopped(Signal::STOP)), [Action::HoldTimer, Action::Stop(Signal::STOP)]);
        let _ = plan.on(Event::CommandContinued);
        assert_eq!(plan.on(Event::CommandStopped(Signal::TSTP)), [Action::Stop(Signal::TSTP)]);
    }

    #[test]
    fn as_pid_1_a_stopped_command_goes_on_when_it_is_told_to_end() {
        for is_init in [false, true] {
            let (mut plan, _) = Plan::new(&Options::default(), Setting { is_init, on_terminal: false });
            let term = Action::Forward(Signal::TERM, Target::Command);
            assert_eq!(plan.on(TERM), [term]);
            let _ = plan.on(Event::CommandStopped(Signal::STOP));
            let both = [term, Action::Forward(Signal::CONT, Target::Command)];
            assert_eq!(plan.on(TERM), both[..if is_init { 2 } else { 1 }]);
        }
    }

    #[test]
    fn a_stop_signal_alone_does_not_stop_us_while_the_command_lives() {
        assert_eq!(plan(OnExit::Kill).on(TSTP), [Action::Forward(Signal::TSTP, Target::Group)]);
    }

    #[test]
    fn a_stopped_command_is_not_stopped_again() {
        let mut plan = plan(OnExit::Kill);
        let _ = plan.on(Event::CommandStopped(Signal::TSTP));
        assert!(plan.is_stopped());
        assert_eq!(plan.on(TSTP), []);
        let _ = plan.on(Event::CommandContinued);
        assert_eq!(plan.on(TSTP), [Action::Forward(Signal::TSTP, Target::Group)]);
    }

    #[test]
    fn what_the_terminal_sent_is_not_sent_again() {
        assert_eq!(plan(OnExit::Kill).on(CTRL_C), []);
    }

    #[test]
    fn a_rewrite_changes_or_drops_a_signal_and_the_last_one_counts() {
        let rewrite = vec![(Signal::TERM, None), (Signal::TERM, Some(Signal::INT)), (Signal::HUP, None)];
        let (mut plan, _) = Plan::new(&Options { rewrite, ..Options::default() }, Setting::default());
        assert_eq!(plan.on(TERM), [Action::Forward(Signal::INT, Target::Group)]);
        assert_eq!(plan.on(Event::Signal { signal: Signal::HUP, delivered: false }), []);
    }

    #[test]
    fn what_is_waited_for_can_be_stopped_and_what_is_being_ended_cannot() {
        let mut waiting = plan(OnExit::Wait);
        let _ = waiting.on(ENDED);
        let forward = |signal| Action::Forward(signal, Target::Tree);
        assert_eq!(waiting.on(TSTP), [forward(Signal::TSTP), Action::HoldTimer, Action::Stop(Signal::TSTP)]);
        assert_eq!(waiting.on(CONT), [forward(Signal::CONT), Action::ReleaseTimer]);
        let mut asking = plan(OnExit::Kill);
        let _ = asking.on(ENDED);
        assert_eq!(asking.on(TSTP), [forward(Signal::TSTP)]);
    }

    #[test]
    fn only_a_users_ctrl_z_makes_the_grace_stand_still() {
        for (on_terminal, signal) in [(true, Signal::TSTP), (true, Signal::STOP), (false, Signal::TSTP)] {
            let (mut plan, _) = Plan::new(&Options::default(), Setting { is_init: false, on_terminal });
            let _ = plan.on(Event::TimeUp);
            let is_users = on_terminal && signal == Signal::TSTP;
            let expected = if is_users { vec![Action::HoldTimer, Action::Stop(signal)] } else { Vec::new() };
            assert_eq!(plan.on(Event::CommandStopped(signal)), expected, "{on_terminal} {signal}");
        }
    }

    #[test]
    fn a_lost_sentinel_gets_no_grace() {
        let mut plan = plan(OnExit::Wait);
        let _ = plan.on(ENDED);
        let killing = [Action::SetTimer(Some(GIVE_UP)), Action::Kill(Cause::SentinelLost)];
        assert_eq!(plan.on(Event::SentinelLost), killing);
    }

    #[test]
    fn a_lost_parent_gets_the_grace_under_any_policy() {
        for on_exit in [OnExit::Kill, OnExit::Wait, OnExit::Leave] {
            assert!(plan(on_exit).on(Event::ParentLost).contains(&Action::Ask(Cause::ParentLost)));
        }
    }
}
