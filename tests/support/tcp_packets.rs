//! TCP packets by hand, over IPv4 loopback: to make a hole in a stream, which no socket call can.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, ipproto};

use super::sockets::socket_of;

const ACK: u8 = 0x10;

/// A raw socket: sees every TCP packet that arrives over IPv4, and sends any.
pub(crate) struct Wire(OwnedFd);

/// What of a packet a test needs to continue its stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    from: u16,
    to: u16,
    sequence: u32,
    acknowledged: u32,
    payload: u32,
}

impl Wire {
    /// Needs CAP_NET_RAW; to be used in a network namespace that is otherwise silent.
    pub(crate) fn open() -> Wire {
        Wire(socket_of(AddressFamily::INET, SocketType::RAW, Some(ipproto::TCP)))
    }

    /// Waits for a packet with `payload` bytes of data from one port to another.
    pub(crate) fn wait_for(&self, from: u16, to: u16, payload: u32) -> Seen {
        let mut packet = [0; 65536];
        loop {
            let (length, _) = rustix::net::recv(&self.0, &mut packet, RecvFlags::empty()).expect("a packet");
            let seen = read(&packet[..length]);
            if (seen.from, seen.to, seen.payload) == (from, to, payload) {
                return seen;
            }
        }
    }

    /// Sends `payload` bytes that belong `hole` bytes behind the end of `after`.
    pub(crate) fn send_beyond(&self, after: Seen, hole: u32, payload: usize) {
        let sequence = after.sequence.wrapping_add(after.payload).wrapping_add(hole);
        let mut segment = Vec::new();
        segment.extend(after.from.to_be_bytes());
        segment.extend(after.to.to_be_bytes());
        segment.extend(sequence.to_be_bytes());
        segment.extend(after.acknowledged.to_be_bytes());
        segment.extend([5 << 4, ACK]);
        segment.extend(1024u16.to_be_bytes()); // window
        segment.extend([0; 4]); // checksum, urgent pointer
        segment.resize(segment.len() + payload, b'x');
        let sum = checksum(&segment);
        segment[16..18].copy_from_slice(&sum.to_be_bytes());
        let to = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
        let sent = rustix::net::sendto(&self.0, &segment, SendFlags::empty(), &to);
        assert_eq!(sent.expect("loopback takes it"), segment.len());
    }
}

fn read(packet: &[u8]) -> Seen {
    let tcp = &packet[usize::from(packet[0] & 0xf) * 4..];
    let word = |at: usize| u16::from_be_bytes([tcp[at], tcp[at + 1]]);
    let long = |at: usize| u32::from(word(at)) << 16 | u32::from(word(at + 2));
    let header = usize::from(tcp[12] >> 4) * 4;
    Seen {
        from: word(0),
        to: word(2),
        sequence: long(4),
        acknowledged: long(8),
        payload: (tcp.len() - header).try_into().expect("a packet is small"),
    }
}

/// The Internet checksum of a segment from and to 127.0.0.1, with its pseudo header (RFC 9293).
fn checksum(segment: &[u8]) -> u16 {
    let mut pseudo = vec![127, 0, 0, 1, 127, 0, 0, 1, 0, 6];
    pseudo.extend(u16::try_from(segment.len()).expect("a segment is small").to_be_bytes());
    pseudo.extend(segment);
    pseudo.resize(pseudo.len().next_multiple_of(2), 0);
    let sum: u32 = pseudo.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    !u16::try_from(folded).expect("folded")
}
