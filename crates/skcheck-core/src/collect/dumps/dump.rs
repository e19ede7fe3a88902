//! What one network namespace gives: whole records are kept only of sockets that may match.

use std::io;
use std::time::Instant;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::collect::asking::client::Asker;
use crate::collect::dumps::candidate::Candidate;
use crate::collect::dumps::idle::IdleSockets;
use crate::collect::dumps::may_match::{is_asked_for, may_be_held_by};
use crate::collect::dumps::subflows::MptcpSockets;
use crate::collect::dumps::unaccepted::Unaccepted;
use crate::collect::survey::descriptors::Descriptors;
use crate::diag::record::Record;
use crate::engine::{Found, Tally};
use crate::footprint::HostFacts;
use crate::model::gap::{Gap, Missing};
use crate::model::query::Query;
use crate::model::queues::{RecvQueue, UnixQueue};
use crate::model::socket::{Cookie, Inode, Socket};
use crate::model::state::State;
use crate::model::table::Table;

/// What one namespace gave.
#[derive(Default)]
pub(crate) struct Dump {
    /// Records that may match, each once; where idle ones may match, all that hold something.
    pub candidates: Vec<Candidate>,
    /// Those that hold nothing. One may be among them several times, what tells most first.
    pub idle: IdleSockets,
    /// What unix senders are charged for what their peer has not read.
    pub charges: Vec<UnixCharge>,
    /// TCP connections that nobody has accepted.
    pub unaccepted: Unaccepted,
    /// Unix clients that nobody has accepted, and the listener that they wait at.
    pub waits_at: FxHashMap<Inode, Inode>,
    /// What waits in the queues of unix candidates, where an engine has added it up.
    pub unix_queues: FxHashMap<Inode, UnixQueue>,
    /// MPTCP sockets, until their subflows have been found.
    pub mptcp: MptcpSockets,
    /// Tables were dumped, or nothing was in them.
    pub asked: bool,
    /// The kernel has answered, whatever the answer was; or an engine has seen all there is.
    pub answered: bool,
    /// It has TCP sockets, or nobody can tell.
    pub has_tcp: bool,
    /// Its TCP tables were dumped to their end.
    pub tcp_complete: bool,
    /// What its TCP sockets are charged was not told.
    pub tcp_uncharged: bool,
    /// It may have TCP sockets that are only bound, and was not asked for them.
    pub may_have_bound: bool,
    pub gaps: Vec<Gap>,
    /// Unix listeners with connections that nobody has accepted, and how many.
    pending_unix: Vec<(Inode, u32)>,
    pub scanned: u64,
    /// What its TCP sockets account for, in bytes.
    pub tcp_listed: i64,
    /// Why it could not be asked at all.
    pub refusal: Option<io::Error>,
}

/// One unix sender's charge for packets in its peer's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct UnixCharge {
    pub sender: Inode,
    /// `None`: the peer has no inode, so it waits to be accepted.
    pub reader: Option<Inode>,
    pub bytes: u32,
}

impl Dump {
    /// One of which nothing is known yet.
    pub(crate) fn new() -> Dump {
        Dump { tcp_complete: true, ..Dump::default() }
    }

    /// One that came from elsewhere.
    pub(crate) fn fallen_back(asked: bool, tcp_complete: bool, gaps: Vec<Gap>) -> Dump {
        Dump { asked, tcp_complete, tcp_uncharged: true, has_tcp: true, gaps, ..Dump::default() }
    }

    /// One of which an engine has seen all sockets.
    pub(crate) fn of_tally(tally: Option<&Tally>) -> Dump {
        Dump {
            asked: true,
            answered: true,
            tcp_complete: true,
            has_tcp: tally.is_some(),
            scanned: tally.map_or(0, |tally| tally.sockets),
            tcp_listed: tally.map_or(0, |tally| tally.tcp_memory),
            ..Dump::default()
        }
    }

    /// Adds a socket that an engine found, if it may match.
    pub(crate) fn add_found(
        &mut self,
        (found, read_at): (Found, Instant),
        query: &Query,
        facts: &HostFacts,
        descriptors: &Descriptors,
    ) {
        let Found { socket, unix_queue, .. } = found;
        self.asked = true;
        if socket.protocol.charges_senders() {
            self.note_unix(&socket);
        }
        // Empty datagrams do not show in the record.
        let may_match = match &unix_queue {
            Some(queue) if queue.packets > 0 => is_asked_for(query, facts, &socket),
            _ => query.may_match(&socket, facts),
        };
        if may_match && may_be_held_by(descriptors, &socket, &query.pids) {
            if let (Some(inode), Some(queue)) = (socket.inode, unix_queue) {
                self.unix_queues.insert(inode, queue);
            }
            self.candidates.push(Candidate { socket, read_at });
        }
    }

    /// Keeps a record that may match.
    pub(crate) fn keep(&mut self, candidate: Candidate) {
        let idle = if candidate.is_idle() { self.idle.add(candidate) } else { Some(candidate) };
        self.candidates.extend(idle);
    }

    /// Notes what a unix socket's record tells of others.
    pub(crate) fn note_unix(&mut self, socket: &Socket) {
        let Some(inode) = socket.inode else { return };
        if let Some(bytes @ 1..) = socket.skmem.wmem_alloc {
            let connected = socket.peer_inode.is_some() || socket.state == State::Established;
            if connected {
                self.charges.push(UnixCharge { sender: inode, reader: socket.peer_inode, bytes });
            }
        }
        if let RecvQueue::Connections(pending) = socket.recv_q
            && pending.0 > 0
        {
            self.pending_unix.push((inode, pending.0));
        }
    }

    /// A table that changes under a dump, and a dump that was begun anew, repeat sockets.
    pub(crate) fn drop_repeats(&mut self) {
        // An engine's record tells more than the table's, and that more than /proc/net.
        self.candidates.sort_by_key(|Candidate { socket, .. }| {
            (socket.tcp_info.is_none(), socket.cookie.is_none(), socket.skmem.rcvbuf.is_none())
        });
        self.add_cookies();
        let mut seen = FxHashSet::default();
        let mut seen_without_cookie = FxHashSet::default();
        self.candidates.retain(|Candidate { socket, .. }| match socket.cookie {
            Some(cookie) => seen.insert(cookie),
            // An MPTCP socket and its subflows have one inode. One without an inode is known by its addresses.
            None => {
                let addresses = socket.inode.is_none().then(|| (socket.local.clone(), socket.peer.clone()));
                seen_without_cookie.insert((socket.protocol, socket.inode, addresses))
            }
        });
        self.charges.sort_unstable();
        self.charges.dedup_by_key(|charge| charge.sender);
        self.pending_unix.sort_unstable();
        self.pending_unix.dedup_by_key(|(inode, _)| *inode);
    }

    /// What an engine found can have no cookie, of which the table tells one, and the other way round.
    fn add_cookies(&mut self) {
        let named = |it: &Candidate| Some((it.socket.inode?, it.socket.cookie?));
        let cookies: FxHashMap<Inode, Cookie> = self.candidates.iter().filter_map(named).collect();
        for Candidate { socket, .. } in &mut self.candidates {
            let known = || socket.inode.and_then(|inode| cookies.get(&inode).copied());
            socket.cookie = socket.cookie.or_else(known);
        }
    }

    /// Asks who waits at the unix listeners. A listener at which very many wait drops out of that
    /// answer: then its clients are a gap.
    pub(crate) fn ask_who_waits(&mut self, asker: &Asker<'_>) {
        if self.pending_unix.is_empty() {
            return;
        }
        let mut answered = FxHashSet::default();
        let asked = asker.pending_unix(&mut |record: Record<'_>| {
            let Some(listener) = record.socket.inode else { return };
            answered.insert(listener);
            self.waits_at.extend(record.pending_inodes().map(|client| (client, listener)));
        });
        self.gaps.extend(asked.unwrap_or_default());
        let silent = self.pending_unix.iter().filter(|(listener, _)| !answered.contains(listener));
        // One that is gone meanwhile has nobody waiting.
        let still_there = silent.filter(|(listener, _)| asker.unix(*listener).is_some());
        let unnamed: u64 = still_there.map(|(_, pending)| u64::from(*pending)).sum();
        if unnamed > 0 {
            let remedy = "too many wait at one listener for the kernel to name them (UNIX_DIAG_ICONS); \
                          the listener's Recv-Q still counts them";
            self.gaps.push(Gap::counted(Missing::PendingConnections, Table::Unix, unnamed, remedy));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::protocol::{Family, Protocol};
    use crate::model::tcp::TcpInfo;

    fn candidate(protocol: Protocol, cookie: Option<u64>, inode: u32, from_engine: bool) -> Candidate {
        let mut socket = Socket::unknown(Family::Ipv4, protocol, State::Established);
        (socket.cookie, socket.inode) = (cookie.map(Cookie), Inode::new(inode));
        socket.tcp_info = from_engine.then(TcpInfo::default);
        Candidate { socket, read_at: Instant::now() }
    }

    /// What is left of these: the cookie of each, and whether an engine told of it.
    fn left(candidates: Vec<Candidate>) -> Vec<(Option<u64>, bool)> {
        let mut dump = Dump { candidates, ..Dump::default() };
        dump.drop_repeats();
        let told = |it: &Candidate| (it.socket.cookie.map(|cookie| cookie.0), it.socket.tcp_info.is_some());
        dump.candidates.iter().map(told).collect()
    }

    #[test]
    fn what_an_engine_found_stays_with_the_cookie_of_the_table() {
        use Protocol::{Mptcp, Tcp};
        let (engine, table) =
            (|cookie| candidate(Tcp, cookie, 7, true), |cookie| candidate(Tcp, cookie, 7, false));
        assert_eq!(left(vec![table(Some(1)), engine(None)]), [(Some(1), true)]);
        assert_eq!(left(vec![table(Some(1)), engine(Some(1))]), [(Some(1), true)]);
        // /proc/net tells no cookie, and repeats sockets.
        assert_eq!(left(vec![table(None), engine(Some(1)), table(None)]), [(Some(1), true)]);
        assert_eq!(left(vec![table(None), engine(None), table(None)]), [(None, true)]);
        // An MPTCP socket and its subflow have one inode, and are two.
        let pair = vec![candidate(Mptcp, None, 7, false), table(None)];
        assert_eq!(left(pair), [(None, false), (None, false)]);
    }
}
