//! Sets of protocols.

use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign, Sub, SubAssign};

use crate::model::protocol::Protocol;

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

/// Every protocol, as a [`Query`](crate::Query) asks by default.
impl Default for Protocols {
    fn default() -> Protocols {
        Protocols::ALL
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
