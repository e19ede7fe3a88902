//! Who holds a socket that no table of a process refers to: a thread with a table of its own, a ring of
//! io_uring, a message that nobody has received, a mapping. Looked for only where a socket has nobody else,
//! since it takes one more look at every process.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::collect::client::Asker;
use crate::collect::processes;
use crate::diag::record::Record;
use crate::diag::request::States;
use crate::host::seam::threads;
use crate::host::{Host, file};

use crate::model::gap::{Gap, Missing};
use crate::model::holder::{Holder, Via};
use crate::model::netns::Netns;
use crate::model::place::Place;
use crate::model::protocol::Protocol;
use crate::model::queues::RecvQueue;
use crate::model::socket::{Inode, Socket};
use crate::model::state::State;
use crate::model::table::Table;
use crate::procfs::fdinfo::{RingFiles, in_flight};
use crate::procfs::link::socket_inode;
use crate::procfs::maps::mapped_sockets;

/// How long it may take, unless everything is asked for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// How often a ring is looked at whose lock is taken, and how long is waited in between.
const RING_LOOKS: u32 = 5;
const RING_PAUSE: Duration = Duration::from_millis(2);

/// What to look for, and where.
pub(crate) struct Search<'a> {
    /// The sockets.
    pub wanted: &'a FxHashSet<Inode>,
    /// Those among them that can be mapped.
    pub mappable: &'a FxHashSet<Inode>,
    /// The namespaces to ask for unix sockets that may have received descriptors.
    pub namespaces: &'a [Netns],
    /// An engine has not looked into the tables of threads and into messages.
    pub everywhere: bool,
    /// When to give up.
    pub until: Option<Instant>,
}

/// What was found.
#[derive(Default)]
pub(crate) struct Rare {
    pub holders: FxHashMap<Inode, Vec<Holder>>,
    /// Unix sockets that have descriptors in messages which nobody has received: which ones, the kernel does
    /// not tell.
    pub receivers: Vec<Holder>,
    /// What some processes have mapped could not be read: each of them may have what was not found.
    pub is_blind_to_maps: bool,
}

/// Looks at every process.
pub(crate) fn look(host: &dyn Host, search: &Search<'_>, gaps: &mut Vec<Gap>) -> Rare {
    let mut rare = Rare::default();
    let candidates =
        if search.everywhere { may_have_received(host, search.namespaces) } else { FxHashSet::default() };
    let (mut rings, mut receivers) = (Vec::new(), Vec::new());
    let is_over = || search.until.is_some_and(|until| Instant::now() > until);
    let mut given_up = false;
    let mut note = |holder: Holder, is_of_process: bool, target: &[u8]| match socket_inode(target) {
        Some(inode) => {
            // What processes have has been looked for.
            if !is_of_process && search.wanted.contains(&inode) {
                rare.holders.entry(inode).or_default().push(holder);
            }
            if candidates.contains(&inode) {
                receivers.push(holder);
            }
        }
        None if target == b"anon_inode:[io_uring]" => rings.push(holder),
        None => {}
    };
    let pids = processes::pids(host).unwrap_or_else(|_| {
        given_up = true;
        Vec::new()
    });
    for pid in pids.iter().copied() {
        if is_over() {
            given_up = true;
            break;
        }
        let mut is_empty = true;
        // What the process's own descriptors are: sockets, or others.
        let mut own: FxHashSet<(u32, Option<Inode>)> = FxHashSet::default();
        let _ = host.fd_links(pid, &mut |fd, target| {
            is_empty = false;
            own.insert((fd, socket_inode(target)));
            note(Holder::new(pid, fd), true, target);
        });
        let threads = if search.everywhere || is_empty { threads(host, pid) } else { Vec::new() };
        // A main thread that has ended shows no descriptors, and the others go on with them.
        let stand_in = threads.first().copied().filter(|_| is_empty);
        if let Some(tid) = stand_in {
            let _ = host.fd_links(tid, &mut |fd, target| {
                own.insert((fd, socket_inode(target)));
                note(Holder::of_thread(pid, tid, fd), true, target);
            });
        }
        for tid in threads.into_iter().filter(|tid| search.everywhere && stand_in != Some(*tid)) {
            if is_over() {
                given_up = true;
                break;
            }
            let shares = host.shares_descriptors(stand_in.unwrap_or(pid), tid);
            if shares.as_ref().is_ok_and(|shares| *shares) {
                continue;
            }
            // Where nothing tells, what its process has under the same number is taken for shared.
            let is_shared = |fd, target: &[u8]| shares.is_err() && own.contains(&(fd, socket_inode(target)));
            let _ = host.fd_links(tid, &mut |fd, target| {
                if !is_shared(fd, target) {
                    note(Holder::of_thread(pid, tid, fd), false, target);
                }
            });
        }
    }
    add_rings(host, search, &rings, &is_over, &mut rare, gaps);
    given_up |= !add_mappings(host, search, &pids, &is_over, &mut rare);
    let is_unheld = |inode: &&Inode| !rare.holders.contains_key(*inode);
    if search.wanted.iter().any(|inode| is_unheld(&inode)) {
        for receiver in receivers {
            if is_over() {
                given_up = true;
                break;
            }
            if fdinfo(host, receiver).as_deref().and_then(in_flight).is_some_and(|count| count > 0) {
                rare.receivers.push(receiver.leading(Via::InFlight));
            }
        }
    }
    if given_up {
        let unheld = search.wanted.iter().filter(is_unheld).count() as u64;
        let remedy = "the tables of threads, rings of io_uring, messages and mappings take too long to look at: --deep waits";
        gaps.push(Gap::counted(Missing::Holders, Place::Host("this host".into()), unheld, remedy));
    }
    rare
}

/// Looks into rings; one whose lock is taken lists nothing, and is looked at again.
fn add_rings(
    host: &dyn Host,
    search: &Search<'_>,
    rings: &[Holder],
    is_over: &dyn Fn() -> bool,
    rare: &mut Rare,
    gaps: &mut Vec<Gap>,
) {
    let (mut unnamed, mut silent) = (0, 0u64);
    for ring in rings {
        let mut looks = 0;
        let files = loop {
            looks += 1;
            // One that is gone has nothing any more.
            let files = fdinfo(host, *ring).as_deref().map(RingFiles::parse).unwrap_or_default();
            if !files.may_be_busy || looks == RING_LOOKS || is_over() {
                break files;
            }
            std::thread::sleep(RING_PAUSE);
        };
        unnamed += files.unnamed;
        silent += u64::from(files.may_be_busy);
        for inode in files.sockets.iter().filter(|inode| search.wanted.contains(*inode)) {
            rare.holders.entry(*inode).or_default().push(ring.leading(Via::IoUring));
        }
    }
    // Of no interest where everybody has been found.
    if search.wanted.iter().all(|inode| rare.holders.contains_key(inode)) {
        return;
    }
    if unnamed > 0 {
        let remedy = "this kernel does not say which files they are (Linux 6.14 and newer do); sockets among them \
                      show no holder";
        gaps.push(Gap::counted(Missing::RingFiles, Place::File("/proc/PID/fdinfo".into()), unnamed, remedy));
    }
    if silent > 0 {
        let remedy = format!(
            "rings that listed none each time: {silent}; they have none, or were busy: run again; sockets among \
             them show no holder"
        );
        gaps.push(Gap::uncounted(Missing::RingFiles, Place::File("/proc/PID/fdinfo".into()), remedy));
    }
}

/// Looks at what processes have mapped, as long as there is a socket that can be mapped and that nobody has;
/// whether there was time for all. Reading the file waits for the lock of the process's memory: nobody is
/// asked without need.
fn add_mappings(
    host: &dyn Host,
    search: &Search<'_>,
    pids: &[u32],
    is_over: &dyn Fn() -> bool,
    rare: &mut Rare,
) -> bool {
    /// So many processes are asked between two looks at the clock.
    const AT_ONCE: usize = 64;
    /// A process has 65530 mappings at most, unless that was raised (vm.max_map_count).
    const LARGEST: u64 = 1 << 24;
    // Several processes can have one mapping, from their parent: none is left out.
    let is_found = search.mappable.iter().all(|inode| rare.holders.contains_key(inode));
    for pids in pids.chunks(AT_ONCE).filter(|_| !is_found) {
        if is_over() {
            return false;
        }
        let paths: Vec<PathBuf> = pids.iter().map(|pid| format!("/proc/{pid}/maps").into()).collect();
        host.read_each(&paths, LARGEST, &mut |at, maps| {
            let (Some(pid), Ok(maps)) = (pids.get(at), &maps) else {
                rare.is_blind_to_maps |= maps.is_err_and(|error| error.kind() == io::ErrorKind::TimedOut);
                return;
            };
            let sockets = mapped_sockets(maps).filter(|inode| search.mappable.contains(inode));
            for inode in sockets.collect::<BTreeSet<Inode>>() {
                rare.holders.entry(inode).or_default().push(Holder::of_mapping(*pid));
            }
        });
    }
    true
}

fn fdinfo(host: &dyn Host, holder: Holder) -> Option<Vec<u8>> {
    file::read(host, &format!("/proc/{}/fdinfo/{}", holder.task(), holder.fd))
}

/// Unix sockets that may have messages with descriptors: all but streams with nothing to read and listeners
/// at which nobody waits. An empty datagram can carry descriptors as well.
fn may_have_received(host: &dyn Host, namespaces: &[Netns]) -> FxHashSet<Inode> {
    let mut candidates = FxHashSet::default();
    let may = |socket: &Socket| match (socket.state, socket.recv_q) {
        (State::Listen, RecvQueue::Connections(waiting)) => waiting.0 > 0,
        _ => socket.protocol != Protocol::UnixStream || socket.recv_q.holds_something(),
    };
    for netns in namespaces {
        // What cannot be asked is a gap of the first pass.
        let Ok(asker) = Asker::open(host, netns) else { continue };
        let _ = asker.dump(Table::Unix, States::Holding, &mut |record: Record<'_>| {
            candidates.extend(record.socket.inode.filter(|_| may(&record.socket)));
        });
    }
    candidates
}
