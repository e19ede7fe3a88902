//! Requests for NETLINK_SOCK_DIAG as bytes. Pure.

use std::net::IpAddr;

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST};
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, SocketId, StateFlags};
use netlink_packet_sock_diag::unix::{self, ShowFlags, UnixRequest};
use netlink_packet_sock_diag::{AF_INET, AF_INET6, IPPROTO_TCP, SockDiagMessage};

use crate::diag::families;
use crate::diag::families::inet::{INET_DIAG_REQ_PROTOCOL, IPPROTO_MPTCP};
use crate::diag::families::unix::{unix_dump, unix_show};
use crate::diag::message::{NO_COOKIE, emit, with_attribute};
pub use crate::diag::states::States;
use crate::model::endpoint::{Endpoint, canonical};
use crate::model::protocol::Protocol;
use crate::model::socket::{Inode, Socket};
use crate::model::state::State;
use crate::model::table::{IpVersion, Table};

/// A request for every socket of a table, with its memory numbers.
pub fn dump(table: Table, states: States, sequence: u32) -> Vec<u8> {
    families::dump(table, states, sequence)
}

/// A request for all unix listeners with the inodes of those who wait to be accepted.
///
/// A listener with very many of them vanishes from the answer: compare with [`dump`].
pub fn dump_pending_unix(sequence: u32) -> Vec<u8> {
    let message = unix_dump(States::Listening, ShowFlags::ICONS);
    emit(message, NLM_F_REQUEST | NLM_F_DUMP, sequence)
}

/// A request for one TCP socket by its addresses, with memory numbers, and with `tcp_info` where that is
/// asked for: then the kernel locks the socket.
///
/// `local` and `peer` are as that socket sees them. `None` when they are not IP endpoints. When
/// the connection is gone the kernel answers with the listener instead: compare the answer.
pub fn exact_tcp(
    local: &Endpoint,
    peer: &Endpoint,
    interface: Option<u32>,
    with_info: bool,
    sequence: u32,
) -> Option<Vec<u8>> {
    let info = if with_info { ExtensionFlags::INFO } else { ExtensionFlags::empty() };
    let (&Endpoint::Ip { addr: source_address, port: source_port }, &Endpoint::Ip { addr, port }) =
        (local, peer)
    else {
        return None;
    };
    let family = match source_address {
        IpAddr::V4(_) => AF_INET,
        IpAddr::V6(_) => AF_INET6,
    };
    let message = SockDiagMessage::InetRequest(InetRequest {
        family,
        protocol: IPPROTO_TCP,
        extensions: ExtensionFlags::SKMEMINFO | ExtensionFlags::SHUTDOWN | info,
        states: StateFlags::from_bits_retain(States::Holding.bits()),
        socket_id: SocketId {
            source_port,
            destination_port: port,
            source_address,
            destination_address: addr,
            interface_id: interface.unwrap_or(0),
            cookie: NO_COOKIE,
        },
    });
    Some(emit(message, NLM_F_REQUEST, sequence))
}

/// A request for one connection with what the kernel tells only under its lock, and the table that it is in.
/// `None` for what is no TCP or MPTCP connection.
pub fn exact_with_info(socket: &Socket, sequence: u32) -> Option<(Table, Vec<u8>)> {
    let (local, peer) = (&socket.local, &socket.peer);
    if socket.protocol == Protocol::Tcp {
        let request = exact_tcp(local, peer, socket.interface, true, sequence)?;
        return Some((Table::Tcp(IpVersion::V4), request));
    }
    let is_mptcp = socket.protocol == Protocol::Mptcp;
    is_mptcp.then(|| Some((Table::Mptcp(IpVersion::V4), exact_mptcp(local, peer, sequence)?)))?
}

/// A request for the MPTCP sockets with these two ports, with `mptcp_info`: the kernel locks them. By its
/// addresses none can be asked for, so it is a dump with a filter.
///
/// `None` when these are not IP endpoints.
pub fn exact_mptcp(local: &Endpoint, peer: &Endpoint, sequence: u32) -> Option<Vec<u8>> {
    let (&Endpoint::Ip { addr, port: source }, &Endpoint::Ip { port: destination, .. }) = (local, peer)
    else {
        return None;
    };
    let (family, mut socket_id) = match addr {
        IpAddr::V4(_) => (AF_INET, SocketId::new_v4()),
        IpAddr::V6(_) => (AF_INET6, SocketId::new_v6()),
    };
    socket_id.cookie = NO_COOKIE;
    let message = SockDiagMessage::InetRequest(InetRequest {
        family,
        protocol: 0,
        extensions: ExtensionFlags::SKMEMINFO | ExtensionFlags::SHUTDOWN | ExtensionFlags::INFO,
        states: StateFlags::from_bits_retain(States::Holding.bits()),
        socket_id,
    });
    let message = emit(message, NLM_F_REQUEST | NLM_F_DUMP, sequence);
    let message = with_attribute(message, INET_DIAG_REQ_BYTECODE, &of_ports(source, destination));
    Some(with_attribute(message, INET_DIAG_REQ_PROTOCOL, &IPPROTO_MPTCP.to_ne_bytes()))
}

/// A filter that two ports pass (`struct inet_diag_bc_op`): four conditions, each of an operation and the
/// number that it compares with. One that does not hold leads behind the end, which refuses.
fn of_ports(source: u16, destination: u16) -> Vec<u8> {
    const S_GE: u8 = 2;
    const S_LE: u8 = 3;
    const D_GE: u8 = 4;
    const D_LE: u8 = 5;
    const CONDITION: u8 = 8;
    let conditions = [(S_GE, source), (S_LE, source), (D_GE, destination), (D_LE, destination)];
    let mut filter = Vec::new();
    for ((code, port), left) in conditions.into_iter().zip((1..=4u16).rev()) {
        filter.extend([code, CONDITION]);
        filter.extend((left * u16::from(CONDITION) + 4).to_ne_bytes());
        filter.extend([0, 0]);
        filter.extend(port.to_ne_bytes());
    }
    filter
}

/// A request for one unix socket by its inode.
pub fn exact_unix(inode: Inode, sequence: u32) -> Vec<u8> {
    let message = SockDiagMessage::UnixRequest(UnixRequest {
        state_flags: unix::StateFlags::from_bits_retain(!0),
        inode: inode.get(),
        show_flags: unix_show(),
        cookie: NO_COOKIE,
    });
    emit(message, NLM_F_REQUEST, sequence)
}

/// Whether `answer` is the very socket that was asked for, and not a listener in its place.
/// Mapped and plain IPv4 addresses are the same here.
pub fn same_connection(asked: &Socket, answer: &Socket) -> bool {
    answer.state != State::Listen
        && canonical(&asked.local) == canonical(&answer.local)
        && canonical(&asked.peer) == canonical(&answer.peer)
        && (asked.cookie.is_none() || asked.cookie == answer.cookie)
}

/// An attribute of `struct inet_diag_req_v2`, which the crate does not know.
const INET_DIAG_REQ_BYTECODE: u16 = 1;
