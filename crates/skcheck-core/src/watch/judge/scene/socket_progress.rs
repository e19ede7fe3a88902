//! A socket of the later sample, and how it went: plain data.

use std::time::Duration;

use crate::snapshot::entry::SocketEntry;
use crate::watch::judge::cause::link::Pace;
use crate::watch::judge::progress::arrival::NotArriving;
use crate::watch::judge::progress::state::{Reading, Writing};

/// A socket of the later sample.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SceneSocket<'a> {
    pub(crate) entry: &'a SocketEntry,
    pub(crate) progress: SocketProgress,
}

/// How one socket of the later sample went.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SocketProgress {
    pub(crate) reading: Reading,
    pub(crate) writing: Writing,
    /// How fast its reader reads.
    pub(crate) pace: Pace,
    /// What its peer took, bytes a second.
    pub(crate) taken: Option<u64>,
    /// Its oldest unread byte has waited at least so long.
    pub(crate) age: Option<Duration>,
    /// Whether its peer's window kept it from sending.
    pub(crate) window_closed: Option<bool>,
    /// What shows that what it has sent does not arrive.
    pub(crate) not_arriving: Option<NotArriving>,
}

impl SocketProgress {
    /// Nothing is known of it.
    pub(crate) const UNKNOWN: SocketProgress = SocketProgress {
        reading: Reading::Unknown,
        writing: Writing::Unknown,
        pace: Pace { consumed: None, at_least: false },
        taken: None,
        age: None,
        window_closed: None,
        not_arriving: None,
    };

    /// Whether its reader stands still.
    pub(crate) fn stands_still(&self) -> bool {
        self.reading == Reading::Stalled
    }
}
