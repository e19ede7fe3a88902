//! Sockets from /proc/net, for when NETLINK_SOCK_DIAG is refused, or has no module for a table. Pure.

mod columns;

use std::io::Cursor;
use std::net::SocketAddr;

use procfs::net::{TcpNetEntries, UdpNetEntries};
use procfs::{ExplicitSystemInfo, FromReadSI};

use crate::diag::request::{IpVersion, Table};
use crate::proc_net::columns::Line;
use crate::socket::{Endpoint, Family, Inode, Protocol, RecvQueue, SendQueue, Socket, State};
use crate::units::{Connections, Payload, Truesize};

/// Whether a table's file tells its queues.
pub fn can_parse(table: Table) -> bool {
    matches!(table, Table::Tcp(_) | Table::Udp(_)) || stands_in(table)
}

/// Whether a table's file may stand in for a module that is missing: it tells all but limits, cookies and
/// rings.
pub fn stands_in(table: Table) -> bool {
    matches!(table, Table::Raw(_) | Table::Packet | Table::Netlink)
}

/// The sockets of a table's file below /proc/net, line by line, so that a line that cannot be
/// parsed costs itself alone; such lines are counted.
///
/// There are no memory numbers, no cookies and no limits of listeners in these files.
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
            _ => one(table, &single),
        };
        match socket {
            Some(socket) if socket.state != State::TimeWait => on_socket(socket),
            Some(_) => {}
            None => bad_lines += 1,
        }
    }
    bad_lines
}

fn one(table: Table, file: &[u8]) -> Option<Socket> {
    // Only the byte order is used: these files print addresses as words of the CPU's order.
    let system = ExplicitSystemInfo {
        boot_time_secs: 0,
        ticks_per_second: 100,
        page_size: 4096,
        is_little_endian: cfg!(target_endian = "little"),
    };
    let family = match table {
        Table::Tcp(IpVersion::V6) | Table::Udp(IpVersion::V6) | Table::Raw(IpVersion::V6) => Family::Ipv6,
        _ => Family::Ipv4,
    };
    match table {
        Table::Tcp(_) => {
            let entry = TcpNetEntries::from_read(Cursor::new(file), &system).ok()?.0.pop()?;
            let state = State::from_kernel(entry.state.to_u8());
            let mut socket = socket(family, Protocol::Tcp, state, entry.local_address, entry.remote_address);
            socket.uid = Some(entry.uid);
            socket.inode = u32::try_from(entry.inode).ok().and_then(Inode::new);
            (socket.recv_q, socket.send_q) = if state == State::Listen {
                (RecvQueue::Connections(Connections(entry.rx_queue)), SendQueue::Unknown)
            } else {
                let (recv, send) = (entry.rx_queue.into(), entry.tx_queue.into());
                (RecvQueue::Payload(Payload(recv)), SendQueue::Payload(Payload(send)))
            };
            Some(socket)
        }
        // Both have the same columns (`udp4_format_sock`, `raw_sock_seq_show`).
        Table::Udp(_) | Table::Raw(_) => {
            let entry = UdpNetEntries::from_read(Cursor::new(file), &system).ok()?.0.pop()?;
            let state = State::from_kernel(entry.state.to_u8());
            let (local, peer) = (entry.local_address, entry.remote_address);
            let mut socket = socket(family, table.protocol(), state, local, peer);
            if socket.protocol == Protocol::Raw {
                socket.local = Endpoint::Raw { addr: local.ip(), protocol: local.port() };
            }
            socket.uid = Some(entry.uid);
            socket.inode = u32::try_from(entry.inode).ok().and_then(Inode::new);
            socket.recv_q = RecvQueue::Truesize(Truesize(entry.rx_queue.into()));
            socket.send_q = SendQueue::Truesize(Truesize(entry.tx_queue.into()));
            Some(socket)
        }
        _ => None,
    }
}

fn socket(family: Family, protocol: Protocol, state: State, local: SocketAddr, peer: SocketAddr) -> Socket {
    let endpoint = |address: SocketAddr| Endpoint::Ip { addr: address.ip(), port: address.port() };
    let mut socket = Socket::unknown(family, protocol, state);
    socket.local = endpoint(local);
    socket.peer = endpoint(peer);
    socket
}
