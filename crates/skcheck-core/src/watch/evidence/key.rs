//! What tells one socket from all others.

use std::hash::Hash;

use crate::model::netns::NetnsId;
use crate::model::socket::{Cookie, Inode};
use crate::snapshot::entry::SocketEntry;

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
    pub fn of(entry: &SocketEntry) -> Option<SocketKey> {
        let cookie = entry.socket.cookie;
        let inode = if cookie.is_some() { None } else { entry.socket.inode };
        (cookie.is_some() || inode.is_some()).then_some(SocketKey { netns: entry.netns, cookie, inode })
    }
}
