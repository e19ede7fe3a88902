//! Datagrams of NETLINK_SOCK_DIAG, built by hand.

use std::net::IpAddr;

pub(crate) const DONE: u16 = 3;
pub(crate) const ERROR: u16 = 2;
pub(crate) const BY_FAMILY: u16 = 20;

pub(crate) const MULTI: u16 = 0x2;
pub(crate) const DUMP_INTR: u16 = 0x10;

/// `INET_DIAG_SKMEMINFO`, `INET_DIAG_INFO`, `INET_DIAG_SKV6ONLY` (linux/inet_diag.h).
pub(crate) const SKMEMINFO: u16 = 7;
pub(crate) const INFO: u16 = 2;
pub(crate) const SKV6ONLY: u16 = 11;

/// `UNIX_DIAG_*` (linux/unix_diag.h).
pub(crate) const UNIX_NAME: u16 = 0;
pub(crate) const UNIX_PEER: u16 = 2;
pub(crate) const UNIX_RQLEN: u16 = 4;
pub(crate) const UNIX_MEMINFO: u16 = 5;

/// A message with its header.
pub(crate) fn message(kind: u16, flags: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(16 + payload.len()).expect("a message is small");
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend([0; 4]); // port
    bytes.extend(payload);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// The end of a dump: 0, or a negative errno.
pub(crate) fn done(sequence: u32, code: i32) -> Vec<u8> {
    message(DONE, MULTI, sequence, &code.to_ne_bytes())
}

/// A refused request.
pub(crate) fn refused(sequence: u32, errno: i32) -> Vec<u8> {
    let mut payload = (-errno).to_ne_bytes().to_vec();
    payload.extend([0; 16]); // the header of the request
    message(ERROR, 0, sequence, &payload)
}

pub(crate) fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).expect("an attribute is small");
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

pub(crate) fn words(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_ne_bytes()).collect()
}

/// A `struct inet_diag_msg` and what follows it.
#[derive(Debug, Clone)]
pub(crate) struct Inet {
    pub(crate) state: u8,
    pub(crate) local: (IpAddr, u16),
    pub(crate) peer: (IpAddr, u16),
    pub(crate) cookie: u64,
    pub(crate) recv_q: u32,
    pub(crate) send_q: u32,
    pub(crate) inode: u32,
    pub(crate) attributes: Vec<u8>,
}

impl Inet {
    /// An established IPv4 connection from port 1000 + `number` here, with this inode and cookie.
    pub(crate) fn numbered(number: u16) -> Inet {
        let localhost = IpAddr::from([127, 0, 0, 1]);
        Inet {
            state: 1,
            local: (localhost, 1000 + number),
            peer: (localhost, 9),
            cookie: number.into(),
            recv_q: 0,
            send_q: 0,
            inode: number.into(),
            attributes: Vec::new(),
        }
    }

    pub(crate) fn recv_q(mut self, bytes: u32) -> Inet {
        self.recv_q = bytes;
        self
    }

    pub(crate) fn with(mut self, kind: u16, value: &[u8]) -> Inet {
        self.attributes.extend(attribute(kind, value));
        self
    }

    pub(crate) fn payload(&self) -> Vec<u8> {
        let family = if self.local.0.is_ipv4() { 2 } else { 10 };
        let mut bytes = vec![family, self.state, 0, 0];
        bytes.extend(self.local.1.to_be_bytes());
        bytes.extend(self.peer.1.to_be_bytes());
        for (address, _) in [self.local, self.peer] {
            let mut field = match address {
                IpAddr::V4(address) => address.octets().to_vec(),
                IpAddr::V6(address) => address.octets().to_vec(),
            };
            field.resize(16, 0);
            bytes.extend(field);
        }
        bytes.extend(0u32.to_ne_bytes()); // interface
        bytes.extend(self.cookie.to_ne_bytes());
        bytes.extend(words(&[0, self.recv_q, self.send_q, 0, self.inode])); // expires, ..., uid, inode
        bytes.extend(&self.attributes);
        bytes
    }

    /// As a dump has it.
    pub(crate) fn dumped(&self, sequence: u32) -> Vec<u8> {
        message(BY_FAMILY, MULTI, sequence, &self.payload())
    }

    /// As the answer to an exact request.
    pub(crate) fn exact(&self, sequence: u32) -> Vec<u8> {
        message(BY_FAMILY, 0, sequence, &self.payload())
    }
}

/// A `struct unix_diag_msg` and its attributes.
pub(crate) fn unix(kind: u8, state: u8, inode: u32, attributes: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![1, kind, state, 0];
    bytes.extend(words(&[inode, inode, 0])); // inode, cookie
    bytes.extend(attributes.concat());
    bytes
}

/// `PACKET_DIAG_*` (linux/packet_diag.h).
pub(crate) const PACKET_INFO: u16 = 0;
pub(crate) const PACKET_RX_RING: u16 = 2;
pub(crate) const PACKET_TX_RING: u16 = 3;
pub(crate) const PACKET_UID: u16 = 5;
pub(crate) const PACKET_MEMINFO: u16 = 6;

/// A `struct packet_diag_msg` and its attributes.
pub(crate) fn packet(protocol: u16, inode: u32, attributes: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![17, 3];
    bytes.extend(protocol.to_ne_bytes());
    bytes.extend(words(&[inode, inode, 0])); // inode, cookie
    bytes.extend(attributes.concat());
    bytes
}

/// `NETLINK_DIAG_MEMINFO` (linux/netlink_diag.h).
pub(crate) const NETLINK_MEMINFO: u16 = 0;

/// A `struct netlink_diag_msg` and its attributes.
pub(crate) fn netlink(protocol: u8, portid: u32, inode: u32, attributes: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![16, 3, protocol, 0];
    bytes.extend(words(&[portid, 0, 0, inode, inode, 0])); // portid, its peer's, group, inode, cookie
    bytes.extend(attributes.concat());
    bytes
}

/// A `struct vsock_diag_msg` (linux/vm_sockets_diag.h) between two ends, each a context id and a port.
pub(crate) fn vsock(
    [kind, state, shutdown]: [u8; 3],
    local: [u32; 2],
    peer: [u32; 2],
    inode: u32,
) -> Vec<u8> {
    let mut bytes = vec![40, kind, state, shutdown];
    bytes.extend(words(&[local, peer].concat()));
    bytes.extend(words(&[inode, inode, 1])); // inode, cookie
    bytes
}
