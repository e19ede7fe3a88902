//! The second pass: joins holders, peers, listeners and senders to the candidates, and applies the
//! thresholds that needed all that.

use std::cell::LazyCell;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Instant;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::collect::client::{Asker, add_undecoded};
use crate::collect::dump::Candidate;
use crate::collect::first_pass::FirstPass;
use crate::collect::processes::Survey;
use crate::collect::scanned::Source;
use crate::collect::{identities, may_match};
use crate::footprint::HostFacts;
use crate::holders::listeners::{Held, Listeners};
use crate::holders::stand_in::SecondLook;
use crate::holders::unix_links::UnixLinks;
use crate::host::Host;
use crate::model::endpoint::Endpoint;
use crate::model::gap::{Gap, Missing};
use crate::model::netns::NetnsId;
use crate::model::place::Place;
use crate::model::process::Process;
use crate::model::query::Query;
use crate::model::socket::Inode;
use crate::snapshot::draft::{Depth, Draft, Joined};
use crate::snapshot::entry::SocketEntry;
use crate::snapshot::holding::{self, Context, Found};
use crate::snapshot::matching::{is_held_by_pids, is_held_by_processes};
use crate::snapshot::second_look::{Asked, tcp_peer};
use crate::snapshot::{cgroups, closed, interfaces, measure, portid, second_look};

pub(super) fn run(
    host: &dyn Host,
    query: &Query,
    facts: &HostFacts,
    mut first: FirstPass,
    depth: Option<Depth<'_>>,
    started: Instant,
    gaps: &mut Vec<Gap>,
) -> Joined {
    let unix = UnixLinks::new(&mut first.dumps);
    let mut drafts = Vec::new();
    let mut strays = FxHashSet::default();
    for netns in 0..first.dumps.len() {
        let (of_netns, undecoded) = drafts_of(host, query, facts, &unix, &mut first, netns, &mut strays);
        drafts.extend(of_netns);
        add_undecoded(gaps, undecoded);
    }
    let undecoded = find_readers_elsewhere(host, query, facts, &unix, &first, strays, &mut drafts);
    add_undecoded(gaps, undecoded);
    find_peers_elsewhere(host, &first, &mut drafts, gaps);
    let closed = match first.closed.take() {
        Some(closed) => closed::found_by_engine(query, facts, &first, closed, started),
        None => closed::run(host, query, facts, &first, gaps),
    };
    let mut context = Context { first: &first, started, found: Found::default(), unix };
    let mut sockets: Vec<SocketEntry> = drafts.iter().map(|draft| context.unheld(draft, facts)).collect();
    sockets.extend(closed);
    // What asks for processes leaves most sockets out: those are not walked.
    let is_narrow = query.is_about_processes() || !query.pids.is_empty();
    let early = depth.filter(|_| !is_narrow);
    let (found, mut measured) = std::thread::scope(|scope| {
        // Both take one look at everything: at the same time they take as long as one.
        let walk = early.map(|Depth { engine, limits, .. }| {
            let sockets = &sockets;
            let walk = move || {
                let mut gaps = Vec::new();
                (measure::walk(engine, limits, facts, sockets, &mut gaps), gaps)
            };
            // Where there is no thread to be had, one does both.
            std::thread::Builder::new().spawn_scoped(scope, walk).map_err(|_| walk)
        });
        let finder = depth.filter(|depth| depth.finds).map(|depth| depth.engine);
        let found = holding::find(host, query, &context, finder, &drafts, &sockets, gaps);
        let measured = walk.and_then(|walk| match walk {
            Ok(thread) => thread.join().ok(),
            Err(walk) => Some(walk()),
        });
        let measured = measured.map(|(measured, more)| {
            gaps.extend(more);
            measured
        });
        (found, measured)
    });
    context.found = found;
    for (report, draft) in sockets.iter_mut().zip(&drafts) {
        context.add_holders(report, draft);
    }
    for report in sockets.iter_mut().skip(drafts.len()) {
        if let Some(inode) = report.socket.inode {
            (report.holding, report.holders) = context.holding(&Held::ByFile(inode));
        }
    }
    portid::name_processes(host, &first, &mut sockets);
    sockets.retain(|report| is_held_by_pids(query, report));
    cgroups::of_unheld(host, &mut sockets);
    let mut processes = identities::processes(host, pids(&sockets).into_iter(), gaps);
    name_containers(host, &mut first.survey, &mut sockets, &mut processes);
    if query.is_about_processes() {
        let by_pid: FxHashMap<u32, &Process> =
            processes.iter().map(|process| (process.pid, process)).collect();
        sockets.retain(|report| is_held_by_processes(query, report, &|pid| by_pid.get(&pid).copied()));
        let left = pids(&sockets);
        processes.retain(|process| left.contains(&process.pid));
    }
    if first.source == Source::SockDiag {
        let namespaces = &first.survey.namespaces;
        let tcp = depth.is_none_or(|depth| !depth.finds);
        let asked = Asked { tcp, processes: &processes, namespaces, started };
        second_look::add_info(host, query, facts, &asked, &mut sockets, gaps);
    }
    if let Some(Depth { engine, limits, .. }) = depth.filter(|_| is_narrow) {
        measured = Some(measure::walk(engine, limits, facts, &sockets, gaps));
    }
    let mut pages = Vec::new();
    let walked = measured.as_ref().is_some_and(|measured| !measured.is_refused());
    if let Some(mut measured) = measured {
        measured.apply(&mut sockets, facts);
        pages = measured.pages;
    }
    interfaces::name(host, &first.survey.namespaces, &mut sockets);
    Joined { sockets, pages, processes, namespaces: first.survey.namespaces, walked }
}

/// Finds the containers that nameless namespaces of reported sockets belong to, and fills in what
/// the kubelet's directories tell, read once and only if there is any container.
fn name_containers(
    host: &dyn Host,
    survey: &mut Survey,
    sockets: &mut [SocketEntry],
    processes: &mut [Process],
) {
    let reported: FxHashSet<NetnsId> = sockets.iter().filter_map(|report| report.netns).collect();
    let mut first_of: FxHashMap<NetnsId, u32> = FxHashMap::default();
    for (pid, id) in survey.netns_of.iter().filter(|(_, id)| reported.contains(*id)) {
        let first = first_of.entry(*id).or_insert(*pid);
        *first = (*first).min(*pid);
    }
    for netns in survey.namespaces.iter_mut().filter(|netns| netns.name.is_none()) {
        let first = netns.id.and_then(|id| first_of.get(&id).copied());
        netns.container =
            first.and_then(|pid| identities::cgroup(host, pid)).and_then(|cgroup| cgroup.container);
    }
    let of_netns = survey.namespaces.iter_mut().filter_map(|netns| netns.container.as_mut());
    let of_sockets = sockets.iter_mut().filter_map(|report| report.container.as_mut());
    let of_processes = processes.iter_mut().filter_map(|process| process.container.as_mut());
    let mut containers = of_netns.chain(of_sockets).chain(of_processes).peekable();
    if containers.peek().is_some() {
        let names = identities::kubelet_names(host);
        containers.for_each(|container| names.fill(container));
    }
}

fn pids(sockets: &[SocketEntry]) -> BTreeSet<u32> {
    let peers = sockets.iter().flat_map(|report| report.peer_holders.iter().map(|holder| holder.pid));
    sockets.iter().flat_map(SocketEntry::pids).chain(peers).collect()
}

/// The sockets of one namespace that match, with what that namespace tells of their holders and
/// peers.
fn drafts_of(
    host: &dyn Host,
    query: &Query,
    facts: &HostFacts,
    unix: &UnixLinks,
    first: &mut FirstPass,
    netns: usize,
    strays: &mut FxHashSet<Inode>,
) -> (Vec<Draft>, Vec<Gap>) {
    let (Some(place), Some(dump)) = (first.survey.namespaces.get(netns), first.dumps.get_mut(netns)) else {
        return Default::default();
    };
    let mut candidates = std::mem::take(&mut dump.candidates);
    if candidates.is_empty() && dump.charges.is_empty() {
        return Default::default();
    }
    let asker = if first.source == Source::SockDiag { Asker::open(host, place).ok() } else { None };
    if let Some(asker) = &asker {
        strays.extend(second_look::run(asker, query, facts, unix, dump, &mut candidates));
    }
    candidates.retain(|it| query.matches_footprint(&unix.footprint(&it.socket, facts)));
    let mut undecoded = asker.as_ref().map(Asker::undecoded).unwrap_or_default();
    let asker = asker.filter(|_| candidates.iter().any(|it| it.socket.has_peer()));
    let asked = asker.as_ref().map(Listeners::of);
    let from_proc_net = match &asker {
        _ if first.source == Source::ProcNet => SecondLook::at(host, &candidates),
        Some(asker) => SecondLook::for_missing(asker, candidates.iter().map(|it| &it.socket)),
        None => SecondLook::default(),
    };
    let listeners = asked.as_ref().unwrap_or(&from_proc_net.listeners);
    let draft = |Candidate { socket, read_at }: Candidate| {
        let asker = asker.as_ref().filter(|_| socket.has_peer());
        let peer = asker.and_then(|asker| tcp_peer(asker, &socket));
        let peer = peer.or_else(|| from_proc_net.peer(&socket).cloned());
        Draft {
            netns,
            held: listeners.held(&socket),
            peer: peer.map(|peer| listeners.held(&peer)),
            peer_inferred: false,
            socket,
            read_at,
        }
    };
    let drafts = candidates.into_iter().map(draft).collect();
    undecoded.extend(asker.as_ref().map(Asker::undecoded).unwrap_or_default());
    (drafts, undecoded)
}

/// A unix reader whose own record shows nothing can be in another namespace than the senders that
/// are charged for what waits there. Few are: most show what they have to read, and are drafts.
fn find_readers_elsewhere(
    host: &dyn Host,
    query: &Query,
    facts: &HostFacts,
    unix: &UnixLinks,
    first: &FirstPass,
    mut strays: FxHashSet<Inode>,
    drafts: &mut Vec<Draft>,
) -> Vec<Gap> {
    let mut undecoded = Vec::new();
    for draft in drafts.iter() {
        draft.socket.inode.map(|inode| strays.remove(&inode));
    }
    for (netns, place) in first.survey.namespaces.iter().enumerate() {
        if strays.is_empty() {
            break;
        }
        let Ok(asker) = Asker::open(host, place) else { continue };
        strays.retain(|inode| {
            let Some(reader) = asker.unix(*inode) else { return true };
            let charged = unix.footprint(&reader, facts);
            if may_match::is_asked_for(query, facts, &reader) && query.matches_footprint(&charged) {
                let held = Held::ByFile(*inode);
                let read_at = Instant::now();
                drafts.push(Draft { netns, socket: reader, read_at, held, peer: None, peer_inferred: false });
            }
            false
        });
        undecoded.extend(asker.undecoded());
    }
    undecoded
}

/// The other end of a connection can be in another namespace, over a veth pair. Its addresses are
/// the same, reversed; but other namespaces can have the same addresses: exactly one must have them.
fn find_peers_elsewhere(host: &dyn Host, first: &FirstPass, drafts: &mut [Draft], gaps: &mut Vec<Gap>) {
    /// How many questions may be asked for this; each takes some microseconds.
    const QUESTIONS: usize = 100_000;
    let lonely: Vec<usize> =
        (0..drafts.len()).filter(|at| drafts.get(*at).is_some_and(may_have_peer_elsewhere)).collect();
    let places: Vec<usize> =
        (0..first.dumps.len()).filter(|at| first.dumps.get(*at).is_some_and(|dump| dump.has_tcp)).collect();
    if lonely.is_empty() || places.len() < 2 || first.source != Source::SockDiag {
        return;
    }
    if lonely.len().saturating_mul(places.len()) > QUESTIONS {
        let remedy = "narrow the report (--min-recvq, --pid, --port) to have their other ends looked for";
        gaps.push(Gap::counted(
            Missing::Peers,
            Place::Namespaces("other network namespaces".to_owned()),
            lonely.len() as u64,
            remedy,
        ));
        return;
    }
    let mut answers: FxHashMap<usize, Vec<Held>> = FxHashMap::default();
    for place in places {
        let Some(asker) = first.survey.namespaces.get(place).and_then(|netns| Asker::open(host, netns).ok())
        else {
            continue;
        };
        let listeners = LazyCell::new(|| Listeners::of(&asker));
        let elsewhere = || lonely.iter().filter_map(|at| Some(&drafts.get(*at)?.socket));
        let from_proc_net = LazyCell::new(|| SecondLook::for_missing(&asker, elsewhere()));
        for at in &lonely {
            let Some(draft) = drafts.get(*at).filter(|draft| draft.netns != place) else { continue };
            // One without an inode, which waits to be accepted, is as good a candidate.
            let peer = tcp_peer(&asker, &draft.socket);
            if let Some(peer) = peer.or_else(|| from_proc_net.peer(&draft.socket).cloned()) {
                let held = peer.inode.map_or_else(|| listeners.held(&peer), Held::ByFile);
                answers.entry(*at).or_default().push(held);
            }
        }
        add_undecoded(gaps, asker.undecoded());
    }
    for (at, mut held) in answers {
        if let (Some(draft), [_]) = (drafts.get_mut(at), held.as_slice()) {
            draft.peer = held.pop();
            draft.peer_inferred = true;
        }
    }
}

fn may_have_peer_elsewhere(draft: &Draft) -> bool {
    let loopback = match draft.socket.peer {
        Endpoint::Ip { addr: IpAddr::V4(addr), .. } => addr.is_loopback(),
        Endpoint::Ip { addr: IpAddr::V6(addr), .. } => addr.to_canonical().is_loopback(),
        _ => false,
    };
    draft.peer.is_none() && draft.socket.has_peer() && !loopback
}
