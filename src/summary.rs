//! The one line that says what was ended, and the line that names what could not be.

use crate::ending::{Ending, FEW, Process, fate, title};
use crate::sys::Pid;
use crate::tree::Stat;
use crate::voice::Voice;

/// Says what was ended besides COMMAND, and what lives on although it was to end.
pub fn tell(voice: &Voice, ending: &Ending<'_>, command: Option<Pid>) {
    let mut all: Vec<&Process> = ending.processes().filter(|process| Some(process.pid) != command).collect();
    all.sort_by_key(|process| process.pid);
    let (survivors, ended): (Vec<&Process>, Vec<&Process>) = all.into_iter().partition(|process| lives(process));
    let ended: Vec<String> = ended
        .iter()
        .filter_map(|process| process.sent.map(|sent| format!("{} ({})", title(process), fate(sent))))
        .collect();
    if !ended.is_empty() {
        voice.note(format_args!("ended {}: {}", count(ended.len()), list(&ended)));
    }
    if !survivors.is_empty() {
        let named: Vec<String> = survivors
            .iter()
            .map(|process| {
                let why = if process.denied { "not permitted" } else { "it does not react to SIGKILL" };
                format!("{} ({why})", title(process))
            })
            .collect();
        voice.error(format_args!("could not end {}: {}", count(named.len()), list(&named)));
    }
}

fn lives(process: &Process) -> bool {
    !process.gone
        && Stat::of(process.pid)
            .is_ok_and(|stat| !stat.is_zombie() && process.start.is_none_or(|start| start == stat.start))
}

fn count(number: usize) -> String {
    if number == 1 { "1 orphan".into() } else { format!("{number} orphans") }
}

fn list(items: &[String]) -> String {
    let few = items.iter().take(FEW).cloned().collect::<Vec<_>>().join(", ");
    match items.len().saturating_sub(FEW) {
        0 => few,
        more => format!("{few} and {more} more"),
    }
}
