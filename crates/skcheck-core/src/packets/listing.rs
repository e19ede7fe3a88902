//! The packets of one socket, and what became of them since an earlier look. Pure.

use std::collections::HashMap;

use crate::engine::{Counters, Packet, Queue, QueueEnd};
use crate::exact::{Blocks, Exact};

use crate::footprint::{Footprint, HostFacts};
use crate::model::netns::NetnsId;
use crate::model::protocol::Protocol;
use crate::model::socket::Socket;
use crate::model::units::PageSize;

/// The packets in the queues of one socket.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Listing {
    /// The name of the process whose descriptor was asked for, as bytes.
    pub comm: Option<Vec<u8>>,
    /// The socket.
    pub socket: Socket,
    /// The network namespace that it is in.
    pub netns: NetnsId,
    /// Its packets, queue by queue, each queue in its order.
    pub packets: Vec<Packet>,
    /// How the walk of each queue ended.
    pub queues: Vec<QueueEnd>,
    /// What the kernel said of the socket at the time of the walk.
    pub counters: Counters,
}

impl Listing {
    /// Nothing of this socket yet.
    pub(crate) fn empty(socket: Socket, netns: NetnsId) -> Listing {
        Listing {
            comm: None,
            socket,
            netns,
            packets: Vec::new(),
            queues: Vec::new(),
            counters: Counters::default(),
        }
    }

    /// The packets of one queue, parts of packets (`frag_list`) included.
    pub fn of_queue(&self, queue: Queue) -> impl Iterator<Item = &Packet> {
        self.packets.iter().filter(move |packet| packet.queue == queue)
    }

    /// What its queues hold, as a scan reports it
    /// ([`SocketEntry::footprint`](crate::SocketEntry::footprint)); of a unix socket without what others are
    /// charged for it.
    pub fn footprint(&self, exact: &Exact, host: &HostFacts) -> Footprint {
        let mut footprint = Footprint::of(&self.socket, None, host);
        footprint.refine(&self.socket, exact, host);
        footprint
    }

    /// What became of the packets that are to be read since `before`. A packet that went from one queue to
    /// another is the same one.
    pub fn change_since(&self, before: &Listing) -> Change {
        self.change_in(before, Queue::is_data_to_read)
    }

    /// What became of the packets in the error queue since `before`.
    pub fn errors_since(&self, before: &Listing) -> Change {
        self.change_in(before, |queue| queue == Queue::Error)
    }

    /// How many bytes the peer of a TCP socket has acknowledged since `before`: where the first packet of
    /// what was sent begins now, less where it began (sequence numbers of 32 bits, which wrap). `None` of
    /// other sockets, and where nothing waited in one of the two.
    pub fn taken_since(&self, before: &Listing) -> Option<u32> {
        if self.socket.protocol != Protocol::Tcp {
            return None;
        }
        let first = |listing: &Listing| {
            let mut sent = listing.of_queue(Queue::Retransmit).chain(listing.of_queue(Queue::Write));
            u32::try_from(sent.next()?.stamp).ok()
        };
        Some(first(self)?.wrapping_sub(first(before)?)).filter(|taken| *taken <= i32::MAX.unsigned_abs())
    }

    fn change_in(&self, before: &Listing, is_looked_at: fn(Queue) -> bool) -> Change {
        let received = |packet: &&Packet| !packet.is_part && is_looked_at(packet.queue);
        let key = |packet: &Packet| (packet.id, packet.stamp);
        let mut known: HashMap<_, _> =
            before.packets.iter().filter(received).map(|packet| (key(packet), packet.len)).collect();
        let mut change = Change { before: known.len(), ..Change::default() };
        for packet in self.packets.iter().filter(received) {
            match known.remove(&key(packet)) {
                None => change.arrived += 1,
                Some(len) if len == packet.len => change.untouched += 1,
                Some(len) if len < packet.len => change.grown += 1,
                Some(_) => change.begun += 1,
            }
        }
        change.gone = known.len();
        change
    }

    /// The sums over its packets, and the distinct blocks of pages that they pin, by order.
    pub fn sums(&self, page: PageSize) -> (Exact, Vec<Blocks>) {
        Exact::of(&self.packets, &self.queues, self.counters, page)
    }
}

/// What became of packets of a socket's receiving side between two looks: counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// How many there were.
    pub before: usize,
    /// Still there, with as many unread bytes.
    pub untouched: usize,
    /// Still there, with more bytes than before: what arrived was added to them.
    pub grown: usize,
    /// Still there, and read in part.
    pub begun: usize,
    /// Not there any more: read, or thrown away.
    pub gone: usize,
    /// Not there before.
    pub arrived: usize,
}

impl Change {
    /// Whether nothing that was there has been read.
    pub fn is_unread(&self) -> bool {
        self.begun == 0 && self.gone == 0
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a test may panic")]
mod tests;
