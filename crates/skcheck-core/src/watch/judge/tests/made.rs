//! Samples made up from a few numbers.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, SystemTime};

use crate::collect::scanned::{Scanned, Source};
use crate::footprint::{Footprint, HostFacts};
use crate::model::endpoint::Endpoint;
use crate::model::holder::{Holder, Via};
use crate::model::netns::NetnsId;
use crate::model::protocol::{Family, Protocol};
use crate::model::queues::{RecvQueue, SendQueue, queues};
use crate::model::socket::{Cookie, Inode, Socket};
use crate::model::state::State;
use crate::model::table::Table;
use crate::model::tcp::TcpInfo;
use crate::model::units::{Bytes, PageSize, Truesize};
use crate::snapshot::contents::Snapshot;
use crate::snapshot::entry::{Holding, SocketEntry, Waiter};
use crate::watch::evidence::key::SocketKey;
use crate::watch::evidence::process::{
    Call, EpollEvidence, Interest, ProcessEvidence, Syscall, ThreadEvidence,
};
use crate::watch::evidence::sample::{FirstPacket, Sample};
use crate::watch::judge;
use crate::watch::judge::judgement::Judged;

pub(crate) const WINDOW: Duration = Duration::from_secs(1);

/// A socket. Its inode and its cookie are one number.
#[derive(Debug, Clone)]
pub(crate) struct Sock {
    pub(crate) socket: Socket,
    holding: Holding,
    holders: Vec<Holder>,
    peer_holders: Vec<Holder>,
    waiters: Vec<Waiter>,
    charge: Option<u64>,
}

impl Sock {
    pub(crate) fn new(protocol: Protocol, number: u32) -> Sock {
        let family = Table::of(protocol).map_or(Family::Ipv4, Table::family);
        let mut socket = Socket::unknown(family, protocol, State::Established);
        (socket.inode, socket.cookie) = (Inode::new(number), Some(Cookie(number.into())));
        (socket.recv_q, socket.send_q) = queues(protocol, State::Established, 0, 0);
        Sock {
            socket,
            holding: Holding::Descriptors,
            holders: vec![],
            peer_holders: vec![],
            waiters: vec![],
            charge: None,
        }
    }

    pub(crate) fn tcp(number: u32) -> Sock {
        let mut sock = Sock::new(Protocol::Tcp, number);
        sock.socket.tcp_info = Some(TcpInfo::default());
        sock
    }

    pub(crate) fn stream(number: u32) -> Sock {
        Sock::new(Protocol::UnixStream, number)
    }

    pub(crate) fn udp(number: u32) -> Sock {
        Sock::new(Protocol::Udp, number)
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Socket)) -> Sock {
        change(&mut self.socket);
        self
    }

    fn info(self, change: impl FnOnce(&mut TcpInfo)) -> Sock {
        self.with(|socket| change(socket.tcp_info.get_or_insert_default()))
    }

    pub(crate) fn has_unread(&self) -> bool {
        self.socket.recv_q.holds_something()
    }

    /// Recv-Q, as the kernel tells it.
    pub(crate) fn unread(self, bytes: u32) -> Sock {
        self.with(|it| it.recv_q = queues(it.protocol, it.state, bytes, 0).0)
    }

    /// Send-Q, as the kernel tells it.
    pub(crate) fn unsent(self, bytes: u32) -> Sock {
        self.with(|it| it.send_q = queues(it.protocol, it.state, 0, bytes).1)
    }

    pub(crate) fn received(self, bytes: u64) -> Sock {
        self.info(|info| info.bytes_received = Some(bytes))
    }

    pub(crate) fn last(self, milliseconds: u64) -> Sock {
        self.info(|info| info.last_data_recv = Some(Duration::from_millis(milliseconds)))
    }

    pub(crate) fn acked(self, bytes: u64) -> Sock {
        self.info(|info| info.bytes_acked = Some(bytes))
    }

    pub(crate) fn last_sent(self, milliseconds: u64) -> Sock {
        self.info(|info| info.last_data_sent = Some(Duration::from_millis(milliseconds)))
    }

    /// How often what was sent last was sent again, and how many probes had no answer.
    pub(crate) fn tries(self, retransmits: u8, probes: u8) -> Sock {
        self.info(|info| (info.retransmits, info.probes) = (Some(retransmits), Some(probes)))
    }

    pub(crate) fn window(self, bytes: u32, limited_ms: u64) -> Sock {
        self.info(|info| {
            info.snd_wnd = Some(bytes);
            info.rwnd_limited = Some(Duration::from_millis(limited_ms));
        })
    }

    pub(crate) fn state(self, state: State) -> Sock {
        self.with(|socket| socket.state = state)
    }

    /// Receive memory, and its limit.
    pub(crate) fn memory(self, rmem: u32, limit: u32) -> Sock {
        self.with(|socket| (socket.skmem.rmem_alloc, socket.skmem.rcvbuf) = (Some(rmem), Some(limit)))
    }

    /// Send memory, and its limit.
    pub(crate) fn send_memory(self, bytes: u32, limit: u32) -> Sock {
        self.with(|socket| {
            let skmem = &mut socket.skmem;
            (skmem.wmem_alloc, skmem.wmem_queued, skmem.sndbuf) = (Some(bytes), Some(bytes), Some(limit));
        })
    }

    pub(crate) fn drops(self, drops: u32) -> Sock {
        self.with(|socket| socket.skmem.drops = Some(drops))
    }

    /// What senders are charged for a unix socket's queue.
    pub(crate) fn charged(mut self, bytes: u64) -> Sock {
        self.charge = Some(bytes);
        self
    }

    /// From this port to that one, over loopback.
    pub(crate) fn ports(self, local: u16, peer: u16) -> Sock {
        let end = |port| Endpoint::Ip { addr: IpAddr::V4(Ipv4Addr::LOCALHOST), port };
        self.with(|socket| (socket.local, socket.peer) = (end(local), end(peer)))
    }

    /// To an address that is not on this host.
    pub(crate) fn off_host(self) -> Sock {
        let end = |last| Endpoint::Ip { addr: IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)), port: 443 };
        self.with(|socket| (socket.local, socket.peer) = (end(1), end(2)))
    }

    pub(crate) fn peer(self, inode: u32) -> Sock {
        self.with(|socket| socket.peer_inode = Inode::new(inode))
    }

    pub(crate) fn held(mut self, pid: u32, fd: u32) -> Sock {
        self.holders.push(Holder::new(pid, fd).leading(match self.holding {
            Holding::IoUring => Via::IoUring,
            Holding::InFlight { .. } => Via::InFlight,
            _ => Via::Fd,
        }));
        self
    }

    pub(crate) fn peer_held(mut self, pid: u32, fd: u32) -> Sock {
        self.peer_holders.push(Holder::new(pid, fd));
        self
    }

    pub(crate) fn holding(mut self, holding: Holding) -> Sock {
        self.holding = holding;
        self
    }

    pub(crate) fn listener(number: u32, waiting: u32, limit: u32) -> Sock {
        Sock::tcp(number).state(State::Listen).with(|socket| {
            (socket.recv_q, socket.send_q) = queues(Protocol::Tcp, State::Listen, waiting, limit);
        })
    }

    /// Who waits at a listener.
    pub(crate) fn waiters(mut self, waiters: Vec<Waiter>) -> Sock {
        self.waiters = waiters;
        self
    }

    pub(crate) fn key(&self) -> SocketKey {
        SocketKey::of(&self.entry()).unwrap()
    }

    pub(crate) fn entry(&self) -> SocketEntry {
        let facts = HostFacts::assumed(PageSize(4096));
        let footprint = Footprint::of(&self.socket, self.charge.map(Truesize), &facts);
        SocketEntry {
            holding: self.holding,
            holders: self.holders.clone(),
            peer_holders: self.peer_holders.clone(),
            waiters: self.waiters.clone(),
            netns: Some(NetnsId(1)),
            ..SocketEntry::bare(self.socket.clone(), footprint)
        }
    }
}

/// A sample at this second of the watch.
pub(crate) fn sample(second: u64, sockets: &[Sock]) -> Sample {
    let scanned = Scanned { all_processes: true, ..Scanned::default() };
    let snapshot = Snapshot {
        taken_at: SystemTime::UNIX_EPOCH,
        duration: Duration::ZERO,
        source: Source::SockDiag,
        engine: None,
        host: HostFacts::assumed(PageSize(4096)),
        ledger: None,
        scanned,
        sockets: sockets.iter().map(Sock::entry).collect(),
        pages: Vec::new(),
        processes: Vec::new(),
        unlisted_tcp_mem: None,
        unlisted_noise: Bytes(0),
        namespaces: Vec::new(),
        gaps: Vec::new(),
    };
    Sample {
        asked_for: sockets.len(),
        taken_at: SystemTime::UNIX_EPOCH,
        at: Duration::from_secs(second),
        snapshot,
        drained: BTreeMap::new(),
        first_packets: BTreeMap::new(),
        processes: BTreeMap::new(),
        conduits: Vec::new(),
        awaited: Vec::new(),
        tcp_memory: None,
    }
}

/// Two samples with these sockets, and these processes in both.
pub(crate) fn samples(before: &[Sock], now: &[Sock], processes: &[ProcessEvidence]) -> (Sample, Sample) {
    let mut both = (sample(10, before), sample(11, now));
    for process in processes {
        both.0.processes.insert(process.pid, process.clone());
        both.1.processes.insert(process.pid, process.clone());
    }
    both
}

/// What becomes of the one socket that is in both.
pub(crate) fn one(before: &Sock, now: &Sock) -> Judged {
    let both = samples(std::slice::from_ref(before), std::slice::from_ref(now), &[]);
    let [judged] = judge(&both.0, &both.1).sockets.try_into().expect("one socket");
    judged
}

/// What becomes of the socket with this number.
pub(crate) fn of(judged: &[Judged], number: u32) -> &Judged {
    let is_it = |it: &&Judged| it.key.cookie == Some(Cookie(number.into()));
    judged.iter().find(is_it).expect("the socket is judged")
}

pub(crate) fn first_packet(id: u64, stamp: u64, len: u64) -> FirstPacket {
    FirstPacket { id, stamp, size: (len, 768) }
}

/// A process with one thread, which is its main one.
pub(crate) fn process(pid: u32, thread: ThreadEvidence) -> ProcessEvidence {
    let threads = vec![ThreadEvidence { tid: pid, ..thread }];
    let state = threads[0].state;
    ProcessEvidence { pid, closely: true, start_time: Some(7), state, threads, ..ProcessEvidence::default() }
}

/// A thread that sleeps in this call on this descriptor.
pub(crate) fn sleeps(call: Call, fd: u32) -> ThreadEvidence {
    let syscall = Syscall::In { call, number: 0, arguments: [fd.into(), 9, 9, 9, 9, 9] };
    let (state, ticks, runs) = (Some(b'S'), Some(5), Some(100));
    ThreadEvidence { syscall: Some(syscall), state, ticks, runs, ..ThreadEvidence::default() }
}

pub(crate) fn runs() -> ThreadEvidence {
    ThreadEvidence { state: Some(b'R'), syscall: Some(Syscall::Running), ..sleeps(Call::Other, 0) }
}

/// A set that the socket with this inode is in, under the number `fd`.
pub(crate) fn set(set: u32, fd: u32, inode: u64, events: u32) -> EpollEvidence {
    EpollEvidence { fd: set, interests: vec![Interest { fd, events, inode: Some(inode) }] }
}

pub(crate) fn payload(judged: &Judged) -> (Option<u64>, Option<u64>) {
    (judged.consumed, judged.arriving)
}

/// Nothing is told of both queues.
pub(crate) fn silent(sock: Sock) -> Sock {
    sock.with(|it| (it.recv_q, it.send_q) = (RecvQueue::Unknown, SendQueue::Unknown))
}
