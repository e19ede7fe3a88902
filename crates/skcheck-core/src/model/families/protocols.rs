//! Every protocol with its row. Whoever asks "which protocol" reads the row, or matches every protocol.

use crate::model::families::row::{ProtocolRow, SentBy};
use crate::model::families::{inet, netlink, packet, unix, vsock};
use crate::model::protocol::Protocol;

/// Names every protocol with its row. One that is forgotten is a match that is not exhaustive.
macro_rules! rows {
    ($($protocol:ident => $family:ident::$row:ident,)*) => {
        impl Protocol {
            /// Every protocol.
            pub const ALL: [Protocol; [$(Protocol::$protocol),*].len()] = [$(Protocol::$protocol),*];

            pub(crate) const fn row(self) -> &'static ProtocolRow {
                match self {
                    $(Protocol::$protocol => &$family::$row,)*
                }
            }
        }
    };
}

rows! {
    Tcp => inet::TCP,
    Udp => inet::UDP,
    UdpLite => inet::UDP_LITE,
    UnixStream => unix::UNIX_STREAM,
    UnixDatagram => unix::UNIX_DATAGRAM,
    UnixSeqpacket => unix::UNIX_SEQPACKET,
    Mptcp => inet::MPTCP,
    Raw => inet::RAW,
    Ping => inet::PING,
    Packet => packet::PACKET,
    Netlink => netlink::NETLINK,
    VsockStream => vsock::VSOCK_STREAM,
    VsockDatagram => vsock::VSOCK_DATAGRAM,
    VsockSeqpacket => vsock::VSOCK_SEQPACKET,
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

    /// Whether the kernel charges what waits to be read to its senders (unix): what a socket has sent is what the
    /// other end has not read, and one memory is told of both.
    pub fn charges_senders(self) -> bool {
        self.row().charges_senders
    }

    /// Whether its sockets have one other end, which acknowledges what it has received: TCP and MPTCP.
    pub fn is_acknowledged(self) -> bool {
        self.row().is_acknowledged
    }

    /// Whether what its sockets have sent waits in queues of their own (TCP, MPTCP), and not in one of a device,
    /// of the kernel or of the reader.
    pub fn queues_what_it_sends(self) -> bool {
        match self.row().sent_by {
            SentBy::Queued => true,
            SentBy::Allocated => false,
        }
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
