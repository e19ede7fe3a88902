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
    /// What Recv-Q counts, but for a listener's.
    pub recv_q: Counts,
    /// What Send-Q counts, but for a listener's.
    pub send_q: Counts,
    /// The kernel charges what waits to be read to its senders.
    pub charges_senders: bool,
    /// Its sockets have one other end, found by its addresses, which acknowledges what it has received.
    pub is_acknowledged: bool,
    /// Its sockets can listen, and have an accept queue then.
    pub listens: bool,
    /// An engine can walk the queues of its sockets packet by packet.
    pub is_walkable: bool,
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

impl Protocol {
    /// Every protocol.
    pub const ALL: [Protocol; 11] = [
        Protocol::Tcp,
        Protocol::Udp,
        Protocol::UdpLite,
        Protocol::UnixStream,
        Protocol::UnixDatagram,
        Protocol::UnixSeqpacket,
        Protocol::Mptcp,
        Protocol::Raw,
        Protocol::Ping,
        Protocol::Packet,
        Protocol::Netlink,
    ];

    pub(crate) const fn row(self) -> &'static ProtocolRow {
        match self {
            Protocol::Tcp => &TCP,
            Protocol::Udp => &UDP,
            Protocol::UdpLite => &UDP_LITE,
            Protocol::UnixStream => &UNIX_STREAM,
            Protocol::UnixDatagram => &UNIX_DATAGRAM,
            Protocol::UnixSeqpacket => &UNIX_SEQPACKET,
            Protocol::Mptcp => &MPTCP,
            Protocol::Raw => &RAW,
            Protocol::Ping => &PING,
            Protocol::Packet => &PACKET,
            Protocol::Netlink => &NETLINK,
        }
    }
}

static TCP: ProtocolRow = ProtocolRow {
    name: "tcp",
    short_name: "tcp",
    flag: "tcp",
    recv_q: Counts::Payload,
    send_q: Counts::Payload,
    charges_senders: false,
    is_acknowledged: true,
    listens: true,
    is_walkable: true,
    waits_for_reader: true,
    sent_by: SentBy::Queued,
    full: Full::AtItsWindow,
};

static UDP: ProtocolRow = ProtocolRow {
    name: "udp",
    short_name: "udp",
    flag: "udp",
    recv_q: Counts::Truesize,
    send_q: Counts::Truesize,
    charges_senders: false,
    is_acknowledged: false,
    listens: false,
    is_walkable: true,
    waits_for_reader: false,
    sent_by: SentBy::Allocated,
    full: Full::ForAPacket,
};

static UDP_LITE: ProtocolRow = ProtocolRow {
    name: "udplite",
    short_name: "udplite",
    flag: "udp",
    recv_q: Counts::Truesize,
    send_q: Counts::Truesize,
    charges_senders: false,
    is_acknowledged: false,
    listens: false,
    is_walkable: true,
    waits_for_reader: false,
    sent_by: SentBy::Allocated,
    full: Full::ForAPacket,
};

static UNIX_STREAM: ProtocolRow = ProtocolRow {
    name: "unix_stream",
    short_name: "u_str",
    flag: "unix",
    recv_q: Counts::Payload,
    send_q: Counts::Truesize,
    charges_senders: true,
    is_acknowledged: false,
    listens: true,
    is_walkable: true,
    waits_for_reader: true,
    sent_by: SentBy::Allocated,
    full: Full::AtItsSenders,
};

static UNIX_DATAGRAM: ProtocolRow = ProtocolRow {
    name: "unix_dgram",
    short_name: "u_dgr",
    flag: "unix",
    recv_q: Counts::FirstDatagram,
    send_q: Counts::Truesize,
    charges_senders: true,
    is_acknowledged: false,
    listens: false,
    is_walkable: true,
    waits_for_reader: true,
    sent_by: SentBy::Allocated,
    full: Full::AtItsSenders,
};

static UNIX_SEQPACKET: ProtocolRow = ProtocolRow {
    name: "unix_seqpacket",
    short_name: "u_seq",
    flag: "unix",
    recv_q: Counts::Payload,
    send_q: Counts::Truesize,
    charges_senders: true,
    is_acknowledged: false,
    listens: true,
    is_walkable: true,
    waits_for_reader: true,
    sent_by: SentBy::Allocated,
    full: Full::AtItsSenders,
};

static MPTCP: ProtocolRow = ProtocolRow {
    name: "mptcp",
    short_name: "mptcp",
    flag: "mptcp",
    recv_q: Counts::Truesize,
    send_q: Counts::Truesize,
    charges_senders: false,
    is_acknowledged: true,
    listens: true,
    is_walkable: false,
    waits_for_reader: true,
    sent_by: SentBy::Queued,
    full: Full::ForAPacket,
};

static RAW: ProtocolRow = ProtocolRow {
    name: "raw",
    short_name: "raw",
    flag: "raw",
    recv_q: Counts::Truesize,
    send_q: Counts::Truesize,
    charges_senders: false,
    is_acknowledged: false,
    listens: false,
    is_walkable: true,
    waits_for_reader: false,
    sent_by: SentBy::Allocated,
    full: Full::AtItsLimit,
};

static PING: ProtocolRow = ProtocolRow {
    name: "ping",
    short_name: "ping",
    flag: "raw",
    recv_q: Counts::Truesize,
    send_q: Counts::Truesize,
    charges_senders: false,
    is_acknowledged: false,
    listens: false,
    is_walkable: true,
    waits_for_reader: false,
    sent_by: SentBy::Allocated,
    full: Full::AtItsLimit,
};

static PACKET: ProtocolRow = ProtocolRow {
    name: "packet",
    short_name: "packet",
    flag: "packet",
    recv_q: Counts::Truesize,
    send_q: Counts::Truesize,
    charges_senders: false,
    is_acknowledged: false,
    listens: false,
    is_walkable: true,
    waits_for_reader: false,
    sent_by: SentBy::Allocated,
    full: Full::AtItsLimit,
};

static NETLINK: ProtocolRow = ProtocolRow {
    name: "netlink",
    short_name: "netlink",
    flag: "netlink",
    recv_q: Counts::Truesize,
    send_q: Counts::Truesize,
    charges_senders: false,
    is_acknowledged: false,
    listens: false,
    is_walkable: true,
    waits_for_reader: false,
    sent_by: SentBy::Allocated,
    full: Full::ForAPacket,
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
