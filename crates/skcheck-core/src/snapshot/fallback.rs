//! The first pass over /proc/net, where NETLINK_SOCK_DIAG is refused.

use std::io;
use std::net::IpAddr;
use std::path::Path;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::diag::decode::Record;
use crate::diag::request::{IpVersion, Table, canonical};
use crate::footprint::HostFacts;
use crate::gap::{Gap, Missing};
use crate::holders::Descriptors;
use crate::host::Host;
use crate::proc_net;
use crate::query::Query;
use crate::snapshot::ask::Sink;
use crate::snapshot::dump::{Candidate, Dump, Stream};
use crate::snapshot::listeners::Listeners;
use crate::snapshot::second_look::has_peer;
use crate::socket::{Socket, State};

/// What /proc/net tells of the scanner's own namespace.
pub(super) fn dump(
    host: &dyn Host,
    query: &Query,
    facts: &HostFacts,
    descriptors: &Descriptors,
    refusal: &io::Error,
) -> Dump {
    let remedy = format!(
        "NETLINK_SOCK_DIAG was refused ({refusal}): run outside the sandbox, or let it use AF_NETLINK; \
         /proc/net tells queues and holders, but no skmem and no unix queues"
    );
    let refused = Gap::uncounted(Missing::SockDiag, "NETLINK_SOCK_DIAG", remedy);
    let mut dump = Dump::fallen_back(false, true, vec![refused]);
    for table in query.tables() {
        if !proc_net::can_parse(table) {
            let remedy = "only NETLINK_SOCK_DIAG tells its queues";
            dump.add_gaps(vec![Gap::uncounted(Missing::Table, table.name(), remedy)]);
            continue;
        }
        let mut file = Vec::new();
        if let Err(error) = host.read(Path::new(table.proc_file()), &mut file) {
            let remedy = format!("{} cannot be read: {error}", table.proc_file());
            dump.add_gaps(vec![Gap::uncounted(Missing::Table, table.name(), remedy)]);
            dump.tcp_complete &= !matches!(table, Table::Tcp(_));
            continue;
        }
        dump.asked = true;
        let mut stream = Stream { query, facts, descriptors, dump: &mut dump, unheld: 0 };
        let bad_lines = proc_net::parse(table, &file, |socket| stream.record(Record::of(socket)));
        if bad_lines > 0 {
            let remedy = "a kernel newer than this program may have written them";
            dump.add_gaps(vec![Gap::counted(Missing::Messages, table.proc_file(), bad_lines, remedy)]);
        }
    }
    dump.drop_repeats();
    dump
}

/// What a second look at /proc/net tells of candidates: the listeners, and the other ends.
#[derive(Default)]
pub(super) struct SecondLook {
    pub listeners: Listeners,
    peers: FxHashMap<Connection, Socket>,
}

/// Local and peer address, as one end sees them.
type Connection = ((IpAddr, u16), (IpAddr, u16));

fn connection(socket: &Socket) -> Option<Connection> {
    Some((canonical(&socket.local)?, canonical(&socket.peer)?))
}

impl SecondLook {
    pub(super) fn new(host: &dyn Host, candidates: &[Candidate]) -> SecondLook {
        let connections =
            candidates.iter().map(|it| &it.socket).filter(|socket| has_peer(socket)).filter_map(connection);
        let wanted: FxHashSet<Connection> = connections.map(|(local, peer)| (peer, local)).collect();
        let mut look = SecondLook::default();
        if wanted.is_empty() {
            return look;
        }
        for version in [IpVersion::V4, IpVersion::V6] {
            let table = Table::Tcp(version);
            let mut file = Vec::new();
            // The first pass has already said what cannot be read.
            let _ = host.read(Path::new(table.proc_file()), &mut file);
            proc_net::parse(table, &file, |socket| match (socket.state, connection(&socket)) {
                (State::Listen, _) => look.listeners.add(socket, false),
                (_, Some(ends)) if wanted.contains(&ends) => drop(look.peers.insert(ends, socket)),
                _ => {}
            });
        }
        look
    }

    /// The other end of a connection.
    pub(super) fn peer(&self, socket: &Socket) -> Option<&Socket> {
        let (local, peer) = connection(socket).filter(|_| has_peer(socket))?;
        self.peers.get(&(peer, local))
    }
}
