//! `orphans end`: ends orphans and what descends from them, in the way in which the guard ends what its job leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal, stdin};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::cli::Verbosity;
use crate::ending::{Detail, Ending, Left, Scope};
use crate::environment::Patience;
use crate::fate::{self, Fate};
use crate::finder::cli::{End, FAILED};
use crate::finder::evidence::{Evidence, Kind, judge};
use crate::finder::guard_id::GuardId;
use crate::finder::list::tell_unseen;
use crate::finder::orphan::{self, Orphan};
use crate::finder::snapshot::{Process, Snapshot};
use crate::finder::table::Table;
use crate::finder::users::Users;
use crate::finder::{NAME, print, reason, scan, width};
use crate::plan::GIVE_UP;
use crate::signal::{Signal, SignalSet};
use crate::spare::Spare;
use crate::summary;
use crate::sys::{self, Pid};
use crate::voice::Voice;

/// Exit status where some live on.
const SOME_LIVE: u8 = 1;
/// How many processes are waited for at once, each by a descriptor. The others' ends show at the next look.
const WAIT_FOR: usize = 64;
/// The longest time between two looks, and the shortest: what it takes is a fifth of the time at most.
const LONGEST_REST: Duration = Duration::from_millis(100);
const REST: u32 = 4;
/// What is ended may leave new processes of the same guard, so all is looked at again, so many times at the most.
const ROUNDS: usize = 10;

/// Ends what is asked for; whether all of it is gone is the exit status.
pub fn run(users: &Users, request: &End) -> u8 {
    let voice = Voice::of(NAME, if request.verbose { Verbosity::Verbose } else { Verbosity::Normal });
    let patience = scan::patience();
    let snapshot = match scan::take(&patience) {
        Ok(snapshot) => snapshot,
        Err(message) => {
            voice.error(format_args!("{message}"));
            return FAILED;
        }
    };
    let named = !request.pids.is_empty();
    let (orphans, all_allowed) =
        if named { find_named(&voice, &snapshot, request) } else { (sweep(&voice, &snapshot, request), true) };
    let status = |all_gone: bool| if all_gone && all_allowed { 0 } else { SOME_LIVE };
    if !named {
        tell_unseen(&voice, &snapshot);
    }
    if orphans.is_empty() {
        if all_allowed {
            voice.note(format_args!("nothing to end"));
        }
        return status(true);
    }
    let shown = Table { snapshot: &snapshot, users, width: width() }.tree(&orphans);
    if request.dry_run {
        return if print(&voice, &shown) { status(true) } else { FAILED };
    }
    if !request.yes {
        match ask(&snapshot, &orphans, &shown) {
            Some(true) => {}
            Some(false) => {
                voice.note(format_args!("nothing was ended"));
                return SOME_LIVE;
            }
            None => {
                voice.error(format_args!(
                    "there is no terminal on standard input to ask on, and nothing was ended; give --yes, or --dry-run to look first"
                ));
                return FAILED;
            }
        }
    }
    let mut all_gone = end_all(&voice, &orphans, request);
    if !named {
        all_gone &= end_their_offspring(&voice, &orphans, request, &patience);
    }
    status(all_gone)
}

// ---- whom ---------------------------------------------------------------------------------------------------------

/// All orphans of the selection but those that are never ended.
fn sweep<'s>(voice: &Voice, snapshot: &'s Snapshot, request: &End) -> Vec<Orphan<'s>> {
    let mut orphans = orphan::select(snapshot, &request.selection);
    orphans.retain(|orphan| {
        let title = reason::title(snapshot, orphan.process.pid);
        if let Some(why) = forbidden(snapshot, orphan.process) {
            voice.note(format_args!("{title} is not ended: {why}"));
            return false;
        }
        if orphan.process.is_spared() {
            voice.note(format_args!("{title} is spared: it was started with ORPHANGUARD_SPARE=1"));
            return false;
        }
        true
    });
    orphans
}

/// Those that are named, and whether all of them may be ended. What is no orphan is not: its number may have been another's when it was
/// written down.
fn find_named<'s>(voice: &Voice, snapshot: &'s Snapshot, request: &End) -> (Vec<Orphan<'s>>, bool) {
    let mut orphans = Vec::new();
    let mut all_allowed = true;
    for pid in request.pids.iter().copied().collect::<BTreeSet<Pid>>() {
        let Some(process) = snapshot.processes.get(&pid) else {
            voice.note(format_args!("there is no process {pid}"));
            continue;
        };
        let title = reason::title(snapshot, pid);
        let evidence = judge(snapshot, process);
        let words = reason::words(snapshot, process, &evidence);
        if let Some(why) = forbidden(snapshot, process) {
            voice.error(format_args!("{title} is not ended: {why}"));
            all_allowed = false;
        } else if evidence == Evidence::Ended {
            voice.note(format_args!("{title} has ended already"));
        } else if evidence.kind() == Kind::Not {
            voice.error(format_args!("{title} is no orphan, and not ended: {words}"));
            all_allowed = false;
        } else if let Some(details) = scan::details(process) {
            let is_its = request.selection.user.is_none_or(|user| user == details.user);
            if is_its && orphan::is_selected(snapshot, &request.selection, process) {
                orphans.push(Orphan { process, evidence, reason: words, details });
            } else {
                voice.note(format_args!("{title} is not one of those that --user, --older-than and --guard select"));
            }
        }
    }
    (orphans, all_allowed)
}

/// Why a process is never ended, whatever is asked for.
fn forbidden(snapshot: &Snapshot, process: &Process) -> Option<&'static str> {
    if process.pid == 1 {
        Some("it is PID 1")
    } else if process.is_kernel_thread {
        Some("it is a thread of the kernel")
    } else if process.pid == snapshot.me || snapshot.ancestors(snapshot.me).any(|ancestor| ancestor == process.pid) {
        Some("this very program descends from it")
    } else {
        None
    }
}

/// Asks on the terminal; `None` where there is none.
fn ask(snapshot: &Snapshot, orphans: &[Orphan<'_>], shown: &str) -> Option<bool> {
    if !stdin().is_terminal() {
        return None;
    }
    let children = snapshot.children();
    let mut all: BTreeSet<Pid> = orphans.iter().map(|orphan| orphan.process.pid).collect();
    all.extend(orphans.iter().flat_map(|orphan| snapshot.descendants(orphan.process.pid, &children)));
    let question = format!("{shown}End {}? [y/N] ", summary::count(all.len(), "process"));
    let _ = sys::write_stderr(question.as_bytes());
    let mut answer = String::new();
    let _ = stdin().read_line(&mut answer);
    Some(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

// ---- ending -------------------------------------------------------------------------------------------------------

/// What the ended have started while they were being ended went to others before it could be seen. It has their guard's ID.
fn end_their_offspring(voice: &Voice, orphans: &[Orphan<'_>], request: &End, patience: &Patience) -> bool {
    let guards: BTreeSet<GuardId> = orphans.iter().filter_map(|orphan| orphan.process.guard()).collect();
    let key = |orphan: &Orphan<'_>| (orphan.process.pid, orphan.process.stat.start);
    let mut tried: BTreeSet<(Pid, u64)> = orphans.iter().map(key).collect();
    let mut all_gone = true;
    for _ in 0..ROUNDS {
        let Ok(snapshot) = scan::take(patience) else { return false };
        let mut new = orphan::select(&snapshot, &request.selection);
        new.retain(|orphan| {
            let is_theirs = orphan.process.guard().is_some_and(|guard| guards.contains(&guard));
            is_theirs
                && !orphan.process.is_spared()
                && forbidden(&snapshot, orphan.process).is_none()
                && tried.insert(key(orphan))
        });
        if new.is_empty() {
            return all_gone;
        }
        all_gone &= end_all(voice, &new, request);
    }
    voice.error(format_args!("what was ended goes on under new numbers, faster than it can be ended from outside"));
    false
}

/// Ends these, and says what became of them; whether all are gone.
fn end_all(voice: &Voice, orphans: &[Orphan<'_>], request: &End) -> bool {
    let these: BTreeMap<Pid, u64> =
        orphans.iter().map(|orphan| (orphan.process.pid, orphan.process.stat.start)).collect();
    let spare = Spare::marked();
    let detail = if request.verbose { Detail::All } else { Detail::Few };
    let mut ending = Ending::new(Scope::These(these), detail, &spare, voice);
    let is_over = !request.grace.is_zero() && {
        let left = ending.ask(Some(Signal::TERM));
        // An end that is too far away to count never comes.
        wait_for_end(&mut ending, left, Instant::now().checked_add(request.grace))
    };
    if !is_over {
        // Whoever ends us between the stop and the kill would leave them stopped.
        let before = sys::set_signal_mask(SignalSet::ALL);
        let left = ending.kill();
        wait_for_end(&mut ending, left, Some(Instant::now() + GIVE_UP));
        sys::set_signal_mask(before);
    }
    let fates = fate::of_all(&ending, None, false);
    summary::tell(voice, "process", &fates);
    for (process, _) in fates.iter().filter(|(_, fate)| *fate == Fate::Spared) {
        voice.note(format_args!("spared {}", crate::ending::title(process)));
    }
    !fates.iter().any(|(_, fate)| *fate == Fate::Survived)
}

/// Looks again and again until all are gone, the deadline has come, or only such are left as are not ours to signal; whether all are gone.
fn wait_for_end(ending: &mut Ending<'_>, mut left: Left, deadline: Option<Instant>) -> bool {
    let mut took = Duration::ZERO;
    loop {
        if left.alive == 0 {
            return true;
        }
        let now = Instant::now();
        let only_denied = ending.processes().filter(|process| !process.gone).all(|process| process.denied);
        if only_denied || deadline.is_some_and(|deadline| deadline <= now) {
            return false;
        }
        let wanted = ending.next_look().unwrap_or(now + LONGEST_REST).min(now + LONGEST_REST);
        let until = deadline.map_or(wanted, |deadline| wanted.min(deadline));
        std::thread::sleep((took * REST).min(until.saturating_duration_since(now)));
        wait_for_one(ending, until);
        let begun = Instant::now();
        left = ending.look();
        took = begun.elapsed();
    }
}

/// Sleeps until one of those that are left has ended, or that moment has come.
fn wait_for_one(ending: &Ending<'_>, until: Instant) {
    let alive = ending.processes().filter(|process| !process.gone && !process.denied);
    // Where its number is another's by now, the moment comes.
    let pidfds: Vec<OwnedFd> = alive.take(WAIT_FOR).filter_map(|process| sys::pidfd_open(process.pid).ok()).collect();
    let mut polled: Vec<PollFd<'_>> =
        pidfds.iter().map(|pidfd| PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)).collect();
    let left = until.saturating_duration_since(Instant::now());
    // Rounded up, or the last millisecond would be spent in haste.
    let timeout = PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX);
    let _ = poll(&mut polled, timeout);
}
