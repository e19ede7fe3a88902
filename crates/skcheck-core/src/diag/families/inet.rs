//! Sockets of the IP families: TCP, MPTCP, UDP, UDP-Lite and raw (`struct inet_diag_msg` of
//! linux/inet_diag.h).

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, Parseable};
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, InetResponseHeader, SocketId, StateFlags};
use netlink_packet_sock_diag::{
    AF_INET, AF_INET6, INET_DIAG_INFO, INET_DIAG_SHUTDOWN, INET_DIAG_SKMEMINFO, INET_DIAG_SKV6ONLY,
    SockDiagMessage,
};

use crate::diag::attributes::{attributes, cookie, decoded, u64_at};
use crate::diag::families::mptcp;
use crate::diag::message::{NO_COOKIE, emit, with_attribute};
use crate::diag::record::Record;
use crate::diag::states::States;
use crate::model::endpoint::Endpoint;
use crate::model::protocol::Family;
use crate::model::queues::queues;
use crate::model::skmem::SkMem;
use crate::model::socket::{Inode, Mptcp, Shutdown, Socket};
use crate::model::state::State;
use crate::model::table::{IpVersion, Table};
use crate::model::tcp::TcpInfo;

/// `sizeof(struct inet_diag_msg)`.
const HEADER: usize = 72;
/// The crate does not know these.
const INET_DIAG_ULP_INFO: u16 = 19;
/// Since Linux 5.8.
const INET_DIAG_CGROUP_ID: u16 = 21;

pub(super) const IPPROTO_ICMP: u8 = 1;
pub(in crate::diag) const IPPROTO_MPTCP: u32 = 262;
/// An attribute of `struct inet_diag_req_v2`, since Linux 5.9: a protocol of more than 8 bits.
pub(in crate::diag) const INET_DIAG_REQ_PROTOCOL: u16 = 3;

/// A request for every socket of one protocol and one version of IP.
pub(super) fn dump(version: IpVersion, protocol: u8, states: States, sequence: u32) -> Vec<u8> {
    let (family, mut socket_id) = match version {
        IpVersion::V4 => (AF_INET, SocketId::new_v4()),
        IpVersion::V6 => (AF_INET6, SocketId::new_v6()),
    };
    socket_id.cookie = NO_COOKIE;
    let message = SockDiagMessage::InetRequest(InetRequest {
        family,
        protocol,
        extensions: ExtensionFlags::SKMEMINFO | ExtensionFlags::SHUTDOWN,
        states: StateFlags::from_bits_retain(states.bits()),
        socket_id,
    });
    emit(message, NLM_F_REQUEST | NLM_F_DUMP, sequence)
}

/// A request for every MPTCP socket of one version of IP. Its number is in no byte: an attribute says it. A
/// kernel that does not know that finds no protocol 0.
pub(super) fn dump_mptcp(version: IpVersion, states: States, sequence: u32) -> Vec<u8> {
    let asked = dump(version, 0, states, sequence);
    with_attribute(asked, INET_DIAG_REQ_PROTOCOL, &IPPROTO_MPTCP.to_ne_bytes())
}

pub(super) fn record<'a>(table: Table, payload: &'a [u8], bad_attributes: &mut u64) -> Option<Record<'a>> {
    let header = InetResponseHeader::parse(payload).ok()?;
    let mut record = Record::of(of_header(table, &header));
    let is_mptcp = matches!(table, Table::Mptcp(_));
    let mut bad_within = 0;
    for (kind, value) in attributes(payload.get(HEADER..)?, bad_attributes) {
        let socket = &mut record.socket;
        match kind {
            INET_DIAG_SKMEMINFO => socket.skmem = SkMem::from_bytes(value),
            INET_DIAG_INFO if is_mptcp => socket.mptcp = Some(mptcp::of_info(value)),
            INET_DIAG_INFO => socket.tcp_info = Some(TcpInfo::from_bytes(value)),
            INET_DIAG_ULP_INFO => socket.mptcp = mptcp::of_ulp(value, &mut bad_within),
            INET_DIAG_SHUTDOWN => {
                let bits = decoded(value.first(), &mut bad_within);
                socket.shutdown = bits.map(|&b| Shutdown::from_kernel(b));
            }
            INET_DIAG_CGROUP_ID => socket.cgroup_id = decoded(u64_at(value, 0), &mut bad_within),
            INET_DIAG_SKV6ONLY => record.v6only = decoded(value.first(), &mut bad_within).map(|&b| b != 0),
            _ => {}
        }
    }
    *bad_attributes += bad_within;
    Some(record)
}

/// What the header alone tells of a socket.
fn of_header(table: Table, header: &InetResponseHeader) -> Socket {
    let family = if header.family == AF_INET6 { Family::Ipv6 } else { Family::Ipv4 };
    let id = &header.socket_id;
    let state = match (table, State::from_kernel(header.state)) {
        // TCP_BOUND_INACTIVE is a state of requests alone; the record says TCP_CLOSE
        // (`inet_diag_dump_icsk`).
        (Table::Tcp(_), State::Close) if id.destination_port == 0 => State::BoundInactive,
        (_, state) => state,
    };
    let mut socket = Socket::unknown(family, table.protocol(), state);
    socket.local = if matches!(table, Table::Raw(_)) {
        // What a raw socket has for a port is the protocol that it gets (`inet_num`).
        Endpoint::Raw { addr: id.source_address, protocol: id.source_port }
    } else {
        Endpoint::Ip { addr: id.source_address, port: id.source_port }
    };
    socket.peer = Endpoint::Ip { addr: id.destination_address, port: id.destination_port };
    socket.interface = (id.interface_id != 0).then_some(id.interface_id);
    socket.uid = Some(header.uid);
    socket.inode = Inode::new(header.inode);
    socket.cookie = cookie(&id.cookie);
    (socket.recv_q, socket.send_q) = queues(socket.protocol, state, header.recv_queue, header.send_queue);
    socket.mptcp = matches!(table, Table::Mptcp(_)).then(Mptcp::default);
    socket
}
