//! Address families and protocols.

use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign, Sub, SubAssign};

/// The address family of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// `AF_INET`.
    Ipv4,
    /// `AF_INET6`. A dual-stack socket that talks IPv4 is of this family, with mapped addresses.
    Ipv6,
    /// `AF_UNIX`.
    Unix,
    /// `AF_PACKET`.
    Packet,
    /// `AF_NETLINK`.
    Netlink,
    /// `AF_VSOCK`.
    Vsock,
}

impl Family {
    /// The family's lower-case name: `inet`, `inet6`, `unix`, `packet`, `netlink` or `vsock`.
    pub fn name(self) -> &'static str {
        match self {
            Family::Ipv4 => "inet",
            Family::Ipv6 => "inet6",
            Family::Unix => "unix",
            Family::Packet => "packet",
            Family::Netlink => "netlink",
            Family::Vsock => "vsock",
        }
    }
}

/// What a socket speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// UDP-Lite (RFC 3828).
    UdpLite,
    /// `AF_UNIX`, `SOCK_STREAM`.
    UnixStream,
    /// `AF_UNIX`, `SOCK_DGRAM`.
    UnixDatagram,
    /// `AF_UNIX`, `SOCK_SEQPACKET`.
    UnixSeqpacket,
    /// Multipath TCP: one socket over several TCP connections, its subflows.
    Mptcp,
    /// `SOCK_RAW` of an IP family: every packet of one protocol above IP.
    Raw,
    /// `SOCK_DGRAM` with `IPPROTO_ICMP` or `IPPROTO_ICMPV6`: answers to echo requests.
    Ping,
    /// `AF_PACKET`: frames as devices send and receive them.
    Packet,
    /// `AF_NETLINK`: messages from and to the kernel.
    Netlink,
    /// `AF_VSOCK`, `SOCK_STREAM`: between virtual machines and their host.
    VsockStream,
    /// `AF_VSOCK`, `SOCK_DGRAM`.
    VsockDatagram,
    /// `AF_VSOCK`, `SOCK_SEQPACKET`.
    VsockSeqpacket,
}

impl Protocol {
    /// The protocol's lower-case name: `tcp`, `udp`, `udplite`, `unix_stream`, `unix_dgram`,
    /// `unix_seqpacket`, `mptcp`, `raw`, `ping`, `packet`, `netlink`, `vsock_stream`, `vsock_dgram` or
    /// `vsock_seqpacket`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The name that fits in a column, as short as that of `ss`: `u_str`, `u_dgr`, `u_seq`, `v_str`,
    /// `v_dgr`, `v_seq`, else its [`name`](Self::name).
    pub fn short_name(self) -> &'static str {
        self.row().short_name
    }

    /// The switch of the command that asks for it, alone or with its kin: `tcp`, `udp` (UDP-Lite too), `unix`,
    /// `mptcp`, `raw` (ping too), `packet`, `netlink` or `vsock`.
    pub fn flag(self) -> &'static str {
        self.row().flag
    }

    /// Whether it is one of the three of `AF_UNIX`, whose memory the kernel charges to the sender.
    pub fn is_unix(self) -> bool {
        self.row().charges_senders
    }

    /// Whether its sockets have one other end, which acknowledges what it has received: TCP and MPTCP.
    pub(crate) fn is_acknowledged(self) -> bool {
        self.row().is_acknowledged
    }

    /// Whether what its sockets have sent waits for a program to read it (TCP, MPTCP, unix), and not for a
    /// device or the kernel.
    pub fn waits_for_reader(self) -> bool {
        self.row().waits_for_reader
    }
}

/// A set of protocols.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Protocols(u32);

impl Protocols {
    /// No protocol.
    pub const NONE: Protocols = Protocols(0);
    /// Every protocol.
    pub const ALL: Protocols = Protocols::of(&Protocol::ALL);
    /// TCP.
    pub const TCP: Protocols = Protocols::of(&[Protocol::Tcp]);
    /// UDP and UDP-Lite.
    pub const UDP: Protocols = Protocols::of(&[Protocol::Udp, Protocol::UdpLite]);
    /// The three of `AF_UNIX`.
    pub const UNIX: Protocols =
        Protocols::of(&[Protocol::UnixStream, Protocol::UnixDatagram, Protocol::UnixSeqpacket]);
    /// MPTCP. Its subflows are parts of its sockets.
    pub const MPTCP: Protocols = Protocols::of(&[Protocol::Mptcp]);
    /// Raw and ping sockets.
    pub const RAW: Protocols = Protocols::of(&[Protocol::Raw, Protocol::Ping]);
    /// Packet sockets.
    pub const PACKET: Protocols = Protocols::of(&[Protocol::Packet]);
    /// Netlink sockets.
    pub const NETLINK: Protocols = Protocols::of(&[Protocol::Netlink]);
    /// The three of `AF_VSOCK`.
    pub const VSOCK: Protocols =
        Protocols::of(&[Protocol::VsockStream, Protocol::VsockDatagram, Protocol::VsockSeqpacket]);

    /// These.
    pub const fn of(protocols: &[Protocol]) -> Protocols {
        let mut bits = 0;
        let mut left = protocols;
        while let [first, rest @ ..] = left {
            bits |= 1 << *first as u32;
            left = rest;
        }
        Protocols(bits)
    }

    /// Those that a switch of the command asks for: `tcp`, `udp`, `unix`, `mptcp`, `raw`, `packet`,
    /// `netlink`, `vsock`; none for any other name.
    pub fn of_flag(flag: &str) -> Protocols {
        Protocol::ALL.into_iter().filter(|protocol| protocol.row().flag == flag).collect()
    }

    /// Whether this one is among them.
    pub const fn contains(self, protocol: Protocol) -> bool {
        self.0 & 1 << protocol as u32 != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Protocol> {
        Protocol::ALL.into_iter().filter(move |protocol| self.contains(*protocol))
    }
}

impl fmt::Debug for Protocols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Protocol::name)).finish()
    }
}

impl FromIterator<Protocol> for Protocols {
    fn from_iter<I: IntoIterator<Item = Protocol>>(protocols: I) -> Protocols {
        protocols.into_iter().fold(Protocols::NONE, |all, protocol| all | Protocols::of(&[protocol]))
    }
}

impl BitOr for Protocols {
    type Output = Protocols;

    fn bitor(self, other: Protocols) -> Protocols {
        Protocols(self.0 | other.0)
    }
}

impl BitOrAssign for Protocols {
    fn bitor_assign(&mut self, other: Protocols) {
        self.0 |= other.0;
    }
}

impl BitAnd for Protocols {
    type Output = Protocols;

    fn bitand(self, other: Protocols) -> Protocols {
        Protocols(self.0 & other.0)
    }
}

impl Sub for Protocols {
    type Output = Protocols;

    fn sub(self, other: Protocols) -> Protocols {
        Protocols(self.0 & !other.0)
    }
}

impl SubAssign for Protocols {
    fn sub_assign(&mut self, other: Protocols) {
        self.0 &= !other.0;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn switches_ask_for_every_protocol() {
        let named = [
            ("tcp", Protocols::TCP),
            ("udp", Protocols::UDP),
            ("unix", Protocols::UNIX),
            ("mptcp", Protocols::MPTCP),
            ("raw", Protocols::RAW),
            ("packet", Protocols::PACKET),
            ("netlink", Protocols::NETLINK),
            ("vsock", Protocols::VSOCK),
        ];
        let flags: BTreeSet<&str> = Protocol::ALL.iter().map(|protocol| protocol.row().flag).collect();
        assert_eq!(flags, named.iter().map(|(flag, _)| *flag).collect());
        for (flag, protocols) in named {
            assert_eq!(Protocols::of_flag(flag), protocols, "{flag}");
        }
        assert_eq!(named.iter().fold(Protocols::NONE, |all, (_, it)| all | *it), Protocols::ALL);
        assert_eq!(Protocols::of_flag("sctp"), Protocols::NONE);
    }

    #[test]
    fn sets() {
        let mut set = Protocols::ALL - Protocols::UNIX;
        assert!(!set.contains(Protocol::UnixDatagram) && set.contains(Protocol::Tcp));
        set -= Protocols::ALL;
        assert!(set.is_empty());
        set |= Protocols::RAW;
        assert_eq!(set.iter().collect::<Vec<Protocol>>(), [Protocol::Raw, Protocol::Ping]);
        assert_eq!(format!("{set:?}"), r#"{"raw", "ping"}"#);
        assert_eq!(set & Protocols::of(&[Protocol::Ping, Protocol::Tcp]), Protocols::of(&[Protocol::Ping]));
    }
}
