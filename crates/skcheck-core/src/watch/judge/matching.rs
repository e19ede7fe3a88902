//! Joins the sockets of two samples. Pure.

use rustc_hash::FxHashMap;

use crate::model::socket::Inode;
use crate::snapshot::contents::Snapshot;
use crate::snapshot::entry::SocketEntry;
use crate::watch::evidence::key::SocketKey;

/// One socket's places in both samples, one of them at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SocketPlaces {
    pub(crate) key: SocketKey,
    pub(crate) before: Option<usize>,
    pub(crate) now: Option<usize>,
}

/// Joins by key. A socket whose connection ends loses its cookie, and can lose its namespace, but not its
/// inode: what is left over in both samples is joined by that, if it speaks the same protocol. A socket that
/// nothing tells from others is in neither: it cannot be found again.
pub(crate) fn join(before: &Snapshot, now: &Snapshot) -> Vec<SocketPlaces> {
    let mut earlier: FxHashMap<SocketKey, usize> = FxHashMap::default();
    for (at, entry) in before.sockets.iter().enumerate() {
        if let Some(key) = SocketKey::of(entry) {
            earlier.entry(key).or_insert(at);
        }
    }
    let keys = now.sockets.iter().enumerate().filter_map(|(at, entry)| Some((at, SocketKey::of(entry)?)));
    let mut places: Vec<SocketPlaces> =
        keys.map(|(at, key)| SocketPlaces { key, before: earlier.remove(&key), now: Some(at) }).collect();
    let mut by_inode: FxHashMap<Inode, (SocketKey, usize)> = FxHashMap::default();
    for (key, at) in &earlier {
        if let Some(inode) = before.sockets.get(*at).and_then(|entry| entry.socket.inode) {
            by_inode.insert(inode, (*key, *at));
        }
    }
    for place in places.iter_mut().filter(|place| place.before.is_none()) {
        let entry = place.now.and_then(|at| now.sockets.get(at));
        let Some(entry) = entry else { continue };
        let Some((key, at)) = entry.socket.inode.and_then(|inode| by_inode.remove(&inode)) else {
            continue;
        };
        let is_same = before.sockets.get(at).is_some_and(|earlier| may_be_one(earlier, entry));
        if is_same {
            earlier.remove(&key);
            place.before = Some(at);
        }
    }
    let gone = earlier.into_iter().map(|(key, at)| SocketPlaces { key, before: Some(at), now: None });
    places.extend(gone);
    places
}

/// Two with different cookies are two: the number of an inode is used again.
fn may_be_one(before: &SocketEntry, now: &SocketEntry) -> bool {
    let has_cookies = before.socket.cookie.is_some() && now.socket.cookie.is_some();
    before.socket.protocol == now.socket.protocol
        && (!has_cookies || before.socket.cookie == now.socket.cookie)
}
