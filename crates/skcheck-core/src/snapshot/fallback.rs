//! Both passes over /proc/net, where NETLINK_SOCK_DIAG is refused, and the second one where only the module
//! for TCP is missing.

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
use crate::snapshot::ask::{Asker, Sink, proc_net_lines};
use crate::snapshot::dump::{Candidate, Dump, Stream};
use crate::snapshot::listeners::Listeners;
use crate::snapshot::second_look::has_peer;
use crate::snapshot::tables::is_no_protocol_here;
use crate::socket::{Socket, State};

/// What /proc/net tells of the scanner's own namespace.
pub(super) fn dump(
    host: &dyn Host,
    query: &Query,
    facts: &HostFacts,
    descriptors: &Descriptors,
    refusal: &io::Error,
) -> Dump {
    let why = if refusal.kind() == io::ErrorKind::TimedOut {
        "NETLINK_SOCK_DIAG did not answer: run again".to_owned()
    } else {
        format!(
            "NETLINK_SOCK_DIAG was refused ({refusal}): run outside the sandbox, or let it use AF_NETLINK"
        )
    };
    let remedy =
        format!("{why}; /proc/net tells who there is and who holds it, but no skmem and no unix queues");
    let refused = Gap::uncounted(Missing::SockDiag, "NETLINK_SOCK_DIAG", remedy);
    let mut dump = Dump::fallen_back(false, true, vec![refused]);
    for table in query.tables() {
        if proc_net::untold(table).is_none() {
            if !is_no_protocol_here(host, table) {
                let remedy = "only NETLINK_SOCK_DIAG tells its queues";
                dump.gaps.push(Gap::uncounted(Missing::Table, table.name(), remedy));
            }
            continue;
        }
        let mut file = Vec::new();
        if let Err(error) = host.read(Path::new(table.proc_file()), &mut file) {
            if is_no_protocol_here(host, table) {
                continue;
            }
            let remedy = format!("{} cannot be read: {error}", table.proc_file());
            dump.gaps.push(Gap::uncounted(Missing::Table, table.name(), remedy));
            dump.tcp_complete &= !matches!(table, Table::Tcp(_));
            continue;
        }
        dump.asked = true;
        let mut stream = Stream { query, facts, descriptors, dump: &mut dump, unheld: 0 };
        let bad_lines = proc_net::parse(table, &file, |socket| stream.record(Record::of(socket)));
        dump.gaps.extend(proc_net_lines(table, bad_lines));
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
    /// Looks at what `read` gives for a table, once more.
    pub(super) fn new<'a>(
        read: impl Fn(Table) -> Option<Vec<u8>>,
        sockets: impl Iterator<Item = &'a Socket>,
    ) -> SecondLook {
        let connections = sockets.filter(|socket| has_peer(socket)).filter_map(connection);
        let wanted: FxHashSet<Connection> = connections.map(|(local, peer)| (peer, local)).collect();
        let mut look = SecondLook::default();
        if wanted.is_empty() {
            return look;
        }
        for version in [IpVersion::V4, IpVersion::V6] {
            let table = Table::Tcp(version);
            // The first pass has already said what cannot be read.
            let file = read(table).unwrap_or_default();
            proc_net::parse(table, &file, |socket| match (socket.state, connection(&socket)) {
                (State::Listen, _) => look.listeners.add(socket, false),
                (_, Some(ends)) if wanted.contains(&ends) => drop(look.peers.insert(ends, socket)),
                _ => {}
            });
        }
        look
    }

    /// The same in place of the tables of TCP, where an asker knows that their module is missing.
    pub(super) fn for_missing<'a>(
        asker: &Asker<'_>,
        sockets: impl Iterator<Item = &'a Socket>,
    ) -> SecondLook {
        if !asker.is_missing(Table::Tcp(IpVersion::V4)) {
            return SecondLook::default();
        }
        SecondLook::new(|table| asker.stand_in(table), sockets)
    }

    /// The same at the scanner's own /proc/net.
    pub(super) fn at(host: &dyn Host, candidates: &[Candidate]) -> SecondLook {
        let read = |table: Table| {
            let mut file = Vec::new();
            host.read(Path::new(table.proc_file()), &mut file).ok().map(|()| file)
        };
        SecondLook::new(read, candidates.iter().map(|it| &it.socket))
    }

    /// The other end of a connection.
    pub(super) fn peer(&self, socket: &Socket) -> Option<&Socket> {
        let (local, peer) = connection(socket).filter(|_| has_peer(socket))?;
        self.peers.get(&(peer, local))
    }
}
