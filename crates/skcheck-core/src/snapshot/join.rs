//! The second pass: joins holders, peers, listeners and senders to the candidates, asks the kernel
//! for what is missing, and applies the thresholds that needed all that.

use std::collections::BTreeSet;
use std::path::Path;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::diag::decode::Record;
use crate::diag::request::{IpVersion, States, Table, canonical, same_connection};
use crate::footprint::{HostFacts, footprint};
use crate::gap::{Gap, Missing};
use crate::holders::{Descriptors, Holder, socket_inode};
use crate::host::Host;
use crate::process::Process;
use crate::query::Query;
use crate::snapshot::ask::Asker;
use crate::snapshot::first_pass::{FirstPass, UnixCharge, each_descriptor};
use crate::snapshot::{Holding, Report, Source, read};
use crate::socket::{Endpoint, Family, Inode, Protocol, Socket, State};
use crate::units::Truesize;

pub(super) struct Joined {
    pub sockets: Vec<Report>,
    pub processes: Vec<Process>,
}

pub(super) fn run(
    host: &dyn Host,
    query: &Query,
    facts: &HostFacts,
    mut first: FirstPass<'_>,
    gaps: &mut Vec<Gap>,
) -> Joined {
    let mut candidates = std::mem::take(&mut first.candidates);
    let unix = UnixLinks::new(&first, gaps);
    if first.source == Source::SockDiag {
        look_again(&first.asker, query, facts, &mut candidates);
        add_silent_readers(&first.asker, query, facts, &unix, &mut candidates);
        name_unix_peers(&first.asker, &mut candidates);
    }
    candidates.retain(|socket| {
        let charge = socket.inode.and_then(|inode| unix.charge(inode));
        query.matches_footprint(&footprint(socket, charge, facts))
    });
    let context = Context {
        late: late_holders(host, &first, &candidates),
        listeners: Listeners::for_unheld(&first.asker, &candidates),
        unix,
        first: &first,
    };
    let mut sockets: Vec<Report> =
        candidates.into_iter().map(|socket| context.report(socket, facts)).collect();
    sockets.extend(closed_held(host, query, facts, &mut first, gaps));
    if !query.pids.is_empty() {
        sockets.retain(|report| report.holders.iter().any(|holder| query.pids.contains(&holder.pid)));
    }
    let mut processes = read::processes(host, pids(&sockets).into_iter(), gaps);
    if let Some(name) = &query.process {
        let named: FxHashSet<u32> =
            processes.iter().filter(|process| process.is_named(name)).map(|process| process.pid).collect();
        sockets.retain(|report| report.holders.iter().any(|holder| named.contains(&holder.pid)));
        let left = pids(&sockets);
        processes.retain(|process| left.contains(&process.pid));
    }
    name_interfaces(host, &mut sockets);
    Joined { sockets, processes }
}

fn pids(sockets: &[Report]) -> BTreeSet<u32> {
    sockets
        .iter()
        .flat_map(|report| report.holders.iter().chain(&report.peer_holders))
        .map(|h| h.pid)
        .collect()
}

/// Asks for every TCP candidate once more, with `tcp_info`, so that all its numbers are of one
/// moment. One that has drained since is dropped; one that has vanished keeps its first record.
fn look_again(asker: &Asker<'_>, query: &Query, facts: &HostFacts, candidates: &mut Vec<Socket>) {
    candidates.retain_mut(|socket| {
        if socket.protocol != Protocol::Tcp || !has_peer(socket) || !socket.holds_something() {
            return true;
        }
        match asker.tcp(&socket.local, &socket.peer, socket.interface) {
            Some(answer) if answer.state != State::TimeWait && same_connection(socket, &answer) => {
                *socket = answer;
                query.may_match(socket, facts)
            }
            _ => true,
        }
    });
}

fn has_peer(socket: &Socket) -> bool {
    socket.peer.port().is_some_and(|port| port != 0)
}

/// Unix readers whose own record shows nothing (their first datagram is empty), while senders are
/// charged for what waits there.
fn add_silent_readers(
    asker: &Asker<'_>,
    query: &Query,
    facts: &HostFacts,
    unix: &UnixLinks,
    candidates: &mut Vec<Socket>,
) {
    if !query.unix {
        return;
    }
    let present: FxHashSet<Inode> = candidates.iter().filter_map(|socket| socket.inode).collect();
    for inode in unix.by_reader.keys().filter(|inode| !present.contains(inode)) {
        let Some(reader) = asker.unix(*inode) else { continue };
        let everything = Query { include_idle: true, ..query.clone() };
        if everything.may_match(&reader, facts) {
            candidates.push(reader);
        }
    }
}

/// A unix socket's record names its peer by inode only.
fn name_unix_peers(asker: &Asker<'_>, candidates: &mut [Socket]) {
    let names: FxHashMap<Inode, Endpoint> = candidates
        .iter()
        .filter(|socket| socket.family == Family::Unix)
        .filter_map(|socket| Some((socket.inode?, socket.local.clone())))
        .collect();
    for socket in candidates {
        let Some(peer) = socket.peer_inode else { continue };
        let name = names.get(&peer).cloned();
        socket.peer = name.or_else(|| asker.unix(peer).map(|peer| peer.local)).unwrap_or(Endpoint::Unknown);
    }
}

/// Holders of candidates that nobody held when the descriptors were read: accepted or passed on
/// since. One more look at all processes, only when there are any.
fn late_holders(
    host: &dyn Host,
    first: &FirstPass<'_>,
    candidates: &[Socket],
) -> FxHashMap<Inode, Vec<Holder>> {
    let mut late: FxHashMap<Inode, Vec<Holder>> = candidates
        .iter()
        .filter_map(|socket| socket.inode)
        .filter(|inode| first.descriptors.holders(*inode).next().is_none())
        .map(|inode| (inode, Vec::new()))
        .collect();
    if !late.is_empty() {
        each_descriptor(host, &mut |holder, target| {
            if let Some(holders) = socket_inode(target).and_then(|inode| late.get_mut(&inode)) {
                holders.push(holder);
            }
        });
    }
    late
}

/// What joins to a candidate.
struct Context<'a, 'h> {
    first: &'a FirstPass<'h>,
    late: FxHashMap<Inode, Vec<Holder>>,
    listeners: Listeners,
    unix: UnixLinks,
}

impl Context<'_, '_> {
    fn report(&self, socket: Socket, facts: &HostFacts) -> Report {
        let charge = socket.inode.and_then(|inode| self.unix.charge(inode));
        let (holding, holders) = self.holding(&socket);
        let peer_holders = match socket.protocol {
            Protocol::Tcp => self.tcp_peer_holders(&socket),
            _ => self.unix_peer_holders(&socket),
        };
        Report {
            footprint: footprint(&socket, charge, facts),
            socket,
            holding,
            holders,
            peer_holders,
            interface_name: None,
        }
    }

    fn holding(&self, socket: &Socket) -> (Holding, Vec<Holder>) {
        let Some(inode) = socket.inode else {
            return self.listeners.holding(socket, &self.first.descriptors);
        };
        let holders = self.holders_of(inode);
        let holding = match (holders.is_empty(), self.first.scanned.all_processes) {
            (false, _) => Holding::Descriptors,
            (true, true) => Holding::Kernel,
            (true, false) => Holding::Hidden,
        };
        (holding, holders)
    }

    fn holders_of(&self, inode: Inode) -> Vec<Holder> {
        let late = self.late.get(&inode).into_iter().flatten().copied();
        self.first.descriptors.holders(inode).chain(late).collect()
    }

    fn tcp_peer_holders(&self, socket: &Socket) -> Vec<Holder> {
        if !has_peer(socket) || self.first.source != Source::SockDiag {
            return Vec::new();
        }
        let reversed = |answer: &Socket| {
            answer.state != State::Listen
                && answer.state != State::TimeWait
                && canonical(&answer.local) == canonical(&socket.peer)
                && canonical(&answer.peer) == canonical(&socket.local)
        };
        let ask = |interface| self.first.asker.tcp(&socket.peer, &socket.local, interface).filter(reversed);
        let peer = ask(socket.interface).or_else(|| socket.interface.and_then(|_| ask(None)));
        peer.map(|peer| self.holding(&peer).1).unwrap_or_default()
    }

    fn unix_peer_holders(&self, socket: &Socket) -> Vec<Holder> {
        let waits_at = socket.inode.and_then(|inode| self.unix.waits_at.get(&inode));
        match socket.peer_inode.or(waits_at.copied()) {
            Some(peer) => self.holders_of(peer),
            None => Vec::new(),
        }
    }
}

/// Who among unix sockets is charged for whose queue, and who waits at whom.
struct UnixLinks {
    by_reader: FxHashMap<Inode, u64>,
    /// Clients that nobody has accepted, and the listener that they wait at.
    waits_at: FxHashMap<Inode, Inode>,
}

impl UnixLinks {
    fn new(first: &FirstPass<'_>, gaps: &mut Vec<Gap>) -> UnixLinks {
        let waits_at = pending_clients(first, gaps);
        let mut by_reader: FxHashMap<Inode, u64> = FxHashMap::default();
        for UnixCharge { sender, reader, bytes } in &first.charges {
            if let Some(reader) = reader.or(waits_at.get(sender).copied()) {
                *by_reader.entry(reader).or_default() += u64::from(*bytes);
            }
        }
        UnixLinks { by_reader, waits_at }
    }

    fn charge(&self, reader: Inode) -> Option<Truesize> {
        self.by_reader.get(&reader).copied().map(Truesize)
    }
}

/// Asks who waits at the unix listeners. A listener at which very many wait drops out of that
/// answer: then its clients are a gap.
fn pending_clients(first: &FirstPass<'_>, gaps: &mut Vec<Gap>) -> FxHashMap<Inode, Inode> {
    let mut waits_at = FxHashMap::default();
    if first.pending_unix.is_empty() {
        return waits_at;
    }
    let mut answered = FxHashSet::default();
    let asked = first.asker.pending_unix(&mut |record: Record<'_>| {
        let Some(listener) = record.socket.inode else { return };
        answered.insert(listener);
        waits_at.extend(record.pending_inodes().map(|client| (client, listener)));
    });
    gaps.extend(asked.unwrap_or_default());
    let silent = first.pending_unix.iter().filter(|(listener, _)| !answered.contains(listener));
    let unnamed: u64 = silent.map(|(_, pending)| u64::from(*pending)).sum();
    if unnamed > 0 {
        let remedy = "too many wait at one listener for the kernel to name them (UNIX_DIAG_ICONS); \
                      the listener's Recv-Q still counts them";
        gaps.push(Gap::counted(Missing::PendingConnections, "unix listeners", unnamed, remedy));
    }
    waits_at
}

/// TCP listeners, for connections that nobody has accepted.
#[derive(Default)]
struct Listeners {
    by_port: FxHashMap<u16, Vec<Listener>>,
}

struct Listener {
    socket: Socket,
    v6only: bool,
}

impl Listeners {
    /// Dumps the listeners, if any candidate may wait at one or talk to one that does.
    fn for_unheld(asker: &Asker<'_>, candidates: &[Socket]) -> Listeners {
        let mut by_port: FxHashMap<u16, Vec<Listener>> = FxHashMap::default();
        let needed = candidates.iter().any(|socket| socket.protocol == Protocol::Tcp && has_peer(socket));
        if needed {
            for version in [IpVersion::V4, IpVersion::V6] {
                // Without listeners, connections without an inode are orphans; the first pass has
                // already said what it could not dump.
                let _ = asker.dump(Table::Tcp(version), States::Listening, &mut |record: Record<'_>| {
                    let v6only = record.v6only.unwrap_or(false);
                    let socket = record.into_socket();
                    let Some(port) = socket.local.port() else { return };
                    by_port.entry(port).or_default().push(Listener { socket, v6only });
                });
            }
        }
        Listeners { by_port }
    }

    fn holding(&self, connection: &Socket, descriptors: &Descriptors) -> (Holding, Vec<Holder>) {
        let may_wait = connection.protocol == Protocol::Tcp
            && matches!(
                connection.state,
                State::Established | State::SynRecv | State::NewSynRecv | State::CloseWait
            );
        let on_port = connection.local.port().and_then(|port| self.by_port.get(&port));
        let mut listeners: Vec<Inode> = on_port
            .into_iter()
            .flatten()
            .filter(|listener| may_wait && listener.accepts(connection))
            .filter_map(|listener| listener.socket.inode)
            .collect();
        listeners.sort_unstable();
        listeners.dedup();
        if listeners.is_empty() {
            return (Holding::Orphan, Vec::new());
        }
        let holders = listeners.iter().flat_map(|inode| descriptors.holders(*inode)).collect();
        (Holding::AwaitingAccept { ambiguous: listeners.len() > 1 }, holders)
    }
}

impl Listener {
    /// Whether a connection with this local address can wait here. A connection has its listener's
    /// family; only a half-open one over IPv4 at a dual-stack listener may show as IPv4.
    fn accepts(&self, connection: &Socket) -> bool {
        let (Some((own, _)), Some((wanted, _))) =
            (canonical(&self.socket.local), canonical(&connection.local))
        else {
            return false;
        };
        let half_open = matches!(connection.state, State::SynRecv | State::NewSynRecv);
        let family = self.socket.family == connection.family
            || half_open && self.socket.family == Family::Ipv6 && !self.v6only;
        let interface = self.socket.interface.is_none() || self.socket.interface == connection.interface;
        family && interface && (own == wanted || own.is_unspecified())
    }
}

/// TCP sockets that a descriptor held before the dump, still holds after it, and that no table
/// knows.
fn closed_held(
    host: &dyn Host,
    query: &Query,
    facts: &HostFacts,
    first: &mut FirstPass<'_>,
    gaps: &mut Vec<Gap>,
) -> Vec<Report> {
    if !query.wants_closed_held() {
        return Vec::new();
    }
    if !first.tcp_complete {
        let remedy = "only a complete dump of TCP over IPv4 and IPv6 shows which sockets are in no table";
        gaps.push(Gap::uncounted(Missing::ClosedHeldUnknown, "this host", remedy));
        return Vec::new();
    }
    let mut suspects = suspects(host, &first.descriptors, gaps);
    if !suspects.is_empty() && first.source == Source::SockDiag {
        // A table that changes under a dump can lose a socket that was there all along.
        for version in [IpVersion::V4, IpVersion::V6] {
            let descriptors = &mut first.descriptors;
            let _ = first.asker.dump(Table::Tcp(version), States::Holding, &mut |record: Record<'_>| {
                record.socket.inode.map(|inode| descriptors.mark_known(inode));
            });
        }
        let unknown: FxHashSet<Inode> = first.descriptors.unknown().map(|(inode, _)| inode).collect();
        suspects.retain(|(inode, holder, _)| unknown.contains(inode) && still_holds(host, *holder, *inode));
    }
    if query.has_threshold() && !suspects.is_empty() {
        let remedy = "run without size thresholds to list them";
        gaps.push(Gap::counted(Missing::ClosedHeld, "TCP", suspects.len() as u64, remedy));
        return Vec::new();
    }
    let report = |(inode, _, family): (Inode, Holder, Family)| {
        let mut socket = Socket::unknown(family, Protocol::Tcp, State::ClosedHeld);
        socket.inode = Some(inode);
        Report {
            footprint: footprint(&socket, None, facts),
            socket,
            holding: Holding::Descriptors,
            holders: first.descriptors.holders(inode).collect(),
            peer_holders: Vec::new(),
            interface_name: None,
        }
    };
    suspects.into_iter().map(report).collect()
}

/// Sockets that no table knows, of processes in the scanner's network namespace, and whose
/// protocol is TCP.
fn suspects(host: &dyn Host, descriptors: &Descriptors, gaps: &mut Vec<Gap>) -> Vec<(Inode, Holder, Family)> {
    let namespace = |pid: &str| host.read_link(Path::new(&format!("/proc/{pid}/ns/net"))).ok();
    let own = namespace("self");
    let mut of_process: FxHashMap<u32, Option<Vec<u8>>> = FxHashMap::default();
    let mut elsewhere = 0;
    let mut namespaces = BTreeSet::new();
    let mut suspects = Vec::new();
    for (inode, holder) in descriptors.unknown() {
        let theirs = of_process.entry(holder.pid).or_insert_with(|| namespace(&holder.pid.to_string()));
        if theirs.is_none() || *theirs != own {
            elsewhere += u64::from(theirs.is_some());
            namespaces.extend(theirs.clone());
            continue;
        }
        let path = format!("/proc/{}/fd/{}", holder.pid, holder.fd);
        let protocol = host.xattr(Path::new(&path), "system.sockprotoname").unwrap_or_default();
        let family = match protocol.strip_suffix(b"\0").unwrap_or(&protocol) {
            b"TCP" => Family::Ipv4,
            b"TCPv6" => Family::Ipv6,
            _ => continue,
        };
        if still_holds(host, holder, inode) {
            suspects.push((inode, holder, family));
        }
    }
    if elsewhere > 0 {
        let place = match namespaces.len() {
            1 => "1 other network namespace".to_owned(),
            many => format!("{many} other network namespaces"),
        };
        let remedy = "run skcheck inside them: nsenter --net=/proc/PID/ns/net skcheck";
        gaps.push(Gap::counted(Missing::Namespaces, place, elsewhere, remedy));
    }
    suspects
}

fn still_holds(host: &dyn Host, holder: Holder, inode: Inode) -> bool {
    let path = format!("/proc/{}/fd/{}", holder.pid, holder.fd);
    host.read_link(Path::new(&path)).is_ok_and(|target| socket_inode(&target) == Some(inode))
}

fn name_interfaces(host: &dyn Host, sockets: &mut [Report]) {
    let mut names: FxHashMap<u32, Option<String>> = FxHashMap::default();
    for report in sockets {
        let Some(index) = report.socket.interface else { continue };
        report.interface_name = names.entry(index).or_insert_with(|| host.interface_name(index).ok()).clone();
    }
}
