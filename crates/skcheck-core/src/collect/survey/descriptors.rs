//! An index of all descriptors that refer to sockets, of 12 bytes each.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::model::holder::Holder;
use crate::model::socket::Inode;

/// Every descriptor that refers to a socket, ordered by inode.
#[derive(Debug, Default)]
pub(crate) struct Descriptors {
    entries: Vec<Entry>,
    /// The inode of the first of each [`BLOCK`] of entries: what is looked for most lies together, so that few
    /// lines of memory are touched.
    blocks: Vec<Inode>,
    known: Vec<AtomicU64>,
    /// Those of threads with a table of their own: few, if any.
    of_threads: Vec<(Inode, Holder)>,
}

/// A descriptor in the table of a process.
type Entry = (Inode, u32, u32);

const BLOCK: usize = 16;

/// What [`Descriptors::mark_known`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// A descriptor holds this socket, and no table has named it before.
    First,
    /// A descriptor holds this socket, and a table has named it before.
    Again,
    /// No descriptor is known to hold this socket.
    NotHeld,
}

impl Descriptors {
    /// Adds one; [`sort`](Self::sort) before anything is asked.
    pub(crate) fn add(&mut self, inode: Inode, holder: Holder) {
        match holder.tid {
            None => self.entries.push((inode, holder.pid, holder.fd)),
            Some(_) => self.of_threads.push((inode, holder)),
        }
    }

    /// Puts in order what was added.
    pub(crate) fn sort(&mut self) {
        self.entries.sort_unstable();
        self.entries.dedup();
        self.of_threads.sort_unstable();
        self.of_threads.dedup();
        self.blocks = self.entries.iter().step_by(BLOCK).map(|entry| entry.0).collect();
        let words = self.entries.len().div_ceil(64);
        self.known = std::iter::repeat_with(AtomicU64::default).take(words).collect();
    }

    /// Everyone who holds this socket, by process and descriptor, those of threads last.
    pub(crate) fn holders(&self, inode: Inode) -> impl Iterator<Item = Holder> + '_ {
        let entries = self.entries.get(self.first(inode)..).unwrap_or_default();
        let of_processes = entries.iter().take_while(move |entry| entry.0 == inode).map(holder);
        let first = self.of_threads.partition_point(|entry| entry.0 < inode);
        let of_threads = self.of_threads.get(first..).unwrap_or_default();
        let of_threads = of_threads.iter().take_while(move |entry| entry.0 == inode).map(|entry| entry.1);
        of_processes.chain(of_threads)
    }

    /// Notes that a table of the kernel knows this socket. Tables may be read concurrently.
    pub(crate) fn mark_known(&self, inode: Inode) -> Mark {
        let at = self.first(inode);
        if self.entries.get(at).is_none_or(|entry| entry.0 != inode) {
            return Mark::NotHeld;
        }
        let Some(word) = self.known.get(at / 64) else { return Mark::NotHeld };
        let bit = 1 << (at % 64);
        let before = word.fetch_or(bit, Ordering::Relaxed);
        if before & bit == 0 { Mark::First } else { Mark::Again }
    }

    /// The sockets that descriptors of processes hold and no table has named, each with its first holder.
    pub(crate) fn unknown(&self) -> impl Iterator<Item = (Inode, Holder)> + '_ {
        let is_known = |at: usize| {
            self.known.get(at / 64).is_some_and(|word| word.load(Ordering::Relaxed) & 1 << (at % 64) != 0)
        };
        let mut at = 0;
        self.entries.chunk_by(|a, b| a.0 == b.0).filter_map(move |same| {
            let first = at;
            at += same.len();
            same.first().filter(|_| !is_known(first)).map(|entry| (entry.0, holder(entry)))
        })
    }

    /// Every descriptor of a process that refers to a socket, by socket.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Inode, Holder)> + '_ {
        self.entries.iter().map(|entry| (entry.0, holder(entry)))
    }

    /// How many descriptors there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len() + self.of_threads.len()
    }

    fn first(&self, inode: Inode) -> usize {
        let blocks_before = self.blocks.partition_point(|first| *first < inode);
        // The first one of this inode is in the last block that begins before it, or begins the next.
        let begin = blocks_before.saturating_sub(1) * BLOCK;
        let block = self.entries.get(begin..).unwrap_or_default();
        let block = block.get(..BLOCK).unwrap_or(block);
        begin + block.partition_point(|entry| entry.0 < inode)
    }
}

fn holder((_, pid, fd): &Entry) -> Holder {
    Holder::new(*pid, *fd)
}
