//! Sockets that hold nothing, packed. A report of all sockets is mostly of these, and a whole record takes half a
//! kilobyte: most of it numbers that are 0 or not told.

use std::time::{Duration, Instant};

use crate::collect::dumps::candidate::Candidate;
use crate::model::endpoint::Endpoint;
use crate::model::protocol::{Family, Protocol};
use crate::model::queues::{RecvQueue, SendQueue};
use crate::model::skmem::SkMem;
use crate::model::socket::{Cookie, Inode, Shutdown, Socket};
use crate::model::state::State;
use crate::model::tcp::{TcpInfo, Timer};

/// Sockets that hold nothing.
#[derive(Default)]
pub(crate) struct IdleSockets {
    rows: Vec<Row>,
    /// The numbers of each, one behind the other ([`put`]).
    numbers: Vec<u8>,
}

/// What of a socket is no number.
struct Row {
    local: Endpoint,
    peer: Endpoint,
    recv_q: RecvQueue,
    send_q: SendQueue,
    read_at: Instant,
    /// Where its numbers begin.
    at: usize,
    family: Family,
    protocol: Protocol,
    state: State,
    shutdown: Option<Shutdown>,
    has_tcp_info: bool,
    pending: Option<Timer>,
}

/// How many numbers a socket can have: its own, those of its memory, those of `tcp_info`.
const NUMBERS: usize = 6 + 9 + 13;

impl IdleSockets {
    /// Adds a socket. One of a kind of which there are few is given back: those of MPTCP and those with rings have
    /// more to them.
    pub(crate) fn add(&mut self, Candidate { socket, read_at }: Candidate) -> Option<Candidate> {
        if socket.mptcp.is_some() || socket.rings.is_some() {
            return Some(Candidate { socket, read_at });
        }
        let numbers = numbers(&socket);
        let Socket { family, protocol, state, local, peer, recv_q, send_q, shutdown, tcp_info, .. } = socket;
        self.rows.push(Row {
            local,
            peer,
            recv_q,
            send_q,
            read_at,
            at: self.numbers.len(),
            family,
            protocol,
            state,
            shutdown,
            has_tcp_info: tcp_info.is_some(),
            pending: tcp_info.and_then(|info| info.pending),
        });
        put_all(&mut self.numbers, &numbers);
        None
    }

    /// Adds the others behind these.
    pub(crate) fn append(&mut self, mut others: IdleSockets) {
        let moved = self.numbers.len();
        others.rows.iter_mut().for_each(|row| row.at += moved);
        self.rows.append(&mut others.rows);
        self.numbers.append(&mut others.numbers);
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The socket with this number, as it was added.
    pub(crate) fn get(&self, number: usize) -> Option<Candidate> {
        let row = self.rows.get(number)?;
        let socket = row.socket(take_all(self.numbers.get(row.at..)?)?);
        Some(Candidate { socket, read_at: row.read_at })
    }
}

impl Row {
    fn socket(&self, numbers: [Option<u64>; NUMBERS]) -> Socket {
        let [interface, uid, inode, cookie, peer_inode, cgroup_id, rest @ ..] = numbers;
        let [rmem, rcvbuf, wmem, sndbuf, fwd, queued, optmem, backlog, drops, rest @ ..] = rest;
        Socket {
            family: self.family,
            protocol: self.protocol,
            state: self.state,
            local: self.local.clone(),
            peer: self.peer.clone(),
            interface: word(interface),
            uid: word(uid),
            inode: word(inode).and_then(Inode::new),
            cookie: cookie.map(Cookie),
            recv_q: self.recv_q,
            send_q: self.send_q,
            skmem: SkMem {
                rmem_alloc: word(rmem),
                rcvbuf: word(rcvbuf),
                wmem_alloc: word(wmem),
                sndbuf: word(sndbuf),
                fwd_alloc: word(fwd).map(u32::cast_signed),
                wmem_queued: word(queued),
                optmem: word(optmem),
                backlog: word(backlog),
                drops: word(drops),
            },
            shutdown: self.shutdown,
            peer_inode: word(peer_inode).and_then(Inode::new),
            tcp_info: self.has_tcp_info.then(|| tcp_info(rest, self.pending)),
            mptcp: None,
            rings: None,
            cgroup_id,
        }
    }
}

fn tcp_info(numbers: [Option<u64>; 13], pending: Option<Timer>) -> TcpInfo {
    let [ooo, span, received, acked, notsent, recv, sent, snd_wnd, rcv_wnd, limited, rest @ ..] = numbers;
    let [retransmits, backoff, probes] = rest.map(|number| number.and_then(|it| u8::try_from(it).ok()));
    let time = |nanoseconds: Option<u64>| nanoseconds.map(Duration::from_nanos);
    TcpInfo {
        rcv_ooopack: word(ooo),
        ooo_span: word(span),
        bytes_received: received,
        bytes_acked: acked,
        notsent_bytes: word(notsent),
        last_data_recv: time(recv),
        last_data_sent: time(sent),
        snd_wnd: word(snd_wnd),
        rcv_wnd: word(rcv_wnd),
        rwnd_limited: time(limited),
        retransmits,
        backoff,
        probes,
        pending,
    }
}

fn numbers(socket: &Socket) -> [Option<u64>; NUMBERS] {
    let Socket { interface, uid, inode, cookie, peer_inode, cgroup_id, skmem, .. } = socket;
    let SkMem { rmem_alloc, rcvbuf, wmem_alloc, sndbuf, fwd_alloc, wmem_queued, optmem, backlog, drops } =
        skmem;
    let info = socket.tcp_info.unwrap_or_default();
    let inode_of = |inode: &Option<Inode>| inode.map(|inode| u64::from(inode.get()));
    let time = |time: Option<Duration>| time.and_then(|time| u64::try_from(time.as_nanos()).ok());
    let byte = |number: Option<u8>| number.map(u64::from);
    let wide = |number: &Option<u32>| number.map(u64::from);
    [
        wide(interface),
        wide(uid),
        inode_of(inode),
        cookie.map(|cookie| cookie.0),
        inode_of(peer_inode),
        *cgroup_id,
        wide(rmem_alloc),
        wide(rcvbuf),
        wide(wmem_alloc),
        wide(sndbuf),
        fwd_alloc.map(|bytes| bytes.cast_unsigned().into()),
        wide(wmem_queued),
        wide(optmem),
        wide(backlog),
        wide(drops),
        wide(&info.rcv_ooopack),
        wide(&info.ooo_span),
        info.bytes_received,
        info.bytes_acked,
        wide(&info.notsent_bytes),
        time(info.last_data_recv),
        time(info.last_data_sent),
        wide(&info.snd_wnd),
        wide(&info.rcv_wnd),
        time(info.rwnd_limited),
        byte(info.retransmits),
        byte(info.backoff),
        byte(info.probes),
    ]
}

fn word(number: Option<u64>) -> Option<u32> {
    number.and_then(|number| u32::try_from(number).ok())
}

/// Which numbers there are, a bit each, and these numbers.
fn put_all(bytes: &mut Vec<u8>, numbers: &[Option<u64>; NUMBERS]) {
    let bits = numbers.iter().rev().fold(0, |bits, number| bits << 1 | u64::from(number.is_some()));
    put(bytes, bits);
    numbers.iter().flatten().for_each(|number| put(bytes, *number));
}

fn take_all(mut bytes: &[u8]) -> Option<[Option<u64>; NUMBERS]> {
    let bits = take(&mut bytes)?;
    let mut numbers = [None; NUMBERS];
    let are_there = |(bit, _): &(usize, &mut Option<u64>)| bits >> bit & 1 == 1;
    for (_, number) in numbers.iter_mut().enumerate().filter(are_there) {
        *number = Some(take(&mut bytes)?);
    }
    Some(numbers)
}

/// Adds a number: seven bits a byte, the lowest first; all but the last have the eighth bit set.
fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        let [lowest, ..] = number.to_le_bytes();
        bytes.push(lowest | 0x80);
        number >>= 7;
    }
    let [lowest, ..] = number.to_le_bytes();
    bytes.push(lowest);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::net::{IpAddr, Ipv6Addr};

    use super::*;
    use crate::model::ring::Rings;
    use crate::model::units::{Payload, Truesize};

    /// One of which everything is told, each number another one, as large as it can be.
    fn full() -> Socket {
        let addr = IpAddr::V6(Ipv6Addr::LOCALHOST);
        let mut socket = Socket::unknown(Family::Ipv6, Protocol::Tcp, State::Other(200));
        (socket.local, socket.peer) =
            (Endpoint::Ip { addr, port: 65_535 }, Endpoint::Path(b"/run/x".to_vec()));
        (socket.interface, socket.uid) = (Some(u32::MAX), Some(u32::MAX - 1));
        (socket.inode, socket.peer_inode) = (Inode::new(u32::MAX - 2), Inode::new(7));
        (socket.cookie, socket.cgroup_id) = (Some(Cookie(u64::MAX)), Some(u64::MAX - 1));
        (socket.recv_q, socket.send_q) =
            (RecvQueue::Truesize(Truesize(0)), SendQueue::Payload(Payload(u64::MAX)));
        let words = [0, 1, 2, 3, 4, 5, 6, 7, 8].map(|number| Some(0x7fff_fff0 + number));
        socket.skmem = SkMem::from_words(words);
        socket.skmem.fwd_alloc = Some(-5);
        socket.shutdown = Some(Shutdown { receive: true, send: false });
        socket.tcp_info = Some(TcpInfo {
            rcv_ooopack: Some(11),
            ooo_span: Some(12),
            bytes_received: Some(u64::MAX - 13),
            bytes_acked: Some(14),
            notsent_bytes: Some(15),
            last_data_recv: Some(Duration::from_nanos(16)),
            last_data_sent: Some(Duration::from_millis(17)),
            snd_wnd: Some(18),
            rcv_wnd: Some(19),
            rwnd_limited: Some(Duration::from_micros(20)),
            retransmits: Some(255),
            backoff: Some(22),
            probes: Some(23),
            pending: Some(Timer::Other(9)),
        });
        socket
    }

    #[test]
    fn what_is_unpacked_is_what_was_packed() {
        let bare = Socket::unknown(Family::Unix, Protocol::UnixStream, State::Close);
        let mut without_info = full();
        without_info.tcp_info = None;
        let sockets = [full(), bare, without_info, full()];
        let (mut idle, mut more) = (IdleSockets::default(), IdleSockets::default());
        let read_at = Instant::now();
        for (number, socket) in sockets.iter().enumerate() {
            let to = if number < 2 { &mut idle } else { &mut more };
            assert!(to.add(Candidate { socket: socket.clone(), read_at }).is_none());
        }
        idle.append(more);
        assert_eq!(idle.len(), sockets.len());
        for (number, socket) in sockets.iter().enumerate() {
            let got = idle.get(number).unwrap();
            assert_eq!((&got.socket, got.read_at), (socket, read_at));
        }
        assert!(idle.get(sockets.len()).is_none());
    }

    #[test]
    fn what_has_more_to_it_is_given_back() {
        let mut with_rings = full();
        with_rings.rings = Some(Rings::default());
        let mut idle = IdleSockets::default();
        assert!(idle.add(Candidate::now(with_rings)).is_some());
        assert_eq!(idle.len(), 0);
    }

    #[test]
    fn numbers_of_every_length_come_back() {
        for number in (0..64).flat_map(|bit| [1u64 << bit, (1 << bit) - 1]).chain([u64::MAX]) {
            let mut bytes = Vec::new();
            put(&mut bytes, number);
            let mut rest = &bytes[..];
            assert_eq!((take(&mut rest), rest), (Some(number), &[][..]));
        }
        assert_eq!(take(&mut &[0x80, 0x80][..]), None);
        // A row and its numbers take less than half of a record.
        assert!(size_of::<Row>() + 60 < size_of::<Socket>() / 2);
    }
}
