//! `orphans watch`: tells of each new orphan, to find out which step of a job leaks.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant, SystemTime};

use crate::finder::cli::{FAILED, Watch};
use crate::finder::events::ProcessEvents;
use crate::finder::evidence::Kind;
use crate::finder::list::tell_unseen;
use crate::finder::orphan::{self, Orphan};
use crate::finder::snapshot::Snapshot;
use crate::finder::table::command;
use crate::finder::users::Users;
use crate::finder::{json, reason, scan, write};
use crate::summary;
use crate::sys::Pid;
use crate::voice::{self, Voice};
use crate::waiting::wait;

/// Where the kernel tells of each end, we look this often at the most.
const SHORTEST: Duration = Duration::from_millis(100);
/// Looking may take a tenth of one processor's time.
const REST: u32 = 9;

/// An orphan that was told of: the kind, so that one of which more becomes known is told of again.
type Known = BTreeMap<(Pid, u64), Kind>;

/// Watches until somebody stops us.
pub fn run(voice: &Voice, users: &Users, request: &Watch) -> u8 {
    let events = ProcessEvents::listen();
    let mut known: Option<Known> = None;
    loop {
        let begun = Instant::now();
        let snapshot = match scan::take() {
            Ok(snapshot) => snapshot,
            Err(message) => {
                voice.error(format_args!("{message}"));
                return FAILED;
            }
        };
        let orphans = orphan::select(&snapshot, &request.selection);
        match &known {
            None => begin(voice, &snapshot, &orphans),
            Some(known) => {
                for orphan in orphans.iter().filter(|orphan| is_news(known, orphan)) {
                    match write(&line(&snapshot, users, orphan, request.json)) {
                        Ok(()) => {}
                        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return 0,
                        Err(error) => {
                            voice.error(format_args!("cannot write to standard output: {}", voice::reason(&error)));
                            return FAILED;
                        }
                    }
                }
            }
        }
        known = Some(orphans.iter().map(|orphan| (key(orphan), orphan.kind())).collect());
        rest(events.as_ref(), begun.elapsed(), request.interval);
    }
}

/// Those that are there already are no news.
fn begin(voice: &Voice, snapshot: &Snapshot, orphans: &[Orphan<'_>]) {
    tell_unseen(voice, snapshot);
    let there = match orphans.len() {
        0 => String::new(),
        count => format!("; {} there already", summary::count(count, "orphan")),
    };
    voice.note(format_args!("watching{there}"));
}

fn key(orphan: &Orphan<'_>) -> (Pid, u64) {
    (orphan.process.pid, orphan.process.stat.start)
}

fn is_news(known: &Known, orphan: &Orphan<'_>) -> bool {
    known.get(&key(orphan)).is_none_or(|&kind| orphan.kind() < kind)
}

fn line(snapshot: &Snapshot, users: &Users, orphan: &Orphan<'_>, as_json: bool) -> String {
    if as_json {
        return format!("{}\n", json::seen(snapshot, users, orphan));
    }
    format!(
        "{} {} {} {} {}  [{}]\n",
        humantime::format_rfc3339_seconds(SystemTime::now()),
        orphan.process.pid,
        reason::word(orphan.kind()),
        users.name(orphan.details.user),
        command(orphan.process, &orphan.details),
        orphan.reason,
    )
}

/// Sleeps until it is time to look again.
fn rest(events: Option<&ProcessEvents>, took: Duration, interval: Duration) {
    let now = Instant::now();
    let soonest = now + (took * REST).max(SHORTEST);
    let Some(events) = events else {
        let until = now.checked_add(interval).map_or(soonest, |next| next.max(soonest));
        let [] = wait([], None, Some(until));
        return;
    };
    loop {
        let [_] = wait([Some(events.as_fd())], None, None);
        if events.has_one_ended() {
            break;
        }
    }
    // Others end along with it, and what they leave is looked at in one go.
    let [] = wait([], None, Some(soonest));
    events.has_one_ended();
}
