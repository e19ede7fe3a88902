//! The first pass: streams over all descriptors and all tables of all namespaces, and keeps whole
//! records only of sockets that may match.
//!
//! Descriptors come first. What a descriptor held before the dump and still holds after it was held
//! during the dump; so if no table names it, that is no accident of timing.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::diag::decode::Record;
use crate::diag::request::{IpVersion, States, Table};
use crate::error::Error;
use crate::footprint::HostFacts;
use crate::gap::{Gap, Missing};
use crate::holders::{Descriptors, Mark};
use crate::host::Host;
use crate::namespaces::{InUse, Netns, NetnsChoice, any_in_use, in_use};
use crate::query::Query;
use crate::snapshot::ask::{Asker, Refusal, Sink, is_gone};
use crate::snapshot::survey::{self, Survey};
use crate::snapshot::{Scanned, Source, closed, fallback, read};
use crate::socket::{Family, Inode, Protocol, RecvQueue, Socket, State};
use crate::units::Bytes;

/// What the first pass leaves for the second.
pub(super) struct FirstPass {
    pub source: Source,
    pub scanned: Scanned,
    pub survey: Survey,
    /// What each namespace of the survey gave, in its order.
    pub dumps: Vec<Dump>,
    /// Every namespace that was found was asked for all its TCP sockets of the query's families.
    pub tcp_complete: bool,
    /// Those are both families.
    all_tcp: bool,
    /// The host's TCP memory, read right after the dumps.
    tcp_memory: Option<Bytes>,
}

/// What one namespace gave.
#[derive(Default)]
pub(super) struct Dump {
    /// Records that may match, each once.
    pub candidates: Vec<Socket>,
    /// What unix senders are charged for what their peer has not read.
    pub charges: Vec<UnixCharge>,
    /// Unix clients that nobody has accepted, and the listener that they wait at.
    pub waits_at: FxHashMap<Inode, Inode>,
    /// Tables were dumped, or nothing was in them.
    pub asked: bool,
    /// It has TCP sockets, or nobody can tell.
    pub has_tcp: bool,
    /// Its TCP tables were dumped to their end.
    pub tcp_complete: bool,
    /// It may have TCP sockets that are only bound, and was not asked for them.
    may_have_bound: bool,
    gaps: Vec<Gap>,
    /// Unix listeners with connections that nobody has accepted, and how many.
    pending_unix: Vec<(Inode, u32)>,
    scanned: u64,
    /// What its TCP sockets account for, in bytes.
    tcp_listed: u64,
    /// Why it could not be asked at all.
    refusal: Option<io::Error>,
}

/// One unix sender's charge for packets in its peer's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct UnixCharge {
    pub sender: Inode,
    /// `None`: the peer has no inode, so it waits to be accepted.
    pub reader: Option<Inode>,
    pub bytes: u32,
}

impl FirstPass {
    /// The host's TCP memory that belongs to no dumped socket.
    pub(super) fn unlisted_tcp_mem(&self) -> Option<i64> {
        let memory = i64::try_from(self.tcp_memory?.0).ok()?;
        let listed = self.dumps.iter().fold(0, |sum: u64, dump| sum.saturating_add(dump.tcp_listed));
        // /proc/net does not tell what a socket is charged.
        let is_told = self.tcp_complete && self.all_tcp && self.source == Source::SockDiag;
        is_told.then(|| memory.saturating_sub_unsigned(listed))
    }
}

pub(super) fn run(
    host: &dyn Host,
    query: &Query,
    facts: &HostFacts,
    gaps: &mut Vec<Gap>,
) -> Result<FirstPass, Error> {
    let mut scanned = Scanned::default();
    let survey = survey::run(host, &query.netns, &mut scanned, gaps);
    let mut dumps = dump_all(host, query, facts, &survey);
    if dumps.iter().any(|dump| dump.may_have_bound) && closed::has_suspects(host, &survey) {
        ask_for_bound(host, query, facts, &survey, &mut dumps);
    }
    let mut source = Source::SockDiag;
    if let (Some(netns), Some(dump)) = (survey.namespaces.first(), dumps.first_mut())
        && netns.own
        && let Some(refusal) = &dump.refusal
    {
        *dump = fallback::dump(host, query, facts, &survey.descriptors, refusal);
        source = Source::ProcNet;
    }
    gaps.extend(not_entered(query, &survey, &dumps));
    gaps.extend(merged(dumps.iter_mut().flat_map(|dump| std::mem::take(&mut dump.gaps)).collect()));
    if !dumps.iter().any(|dump| dump.asked) {
        return Err(Error::no_tables(std::mem::take(gaps)));
    }
    scanned.sockets = dumps.iter().map(|dump| dump.scanned).sum();
    let vanished = |dump: &Dump| dump.refusal.is_some() && !is_refused(dump);
    Ok(FirstPass {
        source,
        scanned,
        all_tcp: query.wants_all_tcp(),
        tcp_complete: query.tcp && dumps.iter().all(|dump| dump.tcp_complete || vanished(dump)),
        tcp_memory: read::tcp_memory(host),
        survey,
        dumps,
    })
}

/// The namespaces that could not be entered, and what would help.
fn not_entered(query: &Query, survey: &Survey, dumps: &[Dump]) -> Option<Gap> {
    let mut refusals = dumps.iter().filter(|dump| is_refused(dump)).filter_map(|dump| dump.refusal.as_ref());
    let asked_for = survey.namespaces.first().and_then(|netns| netns.files.first());
    let asked_for = asked_for.filter(|_| query.netns != NetnsChoice::All);
    let first = dumps.first().and_then(|dump| dump.refusal.as_ref());
    if let (Some(file), Some(error)) = (asked_for, first)
        && error.kind() != io::ErrorKind::PermissionDenied
    {
        return Some(survey::not_a_namespace(&file.path, error));
    }
    let error = refusals.next()?;
    let place = asked_for.map_or_else(|| format!("setns: {error}"), |file| file.path.display().to_string());
    let remedy = "run as root, or grant CAP_SYS_ADMIN; without it their sockets are not shown";
    Some(Gap::counted(Missing::Namespaces, place, 1 + refusals.count() as u64, remedy))
}

/// A namespace that vanished meanwhile is no loss; any other that could not be asked is.
fn is_refused(dump: &Dump) -> bool {
    dump.refusal.as_ref().is_some_and(|error| !is_gone(error))
}

/// The same gap in many namespaces is one gap.
fn merged(gaps: Vec<Gap>) -> Vec<Gap> {
    let mut merged: Vec<Gap> = Vec::new();
    for gap in gaps {
        let same = |other: &&mut Gap| {
            (other.what, &other.place, &other.remedy) == (gap.what, &gap.place, &gap.remedy)
        };
        match merged.iter_mut().find(same) {
            Some(known) => known.count = known.count.zip(gap.count).map(|(a, b)| a.saturating_add(b)),
            None => merged.push(gap),
        }
    }
    merged
}

/// Dumps every namespace of the survey, on as many threads as there are processors.
fn dump_all(host: &dyn Host, query: &Query, facts: &HostFacts, survey: &Survey) -> Vec<Dump> {
    let one = |netns: &Netns| dump(host, query, facts, &survey.descriptors, netns);
    if survey.namespaces.len() <= 1 {
        return survey.namespaces.iter().map(one).collect();
    }
    // Reads files of the control group, so it is worth asking only for several.
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = processors.min(survey.namespaces.len());
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(netns) = survey.namespaces.get(at) else { return done };
            done.push((at, one(netns)));
        }
    };
    let mut done = std::thread::scope(|scope| {
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for other in others {
            done.extend(other.join().unwrap_or_default());
        }
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, dump)| dump).collect()
}

/// Asks for the TCP sockets that sockstat does not count. The kernel walks the bound ports of the
/// whole host for each answer, so only where a descriptor holds a TCP socket that no table knows.
fn ask_for_bound(host: &dyn Host, query: &Query, facts: &HostFacts, survey: &Survey, dumps: &mut [Dump]) {
    let skipped = survey.namespaces.iter().zip(dumps).filter(|(_, dump)| dump.may_have_bound);
    for (netns, dump) in skipped {
        let Ok(asker) = Asker::open(host, netns) else { continue };
        for table in query.tables().into_iter().filter(|table| matches!(table, Table::Tcp(_))) {
            let descriptors = &survey.descriptors;
            let mut stream = Stream { query, facts, descriptors, dump: &mut *dump, unheld: 0 };
            let _ = asker.dump(table, States::Bound, &mut stream);
        }
        dump.drop_repeats();
    }
}

fn dump(host: &dyn Host, query: &Query, facts: &HostFacts, descriptors: &Descriptors, netns: &Netns) -> Dump {
    let mut dump = Dump { tcp_complete: true, ..Dump::default() };
    let asker = match Asker::open(host, netns) {
        Ok(asker) => asker,
        Err(error) => {
            dump.tcp_complete = false;
            dump.refusal = Some(error);
            return dump;
        }
    };
    dump.has_tcp = has_connections(&asker, netns);
    for table in query.tables() {
        let states = match worth_asking(&asker, table, netns) {
            Some(States::Bound) => {
                dump.may_have_bound = true;
                None
            }
            states => states,
        };
        let Some(states) = states else {
            dump.asked = true;
            continue;
        };
        let mut stream = Stream { query, facts, descriptors, dump: &mut dump, unheld: 0 };
        let result = asker.dump(table, states, &mut stream);
        let unheld = stream.unheld;
        dump.tcp_listed = dump.tcp_listed.saturating_add(unheld);
        if matches!(table, Table::Tcp(_)) {
            dump.tcp_complete &= matches!(&result, Ok(shortcomings) if shortcomings.is_empty());
        }
        match result {
            Ok(shortcomings) => {
                dump.asked = true;
                dump.gaps.extend(shortcomings);
            }
            Err(Refusal::Table(_)) if is_no_protocol_here(host, table) => {}
            Err(Refusal::Table(gap)) => dump.gaps.push(gap),
            Err(Refusal::SockDiag(error)) if !dump.asked => {
                dump.tcp_complete = false;
                dump.refusal = Some(error);
                return dump;
            }
            Err(Refusal::SockDiag(error)) => {
                let remedy = format!("the kernel did not answer ({error}): run again");
                dump.gaps.push(Gap::uncounted(Missing::Table, table.name(), remedy));
            }
        }
    }
    dump.drop_repeats();
    dump.ask_who_waits(&asker);
    dump
}

/// What it is worth asking another namespace for, of a table. A TCP dump walks the host's whole
/// connection table, whichever namespace asks. The scanner's own is always asked for all.
fn worth_asking(asker: &Asker<'_>, table: Table, netns: &Netns) -> Option<States> {
    let name = match table {
        Table::Tcp(IpVersion::V4) => "TCP",
        Table::Tcp(IpVersion::V6) => "TCP6",
        Table::Udp(IpVersion::V4) => "UDP",
        Table::Udp(IpVersion::V6) => "UDP6",
        Table::UdpLite(IpVersion::V4) => "UDPLITE",
        Table::UdpLite(IpVersion::V6) => "UDPLITE6",
        Table::Unix => "sockets",
    };
    let sockstat = asker.sockstat();
    if netns.own {
        return Some(States::Holding);
    }
    match (any_in_use(&sockstat), in_use(&sockstat, name)) {
        (InUse::None, _) => None,
        (InUse::Perhaps, InUse::Perhaps) => Some(States::Holding),
        (InUse::Perhaps, InUse::None) => matches!(table, Table::Tcp(_)).then_some(States::Bound),
    }
}

/// Whether a namespace has TCP connections or listeners, or nobody can tell.
pub(super) fn has_connections(asker: &Asker<'_>, netns: &Netns) -> bool {
    let versions = [IpVersion::V4, IpVersion::V6];
    versions.into_iter().any(|it| worth_asking(asker, Table::Tcp(it), netns) == Some(States::Holding))
}

/// Whether the kernel was built without this table's protocol, so that it has no such sockets:
/// newer kernels have no UDP-Lite.
fn is_no_protocol_here(host: &dyn Host, table: Table) -> bool {
    matches!(table, Table::UdpLite(_))
        && read::exists(host, "/proc/net/sockstat")
        && !read::exists(host, table.proc_file())
}

/// Takes the records of one table.
pub(super) struct Stream<'a> {
    pub query: &'a Query,
    pub facts: &'a HostFacts,
    pub descriptors: &'a Descriptors,
    pub dump: &'a mut Dump,
    /// What TCP sockets that no descriptor holds account for, in bytes.
    pub unheld: u64,
}

impl Sink for Stream<'_> {
    fn begin(&mut self, _: Table) {
        self.unheld = 0;
    }

    fn record(&mut self, record: Record<'_>) {
        let socket = &record.socket;
        let mark = socket.inode.map_or(Mark::NotHeld, |inode| self.descriptors.mark_known(inode));
        self.dump.scanned += 1;
        if socket.protocol == Protocol::Tcp {
            let accounted = accounted_tcp(socket);
            match mark {
                Mark::First => self.dump.tcp_listed = self.dump.tcp_listed.saturating_add(accounted),
                Mark::Again => {}
                Mark::NotHeld => self.unheld = self.unheld.saturating_add(accounted),
            }
        }
        if socket.family == Family::Unix {
            self.dump.note_unix(socket);
        }
        if self.query.may_match(socket, self.facts)
            && may_be_held_by(self.descriptors, socket, &self.query.pids)
        {
            self.dump.candidates.push(record.into_socket());
        }
    }
}

fn may_be_held_by(descriptors: &Descriptors, socket: &Socket, pids: &[u32]) -> bool {
    if pids.is_empty() {
        return true;
    }
    let Some(inode) = socket.inode else { return true };
    let mut holders = descriptors.holders(inode).peekable();
    holders.peek().is_none() || holders.any(|holder| pids.contains(&holder.pid))
}

/// What TCP has taken from its memory for a socket: what is queued on either side, and what is
/// reserved (`sk_mem_charge`, `sk_forward_alloc`).
fn accounted_tcp(socket: &Socket) -> u64 {
    let skmem = &socket.skmem;
    [skmem.rmem_alloc, skmem.wmem_queued, skmem.fwd_alloc].into_iter().flatten().map(u64::from).sum()
}

impl Dump {
    /// One that came from elsewhere.
    pub(super) fn fallen_back(asked: bool, tcp_complete: bool, gaps: Vec<Gap>) -> Dump {
        Dump { asked, tcp_complete, has_tcp: true, gaps, ..Dump::default() }
    }

    pub(super) fn add_gaps(&mut self, gaps: Vec<Gap>) {
        self.gaps.extend(gaps);
    }

    fn note_unix(&mut self, socket: &Socket) {
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
    pub(super) fn drop_repeats(&mut self) {
        let mut seen = FxHashSet::default();
        let mut seen_without_cookie = FxHashSet::default();
        self.candidates.retain(|socket| match socket.cookie {
            Some(cookie) => seen.insert(cookie),
            // /proc/net has no cookies, and repeats sockets too. One without an inode is known by
            // its addresses.
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

    /// Asks who waits at the unix listeners. A listener at which very many wait drops out of that
    /// answer: then its clients are a gap.
    fn ask_who_waits(&mut self, asker: &Asker<'_>) {
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
            self.gaps.push(Gap::counted(Missing::PendingConnections, "unix listeners", unnamed, remedy));
        }
    }
}
