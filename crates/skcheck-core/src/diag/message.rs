//! Messages to NETLINK_SOCK_DIAG as bytes, whatever they ask for.

use netlink_packet_core::{NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_sock_diag::{SOCK_DIAG_BY_FAMILY, SockDiagMessage};

/// `INET_DIAG_NOCOOKIE`: match any cookie.
pub(super) const NO_COOKIE: [u8; 8] = [0xff; 8];

/// A request with this body, for tables that the crate does not know.
pub(super) fn message(body: &[u8], flags: u16, sequence: u32) -> Vec<u8> {
    let mut message = vec![0; 4];
    message.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    message.extend((NLM_F_REQUEST | flags).to_ne_bytes());
    message.extend(sequence.to_ne_bytes());
    message.extend(0u32.to_ne_bytes()); // to the kernel
    message.extend(body);
    with_length(message)
}

/// A message with this attribute at its end; its value has whole words.
pub(super) fn with_attribute(mut message: Vec<u8>, kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    message.extend(length.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(value);
    with_length(message)
}

/// A message with its length where it belongs: a request has some ninety bytes.
pub(super) fn with_length(mut message: Vec<u8>) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    if let Some(place) = message.first_chunk_mut() {
        *place = length.to_ne_bytes();
    }
    message
}

pub(super) fn emit(message: SockDiagMessage, flags: u16, sequence: u32) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    header.flags = flags;
    header.sequence_number = sequence;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(message));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}
