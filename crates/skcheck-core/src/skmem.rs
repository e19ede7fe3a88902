//! The nine memory numbers of a socket (`SK_MEMINFO_*` of `linux/sock_diag.h`).

use crate::units::Truesize;

/// What the kernel accounts to one socket, filled by `sk_get_meminfo`. All but `drops` are bytes.
///
/// A number that the kernel did not send is `None`: older kernels send fewer (`backlog` came with
/// Linux 3.3, `drops` with 4.10), and a report made from /proc/net has almost none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SkMem {
    /// Truesize of received packets: receive queue, out-of-order queue and error queue
    /// (`sk_rmem_alloc`). Unix sockets do not use it: their memory is charged to the sender.
    pub rmem_alloc: Option<u32>,
    /// Limit of `rmem_alloc` (`sk_rcvbuf`).
    pub rcvbuf: Option<u32>,
    /// Truesize of packets that this socket sent and that nobody has freed (`sk_wmem_alloc`). For
    /// unix sockets: what the peer has not read. Overlaps with `wmem_queued` for TCP: never add both.
    pub wmem_alloc: Option<u32>,
    /// Limit of what may wait for sending (`sk_sndbuf`).
    pub sndbuf: Option<u32>,
    /// Memory reserved for this socket and not used yet (`sk_forward_alloc`).
    pub fwd_alloc: Option<u32>,
    /// Truesize of TCP's write and retransmit queues (`sk_wmem_queued`).
    pub wmem_queued: Option<u32>,
    /// Memory of socket options and filters (`sk_omem_alloc`).
    pub optmem: Option<u32>,
    /// Truesize of packets that arrived while the socket was locked (`sk_backlog.len`).
    pub backlog: Option<u32>,
    /// Packets dropped since the socket was made: a count (`sk_drops`).
    pub drops: Option<u32>,
}

impl SkMem {
    /// Decodes the attribute's value: native-endian u32 numbers in the kernel's order. Shorter
    /// and longer values are fine; a cut last number is absent.
    pub fn from_bytes(value: &[u8]) -> SkMem {
        let slot = |index: usize| {
            let bytes = value.get(index * 4..index * 4 + 4)?;
            Some(u32::from_ne_bytes(bytes.try_into().ok()?))
        };
        SkMem {
            rmem_alloc: slot(0),
            rcvbuf: slot(1),
            wmem_alloc: slot(2),
            sndbuf: slot(3),
            fwd_alloc: slot(4),
            wmem_queued: slot(5),
            optmem: slot(6),
            backlog: slot(7),
            drops: slot(8),
        }
    }

    /// Truesize on the receiving side: `rmem_alloc` and, where the kernel tells it, `backlog`.
    pub fn received(&self) -> Option<Truesize> {
        let backlog = u64::from(self.backlog.unwrap_or(0));
        self.rmem_alloc.map(|rmem| Truesize(u64::from(rmem) + backlog))
    }

    /// What a TCP or MPTCP socket has taken from the memory that their protocols share (`tcp_memory_allocated`):
    /// what is queued on either side, and what is reserved (`sk_mem_charge`, `sk_forward_alloc`).
    pub fn accounted(&self) -> Truesize {
        let parts = [self.rmem_alloc, self.wmem_queued, self.fwd_alloc];
        Truesize(parts.into_iter().flatten().map(u64::from).sum())
    }
}
