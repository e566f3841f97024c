//! `orphans check`: the answer is the exit status.

use crate::finder::cli::NO_ANSWER;
use crate::finder::evidence::{Evidence, Kind, judge};
use crate::finder::{print, reason, scan};
use crate::sys::{self, Pid};
use crate::voice::Voice;

/// Judges one process, our parent where none is named: 0 orphaned, 1 not, 2 no answer.
pub fn run(voice: &Voice, pid: Option<Pid>, verbose: bool) -> u8 {
    let pid = pid.unwrap_or_else(|| nix::unistd::getppid().as_raw());
    let snapshot = match scan::take(&scan::patience()) {
        Ok(snapshot) => snapshot,
        Err(message) => {
            voice.error(format_args!("{message}"));
            return NO_ANSWER;
        }
    };
    let Some(process) = snapshot.processes.get(&pid) else {
        if sys::kill(pid, None).is_err_and(|error| error.raw_os_error() == Some(libc::ESRCH)) {
            voice.error(format_args!("there is no process {pid}"));
        } else {
            voice.error(format_args!("process {pid} cannot be seen; it takes root"));
        }
        return NO_ANSWER;
    };
    let evidence = judge(&snapshot, process);
    if verbose {
        let words = reason::words(&snapshot, process, &evidence);
        let verdict = match evidence.kind() {
            Kind::Certain => "certainly an orphan",
            Kind::Likely => "likely an orphan",
            Kind::Not => "not an orphan",
            Kind::Unclear => "cannot tell",
        };
        if !print(voice, &format!("{}: {verdict}: {words}\n", reason::title(&snapshot, pid))) {
            return NO_ANSWER;
        }
    }
    match evidence.kind() {
        _ if evidence == Evidence::Ended => NO_ANSWER,
        Kind::Certain | Kind::Likely => 0,
        Kind::Not => 1,
        Kind::Unclear => NO_ANSWER,
    }
}
