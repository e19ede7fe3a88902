//! The tables of sockets that the kernel has.

use crate::model::protocol::Protocol;

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
    /// What the sockets of this table speak; for unix the record itself tells.
    pub fn protocol(self) -> Protocol {
        match self {
            Table::Tcp(_) => Protocol::Tcp,
            Table::Udp(_) => Protocol::Udp,
            Table::UdpLite(_) => Protocol::UdpLite,
            Table::Unix => Protocol::UnixStream,
            Table::Mptcp(_) => Protocol::Mptcp,
            Table::Raw(_) => Protocol::Raw,
            Table::Ping(_) => Protocol::Ping,
            Table::Packet => Protocol::Packet,
            Table::Netlink => Protocol::Netlink,
        }
    }

    /// The table's name for people, such as `tcp over IPv6`.
    pub fn name(self) -> &'static str {
        use IpVersion::{V4, V6};
        match self {
            Table::Tcp(V4) => "tcp over IPv4",
            Table::Tcp(V6) => "tcp over IPv6",
            Table::Udp(V4) => "udp over IPv4",
            Table::Udp(V6) => "udp over IPv6",
            Table::UdpLite(V4) => "udplite over IPv4",
            Table::UdpLite(V6) => "udplite over IPv6",
            Table::Unix => "unix",
            Table::Mptcp(V4) => "mptcp over IPv4",
            Table::Mptcp(V6) => "mptcp over IPv6",
            Table::Raw(V4) => "raw over IPv4",
            Table::Raw(V6) => "raw over IPv6",
            Table::Ping(V4) => "ping over IPv4",
            Table::Ping(V6) => "ping over IPv6",
            Table::Packet => "packet",
            Table::Netlink => "netlink",
        }
    }

    /// The kernel module that answers for this table; `None`: no kernel has one.
    pub fn module(self) -> Option<&'static str> {
        Some(match self {
            Table::Tcp(_) => "tcp_diag",
            Table::Udp(_) | Table::UdpLite(_) => "udp_diag",
            Table::Unix => "unix_diag",
            Table::Mptcp(_) => "mptcp_diag",
            Table::Raw(_) => "raw_diag",
            Table::Packet => "af_packet_diag",
            Table::Netlink => "netlink_diag",
            Table::Ping(_) => return None,
        })
    }

    /// The table's file below /proc/net. MPTCP has none; its switch is there where the kernel knows it.
    pub fn proc_file(self) -> &'static str {
        use IpVersion::{V4, V6};
        match self {
            Table::Tcp(V4) => "/proc/net/tcp",
            Table::Tcp(V6) => "/proc/net/tcp6",
            Table::Udp(V4) => "/proc/net/udp",
            Table::Udp(V6) => "/proc/net/udp6",
            Table::UdpLite(V4) => "/proc/net/udplite",
            Table::UdpLite(V6) => "/proc/net/udplite6",
            Table::Unix => "/proc/net/unix",
            Table::Mptcp(_) => "/proc/sys/net/mptcp/enabled",
            Table::Raw(V4) => "/proc/net/raw",
            Table::Raw(V6) => "/proc/net/raw6",
            Table::Ping(V4) => "/proc/net/icmp",
            Table::Ping(V6) => "/proc/net/icmp6",
            Table::Packet => "/proc/net/packet",
            Table::Netlink => "/proc/net/netlink",
        }
    }
}
