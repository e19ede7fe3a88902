//! Names of the interfaces that sockets are bound to. Each namespace has its own: the same number is another
//! interface elsewhere.

use rustc_hash::FxHashMap;

use crate::collect::asking::client::Asker;
use crate::collect::netns::namespace::Namespace;
use crate::join::sockets::Join;
use crate::model::netns::NetnsId;
use crate::snapshot::entry::SocketEntry;

/// Names them.
pub(crate) fn name(join: &mut Join<'_>) {
    let Join { host, collected, sockets, .. } = join;
    let mut bound: FxHashMap<Option<NetnsId>, Vec<&mut SocketEntry>> = FxHashMap::default();
    let entries = sockets.iter_mut().map(|joined| &mut joined.entry);
    for entry in entries.filter(|entry| entry.socket.interface.is_some()) {
        bound.entry(entry.netns).or_default().push(entry);
    }
    for Namespace { netns, .. } in &collected.namespaces {
        let Some(reports) = bound.remove(&netns.id) else { continue };
        let asker = if netns.own { None } else { Asker::open(*host, netns).ok() };
        let mut names: FxHashMap<u32, Option<String>> = FxHashMap::default();
        for entry in reports {
            let Some(index) = entry.socket.interface else { continue };
            let name = names.entry(index).or_insert_with(|| match &asker {
                Some(asker) => asker.interface_name(index),
                None if netns.own => host.interface_name(index).ok(),
                None => None,
            });
            entry.interface_name.clone_from(name);
        }
    }
}
