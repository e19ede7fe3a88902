//! Sockets in messages that nobody has received (SCM_RIGHTS).

use rustc_hash::FxHashSet;

use crate::collect::asking::client::Asker;
use crate::collect::netns::namespace::Namespace;
use crate::diag::record::Record;
use crate::diag::request::States;
use crate::holders::hidden::search::{HiddenHolders, Search, fdinfo};
use crate::host::Host;
use crate::model::families::row::PacketsHoldPayload;
use crate::model::holder::{Holder, Via};
use crate::model::queues::RecvQueue;
use crate::model::socket::{Inode, Socket};
use crate::model::state::State;
use crate::model::table::Table;
use crate::procfs::fdinfo::in_flight;

/// Adds those of these sockets that have descriptors in messages, as long as a socket has nobody else; whether
/// there was time for all.
pub(super) fn add(
    host: &dyn Host,
    search: &Search<'_>,
    receivers: Vec<Holder>,
    hidden: &mut HiddenHolders,
) -> bool {
    if hidden.unheld(search.wanted) == 0 {
        return true;
    }
    for receiver in receivers {
        if search.is_over() {
            return false;
        }
        if fdinfo(host, receiver).as_deref().and_then(in_flight).is_some_and(|count| count > 0) {
            hidden.receivers.push(receiver.leading(Via::InFlight));
        }
    }
    true
}

/// Unix sockets that may have messages with descriptors: all but streams with nothing to read and listeners
/// at which nobody waits. An empty datagram can carry descriptors as well.
pub(super) fn may_have_received(host: &dyn Host, namespaces: &[Namespace]) -> FxHashSet<Inode> {
    let mut candidates = FxHashSet::default();
    let may = |socket: &Socket| match (socket.state, socket.recv_q) {
        (State::Listen, RecvQueue::Connections(waiting)) => waiting.0 > 0,
        _ => {
            let holds_payload = socket.protocol.row().packets_hold_payload == PacketsHoldPayload::Always;
            !holds_payload || socket.recv_q.holds_something()
        }
    };
    for namespace in namespaces {
        // What cannot be asked is a gap of what was collected before.
        let Ok(asker) = Asker::open(host, &namespace.netns) else { continue };
        let _ = asker.dump(Table::Unix, States::Holding, &mut |record: Record<'_>| {
            candidates.extend(record.socket.inode.filter(|_| may(&record.socket)));
        });
    }
    candidates
}
