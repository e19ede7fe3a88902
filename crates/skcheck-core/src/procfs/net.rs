//! Sockets from /proc/net, for when NETLINK_SOCK_DIAG is refused, or has no module for a table. Pure.

mod columns;

use std::io::Cursor;
use std::net::SocketAddr;

use procfs::net::{TcpNetEntries, UdpNetEntries};
use procfs::{ExplicitSystemInfo, FromReadSI};

use crate::model::endpoint::Endpoint;
use crate::model::families::row::Columns;
use crate::model::protocol::{Family, Protocol};
use crate::model::queues::{SendQueue, queues};
use crate::model::socket::{Inode, Socket};
use crate::model::state::State;
use crate::model::table::Table;
use crate::procfs::net::columns::Line;

/// The sockets of a table's file below /proc/net, line by line, so that a line that cannot be
/// parsed costs itself alone; such lines are counted.
///
/// There are no cookies and no limits of listeners in these files. A unix socket can have a name that looks
/// like further lines.
pub fn parse(table: Table, file: &[u8], mut on_socket: impl FnMut(Socket)) -> u64 {
    let mut bad_lines = 0;
    let columns = table.row().columns;
    let mut lines = file.split(|&b| b == b'\n').filter(|line| !line.is_empty());
    let Some(header) = lines.next() else { return 0 };
    let Some(columns) = columns else { return lines.count() as u64 };
    let mut single = Vec::new();
    for line in lines {
        single.clear();
        single.extend_from_slice(header);
        single.push(b'\n');
        single.extend_from_slice(line);
        let (family, line) = (table.family(), Line::new(header, line));
        let socket = match columns {
            Columns::Packet => line.packet(),
            Columns::Netlink => line.netlink(),
            Columns::Unix => line.unix(),
            Columns::Tcp => tcp(family, &single).map(|socket| line.with_drops(socket)),
            Columns::Datagram => {
                datagram(family, table.protocol(), &single).map(|socket| line.with_drops(socket))
            }
            Columns::Raw => {
                let socket = datagram(family, table.protocol(), &single).map(raw);
                socket.map(|socket| line.with_drops(socket))
            }
        };
        match socket {
            Some(socket) if is_listed(columns, &socket) => on_socket(socket),
            Some(_) => {}
            None => bad_lines += 1,
        }
    }
    bad_lines
}

/// Whether NETLINK_SOCK_DIAG would tell of a socket too: not of what TIME-WAIT leaves, nor of a unix
/// connection that nobody has accepted.
fn is_listed(columns: Columns, socket: &Socket) -> bool {
    match columns {
        Columns::Unix => socket.inode.is_some(),
        Columns::Tcp | Columns::Datagram | Columns::Raw | Columns::Packet | Columns::Netlink => {
            socket.state != State::TimeWait
        }
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
    socket.uid = Some(entry.uid);
    socket.inode = u32::try_from(entry.inode).ok().and_then(Inode::new);
    (socket.recv_q, socket.send_q) = queues(socket.protocol, state, entry.rx_queue, entry.tx_queue);
    Some(socket)
}

/// Where others have the port there is the protocol above IP.
fn raw(mut socket: Socket) -> Socket {
    if let Endpoint::Ip { addr, port } = socket.local {
        socket.local = Endpoint::Raw { addr, protocol: port };
    }
    socket
}

fn socket(family: Family, protocol: Protocol, state: State, local: SocketAddr, peer: SocketAddr) -> Socket {
    let endpoint = |address: SocketAddr| Endpoint::Ip { addr: address.ip(), port: address.port() };
    let mut socket = Socket::unknown(family, protocol, state);
    socket.local = endpoint(local);
    socket.peer = endpoint(peer);
    socket
}
