//! Takes the records of the tables of one namespace, and keeps those that may match.

use crate::collect::dumps::candidate::Candidate;
use crate::collect::dumps::dump::Dump;
use crate::collect::dumps::may_match::may_be_held_by;
use crate::collect::dumps::record_sink::RecordSink;
use crate::collect::survey::descriptors::{Descriptors, Mark};
use crate::diag::record::Record;
use crate::footprint::HostFacts;
use crate::model::protocol::Protocol;
use crate::model::query::Query;
use crate::model::socket::Socket;
use crate::model::table::Table;

/// Takes the records of one table.
pub(crate) struct RecordCollector<'a> {
    pub query: &'a Query,
    pub facts: &'a HostFacts,
    pub descriptors: &'a Descriptors,
    pub dump: &'a mut Dump,
    /// What TCP sockets that no descriptor holds account for, and MPTCP sockets and their subflows, in bytes.
    pub unheld: i64,
}

impl RecordSink for RecordCollector<'_> {
    fn begin(&mut self, _: Table) {
        self.unheld = 0;
    }

    fn record(&mut self, record: Record<'_>) {
        let socket = &record.socket;
        self.dump.scanned += 1;
        self.mark(socket);
        if socket.protocol.charges_senders() {
            self.dump.note_unix(socket);
        }
        self.dump.unaccepted.note(socket);
        if socket.protocol == Protocol::Mptcp {
            return self.dump.mptcp.add(record.into_socket());
        }
        if socket.protocol == Protocol::Tcp && self.dump.mptcp.has_subflow(socket) {
            return self.dump.mptcp.add_subflow(record.into_socket());
        }
        if self.query.may_match(socket, self.facts)
            && may_be_held_by(self.descriptors, socket, &self.query.pids)
        {
            self.dump.keep(Candidate::now(record.into_socket()));
        }
    }
}

impl RecordCollector<'_> {
    /// Marks a socket as one that a table knows, and counts what it accounts for.
    fn mark(&mut self, socket: &Socket) {
        let mark = socket.inode.map_or(Mark::NotHeld, |inode| self.descriptors.mark_known(inode));
        if !socket.protocol.is_acknowledged() {
            return;
        }
        let accounted = socket.skmem.accounted();
        match mark {
            // An MPTCP socket and its subflows have one inode, and memory of their own.
            _ if socket.mptcp.is_some() || self.dump.mptcp.has_subflow(socket) => {
                self.unheld = self.unheld.saturating_add(accounted);
            }
            Mark::First => self.dump.tcp_listed = self.dump.tcp_listed.saturating_add(accounted),
            Mark::Again => {}
            Mark::NotHeld => self.unheld = self.unheld.saturating_add(accounted),
        }
    }
}
