//! What a row says of a protocol or of a table.

use crate::model::protocol::{Family, Protocol};

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
    /// The record of a socket names its other end by an inode.
    pub names_peer_inode: bool,
    /// Its messages can carry descriptors (SCM_RIGHTS).
    pub passes_descriptors: bool,
    /// Nobody but the other end can send to a socket that is connected.
    pub has_one_sender: bool,
    /// It is a stream of bytes: who reads may leave the rest of a packet.
    pub is_stream: bool,
    /// A receiver takes only so many messages, whatever room the sender has (`unix_recvq_full`).
    pub limits_messages: bool,
    /// Its sockets can be mapped (`packet_mmap`, `tcp_mmap`): without a descriptor a mapping holds them.
    pub can_be_mapped: bool,
    /// Recv-Q and Send-Q count a SYN and a FIN as a byte.
    pub queues_count_fin: bool,
    /// What waits to be accepted has records of its own, which tell where it has arrived.
    pub lists_unaccepted: bool,
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

/// What is known of a table. Of two that differ in the version of IP alone there is one row; what differs is
/// there for IPv4 and IPv6.
#[derive(Debug)]
pub(crate) struct TableRow {
    /// How it is called.
    pub name: TableName,
    /// What its sockets speak, unless their records tell another of `speaks`.
    pub protocol: Protocol,
    /// All that its sockets can speak.
    pub speaks: &'static [Protocol],
    /// The address family of its sockets.
    pub families: [Family; 2],
    /// The kernel module that answers for it; `None`: no kernel has one.
    pub module: Option<&'static str>,
    /// Its file below /proc/net; of one that has none, a file that is there where the kernel knows it.
    pub proc_files: [&'static str; 2],
    /// How a line of that file tells of a socket; `None`: it tells of none.
    pub columns: Option<Columns>,
    /// What that file does not tell of its sockets, as the object of a sentence; `None`: it tells none.
    pub untold: Option<&'static str>,
    /// What that file does not tell is, among others, what waits in their queues.
    pub hides_queues: bool,
    /// How /proc/net/sockstat calls it, where it is counted there.
    pub sockstat: Option<[&'static str; 2]>,
    /// How the kernel calls its protocol (`sk_prot->name`), and a later kernel besides.
    pub kernel_names: [&'static [&'static str]; 2],
    /// Asking it costs as much where it is empty, and /proc/net/protocols tells where it is.
    pub is_dear: bool,
    /// It is asked only where a descriptor refers to such a socket, unless protocols are named: on most
    /// hosts there is none, and for a question alone the kernel would load a module.
    pub is_rare: bool,
    /// Every kernel was built with it.
    pub is_everywhere: bool,
    /// An engine's pass over all descriptors meets its sockets.
    pub is_met_by_engine: bool,
}

/// How a table is called.
#[derive(Debug)]
pub(crate) struct TableName {
    /// Without the version of IP: a word.
    pub word: &'static str,
    /// For people, with the version.
    pub full: [&'static str; 2],
}

/// The columns of a file below /proc/net.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Columns {
    /// `get_tcp4_sock`.
    Tcp,
    /// `udp4_format_sock` and `ping_v4_format_sock` have the same.
    Datagram,
    /// `raw_sock_seq_show`: the same, but the port is the protocol above IP.
    Raw,
    /// `unix_seq_show`.
    Unix,
    /// `packet_seq_show`.
    Packet,
    /// `netlink_native_seq_show`.
    Netlink,
}
