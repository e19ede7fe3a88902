//! One socket's queues, packet by packet, as a debugger would show them.

pub(crate) mod lock;
#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a test may panic")]
mod tests;

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;

use crate::collect::engine_pass::knows_pids_of;
use crate::engine::{Counters, Engine, Found, Limits, Packet, Queue, QueueEnd, Step, Target};
use crate::exact::{Blocks, Exact};
use crate::footprint::{self, Footprint, HostFacts};
use crate::host::Host;
use crate::host::file::read;
use crate::model::error::Error;
use crate::model::holder::Holder;
use crate::model::netns::NetnsFile;
use crate::model::netns::{Netns, NetnsId};
use crate::model::protocol::Protocol;
use crate::model::query::Query;
use crate::model::socket::Socket;
use crate::model::units::PageSize;
use crate::procfs::link::socket_inode;
use crate::procfs::status::Status;
use crate::snapshot::entry::SocketEntry;
use crate::snapshot::scan;

/// The packets in the queues of one socket.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Listing {
    /// The socket.
    pub socket: Socket,
    /// The network namespace that it is in.
    pub netns: NetnsId,
    /// Its packets, queue by queue, each queue in its order.
    pub packets: Vec<Packet>,
    /// How the walk of each queue ended.
    pub queues: Vec<QueueEnd>,
    /// What the kernel said of the socket at the time of the walk.
    pub counters: Counters,
}

impl Listing {
    /// The packets of one queue, parts of packets (`frag_list`) included.
    pub fn of_queue(&self, queue: Queue) -> impl Iterator<Item = &Packet> {
        self.packets.iter().filter(move |packet| packet.queue == queue)
    }

    /// How many packets that are to be read are still there, untouched, that were there in `before`:
    /// the same buffer with the same stamp and the same unread length.
    pub fn untouched_since(&self, before: &Listing) -> usize {
        let key = |packet: &Packet| (packet.queue, packet.id, packet.stamp, packet.len);
        let received = |packet: &&Packet| !packet.is_part && packet.queue.is_data_to_read();
        let known: HashSet<_> = before.packets.iter().filter(received).map(key).collect();
        self.packets.iter().filter(received).filter(|packet| known.contains(&key(packet))).count()
    }

    /// What its queues hold, as a scan reports it ([`SocketEntry::footprint`]); of a unix socket without what
    /// others are charged for it.
    pub fn footprint(&self, exact: &Exact, host: &HostFacts) -> Footprint {
        let mut footprint = footprint::footprint(&self.socket, None, host);
        footprint.refine(&self.socket, exact, host);
        footprint
    }

    /// What became of the packets that are to be read since `before`. A packet that went from one queue to
    /// another is the same one.
    pub fn change_since(&self, before: &Listing) -> Change {
        self.change_in(before, Queue::is_data_to_read)
    }

    /// What became of the packets in the error queue since `before`.
    pub fn errors_since(&self, before: &Listing) -> Change {
        self.change_in(before, |queue| queue == Queue::Error)
    }

    /// How many bytes the peer of a TCP socket has acknowledged since `before`: where the first packet of
    /// what was sent begins now, less where it began (sequence numbers of 32 bits, which wrap). `None` of
    /// other sockets, and where nothing waited in one of the two.
    pub fn taken_since(&self, before: &Listing) -> Option<u32> {
        if self.socket.protocol != Protocol::Tcp {
            return None;
        }
        let first = |listing: &Listing| {
            let mut sent = listing.of_queue(Queue::Retransmit).chain(listing.of_queue(Queue::Write));
            u32::try_from(sent.next()?.stamp).ok()
        };
        Some(first(self)?.wrapping_sub(first(before)?)).filter(|taken| *taken <= i32::MAX.unsigned_abs())
    }

    fn change_in(&self, before: &Listing, is_looked_at: fn(Queue) -> bool) -> Change {
        let received = |packet: &&Packet| !packet.is_part && is_looked_at(packet.queue);
        let key = |packet: &Packet| (packet.id, packet.stamp);
        let mut known: HashMap<_, _> =
            before.packets.iter().filter(received).map(|packet| (key(packet), packet.len)).collect();
        let mut change = Change { before: known.len(), ..Change::default() };
        for packet in self.packets.iter().filter(received) {
            match known.remove(&key(packet)) {
                None => change.arrived += 1,
                Some(len) if len == packet.len => change.untouched += 1,
                Some(len) if len < packet.len => change.grown += 1,
                Some(_) => change.begun += 1,
            }
        }
        change.gone = known.len();
        change
    }

    /// The sums over its packets, and the distinct blocks of pages that they pin, by order.
    pub fn sums(&self, page: PageSize) -> (Exact, Vec<Blocks>) {
        Exact::of(&self.packets, &self.queues, self.counters, page)
    }
}

/// What became of packets of a socket's receiving side between two looks: counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Change {
    /// How many there were.
    pub before: usize,
    /// Still there, with as many unread bytes.
    pub untouched: usize,
    /// Still there, with more bytes than before: what arrived was added to them.
    pub grown: usize,
    /// Still there, and read in part.
    pub begun: usize,
    /// Not there any more: read, or thrown away.
    pub gone: usize,
    /// Not there before.
    pub arrived: usize,
}

impl Change {
    /// Whether nothing that was there has been read.
    pub fn is_unread(&self) -> bool {
        self.begun == 0 && self.gone == 0
    }
}

/// Lists the packets in the queues of the socket that a descriptor refers to: of a process, or of a thread,
/// whose id then stands for that of the process unless the holder has it.
///
/// # Errors
/// When the descriptor is not there, or refers to no socket whose queues can be walked; when the engine
/// fails; and when the socket vanished meanwhile.
pub fn packets(
    host: &dyn Host,
    engine: &dyn Engine,
    holder: Holder,
    limits: &Limits,
) -> Result<Listing, Error> {
    let Found { socket, netns, .. } = find(host, engine, holder)?;
    let place = if limits.lock { place(host, holder, netns) } else { None };
    let target = Target::of(&socket).map(|target| target.within(&socket, place.as_ref()));
    let target = target.ok_or_else(|| {
        let why = match socket.protocol {
            Protocol::Mptcp => "it is MPTCP, whose queues cannot be walked",
            Protocol::Raw => "the kernel gives it no cookie (load the kernel module raw_diag)",
            _ => "the kernel gives it no cookie",
        };
        Error::no_socket(holder, why)
    })?;
    let mut listing =
        Listing { socket, netns, packets: Vec::new(), queues: Vec::new(), counters: Counters::default() };
    let mut ended = false;
    let walked = engine.walk(&[target], limits, &mut |_, step| match step {
        Step::Packet(packet) => listing.packets.push(packet.clone()),
        Step::Anew => {
            listing.packets.clear();
            listing.queues.clear();
        }
        Step::QueueEnd(end) => listing.queues.push(end),
        Step::End(counters) => {
            listing.counters = *counters;
            ended = true;
        }
    });
    walked.map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut if limits.lock => {
            Error::engine(engine.name(), &lock::waited_for(host, engine, netns, &error))
        }
        _ => Error::engine(engine.name(), &error),
    })?;
    if !ended {
        return Err(Error::no_socket(holder, "it was closed while it was looked at"));
    }
    Ok(listing)
}

fn find(host: &dyn Host, engine: &dyn Engine, holder: Holder) -> Result<Found, Error> {
    let task = holder.task();
    let status = read(host, &format!("/proc/{task}/status"));
    let process =
        status.and_then(|status| Status::parse(&status)).map_or(holder.pid, |status| status.process);
    let link = host.read_link(Path::new(&format!("/proc/{task}/fd/{}", holder.fd)));
    // A thread's descriptors are its process's, unless it has a table of its own.
    let inode = link.ok().and_then(|link| socket_inode(&link));
    let is_its = |socket: &Socket, it: Option<Holder>| {
        it.is_some_and(|it| (it.task(), it.fd) == (task, holder.fd))
            || inode.is_some() && socket.inode == inode
    };
    let query = Query { pids: vec![process], include_idle: true, ..Query::default() };
    let mut found = None;
    knows_pids_of(host).map_err(|error| Error::engine(engine.name(), &error))?;
    let pass = engine.find(&query, &mut |it| {
        if is_its(&it.socket, it.holder) {
            found = Some(it);
        }
    });
    pass.map_err(|error| Error::engine(engine.name(), &error))?;
    let in_tables = || {
        let (mptcp, raw, packet, netlink) = (true, true, true, true);
        let query = Query { mptcp, raw, packet, netlink, ..Query::of_no_protocol() };
        let query = Query { pids: vec![process], include_idle: true, ..query };
        let is_its = |it: &SocketEntry| it.holders.iter().any(|holder| is_its(&it.socket, Some(*holder)));
        let report = scan(host, &query).ok()?.sockets.into_iter().find(is_its)?;
        Some(Found { socket: report.socket, netns: report.netns?, holder: Some(holder), unix_queue: None })
    };
    found.or_else(in_tables).ok_or_else(|| Error::no_socket(holder, &why_not(host, holder)))
}

/// Why a descriptor is none of a socket that can be listed.
fn why_not(host: &dyn Host, holder: Holder) -> String {
    let (pid, fd) = (holder.task(), holder.fd);
    match host.inode(Path::new(&format!("/proc/{pid}"))) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return "there is no such process".to_owned();
        }
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            return "its process does not answer".to_owned();
        }
        _ => {}
    }
    match host.read_link(Path::new(&format!("/proc/{pid}/fd/{fd}"))) {
        Ok(target) if socket_inode(&target).is_some() => {
            "it is in no table: not bound yet, or of a protocol that is not known here".to_owned()
        }
        Ok(_) => "it is no socket".to_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            format!("the process has no such descriptor: ls -l /proc/{pid}/fd")
        }
        Err(error) => error.to_string(),
    }
}

/// The namespace of a socket, if its process is in it too: that is the way there.
fn place(host: &dyn Host, holder: Holder, netns: NetnsId) -> Option<Netns> {
    let of = |task: &str| host.inode(Path::new(&format!("/proc/{task}/ns/net"))).ok();
    if of("self") == Some(netns.0) {
        return Some(Netns::own(Some(netns)));
    }
    let task = holder.task();
    let path = format!("/proc/{task}/ns/net");
    let inode = of(&task.to_string()).filter(|inode| *inode == netns.0)?;
    let mut place = Netns { own: false, ..Netns::own(Some(netns)) };
    place.files.push(NetnsFile { root: None, path: path.into(), inode });
    Some(place)
}
