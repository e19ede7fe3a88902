//! Units as types: payload bytes, truesize, memory and connection counts never mix.

use std::fmt;

/// Payload: bytes that an application wrote and its peer can read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Payload(pub u64);

/// Truesize: bytes that the kernel charges for packets, with their bookkeeping (`sk_buff.truesize`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Truesize(pub u64);

/// Memory: bytes of pages or of an allocation, whoever owns them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

/// A count of connections: those waiting in an accept queue, or the limit of one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Connections(pub u32);

/// The size of a page in bytes (`sysconf(_SC_PAGESIZE)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSize(pub u64);

/// A count of pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pages(pub u64);

impl Pages {
    /// These pages in bytes, saturating.
    pub fn bytes(self, page: PageSize) -> Bytes {
        Bytes(self.0.saturating_mul(page.0))
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} B", self.0)
    }
}
