//! The first packets of the receive queues, noted while a scan walks them.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, PoisonError};

use rustc_hash::FxHashMap;

use crate::engine::{Engine, Found, Limits, Packet, Pass, Queue, Step, Target};
use crate::model::holder::Holder;
use crate::model::protocol::Protocol;
use crate::model::query::Query;
use crate::model::ring::Oldest;
use crate::model::socket::{Cookie, Inode};
use crate::model::state::State;
use crate::snapshot::entry::SocketEntry;
use crate::watch::{Head, SocketKey};

/// An engine that notes the first packets of what it walks: a scan walks the queues anyway.
pub(super) struct Noting<'e> {
    engine: &'e dyn Engine,
    heads: Mutex<FxHashMap<Cookie, Head>>,
}

impl<'e> Noting<'e> {
    pub(super) fn new(engine: &'e dyn Engine) -> Noting<'e> {
        Noting { engine, heads: Mutex::default() }
    }

    /// The first packets of those whose record does not tell what was consumed.
    pub(super) fn heads(self, sockets: &[SocketEntry]) -> BTreeMap<SocketKey, Head> {
        let heads = self.heads.into_inner().unwrap_or_else(PoisonError::into_inner);
        let wanted = sockets.iter().filter(|report| match report.socket.state {
            // What waits there is in sockets of its own.
            State::Listen => false,
            State::ClosedHeld => true,
            _ => report.socket.protocol != Protocol::Tcp,
        });
        let head = |report: &SocketEntry| Some((SocketKey::of(report)?, *heads.get(&report.socket.cookie?)?));
        wanted.filter_map(head).collect()
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
        let mut open: FxHashMap<usize, Head> = FxHashMap::default();
        let mut heads = FxHashMap::default();
        let walked = self.engine.walk(targets, limits, &mut |target, step| {
            match step {
                Step::Packet(packet) if packet.queue == Queue::Receive && !packet.is_part => {
                    open.entry(target).or_insert_with(|| head(packet));
                }
                Step::Anew => {
                    open.remove(&target);
                }
                Step::End(counters) => {
                    let of_ring = || counters.ring?.oldest.map(in_ring);
                    let first = open.remove(&target).or_else(of_ring);
                    heads.extend(targets.get(target).zip(first).map(|(it, first)| (it.cookie, first)));
                }
                _ => {}
            }
            on_step(target, step);
        });
        self.heads.lock().unwrap_or_else(PoisonError::into_inner).extend(heads);
        walked
    }
}

/// What is read next of a ring.
fn in_ring(oldest: Oldest) -> Head {
    Head { id: oldest.address, stamp: oldest.stamp, size: (0, 0) }
}

fn head(packet: &Packet) -> Head {
    Head { id: packet.id, stamp: packet.stamp, size: (packet.len.0, packet.truesize.0) }
}
