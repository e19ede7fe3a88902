//! Connections that threads wait at for an answer though nothing was asked over them: these hold nothing, so
//! that no scan has them.

use std::collections::BTreeSet;

use rustc_hash::FxHashSet;

use crate::engine::{Engine, Limits};
use crate::host::Host;
use crate::join::scan::scan_with;
use crate::model::families::protocol_set::Protocols;
use crate::model::holder::Via;
use crate::model::query::Query;
use crate::model::socket::Inode;
use crate::model::state::State;
use crate::procfs::link::socket_inode;
use crate::snapshot::entry::SocketEntry;
use crate::watch::evidence::process::{Call, ThreadEvidence};
use crate::watch::evidence::sample::Sample;
use crate::watch::sample::schedule::Schedule;

/// Asking for them takes no more than this part of the time: it is a scan of its own.
const PART: u32 = 25;

/// Those that nobody has accepted.
#[derive(Default)]
pub(crate) struct Awaited {
    found: Vec<SocketEntry>,
    schedule: Schedule,
}

impl Awaited {
    /// Of the connections over TCP that threads of the sample wait at, those that nobody has accepted. On a
    /// host with very many sockets they were looked for a little earlier. With an engine no socket's lock is
    /// asked for.
    pub(crate) fn find(
        &mut self,
        host: &dyn Host,
        engine: Option<&dyn Engine>,
        sample: &Sample,
    ) -> Vec<SocketEntry> {
        let known: FxHashSet<Inode> =
            sample.snapshot.sockets.iter().filter_map(|entry| entry.socket.inode).collect();
        let (mut pids, mut wanted) = (BTreeSet::new(), FxHashSet::default());
        for process in sample.processes.values() {
            for inode in process.threads.iter().filter_map(reads).filter(|inode| !known.contains(inode)) {
                pids.insert(process.pid);
                wanted.insert(inode);
            }
        }
        if !wanted.is_empty() && self.schedule.is_due(sample.at) {
            self.found = self.schedule.run(sample.at, PART, || unaccepted(host, engine, pids));
        }
        let is_wanted =
            |entry: &&SocketEntry| entry.socket.inode.is_some_and(|inode| wanted.contains(&inode));
        self.found.iter().filter(is_wanted).cloned().collect()
    }
}

/// The socket that a thread is blocked in reading from.
fn reads(thread: &ThreadEvidence) -> Option<Inode> {
    let (call, _) = thread.syscall?.on()?;
    thread.target.as_deref().filter(|_| call == Call::Read).and_then(socket_inode)
}

fn unaccepted(host: &dyn Host, engine: Option<&dyn Engine>, pids: BTreeSet<u32>) -> Vec<SocketEntry> {
    let (pids, states) = (pids.into_iter().collect(), vec![State::Established]);
    let query = Query { include_idle: true, pids, states, ..Query::of(Protocols::TCP) };
    let limits = Limits { packets: 1, ..Limits::default() };
    let is_unaccepted =
        |entry: &SocketEntry| entry.peer_holders.iter().any(|holder| holder.via == Via::AcceptQueue);
    // Without it less is known, and nothing else.
    let sockets = scan_with(host, &query, engine, &limits).map(|snapshot| snapshot.sockets);
    sockets.unwrap_or_default().into_iter().filter(is_unaccepted).collect()
}
