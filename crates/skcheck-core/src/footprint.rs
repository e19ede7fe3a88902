//! What a socket's queues hold: unread, charged, worst. Pure arithmetic over numbers that were read
//! elsewhere.

use crate::model::direction::Direction;
use crate::model::families::row::{Counts, PacketsHoldPayload, SentBy};
use crate::model::protocol::Protocol;
use crate::model::queues::{RecvQueue, SendQueue, UnixQueue};
use crate::model::socket::Socket;
use crate::model::state::State;
use crate::model::units::{Bytes, PageSize, Payload, Truesize};

/// What the model needs to know of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostFacts {
    /// The page size.
    pub page_size: PageSize,
    /// C: the size of the chunks that packets are carved from (`SKB_FRAG_PAGE_ORDER`:
    /// max(32 KiB, one page)).
    pub chunk_size: Bytes,
    /// M: how many fragments a packet can have (`CONFIG_MAX_SKB_FRAGS`, a count).
    pub max_skb_frags: u32,
    /// Whether `max_skb_frags` was read from the kernel's configuration; otherwise it is the
    /// default, 17 with pages of 4 KiB.
    pub max_skb_frags_known: bool,
    /// Packets in use on the whole host: active objects of the slabs `skbuff_head_cache` and
    /// `skbuff_fclone_cache` (/proc/slabinfo and /sys/kernel/slab, root only). An upper bound: it
    /// counts objects parked per CPU, and all of a slab that was merged with others.
    pub active_skbs: Option<u64>,
    /// MPTCP sockets on the whole host: active objects of the slabs `MPTCP` and `MPTCPv6` (/proc/slabinfo,
    /// root only). An upper bound too: where it is 0 there are none, and nobody has to be asked for them.
    pub mptcp_sockets: Option<u64>,
    /// The kernel's release (`uname -r`), as bytes.
    pub release: Option<Vec<u8>>,
}

/// The smallest truesize of a packet: `sk_buff` and `skb_shared_info`, each aligned to a cache line
/// (`SKB_TRUESIZE(0)`). 576 on x86-64; no configuration of a 64-bit kernel has less.
pub(crate) const MIN_TRUESIZE: Truesize =
    if cfg!(target_pointer_width = "64") { Truesize(576) } else { Truesize(320) };

impl HostFacts {
    /// Facts that follow from the page size alone, everything else unknown or the kernel's default.
    pub fn assumed(page_size: PageSize) -> HostFacts {
        HostFacts {
            page_size,
            chunk_size: Bytes(page_size.0.max(32 * 1024)),
            max_skb_frags: default_max_skb_frags(page_size),
            max_skb_frags_known: false,
            active_skbs: None,
            mptcp_sockets: None,
            release: None,
        }
    }

    /// What all packets of the host can pin at most: `active_skbs` × (1 + M) × C. `None` when the
    /// number of packets is unknown.
    pub fn host_bound(&self) -> Option<Bytes> {
        let pieces = u64::from(self.max_skb_frags) + 1;
        let bytes = self.active_skbs?.saturating_mul(pieces).saturating_mul(self.chunk_size.0);
        Some(Bytes(bytes))
    }
}

/// `MAX_SKB_FRAGS` at most, unless an option says more: enough pages for 64 KiB and one more, or what the option is
/// by default.
pub(crate) fn default_max_skb_frags(page_size: PageSize) -> u32 {
    const CONFIG_MAX_SKB_FRAGS: u32 = 17;
    let pages = 65_536 / page_size.0.max(1) + 1;
    u32::try_from(pages).unwrap_or(CONFIG_MAX_SKB_FRAGS).max(CONFIG_MAX_SKB_FRAGS)
}

/// What both queues of one socket hold.
///
/// # The model
///
/// A queued packet (skb) pins its head and up to `MAX_SKB_FRAGS` fragments. The network stack
/// carves heads and fragments from chunks of `C` = max(32 KiB, page size), and a chunk is freed only
/// when every piece of it is released (`skb_page_frag_refill`, `page_frag_alloc_align`). One unread
/// byte can therefore keep a whole chunk. With the truesize `R` that the kernel charges for a queue,
/// `n` packets and `f` fragments:
///
/// > worst = R + (n + f) · C
///
/// - From truesize alone ([`WorstBasis::Truesize`]): n = R / T0, with T0 the smallest truesize that
///   a packet can have, and f = n · `MAX_SKB_FRAGS`.
/// - From payload ([`WorstBasis::Payload`]), where every packet in the queue is known to hold at
///   least one of Q payload bytes: n ≤ Q + 1 and f ≤ Q + `MAX_SKB_FRAGS`, because the packet that is
///   being read keeps all its fragments. For TCP's receive queue this needs Recv-Q > 0, an empty
///   backlog, and `tcp_info` saying that no packet ever arrived out of order.
///
/// # Premises
///
/// The bound holds while fragments come from the stack's own chunks. It does **not** hold for pages that a
/// program handed in (sendfile, splice, `MSG_ZEROCOPY`), for network drivers whose receive pages are larger
/// than a chunk, for device memory, nor for data outside the queues that Recv-Q and Send-Q count (sockmap,
/// kTLS, and with the payload basis an unread error queue). It is a bound: small packets that lie in slab
/// memory pin no chunk at all.
///
/// The rings of packet sockets ([`Footprint::rings`]) are no packets and no part of it: their size is known
/// exactly, and they take it whatever is in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Footprint {
    /// The receiving side: receive queue, out-of-order queue, error queue, backlog.
    pub received: Side,
    /// The sending side: write queue and retransmit queue; for UDP what the device has not sent;
    /// for unix what the peer has not read (the same memory that the peer's `received` carries).
    pub sent: Side,
    /// How sure the receiving side's charge is.
    pub certainty: Certainty,
    /// What the rings of a packet socket take, in no queue and no charge. 0 for all other sockets; `None`
    /// where nothing tells whether there are any.
    pub rings: Option<Bytes>,
}

/// How sure a charge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Certainty {
    /// What the kernel accounts to this very queue, or unknown altogether.
    Exact,
    /// What senders that are still known are charged; those that have closed are missing. Unix stream
    /// and seqpacket.
    Floor,
    /// The same for unix datagram sockets, whose senders can be charged for other readers as well:
    /// they may have been connected elsewhere before, and can send anywhere (`sendto`). Senders that
    /// have closed, and those that never connected, are missing.
    Estimate,
}

impl Certainty {
    /// `exact`, `floor` or `estimate`.
    pub fn name(self) -> &'static str {
        match self {
            Certainty::Exact => "exact",
            Certainty::Floor => "floor",
            Certainty::Estimate => "estimate",
        }
    }
}

impl Footprint {
    /// What one queue holds.
    pub fn side(&self, direction: Direction) -> &Side {
        match direction {
            Direction::Received => &self.received,
            Direction::Sent => &self.sent,
        }
    }

    /// What `socket` holds. `unix_charge` is the sum of what known senders are charged for packets in
    /// this unix socket's queue; `None` when no sender is known.
    pub fn of(socket: &Socket, unix_charge: Option<Truesize>, host: &HostFacts) -> Footprint {
        let payload = unread(socket);
        let charged = received_charge(socket, payload, unix_charge);
        let bounding = payload.filter(|_| packets_hold_payload(socket));
        let (sent_payload, sent_charge) = (unsent(socket), sent_charge(socket));
        Footprint {
            received: Side {
                payload,
                charged,
                worst: charged.map(|charge| Worst::of(charge, bounding, host)),
            },
            sent: Side {
                payload: sent_payload,
                charged: sent_charge,
                worst: sent_charge.map(|charge| Worst::of(charge, sent_payload, host)),
            },
            certainty: certainty(socket.protocol, charged),
            rings: rings(socket),
        }
    }

    /// Replaces what senders are known to be charged for a unix socket's queue by what is in it: every
    /// packet, whoever sent it.
    pub(crate) fn know_unix_queue(&mut self, socket: &Socket, queue: &UnixQueue, host: &HostFacts) {
        let UnixQueue { payload, truesize, packets } = *queue;
        let holds_payload = socket.protocol.row().packets_hold_payload == PacketsHoldPayload::Always;
        let bounding = (packets <= payload.0 && holds_payload).then_some(payload);
        self.received = Side {
            payload: Some(payload),
            charged: Some(truesize),
            worst: Some(Worst::of(truesize, bounding, host)),
        };
        self.certainty = Certainty::Exact;
    }
}

/// One direction of a socket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Side {
    /// Payload: bytes not read, or not acknowledged by the peer. Unknown where the kernel counts
    /// memory only (UDP) or the first datagram only (unix datagram).
    pub payload: Option<Payload>,
    /// What the kernel charges for it.
    pub charged: Option<Truesize>,
    /// What it can pin at worst.
    pub worst: Option<Worst>,
}

/// An upper bound for the memory that a queue pins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Worst {
    /// The bound.
    pub bytes: Bytes,
    /// What the number of packets was bounded by.
    pub basis: WorstBasis,
    /// The arithmetic met the largest number there is: the true bound is larger.
    pub saturated: bool,
}

impl Worst {
    /// The bound over a queue that is charged `charge` and, where every packet holds some of it, has
    /// `payload` bytes.
    pub fn of(charge: Truesize, payload: Option<Payload>, host: &HostFacts) -> Worst {
        if charge.0 == 0 {
            return Worst { bytes: Bytes(0), basis: WorstBasis::Truesize, saturated: false };
        }
        let max_frags = u64::from(host.max_skb_frags);
        let packets = (charge.0 / MIN_TRUESIZE.0).max(1);
        let by_truesize = (packets, packets.saturating_mul(max_frags));
        let by_payload = payload.map(|Payload(q)| {
            let packets = packets.min(q.saturating_add(1));
            (packets, packets.saturating_mul(max_frags).min(q.saturating_add(max_frags)))
        });
        let ((packets, fragments), basis) = match by_payload {
            Some(tighter) if tighter != by_truesize => (tighter, WorstBasis::Payload),
            _ => (by_truesize, WorstBasis::Truesize),
        };
        let pieces = packets.saturating_add(fragments);
        let bytes = pieces.checked_mul(host.chunk_size.0).and_then(|pinned| pinned.checked_add(charge.0));
        Worst { bytes: Bytes(bytes.unwrap_or(u64::MAX)), basis, saturated: bytes.is_none() }
    }
}

/// What bounds the number of packets and fragments in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorstBasis {
    /// The charge alone: every packet is charged at least `SKB_TRUESIZE(0)`, 576 on 64-bit machines.
    Truesize,
    /// The payload too: every packet holds at least one byte of it.
    Payload,
}

impl WorstBasis {
    /// `truesize` or `payload`.
    pub fn name(self) -> &'static str {
        match self {
            WorstBasis::Truesize => "truesize",
            WorstBasis::Payload => "payload",
        }
    }
}

/// Whether every packet in the receive queue is known to hold unread payload.
fn packets_hold_payload(socket: &Socket) -> bool {
    match socket.protocol.row().packets_hold_payload {
        PacketsHoldPayload::InOrder => {
            socket.recv_q.size().is_some_and(|q| q > 0)
                && socket.skmem.backlog == Some(0)
                && socket.tcp_info.is_some_and(|info| info.rcv_ooopack == Some(0))
        }
        PacketsHoldPayload::Always => true,
        PacketsHoldPayload::Never => false,
    }
}

/// What rings take.
fn rings(socket: &Socket) -> Option<Bytes> {
    if socket.protocol.row().has_rings { socket.rings.map(|rings| rings.bytes()) } else { Some(Bytes(0)) }
}

/// How sure what is charged for the receiving side is.
fn certainty(protocol: Protocol, charged: Option<Truesize>) -> Certainty {
    let row = protocol.row();
    match row.recv_q {
        _ if charged.is_none_or(|Truesize(bytes)| bytes == 0) || !row.charges_senders => Certainty::Exact,
        Some(Counts::FirstDatagram) => Certainty::Estimate,
        Some(Counts::Payload | Counts::Truesize) | None => Certainty::Floor,
    }
}

/// Payload that the application has not read; `None` where the kernel does not tell. TCP's Recv-Q
/// counts a FIN that the application has not seen: in the states that follow one, it is taken off.
pub(crate) fn unread(socket: &Socket) -> Option<Payload> {
    match socket.recv_q {
        RecvQueue::Payload(Payload(q)) => {
            let fin_received = socket.protocol.row().queues_count_fin
                && matches!(socket.state, State::CloseWait | State::LastAck | State::Closing);
            Some(Payload(q.saturating_sub(u64::from(fin_received))))
        }
        // What waits at a TCP listener has records of its own; at a unix listener it has none.
        RecvQueue::Connections(waiting) => {
            (waiting.0 == 0 || socket.protocol.row().lists_unaccepted).then_some(Payload(0))
        }
        RecvQueue::Truesize(Truesize(0))
            if socket.skmem.received().is_none_or(|r| r.0 == 0)
                && socket.subflows().iter().all(|subflow| unread(subflow) == Some(Payload(0))) =>
        {
            Some(Payload(0))
        }
        _ => None,
    }
}

/// Payload that the peer has not acknowledged; `None` where the kernel does not tell. TCP's Send-Q
/// (`write_seq - snd_una`) counts our own SYN as long as it is not acknowledged, and our own FIN: in the
/// states in which one is on its way, it is taken off. (Half-open requests have no Send-Q at all:
/// `inet_req_diag_fill`.)
pub(crate) fn unsent(socket: &Socket) -> Option<Payload> {
    match socket.send_q {
        // What its send queue holds is in no packet yet.
        SendQueue::Truesize(_) if socket.protocol == Protocol::Mptcp => socket.mptcp.as_ref()?.unsent,
        SendQueue::Payload(Payload(q)) => {
            let on_its_way = matches!(
                socket.state,
                State::SynSent | State::SynRecv | State::FinWait1 | State::LastAck | State::Closing
            );
            let counts_it = socket.protocol.row().queues_count_fin && on_its_way;
            Some(Payload(q.saturating_sub(u64::from(counts_it))))
        }
        SendQueue::BacklogLimit(_) => Some(Payload(0)),
        SendQueue::Truesize(Truesize(0)) => Some(Payload(0)),
        SendQueue::Truesize(_) | SendQueue::Unknown => None,
    }
}

fn received_charge(
    socket: &Socket,
    unread: Option<Payload>,
    unix_charge: Option<Truesize>,
) -> Option<Truesize> {
    let row = socket.protocol.row();
    if row.charges_senders {
        // Without a known sender, only an empty stream is certain: its packets hold payload.
        let holds_payload = row.packets_hold_payload == PacketsHoldPayload::Always;
        let is_empty = holds_payload && unread == Some(Payload(0));
        return unix_charge.or(is_empty.then_some(Truesize(0)));
    }
    // A packet is charged to the subflow that it came through, until it lies in the MPTCP socket's queue.
    let through = socket.subflows().iter().filter_map(|subflow| subflow.skmem.received());
    let through = through.map(|charge| charge.0).fold(0, u64::saturating_add);
    match (socket.skmem.received(), socket.recv_q) {
        (Some(charge), _) => Some(Truesize(charge.0.saturating_add(through))),
        (None, RecvQueue::Truesize(charge)) => Some(charge),
        _ => None,
    }
}

fn sent_charge(socket: &Socket) -> Option<Truesize> {
    let skmem = &socket.skmem;
    // The packets of an MPTCP socket's subflows refer to the same memory as its own.
    let bytes = match socket.protocol.row().sent_by {
        SentBy::Queued => skmem.wmem_queued,
        SentBy::Allocated => skmem.wmem_alloc,
    };
    match (bytes, socket.send_q) {
        (Some(bytes), _) => Some(Truesize(bytes.into())),
        (None, SendQueue::Truesize(charge)) => Some(charge),
        _ => None,
    }
}
