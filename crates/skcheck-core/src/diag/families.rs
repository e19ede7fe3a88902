//! How each table is asked for and its answer decoded: one file a family.

pub(super) mod inet;
pub(super) mod mptcp;
pub(super) mod netlink;
pub(super) mod packet;
pub(super) mod unix;
mod vsock;

use netlink_packet_sock_diag::{
    AF_INET, AF_INET6, AF_UNIX, IPPROTO_RAW, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE,
};

use crate::diag::record::Record;
use crate::diag::states::States;
use crate::model::table::Table;

/// A request for every socket of a table, with its memory numbers. Not with `INET_DIAG_INFO`: for that the
/// kernel locks each socket (`tcp_get_info`, `mptcp_diag_fill_info`), and waits for whoever has the lock.
pub(super) fn dump(table: Table, states: States, sequence: u32) -> Vec<u8> {
    match table {
        Table::Tcp(version) => inet::dump(version, IPPROTO_TCP, states, sequence),
        Table::Udp(version) => inet::dump(version, IPPROTO_UDP, states, sequence),
        Table::UdpLite(version) => inet::dump(version, IPPROTO_UDPLITE, states, sequence),
        Table::Raw(version) => inet::dump(version, IPPROTO_RAW, states, sequence),
        Table::Ping(version) => inet::dump(version, inet::IPPROTO_ICMP, states, sequence),
        Table::Mptcp(version) => inet::dump_mptcp(version, states, sequence),
        Table::Unix => unix::dump(states, sequence),
        Table::Packet => packet::dump(sequence),
        Table::Netlink => netlink::dump(sequence),
        Table::Vsock => vsock::dump(states, sequence),
    }
}

/// A message of a table's answer, as far as it can be decoded.
pub(super) fn record<'a>(table: Table, payload: &'a [u8], bad_attributes: &mut u64) -> Option<Record<'a>> {
    let family = *payload.first()?;
    let is_of = |expected: &[u8]| expected.contains(&family).then_some(());
    match table {
        Table::Tcp(_)
        | Table::Udp(_)
        | Table::UdpLite(_)
        | Table::Mptcp(_)
        | Table::Raw(_)
        | Table::Ping(_) => {
            is_of(&[AF_INET, AF_INET6])?;
            inet::record(table, payload, bad_attributes)
        }
        Table::Unix => {
            is_of(&[AF_UNIX])?;
            unix::record(payload, bad_attributes)
        }
        Table::Packet => {
            is_of(&[packet::FAMILY])?;
            packet::record(payload, bad_attributes)
        }
        Table::Netlink => {
            is_of(&[netlink::FAMILY])?;
            netlink::record(payload, bad_attributes)
        }
        Table::Vsock => {
            is_of(&[vsock::FAMILY])?;
            vsock::record(payload)
        }
    }
}
