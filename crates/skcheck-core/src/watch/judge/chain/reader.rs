//! What a process does not read.

use std::hash::Hash;

/// What a process does not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ReadEnd {
    /// The socket at this place in the later sample.
    Socket(usize),
    /// The conduit at this place in the later sample.
    Conduit(usize),
}

impl ReadEnd {
    /// The place of the socket that it is.
    pub(crate) fn socket(self) -> Option<usize> {
        match self {
            ReadEnd::Socket(at) => Some(at),
            ReadEnd::Conduit(_) => None,
        }
    }
}
