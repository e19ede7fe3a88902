//! The tables of sockets that the kernel has.

use crate::model::protocol::{Family, Protocol};

/// One table of the kernel, which one dump reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Table {
    /// TCP of one IP family.
    Tcp(IpVersion),
    /// UDP of one IP family.
    Udp(IpVersion),
    /// UDP-Lite of one IP family.
    UdpLite(IpVersion),
    /// All unix sockets; the kernel does not separate stream, datagram and seqpacket.
    Unix,
    /// MPTCP of one IP family. Its subflows are in the TCP table.
    Mptcp(IpVersion),
    /// Raw sockets of one IP family.
    Raw(IpVersion),
    /// Ping sockets of one IP family. NETLINK_SOCK_DIAG does not tell of them: /proc/net does.
    Ping(IpVersion),
    /// Packet sockets.
    Packet,
    /// Netlink sockets of every protocol.
    Netlink,
    /// Vsock sockets; the kernel does not separate stream, datagram and seqpacket.
    Vsock,
}

/// The version of IP of a [`Table`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IpVersion {
    /// IPv4, `AF_INET`.
    V4,
    /// IPv6, `AF_INET6`.
    V6,
}

impl Table {
    /// What the sockets of this table speak; for unix and vsock the record itself tells.
    pub fn protocol(self) -> Protocol {
        self.row().protocol
    }

    /// The table's name for people, such as `tcp over IPv6`.
    pub fn name(self) -> &'static str {
        self.pick(self.row().name.full)
    }

    /// The table's name without the version of IP, one lower-case word: `tcp`, `udp`, `udplite`, `unix`, `mptcp`,
    /// `raw`, `ping`, `packet`, `netlink` or `vsock`.
    pub fn short_name(self) -> &'static str {
        self.row().name.word
    }

    /// The kernel module that answers for this table; `None`: no kernel has one.
    pub fn module(self) -> Option<&'static str> {
        self.row().module
    }

    /// The table's file below /proc/net. MPTCP and vsock have none: a switch and a device tell where the
    /// kernel knows them.
    pub fn proc_file(self) -> &'static str {
        self.pick(self.row().proc_files)
    }

    /// The address family of its sockets. An IPv6 table has sockets that talk IPv4, too.
    pub fn family(self) -> Family {
        self.pick(self.row().families)
    }
}
