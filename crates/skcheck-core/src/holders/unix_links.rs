//! Who among unix sockets is charged for whose queue, and who waits at whom.

use rustc_hash::FxHashMap;

use crate::collect::dumps::dump::{Dump, UnixCharge};
use crate::collect::netns::namespace::Namespace;
use crate::footprint::{Footprint, HostFacts};
use crate::model::queues::UnixQueue;
use crate::model::socket::{Inode, Socket};
use crate::model::units::Truesize;

pub(crate) struct UnixLinks {
    by_reader: FxHashMap<Inode, u64>,
    /// Clients that nobody has accepted, and the listener that they wait at.
    waits_at: FxHashMap<Inode, Inode>,
    /// Those listeners, and who waits there.
    waiting: FxHashMap<Inode, Vec<Inode>>,
    /// What waits in the queue of a reader, where an engine has added it up.
    queues: FxHashMap<Inode, UnixQueue>,
}

impl UnixLinks {
    /// Over all namespaces: a path can be connected to from any.
    pub(crate) fn new(namespaces: &mut [Namespace]) -> UnixLinks {
        let waits_at: FxHashMap<Inode, Inode> =
            namespaces.iter_mut().flat_map(|it| it.dump.waits_at.drain()).collect();
        let queues = namespaces.iter_mut().flat_map(|it| it.dump.unix_queues.drain()).collect();
        let mut waiting: FxHashMap<Inode, Vec<Inode>> = FxHashMap::default();
        for (client, listener) in &waits_at {
            waiting.entry(*listener).or_default().push(*client);
        }
        waiting.values_mut().for_each(|clients| clients.sort_unstable());
        let mut links = UnixLinks { by_reader: FxHashMap::default(), waits_at, waiting, queues };
        for charge in namespaces.iter().flat_map(|it| &it.dump.charges) {
            if let Some(reader) = links.reader(charge) {
                *links.by_reader.entry(reader).or_default() += u64::from(charge.bytes);
            }
        }
        links
    }

    /// What this socket holds, with what senders are charged for what it has not read.
    pub(crate) fn footprint(&self, socket: &Socket, facts: &HostFacts) -> Footprint {
        let charge = socket.inode.and_then(|reader| self.by_reader.get(&reader));
        let mut footprint = Footprint::of(socket, charge.copied().map(Truesize), facts);
        if let Some(queue) = socket.inode.and_then(|reader| self.queues.get(&reader)) {
            footprint.know_unix_queue(socket, queue, facts);
        }
        footprint
    }

    /// The sockets for whose queue somebody of this namespace is charged.
    pub(crate) fn readers_of<'a>(&'a self, dump: &'a Dump) -> impl Iterator<Item = Inode> + 'a {
        dump.charges.iter().filter_map(|charge| self.reader(charge))
    }

    /// The listener that this client waits at.
    pub(crate) fn waits_at(&self, client: Option<Inode>) -> Option<Inode> {
        self.waits_at.get(&client?).copied()
    }

    /// The clients that wait at this listener.
    pub(crate) fn waiting_at(&self, listener: Option<Inode>) -> &[Inode] {
        listener.and_then(|listener| self.waiting.get(&listener)).map_or(&[], Vec::as_slice)
    }

    fn reader(&self, charge: &UnixCharge) -> Option<Inode> {
        charge.reader.or_else(|| self.waits_at(Some(charge.sender)))
    }
}
