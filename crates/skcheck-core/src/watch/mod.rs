//! Is the reader slow or standing still, and why?
//!
//! [`Probe`] takes samples: what the sockets' queues hold, and for those that nobody seems to read what
//! their processes are doing instead. [`judge()`] takes two samples and says what became of each socket, and
//! why. It is pure: samples can come from anywhere, at any distance.
//!
//! ```no_run
//! use skcheck_core::watch::{Probe, judge};
//! use skcheck_core::{Live, Query};
//!
//! let host = Live::new();
//! let mut probe = Probe::new(&host, Query::default());
//! let before = probe.sample(None, None)?;
//! std::thread::sleep(std::time::Duration::from_secs(1));
//! let now = probe.sample(None, Some(&before))?;
//! for judged in judge(&before, &now).sockets {
//!     println!("{:?} {:?} {:?}", judged.reading, judged.consumed, judged.cause);
//! }
//! # Ok::<(), skcheck_core::Error>(())
//! ```

pub mod cause;
pub(crate) mod chain;
pub mod conduit;
pub mod evidence;
pub(crate) mod judge;
pub(crate) mod probe;
pub mod progress;
pub(crate) mod scene;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]
mod tests;
pub(crate) mod trend;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::model::holder::Holder;
use crate::model::netns::NetnsId;
use crate::model::socket::{Cookie, Inode};
use crate::model::units::{Bytes, Pages};
use crate::snapshot::entry::SocketEntry;
use crate::snapshot::report::Snapshot;
use crate::watch::cause::{Cause, Root};
use crate::watch::conduit::Conduit;
use crate::watch::evidence::ProcessEvidence;
use crate::watch::progress::arrival::NotArriving;
use crate::watch::progress::{Reading, Writing};

pub use crate::watch::judge::judge;
pub use crate::watch::probe::Probe;

/// A socket, the same in every sample: its namespace with its cookie; its inode where it has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketKey {
    /// Its network namespace, where that is known.
    pub netns: Option<NetnsId>,
    /// Its cookie.
    pub cookie: Option<Cookie>,
    /// Its inode, where it has no cookie.
    pub inode: Option<Inode>,
}

impl SocketKey {
    /// `None` for a socket that nothing tells from others.
    pub fn of(report: &SocketEntry) -> Option<SocketKey> {
        let cookie = report.socket.cookie;
        let inode = if cookie.is_some() { None } else { report.socket.inode };
        (cookie.is_some() || inode.is_some()).then_some(SocketKey { netns: report.netns, cookie, inode })
    }
}

/// What was seen at one time.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Sample {
    /// The time of day.
    pub taken_at: SystemTime,
    /// When its scan began, on a clock that never goes back: since the watch began. Each socket's numbers
    /// were read [`read_after`](SocketEntry::read_after) that.
    pub at: Duration,
    /// The sockets of the whole host that hold something, those that were asked for first: who keeps whom
    /// waiting can lead over any. Those that hold nothing are here only where they were asked for.
    pub snapshot: Snapshot,
    /// How many of them were asked for: they match the query of the probe.
    pub asked_for: usize,
    /// Sockets of the sample before that hold nothing now: whether a descriptor of their holder still
    /// refers to them. Those that are neither here nor in `snapshot` were not looked for.
    pub drained: BTreeMap<SocketKey, StillOpen>,
    /// The first packet in the receive queue of sockets whose record does not tell what was consumed (UDP,
    /// unix, and TCP that is closed and held), where an engine walked it; of a ring its oldest block or
    /// frame. The same in two samples: nobody has read.
    pub heads: BTreeMap<SocketKey, Head>,
    /// What processes were doing, by pid, the heaviest only. Closely: the holders of readers that have not
    /// moved since the sample before, and from them on, from process to process, those at the other end of
    /// what cannot be written. Not closely: the other holders of unread data.
    pub processes: BTreeMap<u32, ProcessEvidence>,
    /// Pipes, FIFOs and terminals that threads of `processes` are blocked in writing to; those that read
    /// them are looked at closely, too.
    pub conduits: Vec<Conduit>,
    /// Connections that hold nothing and that nobody has accepted, of those at which threads of `processes`
    /// wait for an answer.
    pub awaited: Vec<SocketEntry>,
    /// Memory of TCP on the whole host, and where the kernel begins to hold back.
    pub tcp_memory: Option<(Pages, Option<Pages>)>,
}

impl Sample {
    /// The sockets that were asked for.
    pub fn asked_for(&self) -> &[SocketEntry] {
        self.snapshot.sockets.get(..self.asked_for).unwrap_or(&self.snapshot.sockets)
    }
}

/// Whether a socket that holds nothing any more is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StillOpen {
    /// Its descriptor still refers to it: it was read empty.
    Yes,
    /// Its descriptor refers to something else, or its process is gone.
    No,
    /// It had no descriptor, or that may not be looked at.
    Unknown,
}

/// What tells a packet from those that come after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Its address in the kernel: a number that another packet can have later.
    pub id: u64,
    /// Its time stamp; 0 where it has none.
    pub stamp: u64,
    /// What is left of it to read, in bytes, and its truesize.
    pub size: (u64, u64),
}

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
    /// It is one of those that were asked for ([`Sample::asked_for`]); the others are judged because a chain
    /// can lead over them.
    pub asked_for: bool,
    /// It was closed, or its process has ended, and nothing is left of it: it has no place in the later
    /// sample.
    pub closed: bool,
    /// It changed hands: who held it before. A connection that was accepted has not: nobody held it.
    pub held_by: Vec<Holder>,
    /// Why nobody reads, for a stalled reader; why nobody accepts, for a listener that is;
    /// [`Backpressure`](cause::CauseCode::Backpressure) for a reader that reads no faster than its process
    /// can write. For a slow reader what its process shows: that it is throttled, or busy.
    pub cause: Option<Cause>,
    /// The chain that keeps it waiting, where there is one: of a reader whose process cannot write, and of a
    /// writer.
    pub root: Option<Root>,
}

impl Judged {
    /// A socket of which nothing is known yet.
    pub fn new(key: SocketKey) -> Judged {
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

/// How all that were asked for went, taken together: the later value, and its change a second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub struct Trend {
    /// Unread payload, where it is known.
    pub unread: Change,
    /// How many sockets hold an unknown amount of payload in the later sample: a count.
    pub unread_unknown: u64,
    /// What the kernel charges.
    pub charged: Change,
    /// What sockets can pin at worst: the sum of their bounds, though the host may have less to pin.
    pub worst: Change,
    /// Memory of TCP.
    pub tcp_memory: Option<Change>,
    /// Memory that no counter owns; negative counts as 0.
    pub unaccounted: Option<Change>,
    /// Until TCP's memory reaches the line from which on the kernel holds back, at this rate.
    pub until_pressure: Option<Duration>,
}

/// A number of bytes, and how it changes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Change {
    /// Now.
    pub now: Bytes,
    /// Bytes a second; negative when it shrinks.
    pub per_second: f64,
}
