//! Datagrams of NETLINK_SOCK_DIAG to records. Pure and total: whatever the bytes are, this ends,
//! does not panic, and a bad message or attribute costs itself alone.

use std::ops::ControlFlow;

use netlink_packet_core::{
    NLM_F_DUMP_INTR, NLM_F_MULTIPART, NLMSG_DONE, NLMSG_ERROR, NLMSG_NOOP, NLMSG_OVERRUN, NetlinkBuffer,
    NlasIterator, Parseable,
};
use netlink_packet_sock_diag::inet::InetResponseHeader;
use netlink_packet_sock_diag::unix::UnixResponseHeader;
use netlink_packet_sock_diag::{
    AF_INET, AF_INET6, AF_UNIX, INET_DIAG_INFO, INET_DIAG_SHUTDOWN, INET_DIAG_SKMEMINFO, INET_DIAG_SKV6ONLY,
    SOCK_DIAG_BY_FAMILY, UNIX_DIAG_ICONS, UNIX_DIAG_MEMINFO, UNIX_DIAG_NAME, UNIX_DIAG_PEER, UNIX_DIAG_RQLEN,
    UNIX_DIAG_SHUTDOWN,
};

use crate::diag::request::Table;
use crate::skmem::SkMem;
use crate::socket::{Cookie, Endpoint, Family, Inode, Protocol, Shutdown, Socket, State, queues};
use crate::tcp::TcpInfo;

/// One decoded message. What lies on the heap in a [`Socket`] is still borrowed here, so that
/// looking at a record and passing it over allocates nothing.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Record<'a> {
    /// The socket, without its unix name.
    pub socket: Socket,
    /// The unix name as the kernel has it (`UNIX_DIAG_NAME`): a leading NUL marks an abstract one.
    pub unix_name: Option<&'a [u8]>,
    /// Unix listeners: the inodes of clients that wait to be accepted (`UNIX_DIAG_ICONS`).
    pub pending: Option<&'a [u8]>,
    /// IPv6 sockets that listen or are closed: whether they refuse IPv4 (`INET_DIAG_SKV6ONLY`).
    pub v6only: Option<bool>,
}

impl Record<'_> {
    /// A record of nothing but this socket.
    pub fn of(socket: Socket) -> Record<'static> {
        Record { socket, unix_name: None, pending: None, v6only: None }
    }

    /// The socket with its name.
    pub fn into_socket(self) -> Socket {
        let mut socket = self.socket;
        if let Some(name) = self.unix_name {
            socket.local = Endpoint::from_unix_name(name);
        }
        socket
    }

    /// The clients in [`Record::pending`]; those that are gone (inode 0) are left out.
    pub fn pending_inodes(&self) -> impl Iterator<Item = Inode> + '_ {
        let bytes = self.pending.unwrap_or_default();
        bytes.chunks_exact(4).filter_map(|b| Inode::new(u32_at(b, 0)?))
    }
}

/// How one answer of the kernel went, as far as its datagrams have come in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    table: Table,
    sequence: u32,
    /// The answer ended as it should.
    pub complete: bool,
    /// The kernel refused, with this errno (positive).
    pub errno: Option<i32>,
    /// The kernel says that the table changed under the dump, or that something was lost.
    pub interrupted: bool,
    /// Messages that could not be decoded.
    pub bad_messages: u64,
    /// Attributes that could not be decoded.
    pub bad_attributes: u64,
}

impl Answer {
    /// The answer to a request of this sequence number for sockets of this table.
    pub fn new(table: Table, sequence: u32) -> Answer {
        Answer {
            table,
            sequence,
            complete: false,
            errno: None,
            interrupted: false,
            bad_messages: 0,
            bad_attributes: 0,
        }
    }

    /// Decodes one datagram. Breaks when the answer is at its end.
    pub fn datagram(&mut self, mut bytes: &[u8], mut on_record: impl FnMut(Record<'_>)) -> ControlFlow<()> {
        while !bytes.is_empty() {
            let Ok(message) = NetlinkBuffer::new_checked(bytes) else {
                // Cut, or its length is a lie: nothing says where the next message begins.
                self.bad_messages += 1;
                return ControlFlow::Continue(());
            };
            let aligned = (message.length() as usize).next_multiple_of(4);
            let (kind, flags) = (message.message_type(), message.flags());
            let sequence = message.sequence_number();
            let payload = message.payload();
            bytes = bytes.get(aligned..).unwrap_or_default();
            if sequence != self.sequence {
                continue; // the rest of an answer that somebody gave up on
            }
            self.interrupted |= flags & NLM_F_DUMP_INTR != 0;
            match kind {
                NLMSG_NOOP => {}
                NLMSG_OVERRUN => self.interrupted = true,
                NLMSG_DONE | NLMSG_ERROR => {
                    self.end(u32_at(payload, 0).unwrap_or(0) as i32);
                    return ControlFlow::Break(());
                }
                SOCK_DIAG_BY_FAMILY => {
                    match self.record(payload) {
                        Some(record) => on_record(record),
                        None => self.bad_messages += 1,
                    }
                    if flags & NLM_F_MULTIPART == 0 {
                        self.complete = true;
                        return ControlFlow::Break(());
                    }
                }
                _ => self.bad_messages += 1,
            }
        }
        ControlFlow::Continue(())
    }

    /// Both a failed dump (in NLMSG_DONE) and a refused request carry a negative errno; 0 is success.
    fn end(&mut self, code: i32) {
        if code < 0 {
            self.errno = Some(code.saturating_neg());
        } else {
            self.complete = true;
        }
    }

    fn record<'a>(&mut self, payload: &'a [u8]) -> Option<Record<'a>> {
        match (self.table, *payload.first()?) {
            (Table::Unix, AF_UNIX) => self.unix_record(payload),
            (Table::Unix, _) => None,
            (_, AF_INET | AF_INET6) => self.inet_record(payload),
            _ => None,
        }
    }

    fn inet_record<'a>(&mut self, payload: &'a [u8]) -> Option<Record<'a>> {
        /// `sizeof(struct inet_diag_msg)`.
        const HEADER: usize = 72;
        /// `INET_DIAG_CGROUP_ID`, since Linux 5.8; the crate does not know it.
        const INET_DIAG_CGROUP_ID: u16 = 21;
        let header = InetResponseHeader::parse(payload).ok()?;
        let family = if header.family == AF_INET6 { Family::Ipv6 } else { Family::Ipv4 };
        let id = &header.socket_id;
        let state = match (self.table, State::from_kernel(header.state)) {
            // TCP_BOUND_INACTIVE is a state of requests alone; the record says TCP_CLOSE
            // (`inet_diag_dump_icsk`).
            (Table::Tcp(_), State::Close) if id.destination_port == 0 => State::BoundInactive,
            (_, state) => state,
        };
        let mut socket = Socket::unknown(family, self.table.protocol(), state);
        socket.local = Endpoint::Ip { addr: id.source_address, port: id.source_port };
        socket.peer = Endpoint::Ip { addr: id.destination_address, port: id.destination_port };
        socket.interface = (id.interface_id != 0).then_some(id.interface_id);
        socket.uid = Some(header.uid);
        socket.inode = Inode::new(header.inode);
        socket.cookie = Some(cookie(id.cookie));
        (socket.recv_q, socket.send_q) = queues(socket.protocol, state, header.recv_queue, header.send_queue);
        let mut record = Record::of(socket);
        for attribute in NlasIterator::new(payload.get(HEADER..)?) {
            let Ok(attribute) = attribute else {
                self.bad_attributes += 1;
                break;
            };
            let value = value_of(attribute.into_inner());
            match attribute.kind() {
                INET_DIAG_SKMEMINFO => record.socket.skmem = SkMem::from_bytes(value),
                INET_DIAG_INFO => record.socket.tcp_info = Some(TcpInfo::from_bytes(value)),
                INET_DIAG_SHUTDOWN => {
                    record.socket.shutdown = value.first().map(|&b| Shutdown::from_kernel(b));
                }
                INET_DIAG_CGROUP_ID => {
                    record.socket.cgroup_id = value.first_chunk().map(|b| u64::from_ne_bytes(*b));
                }
                INET_DIAG_SKV6ONLY => record.v6only = value.first().map(|&b| b != 0),
                _ => {}
            }
        }
        Some(record)
    }

    fn unix_record<'a>(&mut self, payload: &'a [u8]) -> Option<Record<'a>> {
        /// `sizeof(struct unix_diag_msg)`.
        const HEADER: usize = 16;
        /// `UNIX_DIAG_UID`, since Linux 5.3; the crate does not know it.
        const UNIX_DIAG_UID: u16 = 7;
        let header = UnixResponseHeader::parse(payload).ok()?;
        let protocol = match header.kind {
            1 => Protocol::UnixStream,
            2 => Protocol::UnixDatagram,
            5 => Protocol::UnixSeqpacket,
            _ => return None,
        };
        let state = State::from_kernel(header.state);
        let mut socket = Socket::unknown(Family::Unix, protocol, state);
        socket.local = Endpoint::Unnamed;
        socket.inode = Inode::new(header.inode);
        socket.cookie = Some(cookie(header.cookie));
        let mut record = Record::of(socket);
        for attribute in NlasIterator::new(payload.get(HEADER..)?) {
            let Ok(attribute) = attribute else {
                self.bad_attributes += 1;
                break;
            };
            let value = value_of(attribute.into_inner());
            let socket = &mut record.socket;
            match attribute.kind() {
                UNIX_DIAG_NAME => record.unix_name = Some(value),
                UNIX_DIAG_PEER => socket.peer_inode = u32_at(value, 0).and_then(Inode::new),
                UNIX_DIAG_ICONS => record.pending = Some(value),
                UNIX_DIAG_RQLEN => match (u32_at(value, 0), u32_at(value, 4)) {
                    (Some(recv), Some(send)) => {
                        (socket.recv_q, socket.send_q) = queues(protocol, state, recv, send);
                    }
                    _ => self.bad_attributes += 1,
                },
                UNIX_DIAG_MEMINFO => socket.skmem = SkMem::from_bytes(value),
                UNIX_DIAG_SHUTDOWN => socket.shutdown = value.first().map(|&b| Shutdown::from_kernel(b)),
                UNIX_DIAG_UID => socket.uid = u32_at(value, 0),
                _ => {}
            }
        }
        Some(record)
    }
}

/// The kernel stores the low half first (`sock_diag_save_cookie`).
fn cookie(bytes: [u8; 8]) -> Cookie {
    let low = u32_at(&bytes, 0).unwrap_or(0);
    let high = u32_at(&bytes, 4).unwrap_or(0);
    Cookie(u64::from(high) << 32 | u64::from(low))
}

/// The value of an attribute that has been checked: what its length says, less the header.
fn value_of(attribute: &[u8]) -> &[u8] {
    let length = attribute.first_chunk().map_or(0, |b| usize::from(u16::from_ne_bytes(*b)));
    attribute.get(4..length).unwrap_or_default()
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}
