//! One end of a socket.

use std::net::IpAddr;

/// One end of a socket.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// An IP address and a port, both 0 where the end is open.
    Ip {
        /// The address, as the kernel stores it (mapped addresses stay mapped).
        addr: IpAddr,
        /// The port.
        port: u16,
    },
    /// A unix socket bound to a path in the file system, as bytes, without the closing NUL.
    Path(Vec<u8>),
    /// A unix socket bound to an abstract name, as bytes, without the leading NUL.
    Abstract(Vec<u8>),
    /// A unix socket without a name.
    Unnamed,
    /// A raw socket: an IP address, unspecified where the end is open, and the protocol above IP.
    Raw {
        /// The address, as the kernel stores it.
        addr: IpAddr,
        /// `IPPROTO_ICMP` and the like (`inet_num`); `IPPROTO_RAW`, 255, receives nothing.
        protocol: u16,
    },
    /// A packet socket: the frames that it gets. On which interface, [`Socket::interface`](crate::model::socket::Socket)
    /// tells.
    Packet {
        /// `ETH_P_IP` and the like; `ETH_P_ALL`, 3, is all of them, and 0 none.
        protocol: u16,
    },
    /// A netlink socket.
    Netlink {
        /// `NETLINK_ROUTE` and the like.
        protocol: u8,
        /// Its address. The kernel's own is 0; of a program's first socket of this protocol it is the
        /// process's id, unless the program chose another (`netlink_autobind`).
        portid: u32,
    },
    /// A vsock socket.
    Vsock {
        /// Which machine, by its context id; `None`: any (`VMADDR_CID_ANY`), or no peer.
        cid: Option<u32>,
        /// The port; `None`: any (`VMADDR_PORT_ANY`), or no peer.
        port: Option<u32>,
    },
    /// Nothing tells.
    Unknown,
}

impl Endpoint {
    /// The end of a unix socket that is bound to this name, as the kernel stores it (`unix_address`,
    /// behind the family). Older kernels count the terminating NUL of a path into the name, and a path
    /// of full length has none: trailing NULs do not belong to a path. In an abstract name every byte
    /// counts.
    pub fn from_unix_name(name: &[u8]) -> Endpoint {
        match name {
            [] => Endpoint::Unnamed,
            [0, name @ ..] => Endpoint::Abstract(name.to_vec()),
            path => {
                let path = path.split(|&b| b == 0).next().unwrap_or_default();
                Endpoint::Path(path.to_vec())
            }
        }
    }

    /// The port, where this is an IP endpoint.
    pub fn port(&self) -> Option<u16> {
        match self {
            Endpoint::Ip { port, .. } => Some(*port),
            _ => None,
        }
    }
}

/// An IP endpoint with a mapped address turned into the IPv4 address it means.
pub(crate) fn canonical(endpoint: &Endpoint) -> Option<(IpAddr, u16)> {
    match *endpoint {
        Endpoint::Ip { addr, port } => Some((addr.to_canonical(), port)),
        _ => None,
    }
}
