//! What became of sockets between two samples: plain data.

use std::time::Duration;

use crate::model::holder::Holder;
use crate::watch::evidence::key::SocketKey;
use crate::watch::judge::cause::fact::Cause;
use crate::watch::judge::cause::root::Root;
use crate::watch::judge::progress::arrival::NotArriving;
use crate::watch::judge::progress::state::{Reading, Writing};
use crate::watch::judge::trend::Trend;

/// What became of sockets between two samples.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Judgement {
    /// How long the window is.
    pub window: Duration,
    /// Each socket of either sample, in no particular order.
    pub sockets: Vec<Judged>,
    /// How those went that were asked for, taken together.
    pub trend: Trend,
}

/// What became of one socket.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Judged {
    /// Which.
    pub key: SocketKey,
    /// Its place in the later sample's `snapshot.sockets`; `None` when it holds nothing there.
    pub now: Option<usize>,
    /// Its place in the earlier one's; `None` when it held nothing, or did not exist.
    pub before: Option<usize>,
    /// How the receiving side went; for a listener, whether the connections that wait there are accepted.
    pub reading: Reading,
    /// How the sending side went.
    pub writing: Writing,
    /// Bytes that the application consumed, a second. `None` where that cannot be told.
    pub consumed: Option<u64>,
    /// `consumed` is what must have been consumed: it can have been more, with as much more arriving.
    pub consumed_at_least: bool,
    /// Bytes that arrived, a second. `None` where that cannot be told.
    pub arriving: Option<u64>,
    /// Connections that were accepted between the two, at least: a count. `None` where that cannot be told,
    /// and for a socket that is no listener.
    pub accepted: Option<u64>,
    /// At this rate: until a draining reader's queue is empty; at most until a slow one's buffer is full
    /// (every byte takes more than one byte of it).
    pub until: Option<Duration>,
    /// It is slow or draining, and will neither be full nor empty soon: a sender of this host has more for it
    /// than there is room for.
    pub sender_is_full: bool,
    /// The oldest unread byte, or of a listener the oldest connection, has waited at least so long. `None`
    /// where nothing tells.
    pub unread_age: Option<Duration>,
    /// Packets that were dropped between the two (`sk_drops`; of a listener, connection attempts): a count.
    pub drops: Option<u32>,
    /// The same a second.
    pub drops_per_second: Option<u64>,
    /// Bytes that the peer of a TCP or MPTCP writer took (acknowledged), a second. `None` where that cannot
    /// be told.
    pub taken: Option<u64>,
    /// A TCP writer that has something unsent: whether it is the peer's window that keeps it from sending,
    /// now or for some of the time, and not the network. `None` for every other socket, and where the kernel
    /// does not tell.
    pub window_closed: Option<bool>,
    /// A TCP writer that stands still: what shows that what it has sent does not arrive, so that it is not
    /// its peer's reader for which it waits. `None` where nothing shows that.
    pub not_arriving: Option<NotArriving>,
    /// It is one of those that were asked for ([`Sample::asked_for`](crate::watch::Sample::asked_for)); the
    /// others are judged because a chain can lead over them.
    pub asked_for: bool,
    /// It was closed, or its process has ended, and nothing is left of it: it has no place in the later
    /// sample.
    pub closed: bool,
    /// It changed hands: who held it before. A connection that was accepted has not: nobody held it.
    pub held_by: Vec<Holder>,
    /// Why nobody reads, for a stalled reader; why nobody accepts, for a listener that is;
    /// [`Backpressure`](crate::watch::cause::CauseCode::Backpressure) for a reader that reads no faster than
    /// its process can write. For a slow reader what its process shows: that it is throttled, or busy.
    pub cause: Option<Cause>,
    /// The chain that keeps it waiting, where there is one: of a reader whose process cannot write, and of a
    /// writer.
    pub root: Option<Root>,
}

impl Judged {
    /// A socket of which nothing is known yet.
    pub(crate) fn new(key: SocketKey) -> Judged {
        Judged {
            key,
            now: None,
            before: None,
            reading: Reading::Unknown,
            writing: Writing::Unknown,
            consumed: None,
            consumed_at_least: false,
            arriving: None,
            accepted: None,
            until: None,
            sender_is_full: false,
            unread_age: None,
            drops: None,
            drops_per_second: None,
            taken: None,
            window_closed: None,
            not_arriving: None,
            asked_for: true,
            closed: false,
            held_by: Vec::new(),
            cause: None,
            root: None,
        }
    }
}
