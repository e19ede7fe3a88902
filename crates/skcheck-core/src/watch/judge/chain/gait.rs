//! How a process on a chain goes.

/// How a process goes that may wait for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gait {
    /// It reads nothing of what waits for it.
    StandsStill,
    /// It reads, slowly.
    Reads,
}

impl Gait {
    /// That of a process that reads, or does not.
    pub(crate) fn of(reads: bool) -> Gait {
        if reads { Gait::Reads } else { Gait::StandsStill }
    }

    pub(crate) fn reads(self) -> bool {
        self == Gait::Reads
    }
}
