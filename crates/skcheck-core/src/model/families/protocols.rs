//! Every protocol with its row. Whoever asks "which protocol" reads the row, or matches every protocol.

use crate::model::families::row::ProtocolRow;
use crate::model::families::rows;
use crate::model::protocol::Protocol;

/// Names every protocol with its row. One that is forgotten is a match that is not exhaustive.
macro_rules! rows {
    ($($protocol:ident => $row:ident,)*) => {
        impl Protocol {
            /// Every protocol.
            pub const ALL: [Protocol; [$(Protocol::$protocol),*].len()] = [$(Protocol::$protocol),*];

            pub(crate) const fn row(self) -> &'static ProtocolRow {
                match self {
                    $(Protocol::$protocol => &rows::$row,)*
                }
            }
        }
    };
}

rows! {
    Tcp => TCP,
    Udp => UDP,
    UdpLite => UDP_LITE,
    UnixStream => UNIX_STREAM,
    UnixDatagram => UNIX_DATAGRAM,
    UnixSeqpacket => UNIX_SEQPACKET,
    Mptcp => MPTCP,
    Raw => RAW,
    Ping => PING,
    Packet => PACKET,
    Netlink => NETLINK,
    VsockStream => VSOCK_STREAM,
    VsockDatagram => VSOCK_DATAGRAM,
    VsockSeqpacket => VSOCK_SEQPACKET,
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_protocol_has_a_row_of_its_own() {
        let names: BTreeSet<&str> = Protocol::ALL.iter().map(|protocol| protocol.row().name).collect();
        let short: BTreeSet<&str> = Protocol::ALL.iter().map(|protocol| protocol.row().short_name).collect();
        assert_eq!((names.len(), short.len()), (Protocol::ALL.len(), Protocol::ALL.len()));
    }
}
