//! Sums up the steps of a walk.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::engine::{Counters, Packet, PageKind, Piece, Queue, QueueEnd, Step};
use crate::exact::measured::{Blocks, Exact, HandedIn, QueueExact, block_bytes};
use crate::model::direction::Direction;
use crate::model::units::{Bytes, PageSize, Payload, Truesize};

/// All that was walked: for each socket its sums, and the host's distinct pages.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    /// By the place of the target.
    pub(crate) sockets: FxHashMap<usize, Exact>,
    /// The distinct blocks of all sockets together, by whose they are and by order.
    pub(crate) pages: Vec<(PageKind, Blocks)>,
}

/// Sums up the steps of a walk.
pub(crate) struct Summing {
    page: PageSize,
    /// Sockets that have been begun.
    open: FxHashMap<usize, Open>,
    done: FxHashMap<usize, Exact>,
    /// Every block of the host, and the first socket that pins it.
    blocks: FxHashMap<u64, Block>,
}

/// Blocks that are pinned, by the address of their first `struct page`: their order, and whose they are.
type PinnedBlocks = FxHashMap<u64, (u8, PageKind)>;

struct Block {
    order: u8,
    kind: PageKind,
    first: usize,
    shared: bool,
}

/// A socket that is being walked.
#[derive(Default)]
struct Open {
    queues: BTreeMap<Queue, OpenQueue>,
    ends: BTreeMap<Queue, QueueEnd>,
}

#[derive(Default)]
struct OpenQueue {
    packets: u64,
    bytes: u64,
    truesize: u64,
    in_options: u64,
    fragments: u64,
    slab: u64,
    not_counted: u64,
    blocks: PinnedBlocks,
}

impl Summing {
    pub(crate) fn new(page: PageSize) -> Summing {
        Summing { page, open: FxHashMap::default(), done: FxHashMap::default(), blocks: FxHashMap::default() }
    }

    pub(crate) fn step(&mut self, target: usize, step: Step<'_>) {
        match step {
            Step::Packet(packet) => {
                let open = self.open.entry(target).or_default();
                let queue = open.queues.entry(packet.queue).or_default();
                if !packet.is_part {
                    queue.packets += 1;
                    queue.bytes = queue.bytes.saturating_add(packet.len.0);
                    queue.truesize = queue.truesize.saturating_add(packet.truesize.0);
                    let in_options = if packet.in_options { packet.truesize.0 } else { 0 };
                    queue.in_options = queue.in_options.saturating_add(in_options);
                }
                queue.fragments += packet.fragments.len() as u64;
                queue.add(&packet.head_piece);
                packet.fragments.iter().for_each(|piece| queue.add(piece));
            }
            Step::Anew => {
                self.open.remove(&target);
            }
            Step::QueueEnd(end) => {
                // What is true of a queue is true of all its lists.
                let known = self.open.entry(target).or_default().ends.entry(end.queue).or_insert(end);
                known.complete &= end.complete;
                known.steady &= end.steady;
            }
            Step::End(counters) => {
                let open = self.open.remove(&target).unwrap_or_default();
                let exact = self.close(target, open, *counters);
                self.done.insert(target, exact);
            }
        }
    }

    fn close(&mut self, target: usize, open: Open, counters: Counters) -> Exact {
        let Open { mut queues, ends } = open;
        let mut exact = Exact::empty(counters);
        let (mut received, mut sent) = (PinnedBlocks::default(), PinnedBlocks::default());
        for queue in Queue::ALL {
            let walked = queues.remove(&queue).unwrap_or_default();
            let end = ends.get(&queue).copied();
            let cut_short = end.is_some_and(|end| !end.complete || !end.steady);
            if walked.packets > 0 || cut_short {
                exact.add_queue(queue, &walked, end);
                let side = match queue.direction() {
                    Direction::Received => &mut received,
                    Direction::Sent => &mut sent,
                };
                side.extend(walked.blocks);
            }
        }
        exact.pinned = self.bytes(&received);
        exact.send_pinned = self.bytes(&sent);
        let mut both = received;
        both.extend(sent);
        exact.handed_in = self.handed_in(&both);
        for (block, (order, kind)) in both {
            self.share(target, block, order, kind, &mut exact);
        }
        exact
    }

    /// Notes that a socket pins a block, which others may pin too.
    fn share(&mut self, target: usize, block: u64, order: u8, kind: PageKind, exact: &mut Exact) {
        let bytes = block_bytes(order, self.page);
        let known = self.blocks.entry(block).or_insert(Block { order, kind, first: target, shared: false });
        if known.first == target {
            return;
        }
        exact.pinned_shared.0 = exact.pinned_shared.0.saturating_add(bytes);
        if !known.shared {
            known.shared = true;
            if let Some(first) = self.done.get_mut(&known.first) {
                first.pinned_shared.0 = first.pinned_shared.0.saturating_add(bytes);
            }
        }
    }

    fn bytes(&self, blocks: &PinnedBlocks) -> Bytes {
        let bytes = blocks.values().map(|(order, _)| block_bytes(*order, self.page));
        Bytes(bytes.fold(0, u64::saturating_add))
    }

    fn handed_in(&self, blocks: &PinnedBlocks) -> Vec<HandedIn> {
        let mut by_kind: BTreeMap<PageKind, u64> = BTreeMap::new();
        for (order, kind) in blocks.values().filter(|(_, kind)| kind.is_handed_in()) {
            let bytes = by_kind.entry(*kind).or_default();
            *bytes = bytes.saturating_add(block_bytes(*order, self.page));
        }
        by_kind.into_iter().map(|(kind, bytes)| HandedIn { kind, bytes: Bytes(bytes) }).collect()
    }

    /// The sums of the only socket that was walked, and its distinct blocks.
    fn finish_one(mut self, counters: Counters) -> (Exact, Vec<Blocks>) {
        let open = self.open.remove(&0).unwrap_or_default();
        let exact = self.close(0, open, counters);
        (exact, by_order(self.blocks.values().map(|block| block.order)))
    }

    /// What was summed up of sockets that were walked to their end.
    pub(crate) fn finish(self) -> Walked {
        let mut by_kind: BTreeMap<PageKind, Vec<u8>> = BTreeMap::new();
        for block in self.blocks.values() {
            by_kind.entry(block.kind).or_default().push(block.order);
        }
        let of_kind = |(kind, orders): (PageKind, Vec<u8>)| {
            by_order(orders.into_iter()).into_iter().map(move |blocks| (kind, blocks))
        };
        Walked { sockets: self.done, pages: by_kind.into_iter().flat_map(of_kind).collect() }
    }
}

impl Exact {
    /// Sums over the packets of one socket, and the distinct blocks of pages that they pin, by order.
    pub(crate) fn of(
        packets: &[Packet],
        ends: &[QueueEnd],
        counters: Counters,
        page: PageSize,
    ) -> (Exact, Vec<Blocks>) {
        let mut summing = Summing::new(page);
        packets.iter().for_each(|packet| summing.step(0, Step::Packet(packet)));
        ends.iter().for_each(|end| summing.step(0, Step::QueueEnd(*end)));
        summing.finish_one(counters)
    }

    /// Nothing is summed up yet.
    fn empty(counters: Counters) -> Exact {
        Exact {
            queues: Vec::new(),
            pinned: Bytes(0),
            send_pinned: Bytes(0),
            pinned_shared: Bytes(0),
            handed_in: Vec::new(),
            slab: Bytes(0),
            send_slab: Bytes(0),
            not_counted: 0,
            counters,
        }
    }

    fn add_queue(&mut self, queue: Queue, walked: &OpenQueue, end: Option<QueueEnd>) {
        self.slab.0 = self.slab.0.saturating_add(walked.slab);
        if queue.is_sending() {
            self.send_slab.0 = self.send_slab.0.saturating_add(walked.slab);
        }
        self.not_counted += walked.not_counted;
        self.queues.push(QueueExact {
            queue,
            packets: walked.packets,
            bytes: Payload(walked.bytes),
            truesize: Truesize(walked.truesize),
            in_options: Truesize(walked.in_options),
            fragments: walked.fragments,
            pages: by_order(walked.blocks.values().map(|(order, _)| *order)),
            complete: end.is_some_and(|end| end.complete),
            approximate: end.is_none_or(|end| !end.steady),
        });
    }
}

impl OpenQueue {
    fn add(&mut self, piece: &Piece) {
        match piece.kind {
            kind if kind.pins() => {
                self.blocks.insert(piece.block, (piece.order, kind));
            }
            PageKind::Slab => self.slab = self.slab.saturating_add(piece.len.into()),
            _ => self.not_counted += 1,
        }
    }
}

fn by_order(orders: impl Iterator<Item = u8>) -> Vec<Blocks> {
    let mut counts: BTreeMap<u8, u64> = BTreeMap::new();
    orders.for_each(|order| *counts.entry(order).or_default() += 1);
    counts.into_iter().map(|(order, blocks)| Blocks { order, blocks }).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]
mod tests;
