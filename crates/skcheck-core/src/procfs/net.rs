//! Sockets from /proc/net, for when NETLINK_SOCK_DIAG is refused, or has no module for a table. Pure.

mod columns;

use std::io::Cursor;
use std::net::SocketAddr;

use procfs::net::{TcpNetEntries, UdpNetEntries};
use procfs::{ExplicitSystemInfo, FromReadSI};

use crate::model::endpoint::Endpoint;
use crate::model::protocol::{Family, Protocol};
use crate::model::queues::{SendQueue, queues};
use crate::model::socket::{Inode, Socket};
use crate::model::state::State;
use crate::model::table::{IpVersion, Table};
use crate::procfs::net::columns::Line;

/// What a table's file does not tell of its sockets, as the object of a sentence; `None` where a table has no
/// file that could stand in for it.
pub fn untold(table: Table) -> Option<&'static str> {
    match table {
        Table::Tcp(_) => Some("memory, limits, backlog and cookies"),
        Table::Udp(_) | Table::UdpLite(_) | Table::Raw(_) | Table::Ping(_) | Table::Netlink => {
            Some("limits, backlog and cookies")
        }
        Table::Unix => Some("queues, limits, peers and cookies"),
        Table::Packet => Some("rings, limits and cookies"),
        Table::Mptcp(_) => None,
    }
}

/// The sockets of a table's file below /proc/net, line by line, so that a line that cannot be
/// parsed costs itself alone; such lines are counted.
///
/// There are no cookies and no limits of listeners in these files. A unix socket can have a name that looks
/// like further lines.
pub fn parse(table: Table, file: &[u8], mut on_socket: impl FnMut(Socket)) -> u64 {
    let mut bad_lines = 0;
    let mut lines = file.split(|&b| b == b'\n').filter(|line| !line.is_empty());
    let Some(header) = lines.next() else { return 0 };
    let mut single = Vec::new();
    for line in lines {
        single.clear();
        single.extend_from_slice(header);
        single.push(b'\n');
        single.extend_from_slice(line);
        let socket = match table {
            Table::Packet => Line::new(header, line).packet(),
            Table::Netlink => Line::new(header, line).netlink(),
            Table::Unix => Line::new(header, line).unix(),
            _ => one(table, &single).map(|socket| Line::new(header, line).with_drops(socket)),
        };
        match socket {
            Some(socket) if is_listed(table, &socket) => on_socket(socket),
            Some(_) => {}
            None => bad_lines += 1,
        }
    }
    bad_lines
}

/// Whether NETLINK_SOCK_DIAG would tell of a socket too: not of what TIME-WAIT leaves, nor of a unix
/// connection that nobody has accepted.
fn is_listed(table: Table, socket: &Socket) -> bool {
    match table {
        Table::Unix => socket.inode.is_some(),
        _ => socket.state != State::TimeWait,
    }
}

fn one(table: Table, file: &[u8]) -> Option<Socket> {
    match table {
        Table::Tcp(version) => tcp(family(version), file),
        // All have the same columns (`udp4_format_sock`, `raw_sock_seq_show`, `ping_v4_format_sock`).
        Table::Udp(version) | Table::UdpLite(version) | Table::Raw(version) | Table::Ping(version) => {
            datagram(family(version), table.protocol(), file)
        }
        _ => None,
    }
}

fn family(version: IpVersion) -> Family {
    match version {
        IpVersion::V4 => Family::Ipv4,
        IpVersion::V6 => Family::Ipv6,
    }
}

/// Only the byte order is used: these files print addresses as words of the CPU's order.
const SYSTEM: ExplicitSystemInfo = ExplicitSystemInfo {
    boot_time_secs: 0,
    ticks_per_second: 100,
    page_size: 4096,
    is_little_endian: cfg!(target_endian = "little"),
};

fn tcp(family: Family, file: &[u8]) -> Option<Socket> {
    let entry = TcpNetEntries::from_read(Cursor::new(file), &SYSTEM).ok()?.0.pop()?;
    let state = State::from_kernel(entry.state.to_u8());
    let mut socket = socket(family, Protocol::Tcp, state, entry.local_address, entry.remote_address);
    socket.uid = Some(entry.uid);
    socket.inode = u32::try_from(entry.inode).ok().and_then(Inode::new);
    (socket.recv_q, socket.send_q) = queues(Protocol::Tcp, state, entry.rx_queue, entry.tx_queue);
    if state == State::Listen {
        // What is printed there is no limit.
        socket.send_q = SendQueue::Unknown;
    }
    Some(socket)
}

fn datagram(family: Family, protocol: Protocol, file: &[u8]) -> Option<Socket> {
    let entry = UdpNetEntries::from_read(Cursor::new(file), &SYSTEM).ok()?.0.pop()?;
    let state = State::from_kernel(entry.state.to_u8());
    let (local, peer) = (entry.local_address, entry.remote_address);
    let mut socket = socket(family, protocol, state, local, peer);
    if socket.protocol == Protocol::Raw {
        socket.local = Endpoint::Raw { addr: local.ip(), protocol: local.port() };
    }
    socket.uid = Some(entry.uid);
    socket.inode = u32::try_from(entry.inode).ok().and_then(Inode::new);
    (socket.recv_q, socket.send_q) = queues(socket.protocol, state, entry.rx_queue, entry.tx_queue);
    Some(socket)
}

fn socket(family: Family, protocol: Protocol, state: State, local: SocketAddr, peer: SocketAddr) -> Socket {
    let endpoint = |address: SocketAddr| Endpoint::Ip { addr: address.ip(), port: address.port() };
    let mut socket = Socket::unknown(family, protocol, state);
    socket.local = endpoint(local);
    socket.peer = endpoint(peer);
    socket
}
