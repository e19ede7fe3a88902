//! What is known of every socket that speaks a protocol, one row each. Whoever asks "which protocol" reads
//! the row, or matches every protocol.

use crate::model::protocol::Protocol;

/// What is known of a protocol.
#[derive(Debug)]
pub(crate) struct ProtocolRow {
    /// Its name in reports.
    pub name: &'static str,
    /// Its name in a column, as short as that of `ss`.
    pub short_name: &'static str,
    /// The switch that asks for it, alone or with its kin.
    pub flag: &'static str,
    /// What Recv-Q counts, but for a listener's; `None`: it has none.
    pub recv_q: Option<Counts>,
    /// What Send-Q counts, but for a listener's; `None`: it has none.
    pub send_q: Option<Counts>,
    /// The kernel charges what waits to be read to its senders.
    pub charges_senders: bool,
    /// Its sockets have one other end, found by its addresses, which acknowledges what it has received.
    pub is_acknowledged: bool,
    /// Its sockets can listen, and have an accept queue then.
    pub listens: bool,
    /// Why no engine can walk the queues of its sockets packet by packet; `None`: it can.
    pub not_walked: Option<&'static str>,
    /// Each packet that waits in its sockets holds payload, as far as the record tells.
    pub packets_hold_payload: PacketsHoldPayload,
    /// Its sockets can have rings.
    pub has_rings: bool,
    /// The kernel counts the bytes that come into its sockets (`tcp_info`).
    pub is_counted: bool,
    /// What its sockets have sent waits for a program to read it, and not for a device or the kernel.
    pub waits_for_reader: bool,
    /// Which counter a full send buffer is compared by.
    pub sent_by: SentBy,
    /// When its receive buffer takes no more.
    pub full: Full,
}

/// What a queue's number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counts {
    /// Bytes of data.
    Payload,
    /// The bytes of the first datagram, and not of those behind it.
    FirstDatagram,
    /// What is charged.
    Truesize,
}

/// Where each packet of a receive queue is known to hold payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PacketsHoldPayload {
    /// Where something waits in order, and nothing out of order or in the backlog.
    InOrder,
    /// Always, as far as the payload is known.
    Always,
    /// Nowhere: there are empty ones.
    Never,
}

/// The counter of what a socket has in its send buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SentBy {
    /// `sk_wmem_queued`.
    Queued,
    /// `sk_wmem_alloc`.
    Allocated,
}

/// When a receive buffer takes no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// When the window that it announces is shut (`__tcp_select_window`).
    AtItsWindow,
    /// When no packet has room (`__udp_enqueue_schedule_skb`, `netlink_attachskb`).
    ForAPacket,
    /// At `sk_rcvbuf` (`sock_queue_rcv_skb`, `packet_rcv`).
    AtItsLimit,
    /// Its senders have the limit.
    AtItsSenders,
}

/// Names every protocol with its row. One that is forgotten is a match that is not exhaustive.
macro_rules! rows {
    ($($protocol:ident => $row:ident,)*) => {
        impl Protocol {
            /// Every protocol.
            pub const ALL: [Protocol; [$(Protocol::$protocol),*].len()] = [$(Protocol::$protocol),*];

            pub(crate) const fn row(self) -> &'static ProtocolRow {
                match self {
                    $(Protocol::$protocol => &$row,)*
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

static TCP: ProtocolRow = ProtocolRow {
    name: "tcp",
    short_name: "tcp",
    flag: "tcp",
    recv_q: Some(Counts::Payload),
    send_q: Some(Counts::Payload),
    charges_senders: false,
    is_acknowledged: true,
    listens: true,
    not_walked: None,
    packets_hold_payload: PacketsHoldPayload::InOrder,
    has_rings: false,
    is_counted: true,
    waits_for_reader: true,
    sent_by: SentBy::Queued,
    full: Full::AtItsWindow,
};

static UDP: ProtocolRow = ProtocolRow {
    name: "udp",
    short_name: "udp",
    flag: "udp",
    recv_q: Some(Counts::Truesize),
    send_q: Some(Counts::Truesize),
    charges_senders: false,
    is_acknowledged: false,
    listens: false,
    not_walked: None,
    packets_hold_payload: PacketsHoldPayload::Never,
    has_rings: false,
    is_counted: false,
    waits_for_reader: false,
    sent_by: SentBy::Allocated,
    full: Full::ForAPacket,
};

static UDP_LITE: ProtocolRow = ProtocolRow {
    name: "udplite",
    short_name: "udplite",
    flag: "udp",
    recv_q: Some(Counts::Truesize),
    send_q: Some(Counts::Truesize),
    charges_senders: false,
    is_acknowledged: false,
    listens: false,
    not_walked: None,
    packets_hold_payload: PacketsHoldPayload::Never,
    has_rings: false,
    is_counted: false,
    waits_for_reader: false,
    sent_by: SentBy::Allocated,
    full: Full::ForAPacket,
};

static UNIX_STREAM: ProtocolRow = ProtocolRow {
    name: "unix_stream",
    short_name: "u_str",
    flag: "unix",
    recv_q: Some(Counts::Payload),
    send_q: Some(Counts::Truesize),
    charges_senders: true,
    is_acknowledged: false,
    listens: true,
    not_walked: None,
    packets_hold_payload: PacketsHoldPayload::Always,
    has_rings: false,
    is_counted: false,
    waits_for_reader: true,
    sent_by: SentBy::Allocated,
    full: Full::AtItsSenders,
};

static UNIX_DATAGRAM: ProtocolRow = ProtocolRow {
    name: "unix_dgram",
    short_name: "u_dgr",
    flag: "unix",
    recv_q: Some(Counts::FirstDatagram),
    send_q: Some(Counts::Truesize),
    charges_senders: true,
    is_acknowledged: false,
    listens: false,
    not_walked: None,
    packets_hold_payload: PacketsHoldPayload::Never,
    has_rings: false,
    is_counted: false,
    waits_for_reader: true,
    sent_by: SentBy::Allocated,
    full: Full::AtItsSenders,
};

static UNIX_SEQPACKET: ProtocolRow = ProtocolRow {
    name: "unix_seqpacket",
    short_name: "u_seq",
    flag: "unix",
    recv_q: Some(Counts::Payload),
    send_q: Some(Counts::Truesize),
    charges_senders: true,
    is_acknowledged: false,
    listens: true,
    not_walked: None,
    packets_hold_payload: PacketsHoldPayload::Never,
    has_rings: false,
    is_counted: false,
    waits_for_reader: true,
    sent_by: SentBy::Allocated,
    full: Full::AtItsSenders,
};

static MPTCP: ProtocolRow = ProtocolRow {
    name: "mptcp",
    short_name: "mptcp",
    flag: "mptcp",
    recv_q: Some(Counts::Truesize),
    send_q: Some(Counts::Truesize),
    charges_senders: false,
    is_acknowledged: true,
    listens: true,
    not_walked: Some("it is MPTCP, whose queues cannot be walked"),
    packets_hold_payload: PacketsHoldPayload::Never,
    has_rings: false,
    is_counted: false,
    waits_for_reader: true,
    sent_by: SentBy::Queued,
    full: Full::ForAPacket,
};

static RAW: ProtocolRow = ProtocolRow {
    name: "raw",
    short_name: "raw",
    flag: "raw",
    recv_q: Some(Counts::Truesize),
    send_q: Some(Counts::Truesize),
    charges_senders: false,
    is_acknowledged: false,
    listens: false,
    not_walked: None,
    packets_hold_payload: PacketsHoldPayload::Never,
    has_rings: false,
    is_counted: false,
    waits_for_reader: false,
    sent_by: SentBy::Allocated,
    full: Full::AtItsLimit,
};

static PING: ProtocolRow = ProtocolRow {
    name: "ping",
    short_name: "ping",
    flag: "raw",
    recv_q: Some(Counts::Truesize),
    send_q: Some(Counts::Truesize),
    charges_senders: false,
    is_acknowledged: false,
    listens: false,
    not_walked: None,
    packets_hold_payload: PacketsHoldPayload::Never,
    has_rings: false,
    is_counted: false,
    waits_for_reader: false,
    sent_by: SentBy::Allocated,
    full: Full::AtItsLimit,
};

static PACKET: ProtocolRow = ProtocolRow {
    name: "packet",
    short_name: "packet",
    flag: "packet",
    recv_q: Some(Counts::Truesize),
    send_q: Some(Counts::Truesize),
    charges_senders: false,
    is_acknowledged: false,
    listens: false,
    not_walked: None,
    packets_hold_payload: PacketsHoldPayload::Never,
    has_rings: true,
    is_counted: false,
    waits_for_reader: false,
    sent_by: SentBy::Allocated,
    full: Full::AtItsLimit,
};

static NETLINK: ProtocolRow = ProtocolRow {
    name: "netlink",
    short_name: "netlink",
    flag: "netlink",
    recv_q: Some(Counts::Truesize),
    send_q: Some(Counts::Truesize),
    charges_senders: false,
    is_acknowledged: false,
    listens: false,
    not_walked: None,
    packets_hold_payload: PacketsHoldPayload::Never,
    has_rings: false,
    is_counted: false,
    waits_for_reader: false,
    sent_by: SentBy::Allocated,
    full: Full::ForAPacket,
};

static VSOCK_STREAM: ProtocolRow = ProtocolRow {
    name: "vsock_stream",
    short_name: "v_str",
    flag: "vsock",
    recv_q: None,
    send_q: None,
    charges_senders: false,
    is_acknowledged: false,
    listens: true,
    not_walked: Some("it is a vsock socket, whose queues cannot be walked"),
    packets_hold_payload: PacketsHoldPayload::Never,
    has_rings: false,
    is_counted: false,
    waits_for_reader: false,
    sent_by: SentBy::Allocated,
    full: Full::AtItsSenders,
};

static VSOCK_DATAGRAM: ProtocolRow = ProtocolRow {
    name: "vsock_dgram",
    short_name: "v_dgr",
    flag: "vsock",
    recv_q: None,
    send_q: None,
    charges_senders: false,
    is_acknowledged: false,
    listens: false,
    not_walked: Some("it is a vsock socket, whose queues cannot be walked"),
    packets_hold_payload: PacketsHoldPayload::Never,
    has_rings: false,
    is_counted: false,
    waits_for_reader: false,
    sent_by: SentBy::Allocated,
    full: Full::AtItsSenders,
};

static VSOCK_SEQPACKET: ProtocolRow = ProtocolRow {
    name: "vsock_seqpacket",
    short_name: "v_seq",
    flag: "vsock",
    recv_q: None,
    send_q: None,
    charges_senders: false,
    is_acknowledged: false,
    listens: true,
    not_walked: Some("it is a vsock socket, whose queues cannot be walked"),
    packets_hold_payload: PacketsHoldPayload::Never,
    has_rings: false,
    is_counted: false,
    waits_for_reader: false,
    sent_by: SentBy::Allocated,
    full: Full::AtItsSenders,
};

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
