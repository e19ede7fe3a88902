//! Records, made without a host: fields can then be set as a test needs them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::engine::{Counters, Packet, QueueEnd};
use crate::exact::Exact;
use crate::footprint::{Footprint, HostFacts};
use crate::memory::ledger::{Included, Ledger, Part};
use crate::model::holder::Holder;
use crate::model::netns::NetnsId;
use crate::model::place::{NetnsName, Place, ProcessName};
use crate::model::protocol::Protocol;
use crate::model::skmem::SkMem;
use crate::model::socket::Socket;
use crate::model::table::Table;
use crate::model::tcp::TcpInfo;
use crate::model::units::{Bytes, PageSize, Payload};
use crate::snapshot::{Snapshot, SocketEntry};
use crate::watch::cause::{End, Link, Over, Root, Wait};
use crate::watch::evidence::{Conduit, ConduitKind};
use crate::watch::judge::judgement::Judged;
use crate::watch::{Sample, SocketKey};

/// A snapshot that saw nothing.
pub fn snapshot(host: HostFacts) -> Snapshot {
    Snapshot::empty(host)
}

/// A socket that descriptors hold, nothing joined to it yet, with the footprint that its record tells.
pub fn entry(socket: Socket, host: &HostFacts) -> SocketEntry {
    let footprint = Footprint::of(&socket, None, host);
    SocketEntry::bare(socket, footprint)
}

/// A sample of these sockets, all of them asked for, and of nothing else.
pub fn sample(at: Duration, snapshot: Snapshot) -> Sample {
    Sample {
        taken_at: snapshot.taken_at,
        at,
        asked_for: snapshot.sockets.len(),
        snapshot,
        drained: BTreeMap::new(),
        first_packets: BTreeMap::new(),
        processes: BTreeMap::new(),
        conduits: Vec::new(),
        awaited: Vec::new(),
        tcp_memory: None,
    }
}

/// What walking these packets of one socket finds.
pub fn exact(packets: &[Packet], ends: &[QueueEnd], counters: Counters, page: PageSize) -> Exact {
    Exact::of(packets, ends, counters, page).0
}

/// A ledger of these parts: what is left of `total` is unaccounted.
pub fn ledger(total: Bytes, parts: Vec<Part>, lru_ownerless: Option<i64>, included: Vec<Included>) -> Ledger {
    Ledger::of(total, parts, lru_ownerless, included)
}

/// What an `INET_DIAG_SKMEMINFO` with this value says.
pub fn skmem(value: &[u8]) -> SkMem {
    SkMem::from_bytes(value)
}

/// What an `INET_DIAG_INFO` with this value says.
pub fn tcp_info(value: &[u8]) -> TcpInfo {
    TcpInfo::from_bytes(value)
}

/// A conduit whose ends nobody has yet.
pub fn conduit(kind: ConduitKind, name: Vec<u8>, inode: Option<u64>) -> Conduit {
    Conduit::new(kind, name, inode)
}

/// A step of a chain, over which nothing goes.
pub fn link(writer: Holder, wait: Wait, unsent: Option<Payload>, reader: Option<Holder>, over: Over) -> Link {
    Link::new(writer, wait, unsent, reader, over)
}

/// A chain.
pub fn root(links: Vec<Link>, end: End) -> Root {
    Root::new(links, end)
}

/// A socket of which nothing is judged yet.
pub fn judged(key: SocketKey) -> Judged {
    Judged::new(key)
}

/// A process, as a gap names it.
pub fn process_name(pid: u32, comm: Option<&[u8]>, fd: Option<u32>) -> ProcessName {
    ProcessName { pid, comm: comm.map(<[u8]>::to_vec), fd }
}

/// A network namespace, as a gap names it.
pub fn netns_name(id: Option<NetnsId>, name: Option<&[u8]>, path: Option<&str>) -> NetnsName {
    NetnsName { id, name: name.map(<[u8]>::to_vec), path: path.map(PathBuf::from) }
}

/// A place of every kind.
pub fn places() -> Vec<Place> {
    let path = || PathBuf::from("/proc/PID/fd");
    let places = vec![
        Place::Table(Table::Unix),
        Place::SockDiag,
        Place::Protocol(Protocol::Tcp),
        Place::Protocols(BTreeMap::new()),
        Place::Connection { local: None, peer: None },
        Place::File { path: path(), part: None },
        Place::FileSystem { point: path(), kind: "nfs4".to_owned(), path: path() },
        Place::Namespaces { first: Vec::new(), more: 0 },
        Place::Processes { first: Vec::new(), more: 0 },
        Place::Interfaces,
        Place::Engine("bpf"),
        Place::Host,
    ];
    // One that is new here is to be listed above, too.
    for place in &places {
        match place {
            Place::Table(_)
            | Place::SockDiag
            | Place::Protocol(_)
            | Place::Protocols(_)
            | Place::Connection { .. }
            | Place::File { .. }
            | Place::FileSystem { .. }
            | Place::Namespaces { .. }
            | Place::Processes { .. }
            | Place::Interfaces
            | Place::Engine(_)
            | Place::Host => {}
        }
    }
    places
}
