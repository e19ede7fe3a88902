//! The first pass: streams over all descriptors and all tables, and keeps whole records only of
//! sockets that may match.
//!
//! Descriptors come first. What a descriptor held before the dump and still holds after it was held
//! during the dump; so if no table names it, that is no accident of timing.

use std::path::Path;

use crate::diag::decode::Record;
use crate::diag::request::{States, Table};
use crate::error::Error;
use crate::footprint::HostFacts;
use crate::gap::{Gap, Missing};
use crate::holders::{Descriptors, Holder, Mark, socket_inode};
use crate::host::{Host, parse_number};
use crate::proc_net;
use crate::query::Query;
use crate::snapshot::ask::{Asker, Refusal, Sink};
use crate::snapshot::{Scanned, Source, read};
use crate::socket::{Family, Inode, Protocol, Socket, State};
use crate::units::Bytes;

/// What the first pass leaves for the second.
pub(super) struct FirstPass<'h> {
    pub asker: Asker<'h>,
    pub source: Source,
    pub scanned: Scanned,
    pub descriptors: Descriptors,
    /// Records that may match, each once.
    pub candidates: Vec<Socket>,
    /// What unix senders are charged for what their peer has not read.
    pub charges: Vec<UnixCharge>,
    /// Unix listeners with connections that nobody has accepted, and how many.
    pub pending_unix: Vec<(Inode, u32)>,
    /// Whether every TCP table was dumped to its end.
    pub tcp_complete: bool,
    /// What the dumped TCP sockets account for, in bytes.
    tcp_listed: u64,
    /// The host's TCP memory, read right after the TCP tables.
    tcp_memory: Option<Bytes>,
}

/// One unix sender's charge for packets in its peer's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct UnixCharge {
    pub sender: Inode,
    /// `None`: the peer has no inode, so it waits to be accepted.
    pub reader: Option<Inode>,
    pub bytes: u32,
}

impl FirstPass<'_> {
    /// The host's TCP memory that belongs to no dumped socket.
    pub(super) fn unlisted_tcp_mem(&self) -> Option<i64> {
        let memory = i64::try_from(self.tcp_memory?.0).ok()?;
        self.tcp_complete.then(|| memory.saturating_sub_unsigned(self.tcp_listed))
    }
}

pub(super) fn run<'h>(
    host: &'h dyn Host,
    query: &Query,
    facts: &HostFacts,
    gaps: &mut Vec<Gap>,
) -> Result<FirstPass<'h>, Error> {
    let asker = Asker::new(host);
    let mut scanned = Scanned::default();
    let descriptors = descriptors(host, &mut scanned, gaps);
    let mut pass = FirstPass {
        asker: asker.clone(),
        source: Source::SockDiag,
        scanned,
        descriptors,
        candidates: Vec::new(),
        charges: Vec::new(),
        pending_unix: Vec::new(),
        tcp_complete: query.tcp && query.ipv4 && query.ipv6,
        tcp_listed: 0,
        tcp_memory: None,
    };
    let mut missing = Vec::new();
    let mut dumped = 0;
    for table in query.tables() {
        let mut stream = Stream { query, facts, pass: &mut pass, unheld: 0 };
        let result = asker.dump(table, States::Holding, &mut stream);
        let unheld = stream.unheld;
        pass.tcp_listed = pass.tcp_listed.saturating_add(unheld);
        if matches!(table, Table::Tcp(_)) {
            pass.tcp_complete &= matches!(&result, Ok(shortcomings) if shortcomings.is_empty());
            pass.tcp_memory = read::tcp_memory(host);
        }
        match result {
            Ok(shortcomings) => {
                dumped += 1;
                gaps.extend(shortcomings);
            }
            Err(Refusal::Table(_)) if is_no_protocol_here(host, table) => {}
            Err(Refusal::Table(gap)) => missing.push(gap),
            Err(Refusal::SockDiag(error)) if dumped == 0 => {
                return proc_net_pass(host, query, facts, pass, &error, gaps);
            }
            Err(Refusal::SockDiag(error)) => {
                let remedy = format!("the kernel did not answer ({error}): run again");
                missing.push(Gap::uncounted(Missing::Table, table.name(), remedy));
            }
        }
    }
    if dumped == 0 {
        return Err(Error::no_tables(missing));
    }
    gaps.extend(missing);
    pass.drop_repeats();
    Ok(pass)
}

/// Reads what every process holds.
fn descriptors(host: &dyn Host, scanned: &mut Scanned, gaps: &mut Vec<Gap>) -> Descriptors {
    let mut entries = Vec::new();
    let listed = each_descriptor(host, &mut |holder, target| {
        entries.extend(socket_inode(target).map(|inode| (inode, holder)));
    });
    let descriptors = Descriptors::new(entries);
    scanned.descriptors = descriptors.len() as u64;
    scanned.processes = listed.read;
    scanned.unreadable = listed.unreadable;
    let hidden = listed.hidden(host);
    scanned.all_processes = listed.unreadable == 0 && hidden.is_none();
    if listed.unreadable > 0 {
        let remedy = "run as root, or grant CAP_SYS_PTRACE (and CAP_DAC_READ_SEARCH); \
                      sockets that only they hold show no holder";
        gaps.push(Gap::counted(Missing::Processes, "/proc/PID/fd", listed.unreadable, remedy));
    }
    if let Some((place, remedy)) = hidden {
        gaps.push(Gap::uncounted(Missing::Processes, place, remedy));
    }
    descriptors
}

/// How reading all processes went.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// Processes whose descriptors were read.
    read: u64,
    /// Processes whose descriptors may not be read.
    unreadable: u64,
    /// The first process of this pid namespace was among them, as it always is unless /proc hides
    /// processes.
    saw_first: bool,
}

impl Listed {
    /// Why there are processes that /proc does not even list, and what would show them.
    fn hidden(&self, host: &dyn Host) -> Option<(&'static str, &'static str)> {
        /// `PROC_PID_INIT_INO`: the number of the first pid namespace, the same on every host.
        const FIRST_NAMESPACE: &[u8] = b"pid:[4026531836]";
        if self.read + self.unreadable == 0 {
            return Some(("/proc lists none", "mount /proc; without it no socket shows its holder"));
        }
        if !self.saw_first {
            return Some(("/proc hides those of other users", "run as root, or mount /proc without hidepid"));
        }
        let namespace = host.read_link(Path::new("/proc/self/ns/pid")).ok()?;
        (namespace != FIRST_NAMESPACE).then_some((
            "outside this pid namespace",
            "run in the host's pid namespace (hostPID: true, or nsenter --target 1 --pid --mount)",
        ))
    }
}

/// Hands on every descriptor of every process that /proc lists.
pub(super) fn each_descriptor(host: &dyn Host, on_link: &mut dyn FnMut(Holder, &[u8])) -> Listed {
    let mut listed = Listed::default();
    let mut pids = Vec::new();
    // A /proc that cannot be listed is one that lists nobody.
    let _ = host.read_dir(Path::new("/proc"), &mut |name| pids.extend(parse_number(name)));
    for pid in pids {
        listed.saw_first |= pid == 1;
        match host.fd_links(pid, &mut |fd, target| on_link(Holder { pid, fd }, target)) {
            Ok(()) => listed.read += 1,
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => listed.unreadable += 1,
            Err(_) => {} // it has ended
        }
    }
    listed
}

/// Whether the kernel was built without this table's protocol, so that it has no such sockets:
/// newer kernels have no UDP-Lite.
fn is_no_protocol_here(host: &dyn Host, table: Table) -> bool {
    matches!(table, Table::UdpLite(_))
        && read::exists(host, "/proc/net/sockstat")
        && !read::exists(host, table.proc_file())
}

/// Takes the records of one dump.
struct Stream<'a, 'h> {
    query: &'a Query,
    facts: &'a HostFacts,
    pass: &'a mut FirstPass<'h>,
    /// What TCP sockets that no descriptor holds account for, in bytes.
    unheld: u64,
}

impl Sink for Stream<'_, '_> {
    fn begin(&mut self, _: Table) {
        self.unheld = 0;
    }

    fn record(&mut self, record: Record<'_>) {
        let socket = &record.socket;
        let mark = socket.inode.map_or(Mark::NotHeld, |inode| self.pass.descriptors.mark_known(inode));
        self.pass.scanned.sockets += 1;
        if socket.protocol == Protocol::Tcp {
            let accounted = accounted_tcp(socket);
            match mark {
                Mark::First => self.pass.tcp_listed = self.pass.tcp_listed.saturating_add(accounted),
                Mark::Again => {}
                Mark::NotHeld => self.unheld = self.unheld.saturating_add(accounted),
            }
        }
        if socket.family == Family::Unix {
            self.pass.note_unix(socket);
        }
        if self.query.may_match(socket, self.facts) && self.pass.may_be_held_by(socket, &self.query.pids) {
            self.pass.candidates.push(record.into_socket());
        }
    }
}

impl FirstPass<'_> {
    fn note_unix(&mut self, socket: &Socket) {
        use crate::socket::RecvQueue;
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

    fn may_be_held_by(&self, socket: &Socket, pids: &[u32]) -> bool {
        if pids.is_empty() {
            return true;
        }
        let Some(inode) = socket.inode else { return true };
        let mut holders = self.descriptors.holders(inode).peekable();
        holders.peek().is_none() || holders.any(|holder| pids.contains(&holder.pid))
    }

    /// A table that changes under a dump, and a dump that was begun anew, repeat sockets.
    fn drop_repeats(&mut self) {
        let mut seen = rustc_hash::FxHashSet::default();
        self.candidates.retain(|socket| socket.cookie.is_none_or(|cookie| seen.insert(cookie)));
        self.charges.sort_unstable();
        self.charges.dedup_by_key(|charge| charge.sender);
        self.pending_unix.sort_unstable();
        self.pending_unix.dedup_by_key(|(inode, _)| *inode);
    }
}

/// What TCP has taken from its memory for a socket: what is queued on either side, and what is
/// reserved (`sk_mem_charge`, `sk_forward_alloc`).
fn accounted_tcp(socket: &Socket) -> u64 {
    let skmem = &socket.skmem;
    [skmem.rmem_alloc, skmem.wmem_queued, skmem.fwd_alloc].into_iter().flatten().map(u64::from).sum()
}

/// The same pass over /proc/net.
fn proc_net_pass<'h>(
    host: &'h dyn Host,
    query: &Query,
    facts: &HostFacts,
    mut pass: FirstPass<'h>,
    refusal: &std::io::Error,
    gaps: &mut Vec<Gap>,
) -> Result<FirstPass<'h>, Error> {
    pass.source = Source::ProcNet;
    let remedy = format!(
        "NETLINK_SOCK_DIAG was refused ({refusal}): run outside the sandbox, or let it use AF_NETLINK; \
         /proc/net tells queues and holders, but no skmem and no unix queues"
    );
    let refused = Gap::uncounted(Missing::SockDiag, "NETLINK_SOCK_DIAG", remedy);
    let mut missing = Vec::new();
    let mut read = 0;
    for table in query.tables() {
        if !proc_net::can_parse(table) {
            let remedy = "only NETLINK_SOCK_DIAG tells its queues";
            missing.push(Gap::uncounted(Missing::Table, table.name(), remedy));
            continue;
        }
        let mut file = Vec::new();
        if let Err(error) = host.read(Path::new(table.proc_file()), &mut file) {
            let remedy = format!("{} cannot be read: {error}", table.proc_file());
            missing.push(Gap::uncounted(Missing::Table, table.name(), remedy));
            pass.tcp_complete &= !matches!(table, Table::Tcp(_));
            continue;
        }
        read += 1;
        let mut stream = Stream { query, facts, pass: &mut pass, unheld: 0 };
        let bad_lines = proc_net::parse(table, &file, |socket| stream.record(Record::of(socket)));
        if bad_lines > 0 {
            let remedy = "a kernel newer than this program may have written them";
            missing.push(Gap::counted(Missing::Messages, table.proc_file(), bad_lines, remedy));
        }
    }
    if read == 0 {
        missing.insert(0, refused);
        return Err(Error::no_tables(missing));
    }
    gaps.push(refused);
    gaps.extend(missing);
    pass.drop_repeats();
    Ok(pass)
}
