//! The nine memory numbers of a socket (`SK_MEMINFO_*` of `linux/sock_diag.h`).
//!
//! They travel as u32, whatever they are in the kernel: docs/kernel-numbers.md says which, and how each is
//! read.

use crate::model::units::Truesize;

/// What the kernel accounts to one socket, filled by `sk_get_meminfo`. All but `drops` are bytes.
///
/// A number that the kernel did not send is `None`: older kernels send fewer (`backlog` came with
/// Linux 3.3, `drops` with 4.10), and a report made from /proc/net has almost none. So is one that can be
/// no number of bytes.
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
    /// Memory reserved for this socket and not used yet (`sk_forward_alloc`, an `int`). Below 0 where more
    /// was used than reserved, as by a socket in a sockmap.
    pub fwd_alloc: Option<i32>,
    /// Truesize of TCP's write and retransmit queues (`sk_wmem_queued`).
    pub wmem_queued: Option<u32>,
    /// Memory of socket options and filters (`sk_omem_alloc`).
    pub optmem: Option<u32>,
    /// Truesize of packets that arrived while the socket was locked (`sk_backlog.len`).
    pub backlog: Option<u32>,
    /// Packets dropped since the socket was made: a count (`sk_drops`), modulo 2^32.
    pub drops: Option<u32>,
}

impl SkMem {
    /// Decodes the attribute's value: native-endian u32 numbers in the kernel's order. Shorter
    /// and longer values are fine; a cut last number is absent, and so is what can be no number of bytes.
    pub(crate) fn from_bytes(value: &[u8]) -> SkMem {
        let mut words = value.chunks_exact(4).map(|word| word.try_into().ok().map(u32::from_ne_bytes));
        SkMem::from_words([(); 9].map(|()| words.next().flatten()))
    }

    /// The same of numbers of which each may be missing.
    pub fn from_words(words: [Option<u32>; 9]) -> SkMem {
        let [rmem_alloc, rcvbuf, wmem_alloc, sndbuf, fwd_alloc, wmem_queued, optmem, backlog, drops] = words;
        let size = |word: Option<u32>| word.filter(|&bytes| is_size(bytes));
        let allows_more = rcvbuf.is_some_and(|limit| is_size(limit) && limit > 1 << 30);
        SkMem {
            rmem_alloc: rmem_alloc.filter(|&bytes| is_size(bytes) || allows_more),
            rcvbuf: size(rcvbuf),
            wmem_alloc: size(wmem_alloc),
            sndbuf: size(sndbuf),
            fwd_alloc: fwd_alloc.map(u32::cast_signed),
            wmem_queued: size(wmem_queued),
            optmem: size(optmem),
            backlog: size(backlog),
            drops,
        }
    }

    /// Truesize on the receiving side: `rmem_alloc` and, where the kernel tells it, `backlog`.
    pub fn received(&self) -> Option<Truesize> {
        let backlog = u64::from(self.backlog.unwrap_or(0));
        self.rmem_alloc.map(|rmem| Truesize(u64::from(rmem) + backlog))
    }

    /// What a TCP or MPTCP socket has taken from the memory that their protocols share
    /// (`tcp_memory_allocated`): what is queued on either side, and what is reserved (`sk_mem_charge`,
    /// `sk_forward_alloc`), in bytes. Below 0 where more was taken back than is known to be queued.
    pub(crate) fn accounted(&self) -> i64 {
        let queued = [self.rmem_alloc, self.wmem_queued].into_iter().flatten().map(i64::from);
        queued.chain(self.fwd_alloc.map(i64::from)).sum()
    }
}

/// Whether a number that is an `int` in the kernel, and is never below 0 there, can be one.
pub(crate) fn is_size(number: u32) -> bool {
    i32::try_from(number).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(words: [u32; 9]) -> SkMem {
        SkMem::from_bytes(&words.map(u32::to_ne_bytes).concat())
    }

    /// As a sockmap's socket was seen on Linux 6.18: `ss` prints f4294964864.
    #[test]
    fn what_is_reserved_has_a_sign() {
        let skmem = decoded([300_000, 1 << 20, 0, 0, 4_294_964_864, 4_096, 0, 0, 3]);
        assert_eq!(skmem.fwd_alloc, Some(-2432));
        assert_eq!(skmem.accounted(), 300_000 + 4_096 - 2_432);
        assert_eq!(decoded([0, 0, 0, 0, 4_294_964_864, 0, 0, 0, 0]).accounted(), -2432);
    }

    #[test]
    fn what_can_be_no_number_of_bytes_is_unknown() {
        const SATURATED: u32 = 0xc000_0000 - 1;
        let skmem = decoded([u32::MAX - 99, 212_992, SATURATED, 1 << 31, 0, u32::MAX, 1 << 31, u32::MAX, 0]);
        let unknown = [skmem.rmem_alloc, skmem.wmem_alloc, skmem.sndbuf, skmem.wmem_queued, skmem.backlog];
        assert_eq!((unknown, skmem.optmem), ([None; 5], None));
        assert_eq!((skmem.rcvbuf, skmem.received()), (Some(212_992), None));
    }

    /// `SO_RCVBUFFORCE` to the largest: UDP goes on past 2 GiB.
    #[test]
    fn a_large_limit_lets_more_than_two_gib_wait() {
        let skmem = decoded([3 << 30, i32::MAX as u32, 0, 0, 0, 0, 0, 0, u32::MAX]);
        assert_eq!(skmem.received(), Some(Truesize(3 << 30)));
        assert_eq!(skmem.drops, Some(u32::MAX), "a count is none of bytes");
    }
}
