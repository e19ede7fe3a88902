//! Address families and protocols.

/// The address family of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
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
