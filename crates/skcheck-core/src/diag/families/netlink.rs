//! Netlink sockets: linux/netlink_diag.h.

use netlink_packet_core::NLM_F_DUMP;

use crate::diag::attributes::{attributes, cookie, u32_at};
use crate::diag::message::{NO_COOKIE, message};
use crate::diag::record::Record;
use crate::model::endpoint::Endpoint;
use crate::model::protocol::{Family, Protocol};
use crate::model::skmem::SkMem;
use crate::model::socket::{Inode, Socket};
use crate::model::state::State;

/// `AF_NETLINK`.
pub(super) const FAMILY: u8 = 16;

/// `NETLINK_SOCK_DIAG`.
const SOCK_DIAG: u8 = 4;

const NETLINK_DIAG_MEMINFO: u16 = 0;

/// A request for every netlink socket (`struct netlink_diag_req`).
pub(super) fn dump(sequence: u32) -> Vec<u8> {
    const NDIAG_PROTO_ALL: u8 = !0;
    const NDIAG_SHOW_MEMINFO: u32 = 1;
    let mut body = vec![FAMILY, NDIAG_PROTO_ALL, 0, 0];
    body.extend(0u32.to_ne_bytes()); // of any inode
    body.extend(NDIAG_SHOW_MEMINFO.to_ne_bytes());
    body.extend(NO_COOKIE);
    message(&body, NLM_F_DUMP, sequence)
}

/// `struct netlink_diag_msg` and its attributes.
pub(super) fn record<'a>(payload: &'a [u8], bad_attributes: &mut u64) -> Option<Record<'a>> {
    const HEADER: usize = 28;
    let attributes = attributes(payload.get(HEADER..)?, bad_attributes);
    let &[_, _, protocol, state, ..] = payload else { return None };
    let mut socket = Socket::unknown(Family::Netlink, Protocol::Netlink, state_of(state));
    socket.local = Endpoint::Netlink { protocol, portid: u32_at(payload, 4)? };
    if socket.state == State::Established {
        socket.peer = Endpoint::Netlink { protocol, portid: u32_at(payload, 8)? };
    }
    socket.inode = Inode::new(u32_at(payload, 16)?);
    socket.cookie = cookie(payload.get(20..)?);
    for (kind, value) in attributes {
        if kind == NETLINK_DIAG_MEMINFO {
            socket.skmem = SkMem::from_bytes(value);
        }
    }
    Some(Record::of(socket.with_charges_queued()))
}

/// Netlink has states of its own: `NETLINK_UNCONNECTED` and `NETLINK_CONNECTED` (net/netlink/af_netlink.c).
fn state_of(number: u8) -> State {
    match number {
        0 => State::Close,
        1 => State::Established,
        other => State::from_kernel(other),
    }
}

/// Whether this socket is one of the two ends of the very conversation that tells of it: its answers and its
/// requests are charged to them while it lasts. `portid` is that of the asking end.
pub(in crate::diag) fn is_conversation(socket: &Socket, portid: u32) -> bool {
    matches!(socket.local, Endpoint::Netlink { protocol: SOCK_DIAG, portid: it } if it == 0 || it == portid)
}
