//! Which descriptors of which processes hold which socket: an index of 12 bytes a descriptor.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::host::parse_number;
use crate::socket::Inode;

/// One descriptor of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// The descriptor's number.
    pub fd: u32,
}

/// Every descriptor that refers to a socket, ordered by inode.
#[derive(Debug, Default)]
pub struct Descriptors {
    entries: Vec<(Inode, Holder)>,
    known: Vec<AtomicU64>,
}

/// What [`Descriptors::mark_known`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// A descriptor holds this socket, and no table has named it before.
    First,
    /// A descriptor holds this socket, and a table has named it before.
    Again,
    /// No descriptor is known to hold this socket.
    NotHeld,
}

impl Descriptors {
    /// An index of these, in any order.
    pub fn new(mut entries: Vec<(Inode, Holder)>) -> Descriptors {
        entries.sort_unstable();
        entries.dedup();
        let known = std::iter::repeat_with(AtomicU64::default).take(entries.len().div_ceil(64)).collect();
        Descriptors { entries, known }
    }

    /// Everyone who holds this socket, by process and descriptor.
    pub fn holders(&self, inode: Inode) -> impl Iterator<Item = Holder> + '_ {
        let entries = self.entries.get(self.first(inode)..).unwrap_or_default();
        entries.iter().take_while(move |entry| entry.0 == inode).map(|entry| entry.1)
    }

    /// Notes that a table of the kernel knows this socket. Tables may be read concurrently.
    pub fn mark_known(&self, inode: Inode) -> Mark {
        let at = self.first(inode);
        if self.entries.get(at).is_none_or(|entry| entry.0 != inode) {
            return Mark::NotHeld;
        }
        let Some(word) = self.known.get(at / 64) else { return Mark::NotHeld };
        let bit = 1 << (at % 64);
        let before = word.fetch_or(bit, Ordering::Relaxed);
        if before & bit == 0 { Mark::First } else { Mark::Again }
    }

    /// The sockets that descriptors hold and no table has named, each with its first holder.
    pub fn unknown(&self) -> impl Iterator<Item = (Inode, Holder)> + '_ {
        let is_known = |at: usize| {
            self.known.get(at / 64).is_some_and(|word| word.load(Ordering::Relaxed) & 1 << (at % 64) != 0)
        };
        let mut at = 0;
        self.entries.chunk_by(|a, b| a.0 == b.0).filter_map(move |same| {
            let first = at;
            at += same.len();
            same.first().copied().filter(|_| !is_known(first))
        })
    }

    /// How many descriptors there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no descriptor at all.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn first(&self, inode: Inode) -> usize {
        self.entries.partition_point(|entry| entry.0 < inode)
    }
}

/// The inode in `socket:[N]`.
pub fn socket_inode(target: &[u8]) -> Option<Inode> {
    let number = target.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    parse_number(number).and_then(Inode::new)
}
