//! Orphans for programs. The schema is `man/orphans.schema.json`.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::finder::orphan::Orphan;
use crate::finder::reason;
use crate::finder::snapshot::Snapshot;
use crate::finder::users::Users;
use crate::report::escaped;
use crate::sys::Pid;

/// One document with all of them.
pub fn document(snapshot: &Snapshot, users: &Users, orphans: &[Orphan<'_>]) -> Value {
    let taken = SystemTime::now();
    let children = snapshot.children();
    let orphans = orphans.iter().map(|orphan| one(snapshot, users, orphan, taken, &children));
    json!({
        "schema": 1,
        "taken": time(taken),
        "orphans": orphans.collect::<Vec<_>>(),
        "unseen": { "environments": snapshot.unread(), "other_users": snapshot.hides_others },
    })
}

/// One of them, as it stands in the document, and when it was seen.
pub fn seen(snapshot: &Snapshot, users: &Users, orphan: &Orphan<'_>) -> Value {
    let now = SystemTime::now();
    let mut value = one(snapshot, users, orphan, now, &snapshot.children());
    if let Some(fields) = value.as_object_mut() {
        fields.insert("seen".into(), time(now).into());
    }
    value
}

fn one(
    snapshot: &Snapshot,
    users: &Users,
    orphan: &Orphan<'_>,
    taken: SystemTime,
    children: &BTreeMap<Pid, Vec<Pid>>,
) -> Value {
    let process = orphan.process;
    let parent = snapshot.processes.get(&process.stat.parent).map(|parent| escaped(&parent.name));
    let age = snapshot.age(process);
    json!({
        "pid": process.pid,
        "kind": reason::word(orphan.kind()),
        "evidence": reason::code(&orphan.evidence),
        "reason": orphan.reason,
        "name": escaped(&process.name),
        "args": orphan.details.arguments.iter().map(|word| escaped(word)).collect::<Vec<_>>(),
        "parent": { "pid": process.stat.parent, "name": parent },
        "user": { "id": orphan.details.user, "name": users.name(orphan.details.user) },
        "group": process.stat.group,
        "session": process.stat.session,
        "started": time(taken.checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH)),
        "age_s": seconds(age),
        "cpu_s": seconds(snapshot.units.duration(process.cpu_ticks)),
        "memory_kib": process.memory_pages * snapshot.units.page / 1024,
        "guard": process.guard().map(|guard| guard.to_string()),
        "unit": process.unit.as_ref().map(|unit| unit.name.clone()),
        "spared": process.is_spared(),
        "descendants": snapshot.descendants(process.pid, children),
    })
}

fn time(time: SystemTime) -> String {
    // What it cannot write down is before the epoch, and so is no time at which a process started.
    let time = time.max(SystemTime::UNIX_EPOCH);
    humantime::format_rfc3339_millis(time).to_string()
}

/// To the millisecond: clock ticks are no finer.
fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}
