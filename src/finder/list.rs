//! `orphans`: the list, the tree, the document.

use crate::finder::cli::{FAILED, Format, Selection};
use crate::finder::snapshot::Snapshot;
use crate::finder::table::Table;
use crate::finder::users::Users;
use crate::finder::{json, orphan, print, scan, width};
use crate::summary;
use crate::voice::Voice;

/// Lists what is orphaned now.
pub fn run(voice: &Voice, users: &Users, selection: &Selection, format: Format) -> u8 {
    let snapshot = match scan::take(&scan::patience()) {
        Ok(snapshot) => snapshot,
        Err(message) => {
            voice.error(format_args!("{message}"));
            return FAILED;
        }
    };
    let orphans = orphan::select(&snapshot, selection);
    let table = Table { snapshot: &snapshot, users, width: width() };
    let text = match format {
        Format::Table => table.list(&orphans),
        Format::Tree => table.tree(&orphans),
        Format::Json => format!("{:#}\n", json::document(&snapshot, users, &orphans)),
    };
    let printed = print(voice, &text);
    if orphans.is_empty() && format != Format::Json {
        voice.note(format_args!("no orphans found"));
    }
    tell_unseen(voice, &snapshot);
    if printed { 0 } else { FAILED }
}

/// Says what kept us from knowing more.
pub fn tell_unseen(voice: &Voice, snapshot: &Snapshot) {
    if snapshot.hides_others {
        voice.note(format_args!("/proc shows no processes of other users here (hidepid); it takes root to see them"));
    }
    let unread = snapshot.unread();
    if unread > 0 {
        voice.note(format_args!(
            "the environment of {} could not be read, and so not whether its guard is gone; it takes root, in a container \
             CAP_SYS_PTRACE too",
            summary::count(unread, "process")
        ));
    }
}
