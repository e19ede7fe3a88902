//! Whether what a TCP socket has sent arrives, where nothing of it is acknowledged. Pure.
//!
//! A peer that does not read answers every probe of its window: it is there, and full. Where its queue is
//! empty, or where nothing answers, it is not the reader that keeps the writer waiting, but what lies between
//! the two.

use crate::model::tcp::{TcpInfo, Timer};
use crate::model::units::Payload;
use crate::snapshot::entry::SocketEntry;

/// So many probes of a shut window without an answer are no chance: the last one may still be on its way
/// (`tcp_send_probe0` counts it when it goes, `tcp_ack` forgets all of them).
const UNANSWERED: u8 = 2;

/// What shows that what was sent does not arrive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotArriving {
    /// How often the oldest of it was sent again without an acknowledgement
    /// ([`TcpInfo::retransmits`]): a count. `None` where the kernel does not tell.
    pub retransmits: Option<u8>,
    /// How many probes of the peer's shut window have had no answer ([`TcpInfo::probes`]): a count. `None`
    /// where it has not shut it, and where the kernel does not tell.
    pub probes: Option<u8>,
    /// The other end is on this host, and nothing waits there: what was sent has not come so far.
    pub reader_is_empty: bool,
}

impl NotArriving {
    /// Whether it was tried again, and nothing came back. Otherwise it may just be on its way.
    pub fn is_tried_again(&self) -> bool {
        self.retransmits > Some(0) || self.probes >= Some(UNANSWERED)
    }
}

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OtherEnd {
    /// On this host, and nothing waits there.
    Empty,
    /// On this host, and something waits there, or went through in the window.
    Busy,
    /// Not on this host, or not to be seen.
    Unseen,
}

impl OtherEnd {
    /// The receiving side of a socket of which so many bytes a second were consumed. What a socket's owner
    /// keeps from its queue (`sk_backlog`) has arrived.
    pub(crate) fn of(reader: &SocketEntry, consumed: Option<u64>) -> OtherEnd {
        let is_empty = reader.footprint.received.payload == Some(Payload(0))
            && reader.socket.skmem.backlog.unwrap_or(0) == 0
            && consumed.unwrap_or(0) == 0;
        if is_empty { OtherEnd::Empty } else { OtherEnd::Busy }
    }
}

/// Of a writer that stands still: what shows that it is not its peer's reader for which it waits.
pub(crate) fn not_arriving(writer: &SocketEntry, other: OtherEnd) -> Option<NotArriving> {
    let is_counted = writer.socket.protocol.row().is_counted;
    let info = writer.socket.tcp_info.filter(|_| is_counted);
    let TcpInfo { retransmits, probes, snd_wnd, pending, .. } = info.unwrap_or_default();
    let is_shut = snd_wnd == Some(0) || pending == Some(Timer::WindowProbe);
    let shown = NotArriving {
        // A window that shrinks to nothing is probed with what was sent last.
        retransmits: retransmits.filter(|_| !is_shut),
        probes: probes.filter(|_| is_shut),
        reader_is_empty: other == OtherEnd::Empty,
    };
    match other {
        OtherEnd::Empty if is_counted => Some(shown),
        OtherEnd::Unseen if shown.is_tried_again() => Some(shown),
        _ => None,
    }
}
