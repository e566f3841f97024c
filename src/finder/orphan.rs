//! The orphans among all processes, with what is shown of each.

use crate::finder::cli::Selection;
use crate::finder::evidence::{Evidence, Kind, judge};
use crate::finder::reason;
use crate::finder::scan::{self, Details};
use crate::finder::snapshot::{Process, Snapshot};

/// An orphan.
#[derive(Clone, Debug)]
pub struct Orphan<'s> {
    /// Itself.
    pub process: &'s Process,
    /// How we know.
    pub evidence: Evidence,
    /// The same in words.
    pub reason: String,
    /// Its user and its arguments.
    pub details: Details,
}

impl Orphan<'_> {
    /// How sure we are.
    pub fn kind(&self) -> Kind {
        self.evidence.kind()
    }
}

/// Those of the selection, without ourselves: the certain ones first, those of one reason together, the oldest first.
pub fn select<'s>(snapshot: &'s Snapshot, selection: &Selection) -> Vec<Orphan<'s>> {
    let all = snapshot.processes.values().filter(|process| process.pid != snapshot.me);
    let mut orphans: Vec<Orphan<'s>> = all.filter_map(|process| orphan(snapshot, selection, process)).collect();
    orphans.sort_by(|a, b| {
        let key = |orphan: &Orphan<'_>| (orphan.process.stat.start, orphan.process.pid);
        a.kind().cmp(&b.kind()).then_with(|| a.reason.cmp(&b.reason)).then_with(|| key(a).cmp(&key(b)))
    });
    orphans
}

/// The process as an orphan, if it is one and of the selection.
fn orphan<'s>(snapshot: &'s Snapshot, selection: &Selection, process: &'s Process) -> Option<Orphan<'s>> {
    let evidence = judge(snapshot, process);
    let is_wanted = match evidence.kind() {
        Kind::Certain => true,
        Kind::Likely => !selection.certain_only,
        Kind::Not | Kind::Unclear => false,
    };
    if !is_wanted || !is_selected(snapshot, selection, process) {
        return None;
    }
    // Whoever has ended since was none, or is none any more.
    let details = scan::details(process)?;
    if selection.user.is_some_and(|user| user != details.user) {
        return None;
    }
    let reason = reason::words(snapshot, process, &evidence);
    Some(Orphan { process, evidence, reason, details })
}

/// Whether guard and age are those that are asked for.
pub fn is_selected(snapshot: &Snapshot, selection: &Selection, process: &Process) -> bool {
    let is_of_guard = selection.guard.is_none_or(|wanted| process.guard().is_some_and(|guard| wanted.means(guard)));
    let is_old_enough = selection.older_than.is_none_or(|age| snapshot.age(process) > age);
    is_of_guard && is_old_enough
}
