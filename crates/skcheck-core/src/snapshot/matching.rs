//! Which sockets of a snapshot satisfy a query. A scan decides most of it on bare records; what it decides
//! once holders and processes are known is here, and the whole of it for a snapshot that was taken of more.

use crate::model::endpoint::Endpoint;
use crate::model::netns::{NetnsChoice, NetnsId};
use crate::model::process::Process;
use crate::model::query::Query;
use crate::model::queues::RecvQueue;
use crate::model::state::State;
use crate::snapshot::contents::Snapshot;
use crate::snapshot::entry::SocketEntry;

impl Snapshot {
    /// Whether a socket of this snapshot satisfies all that a query asks of sockets and of who holds them.
    /// What the query says of network namespaces is not looked at: see [`is_in`].
    pub(crate) fn matches(&self, query: &Query, entry: &SocketEntry) -> bool {
        is_of_tables(query, entry)
            && query.matches_record(&entry.socket)
            && query.matches_footprint(&entry.footprint)
            && self.is_held_by_wanted(query, entry)
    }

    /// Whether a socket would have to be compared with what nobody knows of it: one that is closed and still
    /// held, its sizes or its port.
    pub(crate) fn is_incomparable(&self, query: &Query, entry: &SocketEntry) -> bool {
        let socket = &entry.socket;
        let lacks_port = query.port.is_some() && socket.local == Endpoint::Unknown;
        let lacks_size = query.has_threshold() && socket.recv_q == RecvQueue::Unknown;
        socket.state == State::ClosedHeld
            && (lacks_port || lacks_size)
            && query.wants_closed_held()
            && is_of_tables(query, entry)
            && self.is_held_by_wanted(query, entry)
    }

    fn is_held_by_wanted(&self, query: &Query, entry: &SocketEntry) -> bool {
        is_held_by_pids(query, entry) && is_held_by_processes(query, entry, &|pid| self.process(pid))
    }
}

/// Whether one of the processes that are asked for by their ids holds a socket, or is named by its portid.
pub(crate) fn is_held_by_pids(query: &Query, entry: &SocketEntry) -> bool {
    query.pids.is_empty() || entry.pids().any(|pid| query.pids.contains(&pid))
}

/// Whether a process that holds a socket is one that is asked for, or no process does and its cgroup is.
pub(crate) fn is_held_by_processes<'a>(
    query: &Query,
    entry: &SocketEntry,
    process: &dyn Fn(u32) -> Option<&'a Process>,
) -> bool {
    if !query.is_about_processes() {
        return true;
    }
    let mut pids = entry.pids();
    if pids.len() == 0 {
        return query.matches_unheld(entry.cgroup.as_deref(), entry.container.as_ref());
    }
    pids.any(|pid| process(pid).is_some_and(|process| query.matches_process(process)))
}

/// Whether a socket is in the namespace that was asked for. Where it is not known which one it is in, it can
/// be that one.
pub(crate) fn is_in(choice: &NetnsChoice, wanted: Option<NetnsId>, entry: &SocketEntry) -> bool {
    *choice == NetnsChoice::All || entry.netns.is_none() || entry.netns == wanted
}

fn is_of_tables(query: &Query, entry: &SocketEntry) -> bool {
    query.wants_protocol(entry.socket.protocol) && query.wants_family(entry.socket.family)
}
