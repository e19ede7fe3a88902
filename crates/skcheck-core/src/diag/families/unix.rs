//! Unix sockets (`struct unix_diag_msg` of linux/unix_diag.h).

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, Parseable};
use netlink_packet_sock_diag::unix::{ShowFlags, StateFlags, UnixRequest, UnixResponseHeader};
use netlink_packet_sock_diag::{
    SockDiagMessage, UNIX_DIAG_ICONS, UNIX_DIAG_MEMINFO, UNIX_DIAG_NAME, UNIX_DIAG_PEER, UNIX_DIAG_RQLEN,
    UNIX_DIAG_SHUTDOWN,
};

use crate::diag::attributes::{attributes, cookie, decoded, u32_at};
use crate::diag::message::{NO_COOKIE, emit};
use crate::diag::record::Record;
use crate::diag::states::States;
use crate::model::endpoint::Endpoint;
use crate::model::protocol::{Family, Protocol};
use crate::model::queues::queues;
use crate::model::skmem::SkMem;
use crate::model::socket::{Inode, Shutdown, Socket};
use crate::model::state::State;

/// `sizeof(struct unix_diag_msg)`.
const HEADER: usize = 16;
/// Since Linux 5.3; the crate does not know it.
const UNIX_DIAG_UID: u16 = 7;
/// `UDIAG_SHOW_UID`, which the crate does not know.
const SHOW_UID: u32 = 0x40;

/// A request for every unix socket.
pub(super) fn dump(states: States, sequence: u32) -> Vec<u8> {
    emit(unix_dump(states, ShowFlags::empty()), NLM_F_REQUEST | NLM_F_DUMP, sequence)
}

pub(in crate::diag) fn unix_show() -> ShowFlags {
    ShowFlags::NAME
        | ShowFlags::PEER
        | ShowFlags::RQLEN
        | ShowFlags::MEMINFO
        | ShowFlags::from_bits_retain(SHOW_UID)
}

pub(in crate::diag) fn unix_dump(states: States, extra: ShowFlags) -> SockDiagMessage {
    // The crate's own flags name two states; sockets that are not connected are in neither.
    SockDiagMessage::UnixRequest(UnixRequest {
        state_flags: StateFlags::from_bits_retain(states.bits()),
        inode: 0,
        show_flags: unix_show() | extra,
        cookie: NO_COOKIE,
    })
}

pub(super) fn record<'a>(payload: &'a [u8], bad_attributes: &mut u64) -> Option<Record<'a>> {
    let header = UnixResponseHeader::parse(payload).ok()?;
    let mut record = Record::of(of_header(&header)?);
    let mut cut = 0;
    for (kind, value) in attributes(payload.get(HEADER..)?, bad_attributes) {
        let socket = &mut record.socket;
        match kind {
            UNIX_DIAG_NAME => record.unix_name = Some(value),
            UNIX_DIAG_PEER => socket.peer_inode = decoded(u32_at(value, 0), &mut cut).and_then(Inode::new),
            UNIX_DIAG_ICONS => {
                cut += u64::from(value.len() % 4 != 0);
                record.pending = Some(value);
            }
            UNIX_DIAG_RQLEN => match (u32_at(value, 0), u32_at(value, 4)) {
                (Some(recv), Some(send)) => {
                    (socket.recv_q, socket.send_q) = queues(socket.protocol, socket.state, recv, send);
                }
                _ => cut += 1,
            },
            UNIX_DIAG_MEMINFO => socket.skmem = SkMem::from_bytes(value),
            UNIX_DIAG_SHUTDOWN => {
                socket.shutdown = decoded(value.first(), &mut cut).map(|&b| Shutdown::from_kernel(b));
            }
            UNIX_DIAG_UID => socket.uid = decoded(u32_at(value, 0), &mut cut),
            _ => {}
        }
    }
    *bad_attributes += cut;
    Some(record)
}

/// What the header alone tells of a socket.
fn of_header(header: &UnixResponseHeader) -> Option<Socket> {
    let protocol = match header.kind {
        1 => Protocol::UnixStream,
        2 => Protocol::UnixDatagram,
        5 => Protocol::UnixSeqpacket,
        _ => return None,
    };
    let mut socket = Socket::unknown(Family::Unix, protocol, State::from_kernel(header.state));
    socket.local = Endpoint::Unnamed;
    socket.inode = Inode::new(header.inode);
    socket.cookie = cookie(&header.cookie);
    Some(socket)
}
