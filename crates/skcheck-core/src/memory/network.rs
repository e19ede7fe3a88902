//! The network stack's own books: what it counts of its memory itself. They count truesize, what packets
//! are charged, and not the pages that these pin.

use crate::units::{Bytes, Pages};

/// What the network stack counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Network {
    /// TCP's memory, of all namespaces (`tcp_memory_allocated`), and its limits (net.ipv4.tcp_mem).
    pub tcp: Option<ProtocolMemory>,
    /// UDP's memory (`udp_memory_allocated`) and its limits (net.ipv4.udp_mem).
    pub udp: Option<ProtocolMemory>,
    /// Protocols that are under memory pressure (`press` of /proc/net/protocols), by the kernel's names.
    pub under_pressure: Vec<String>,
    /// TCP sockets that exist, of all namespaces, closed ones that are still held and those waiting for
    /// accept included (`alloc` of /proc/net/sockstat).
    pub tcp_allocated: Option<u64>,
    /// TCP sockets that no process holds any more, of all namespaces (`orphan`).
    pub tcp_orphans: Option<u64>,
    /// TCP sockets in TIME-WAIT, of the scanner's own namespace (`tw`).
    pub tcp_time_wait: Option<u64>,
    /// Packets in use: active objects of the slabs that they come from
    /// ([`HostFacts::active_skbs`](crate::HostFacts::active_skbs); root only).
    pub skb_objects: Option<u64>,
    /// What these can pin at most ([`HostFacts::host_bound`](crate::HostFacts::host_bound)).
    pub skb_bound: Option<Bytes>,
}

/// What a protocol's sockets use together, and the kernel's limits for it. The kernel counts pages of
/// truesize.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProtocolMemory {
    /// In use.
    pub used: Pages,
    /// Below this it is never short.
    pub low: Pages,
    /// Above this it holds back, until it is below `low` again.
    pub pressure: Pages,
    /// Above this it refuses.
    pub high: Pages,
}
