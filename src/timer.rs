//! One deadline that can stand still.

use std::time::{Duration, Instant};

/// A timer: running, standing still with so much left, or without an end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Timer {
    /// It never runs out.
    #[default]
    Unset,
    /// It runs out then.
    Running(Instant),
    /// It stands still; so much is left.
    Held(Duration),
}

impl Timer {
    /// A timer that runs out after that long; one too long to count never does.
    pub fn after(duration: Option<Duration>) -> Self {
        duration.and_then(|duration| Instant::now().checked_add(duration)).map_or(Self::Unset, Self::Running)
    }

    /// It stands still from now on.
    #[must_use]
    pub fn held(self) -> Self {
        match self {
            Self::Running(deadline) => Self::Held(deadline.saturating_duration_since(Instant::now())),
            other => other,
        }
    }

    /// It runs again.
    #[must_use]
    pub fn released(self) -> Self {
        match self {
            Self::Held(left) => Self::after(Some(left)),
            other => other,
        }
    }

    /// When it runs out, if it runs.
    pub fn deadline(self) -> Option<Instant> {
        match self {
            Self::Running(deadline) => Some(deadline),
            Self::Held(_) | Self::Unset => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_timer_keeps_what_is_left() {
        let timer = Timer::after(Some(Duration::from_secs(60))).held();
        assert!(matches!(timer, Timer::Held(left) if left <= Duration::from_secs(60)));
        assert_eq!(timer.deadline(), None);
        assert!(timer.released().deadline().is_some());
    }

    #[test]
    fn for_ever_has_no_deadline() {
        assert_eq!(Timer::after(Some(Duration::MAX)).deadline(), None);
        assert_eq!(Timer::after(None).held().released(), Timer::Unset);
    }
}
