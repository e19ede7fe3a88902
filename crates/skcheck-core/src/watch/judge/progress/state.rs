//! How the two sides of a socket go: plain data.

/// How a reader goes. For a listener, connections that are accepted count as what is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reading {
    /// It has unread data, and consumed nothing.
    Stalled,
    /// It consumes less than arrives.
    Slow,
    /// It consumes at least what arrives.
    Draining,
    /// Nothing is unread.
    Idle,
    /// What it consumed cannot be told.
    Unknown,
}

impl Reading {
    /// `stalled`, `slow`, `draining`, `idle` or `unknown`.
    pub fn name(self) -> &'static str {
        match self {
            Reading::Stalled => "stalled",
            Reading::Slow => "slow",
            Reading::Draining => "draining",
            Reading::Idle => "idle",
            Reading::Unknown => "unknown",
        }
    }
}

/// How a writer goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Writing {
    /// It has data that the peer has not taken, and the peer took nothing.
    Stalled,
    /// The peer takes less than is written.
    Slow,
    /// The peer takes at least what is written.
    Draining,
    /// Everything was taken.
    Idle,
    /// What the peer took cannot be told.
    Unknown,
}

impl Writing {
    /// `stalled`, `slow`, `draining`, `idle` or `unknown`.
    pub fn name(self) -> &'static str {
        match self {
            Writing::Stalled => "stalled",
            Writing::Slow => "slow",
            Writing::Draining => "draining",
            Writing::Idle => "idle",
            Writing::Unknown => "unknown",
        }
    }
}
