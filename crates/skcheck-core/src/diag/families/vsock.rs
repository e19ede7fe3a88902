//! Vsock sockets: linux/vm_sockets_diag.h.

use netlink_packet_core::NLM_F_DUMP;

use crate::diag::attributes::{cookie, u32_at};
use crate::diag::message::{NO_COOKIE, message};
use crate::diag::record::Record;
use crate::diag::states::States;
use crate::model::endpoint::Endpoint;
use crate::model::protocol::{Family, Protocol};
use crate::model::socket::{Inode, Shutdown, Socket};
use crate::model::state::State;

/// `AF_VSOCK`.
pub(super) const FAMILY: u8 = 40;

/// A request for every vsock socket (`struct vsock_diag_req`).
pub(super) fn dump(states: States, sequence: u32) -> Vec<u8> {
    let mut body = vec![FAMILY, 0, 0, 0];
    body.extend(states.bits().to_ne_bytes());
    body.extend(0u32.to_ne_bytes()); // of any inode
    body.extend(0u32.to_ne_bytes()); // there is nothing more to show
    body.extend(NO_COOKIE);
    message(&body, NLM_F_DUMP, sequence)
}

/// `struct vsock_diag_msg` (`sk_diag_fill` of net/vmw_vsock/diag.c). It tells of no queue and no memory, and
/// has no attributes.
pub(super) fn record(payload: &[u8]) -> Option<Record<'_>> {
    let &[_, kind, state, shutdown, ..] = payload else { return None };
    let protocol = match kind {
        1 => Protocol::VsockStream,
        2 => Protocol::VsockDatagram,
        5 => Protocol::VsockSeqpacket,
        _ => return None,
    };
    let mut socket = Socket::unknown(Family::Vsock, protocol, State::from_kernel(state));
    socket.shutdown = Some(Shutdown::from_kernel(shutdown));
    socket.local = endpoint(payload, 4)?;
    socket.peer = endpoint(payload, 12)?;
    socket.inode = Inode::new(u32_at(payload, 20)?);
    socket.cookie = Some(cookie(payload.get(24..)?)?);
    Some(Record::of(socket))
}

fn endpoint(payload: &[u8], at: usize) -> Option<Endpoint> {
    // `VMADDR_CID_ANY` and `VMADDR_PORT_ANY`.
    const ANY: u32 = u32::MAX;
    let (cid, port) = (u32_at(payload, at)?, u32_at(payload, at + 4)?);
    Some(Endpoint::Vsock { cid: Some(cid).filter(|it| *it != ANY), port: Some(port).filter(|it| *it != ANY) })
}
