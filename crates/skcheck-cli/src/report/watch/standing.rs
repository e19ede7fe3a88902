//! How badly a socket stands.

use skcheck_core::watch::Judged;
use skcheck_core::watch::progress::{Reading, Writing};
use skcheck_core::{Holding, RecvQueue, SendQueue, SocketEntry};

/// How badly a socket stands, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    ReaderStalled,
    /// A listener at which connections wait, and nobody accepts.
    NobodyAccepts,
    /// A connection with unread data that nobody has accepted.
    NotAccepted,
    WriterStalled,
    /// A listener at which connections pile up faster than they are accepted.
    AcceptsSlowly,
    ReaderSlow,
    WriterSlow,
    Unknown,
    ReaderDraining,
    WriterDraining,
    Idle,
}

/// How many sockets of one kind stand still.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct StandingCounts {
    /// Readers: connections that nobody has accepted among them only where their listener does not show.
    pub(crate) readers: u64,
    /// Listeners at which nobody accepts.
    pub(crate) listeners: u64,
    /// All sockets that do.
    pub(crate) all: u64,
}

impl StandingCounts {
    pub(crate) fn of(standings: impl Iterator<Item = Standing>) -> StandingCounts {
        let (mut counts, mut not_accepted) = (StandingCounts::default(), 0);
        for standing in standings {
            match standing {
                Standing::ReaderStalled => counts.readers += 1,
                Standing::NobodyAccepts => counts.listeners += 1,
                Standing::NotAccepted => not_accepted += 1,
                _ => continue,
            }
            counts.all += 1;
        }
        if counts.listeners == 0 {
            counts.readers += not_accepted;
        }
        counts
    }
}

impl Standing {
    pub(crate) fn of(judged: &Judged, socket: &SocketEntry) -> Standing {
        if accept_queue(socket).is_some() {
            // In a busy listener somebody always waits for a moment: only a full one is worth a word.
            let is_full = socket.socket.receive_occupancy().is_some_and(|room| room.is_full);
            return match judged.reading {
                Reading::Stalled => Standing::NobodyAccepts,
                Reading::Slow => Standing::AcceptsSlowly,
                Reading::Unknown if is_full => Standing::Unknown,
                _ => Standing::Idle,
            };
        }
        let awaits_accept = matches!(socket.holding, Holding::AwaitingAccept { .. });
        match (judged.reading, judged.writing) {
            (Reading::Stalled, _) if awaits_accept => Standing::NotAccepted,
            (Reading::Stalled, _) => Standing::ReaderStalled,
            (_, Writing::Stalled) => Standing::WriterStalled,
            (Reading::Slow, _) => Standing::ReaderSlow,
            (_, Writing::Slow) => Standing::WriterSlow,
            (Reading::Unknown, _) if may_hold(socket) => Standing::Unknown,
            (Reading::Draining, _) => Standing::ReaderDraining,
            (_, Writing::Draining) => Standing::WriterDraining,
            _ => Standing::Idle,
        }
    }
}
/// How many connections wait at a listener, and how many may.
pub(super) fn accept_queue(socket: &SocketEntry) -> Option<(u32, Option<u32>)> {
    match (socket.socket.recv_q, socket.socket.send_q) {
        (RecvQueue::Connections(waiting), SendQueue::BacklogLimit(limit)) => Some((waiting.0, Some(limit.0))),
        (RecvQueue::Connections(waiting), _) => Some((waiting.0, None)),
        _ => None,
    }
}

/// Whether something may wait to be read: what is unknown may, and what is in a ring.
fn may_hold(socket: &SocketEntry) -> bool {
    let side = &socket.footprint.received;
    let in_ring = socket.socket.rings.filter(|rings| rings.rx.is_some());
    in_ring.is_some_and(|rings| rings.fill.is_none_or(|fill| fill.full > 0))
        || side.payload.map_or(side.charged.is_none_or(|charged| charged.0 > 0), |payload| payload.0 > 0)
}
