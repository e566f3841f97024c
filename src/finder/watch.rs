//! `orphans watch`: tells of each new orphan, to find out which step of a job leaks.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant, SystemTime};

use crate::duration;
use crate::finder::cli::{FAILED, Watch};
use crate::finder::events::ProcessEvents;
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

/// Orphans that were told of, by PID and start.
type Known = BTreeSet<(Pid, u64)>;

/// Watches until somebody stops us.
pub fn run(voice: &Voice, users: &Users, request: &Watch) -> u8 {
    let events = ProcessEvents::listen();
    let patience = scan::patience();
    // Those that are there already are no news.
    let mut known: Option<Known> = None;
    loop {
        let begun = Instant::now();
        let snapshot = match scan::take(&patience) {
            Ok(snapshot) => snapshot,
            Err(message) => {
                voice.error(format_args!("{message}"));
                return FAILED;
            }
        };
        let orphans = orphan::select(&snapshot, &request.selection);
        match &known {
            None => {
                tell_unseen(voice, &snapshot);
                let how = match &events {
                    Some(_) => "whenever a process ends".into(),
                    None => format!("every {}", duration::display(request.interval)),
                };
                let there = summary::count(orphans.len(), "orphan");
                voice.note(format_args!("watching, {how}; {there} there already"));
            }
            Some(known) => {
                for orphan in orphans.iter().filter(|orphan| !known.contains(&key(orphan))) {
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
        known = Some(orphans.iter().map(key).collect());
        // With age as a condition, one may be new without anything having ended.
        let interval = (events.is_none() || request.selection.older_than.is_some()).then_some(request.interval);
        rest(events.as_ref(), begun.elapsed(), interval);
    }
}

fn key(orphan: &Orphan<'_>) -> (Pid, u64) {
    (orphan.process.pid, orphan.process.stat.start)
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

/// Sleeps until it is time to look again: a process has ended, or the interval is over.
fn rest(events: Option<&ProcessEvents>, took: Duration, interval: Option<Duration>) {
    let now = Instant::now();
    let soonest = now + (took * REST).max(SHORTEST);
    // What is too far away to count never comes.
    let until = interval.and_then(|interval| now.checked_add(interval));
    while let Some(events) = events {
        let [told] = wait([Some(events.as_fd())], None, until);
        if (told && events.has_one_ended()) || until.is_some_and(|until| until <= Instant::now()) {
            break;
        }
    }
    // Others end along with it, and what they leave is looked at in one go.
    let until = if events.is_some() { Some(soonest) } else { until.map(|until| until.max(soonest)) };
    let [] = wait([], None, until);
    if let Some(events) = events {
        events.has_one_ended();
    }
}
