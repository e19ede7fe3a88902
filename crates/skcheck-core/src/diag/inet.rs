//! Sockets of the IP families: TCP, MPTCP, UDP, UDP-Lite and raw (`struct inet_diag_msg` of
//! linux/inet_diag.h).

use netlink_packet_core::Parseable;
use netlink_packet_sock_diag::inet::InetResponseHeader;
use netlink_packet_sock_diag::{
    AF_INET6, INET_DIAG_INFO, INET_DIAG_SHUTDOWN, INET_DIAG_SKMEMINFO, INET_DIAG_SKV6ONLY,
};

use crate::diag::attributes::{attributes, cookie, decoded, u64_at};
use crate::diag::mptcp;
use crate::diag::record::Record;
use crate::model::endpoint::Endpoint;
use crate::model::protocol::Family;
use crate::model::queues::queues;
use crate::model::skmem::SkMem;
use crate::model::socket::{Inode, Mptcp, Shutdown, Socket};
use crate::model::state::State;
use crate::model::table::Table;
use crate::model::tcp::TcpInfo;

/// `sizeof(struct inet_diag_msg)`.
const HEADER: usize = 72;
/// The crate does not know these.
const INET_DIAG_ULP_INFO: u16 = 19;
/// Since Linux 5.8.
const INET_DIAG_CGROUP_ID: u16 = 21;

pub(super) fn record<'a>(table: Table, payload: &'a [u8], bad_attributes: &mut u64) -> Option<Record<'a>> {
    let header = InetResponseHeader::parse(payload).ok()?;
    let family = if header.family == AF_INET6 { Family::Ipv6 } else { Family::Ipv4 };
    let id = &header.socket_id;
    let state = match (table, State::from_kernel(header.state)) {
        // TCP_BOUND_INACTIVE is a state of requests alone; the record says TCP_CLOSE
        // (`inet_diag_dump_icsk`).
        (Table::Tcp(_), State::Close) if id.destination_port == 0 => State::BoundInactive,
        (_, state) => state,
    };
    let mut socket = Socket::unknown(family, table.protocol(), state);
    socket.local = match table {
        // What a raw socket has for a port is the protocol that it gets (`inet_num`).
        Table::Raw(_) => Endpoint::Raw { addr: id.source_address, protocol: id.source_port },
        Table::Tcp(_) | Table::Udp(_) | Table::UdpLite(_) | Table::Mptcp(_) | Table::Ping(_) => {
            Endpoint::Ip { addr: id.source_address, port: id.source_port }
        }
        Table::Unix | Table::Packet | Table::Netlink => return None,
    };
    socket.peer = Endpoint::Ip { addr: id.destination_address, port: id.destination_port };
    socket.interface = (id.interface_id != 0).then_some(id.interface_id);
    socket.uid = Some(header.uid);
    socket.inode = Inode::new(header.inode);
    socket.cookie = cookie(&id.cookie);
    (socket.recv_q, socket.send_q) = queues(socket.protocol, state, header.recv_queue, header.send_queue);
    socket.mptcp = matches!(table, Table::Mptcp(_)).then(Mptcp::default);
    let mut record = Record::of(socket);
    let mut bad_within = 0;
    for (kind, value) in attributes(payload.get(HEADER..)?, bad_attributes) {
        match kind {
            INET_DIAG_SKMEMINFO => record.socket.skmem = SkMem::from_bytes(value),
            INET_DIAG_INFO if matches!(table, Table::Mptcp(_)) => {
                record.socket.mptcp = Some(mptcp::of_info(value));
            }
            INET_DIAG_INFO => record.socket.tcp_info = Some(TcpInfo::from_bytes(value)),
            INET_DIAG_ULP_INFO => record.socket.mptcp = mptcp::of_ulp(value, &mut bad_within),
            INET_DIAG_SHUTDOWN => {
                let bits = decoded(value.first(), &mut bad_within);
                record.socket.shutdown = bits.map(|&b| Shutdown::from_kernel(b));
            }
            INET_DIAG_CGROUP_ID => record.socket.cgroup_id = decoded(u64_at(value, 0), &mut bad_within),
            INET_DIAG_SKV6ONLY => record.v6only = decoded(value.first(), &mut bad_within).map(|&b| b != 0),
            _ => {}
        }
    }
    *bad_attributes += bad_within;
    Some(record)
}
