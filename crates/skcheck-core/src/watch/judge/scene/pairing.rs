//! Which writer of a process goes with which of its readers: a proxy reads from one what it writes to
//! another. Pure.
//!
//! Numbers of the kernel pair them, where one fits and no other comes near: bytes that were consumed here and
//! taken there. What is not paired stays open.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::footprint::unsent;
use crate::model::units::Payload;
use crate::snapshot::entry::SocketEntry;
use crate::watch::judge::cause::link::Pairing;
use crate::watch::judge::scene::socket_progress::SocketProgress;

/// How far two totals of one stream may lie apart: what a proxy holds in its own buffers, and what it adds
/// and takes away (headers, encryption).
const BUFFERED: u64 = 64 << 10;

/// How far away every other total must be at least.
const APART: u64 = 256 << 10;

/// Less than this says nothing: a request is as long as another.
const TELLING: u64 = BUFFERED;

/// The pairs of one process, by places in the later sample.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    by_reader: FxHashMap<usize, (usize, Pairing)>,
    writers: FxHashSet<usize>,
    /// The readers that stand still and are in no pair.
    open: Vec<usize>,
}

/// A socket of the process: its place, the sample's record of it, and how it went.
pub(crate) type PairSide<'a> = (usize, &'a SocketEntry, SocketProgress);

impl Pairs {
    /// Pairs the readers of a process, those that stand still and those that read, with its writers.
    pub(crate) fn of(readers: &[PairSide<'_>], writers: &[PairSide<'_>]) -> Pairs {
        let mut pairs = Pairs::default();
        let places = |sides: &[PairSide<'_>]| sides.iter().map(|side| side.0).collect::<FxHashSet<usize>>();
        if places(readers) == places(writers) {
            // It answers on each connection what it reads there.
            for (at, ..) in readers {
                pairs.add(*at, *at, Pairing::SameConnection);
            }
        } else {
            pairs.by(Pairing::Rates, &numbers(readers, consumed_now), &numbers(writers, taken_now));
            let (readers, writers) = (pairs.not_in(readers), pairs.not_in(writers));
            pairs.by(Pairing::Totals, &numbers(&readers, consumed_ever), &numbers(&writers, written_ever));
        }
        let open = readers.iter().filter(|(at, _, went)| went.stands_still() && !pairs.has(*at));
        pairs.open = open.map(|(at, ..)| *at).collect();
        pairs
    }

    /// The writer that goes with this reader.
    pub(crate) fn writer_of(&self, reader: usize) -> Option<(usize, Pairing)> {
        self.by_reader.get(&reader).copied()
    }

    /// Whether this writer goes with another reader than this one.
    pub(crate) fn is_taken_from(&self, reader: usize, writer: usize) -> bool {
        self.writers.contains(&writer) && self.writer_of(reader).is_none_or(|(own, _)| own != writer)
    }

    /// Whether other readers than this one stand still and may be those that wait for the writer. The one at
    /// the writer's own connection takes nothing from others: a server reads no more requests of whom it
    /// cannot answer.
    pub(crate) fn has_rivals(&self, reader: usize, writer: usize) -> bool {
        reader != writer && self.open.iter().any(|at| *at != reader && *at != writer)
    }

    /// Whether other readers than this one stand still and go with no writer.
    pub(crate) fn has_others(&self, reader: usize) -> bool {
        self.open.iter().any(|at| *at != reader)
    }

    fn has(&self, at: usize) -> bool {
        self.by_reader.contains_key(&at) || self.writers.contains(&at)
    }

    fn not_in<'a>(&self, sides: &[PairSide<'a>]) -> Vec<PairSide<'a>> {
        sides.iter().filter(|(at, ..)| !self.has(*at)).copied().collect()
    }

    fn add(&mut self, reader: usize, writer: usize, by: Pairing) {
        self.by_reader.insert(reader, (writer, by));
        self.writers.insert(writer);
    }

    /// Pairs those whose numbers are near to each other, and far from all others of both sides.
    fn by(&mut self, how: Pairing, readers: &[Number], writers: &[Number]) {
        for reader in readers {
            let Some(writer) = only_near(how, *reader, writers) else { continue };
            if only_near(how, writer, readers) == Some(*reader) {
                self.add(reader.at, writer.at, how);
            }
        }
    }
}

/// A number of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Number {
    value: u64,
    at: usize,
}

/// In rising order.
fn numbers(sides: &[PairSide<'_>], of: fn(&PairSide<'_>) -> Option<u64>) -> Vec<Number> {
    let number = |side: &PairSide<'_>| Some(Number { value: of(side)?, at: side.0 });
    let mut numbers: Vec<Number> = sides.iter().filter_map(number).collect();
    numbers.sort_unstable_by_key(|number| (number.value, number.at));
    numbers
}

/// Of numbers in rising order the one that fits, if every other is far away.
fn only_near(how: Pairing, wanted: Number, numbers: &[Number]) -> Option<Number> {
    let above = numbers.partition_point(|number| number.value < wanted.value);
    let around = numbers.get(above.saturating_sub(2)..numbers.len().min(above.saturating_add(2)))?;
    let nearest = *around.iter().min_by_key(|number| number.value.abs_diff(wanted.value))?;
    let is_near = match how {
        Pairing::Rates => within(wanted.value, nearest.value, 2),
        _ => same_total(wanted.value, nearest.value),
    };
    let is_far = |other: &Number| match how {
        Pairing::Rates => !within(wanted.value, other.value, 4),
        _ => {
            let off = wanted.value.abs_diff(nearest.value).saturating_mul(4).saturating_add(APART);
            wanted.value.abs_diff(other.value) >= off
        }
    };
    let mut others = around.iter().filter(|number| number.at != nearest.at);
    (is_near && others.all(is_far)).then_some(nearest)
}

fn within(one: u64, other: u64, factor: u64) -> bool {
    one.max(other) <= one.min(other).saturating_mul(factor)
}

fn same_total(one: u64, other: u64) -> bool {
    one.abs_diff(other) <= BUFFERED.saturating_add(one.max(other) / 50)
}

/// Bytes a second that the process took out of the socket; `None` where nothing moved.
fn consumed_now((.., went): &PairSide<'_>) -> Option<u64> {
    went.pace.consumed.filter(|bytes| *bytes > 0)
}

/// Bytes a second that the peer took.
fn taken_now((.., went): &PairSide<'_>) -> Option<u64> {
    went.taken.filter(|bytes| *bytes > 0)
}

/// All that the process has taken out of the socket since it was connected.
fn consumed_ever((_, entry, _): &PairSide<'_>) -> Option<u64> {
    let Payload(unread) = entry.footprint.received.payload?;
    entry.socket.tcp_info?.bytes_received?.checked_sub(unread).filter(|bytes| *bytes >= TELLING)
}

/// All that the process has written to it.
fn written_ever((_, entry, _): &PairSide<'_>) -> Option<u64> {
    let Payload(unsent) = unsent(&entry.socket)?;
    entry.socket.tcp_info?.bytes_acked?.checked_add(unsent).filter(|bytes| *bytes >= TELLING)
}
