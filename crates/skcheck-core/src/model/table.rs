//! The tables of sockets that the kernel has.

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
