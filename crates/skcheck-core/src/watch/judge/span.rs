//! Two samples, and one socket in both.

use std::time::Duration;

use crate::snapshot::entry::SocketEntry;
use crate::watch::evidence::key::SocketKey;
use crate::watch::evidence::sample::Sample;

/// Two samples, and what lies between them.
#[derive(Clone, Copy)]
pub(crate) struct Span<'a> {
    pub(crate) before: &'a Sample,
    pub(crate) now: &'a Sample,
    pub(crate) window: Duration,
}

impl<'a> Span<'a> {
    /// The same for one socket: its numbers are read some time after a sample begins, and on a busy host not
    /// always as late.
    pub(crate) fn of(self, pair: &SocketPair<'_>) -> Span<'a> {
        let read_at = |sample: &Sample, entry: &SocketEntry| sample.at.saturating_add(entry.read_after);
        let both = pair.before.zip(pair.now).filter(|_| !self.window.is_zero());
        let window =
            both.map(|(before, now)| read_at(self.now, now).saturating_sub(read_at(self.before, before)));
        Span { window: window.unwrap_or(self.window), ..self }
    }
}

/// One socket in two samples.
#[derive(Clone, Copy)]
pub(crate) struct SocketPair<'a> {
    pub(crate) key: SocketKey,
    pub(crate) before: Option<&'a SocketEntry>,
    pub(crate) now: Option<&'a SocketEntry>,
}
