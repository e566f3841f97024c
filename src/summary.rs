//! The one line that says what was ended, and the line that names what could not be.

use crate::ending::{FEW, Process, fate, title};
use crate::fate::Fate;
use crate::voice::Voice;

/// Says what was ended, called by this noun (`orphan`), and what lives on although it was to end.
pub fn tell(voice: &Voice, noun: &str, fates: &[(&Process, Fate)]) {
    let ended: Vec<String> = fates
        .iter()
        .filter(|(_, fate)| matches!(fate, Fate::Terminated | Fate::Killed))
        .filter_map(|(process, _)| process.sent.map(|sent| format!("{} ({})", title(process), fate(sent))))
        .collect();
    if !ended.is_empty() {
        voice.note(format_args!("ended {}: {}", count(ended.len(), noun), list(&ended)));
    }
    let survivors: Vec<String> = fates
        .iter()
        .filter(|(_, fate)| *fate == Fate::Survived)
        .map(|(process, _)| {
            let why = if process.denied { "not permitted" } else { "SIGKILL has no effect on it yet" };
            format!("{} ({why})", title(process))
        })
        .collect();
    if !survivors.is_empty() {
        voice.error(format_args!("could not end {}: {}", count(survivors.len(), noun), list(&survivors)));
    }
}

/// As PID 1: says that whoever was let go, or is spared, does not outlive us all the same (pid_namespaces(7)).
pub fn tell_doomed(voice: &Voice, fates: &[(&Process, Fate)]) {
    let let_go = fates.iter().filter(|(_, fate)| matches!(fate, Fate::Left | Fate::Spared));
    let named: Vec<String> = let_go.map(|(process, _)| title(process)).collect();
    if !named.is_empty() {
        voice.note(format_args!("leaving {}, which the kernel kills as PID 1 ends", list(&named)));
    }
}

/// `1 orphan`, `2 orphans`, `2 processes`.
pub fn count(number: usize, noun: &str) -> String {
    let ending = match (number, noun.ends_with('s')) {
        (1, _) => "",
        (_, true) => "es",
        (_, false) => "s",
    };
    format!("{number} {noun}{ending}")
}

/// The first few, and how many more there are.
pub fn list(items: &[String]) -> String {
    let few = items.iter().take(FEW).map(String::as_str).collect::<Vec<_>>().join(", ");
    match items.len().saturating_sub(FEW) {
        0 => few,
        more => format!("{few} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_nouns_agree() {
        assert_eq!(count(1, "orphan"), "1 orphan");
        assert_eq!(count(2, "orphan"), "2 orphans");
        assert_eq!(count(1, "process"), "1 process");
        assert_eq!(count(3, "process"), "3 processes");
    }

    #[test]
    fn a_long_list_is_cut() {
        let items: Vec<String> = (0..12).map(|n| n.to_string()).collect();
        assert_eq!(list(&items), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more");
        assert_eq!(list(&items[..1]), "0");
    }
}
