//! What tells one socket from all others.

use std::hash::Hash;

use rustc_hash::FxHashMap;

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

/// The sockets of a sample, to be found from another one.
pub(crate) struct KeyedSockets<'a> {
    by_key: FxHashMap<SocketKey, &'a SocketEntry>,
    by_inode: FxHashMap<Inode, &'a SocketEntry>,
}

impl<'a> KeyedSockets<'a> {
    pub(crate) fn of(entries: impl IntoIterator<Item = &'a SocketEntry>) -> KeyedSockets<'a> {
        let mut keyed = KeyedSockets { by_key: FxHashMap::default(), by_inode: FxHashMap::default() };
        for entry in entries {
            keyed.by_key.extend(SocketKey::of(entry).map(|key| (key, entry)));
            keyed.by_inode.extend(entry.socket.inode.map(|inode| (inode, entry)));
        }
        keyed
    }

    /// The same socket, which may have had no cookie yet, or has none any more.
    pub(crate) fn same_as(&self, other: &SocketEntry) -> Option<&'a SocketEntry> {
        let by_inode = || {
            let found = self.by_inode.get(&other.socket.inode?)?;
            (found.socket.cookie.is_none() || other.socket.cookie.is_none()).then_some(found)
        };
        self.by_key.get(&SocketKey::of(other)?).or_else(by_inode).copied()
    }
}
