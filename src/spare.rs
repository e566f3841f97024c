//! Which processes are never ended: those named by `--spare`, and those that carry a mark in their environment.

use std::time::Duration;

use crate::environment::{self, Patience};
use crate::pattern::Pattern;
use crate::sys::{CStrings, Pid};
use crate::tree;

/// The mark: a process that was started with it in its environment is spared.
pub const MARK: &[u8] = b"ORPHANGUARD_SPARE=1";

/// How long at once those are waited for that start another program just then.
const PATIENCE: Duration = Duration::from_millis(100);

/// Tells the spared from the others.
#[derive(Debug)]
pub struct Spare {
    patterns: Vec<Pattern>,
    mark_counts: bool,
    patience: Patience,
}

impl Spare {
    /// Where our own environment has the mark, all of COMMAND's processes inherit it: then it tells nothing, and does not count.
    pub fn new(patterns: Vec<Pattern>, environment: CStrings) -> Self {
        let mark_counts = !environment.iter().any(|entry| entry.to_bytes() == MARK);
        Self { patterns, mark_counts, patience: Patience::new(PATIENCE) }
    }

    /// Spares what carries the mark.
    pub fn marked() -> Self {
        Self { patterns: Vec::new(), mark_counts: true, patience: Patience::new(PATIENCE) }
    }

    /// Spares nobody.
    #[cfg(test)]
    pub fn nobody() -> Self {
        Self { mark_counts: false, ..Self::marked() }
    }

    /// Whether this process is spared. One whose environment cannot be read is not.
    pub fn contains(&self, pid: Pid) -> bool {
        let named = || {
            let name = tree::name(pid);
            self.patterns.iter().any(|pattern| pattern.matches(&name))
        };
        (!self.patterns.is_empty() && named()) || (self.mark_counts && environment::has(pid, MARK, &self.patience))
    }
}
