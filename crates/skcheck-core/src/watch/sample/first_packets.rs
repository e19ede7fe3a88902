//! The first packets of the receive queues, noted while a scan walks them.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, PoisonError};

use rustc_hash::FxHashMap;

use crate::engine::{Engine, Found, Limits, Packet, Pass, Queue, Step, Target};
use crate::model::holder::Holder;
use crate::model::query::Query;
use crate::model::ring::Oldest;
use crate::model::socket::{Inode, SocketName};
use crate::model::state::State;
use crate::snapshot::entry::SocketEntry;
use crate::watch::evidence::key::SocketKey;
use crate::watch::evidence::sample::FirstPacket;

/// An engine that notes the first packets of what it walks: a scan walks the queues anyway.
pub(crate) struct Noting<'e> {
    engine: &'e dyn Engine,
    first_packets: Mutex<FxHashMap<SocketName, FirstPacket>>,
}

impl<'e> Noting<'e> {
    pub(crate) fn new(engine: &'e dyn Engine) -> Noting<'e> {
        Noting { engine, first_packets: Mutex::default() }
    }

    /// The first packets of those whose record does not tell what was consumed.
    pub(crate) fn first_packets(self, sockets: &[SocketEntry]) -> BTreeMap<SocketKey, FirstPacket> {
        let first_packets = self.first_packets.into_inner().unwrap_or_else(PoisonError::into_inner);
        let wanted = sockets.iter().filter(|entry| match entry.socket.state {
            // What waits there is in sockets of its own.
            State::Listen => false,
            State::ClosedHeld => true,
            _ => !entry.socket.protocol.row().is_counted,
        });
        let first_packet =
            |entry: &SocketEntry| Some((SocketKey::of(entry)?, *first_packets.get(&entry.socket.name()?)?));
        wanted.filter_map(first_packet).collect()
    }
}

impl Engine for Noting<'_> {
    fn name(&self) -> &'static str {
        self.engine.name()
    }

    fn find(&self, query: &Query, on_found: &mut dyn FnMut(Found)) -> io::Result<Pass> {
        self.engine.find(query, on_found)
    }

    fn holders(&self, inodes: &[Inode], on_holder: &mut dyn FnMut(Inode, Holder)) -> io::Result<()> {
        self.engine.holders(inodes, on_holder)
    }

    fn walk(
        &self,
        targets: &[Target<'_>],
        limits: &Limits,
        on_step: &mut dyn FnMut(usize, Step<'_>),
    ) -> io::Result<bool> {
        let mut open: FxHashMap<usize, FirstPacket> = FxHashMap::default();
        let mut first_packets = FxHashMap::default();
        let walked = self.engine.walk(targets, limits, &mut |target, step| {
            match step {
                Step::Packet(packet) if packet.queue == Queue::Receive && !packet.is_part => {
                    open.entry(target).or_insert_with(|| first_packet(packet));
                }
                Step::Anew => {
                    open.remove(&target);
                }
                Step::End(counters) => {
                    let of_ring = || counters.ring?.oldest.map(in_ring);
                    let first = open.remove(&target).or_else(of_ring);
                    first_packets.extend(targets.get(target).zip(first).map(|(it, first)| (it.name, first)));
                }
                _ => {}
            }
            on_step(target, step);
        });
        self.first_packets.lock().unwrap_or_else(PoisonError::into_inner).extend(first_packets);
        walked
    }
}

/// What is read next of a ring.
fn in_ring(oldest: Oldest) -> FirstPacket {
    FirstPacket { id: oldest.address, stamp: oldest.stamp, size: (0, 0) }
}

fn first_packet(packet: &Packet) -> FirstPacket {
    FirstPacket { id: packet.id, stamp: packet.stamp, size: (packet.len.0, packet.truesize.0) }
}
