//! The network stack's own books: what it counts of its memory itself. They count truesize, what packets
//! are charged, and not the pages that these pin.

use crate::footprint::HostFacts;
use crate::model::units::{Bytes, Pages};
use crate::procfs::protocols::under_pressure;
use crate::procfs::sockstat::{sockstat_number, tcp_memory};

use crate::procfs::mem_limits::MemLimits;

/// What the network stack counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Network {
    /// TCP's memory, of all namespaces (`tcp_memory_allocated`), and its limits (net.ipv4.tcp_mem).
    pub tcp: Option<ProtocolMemory>,
    /// UDP's memory, of all namespaces (`udp_memory_allocated`), and its limits (net.ipv4.udp_mem).
    pub udp: Option<ProtocolMemory>,
    /// What fragments are charged that wait for the rest of their packet, IPv4 and IPv6, of the scanner's
    /// own namespace (`memory` of `FRAG` and `FRAG6`; `fqdir.mem`): in no socket's charge and not in
    /// `tcp` and `udp`.
    pub fragments: Option<Bytes>,
    /// Protocols that are under memory pressure (`press` of /proc/net/protocols), by the kernel's names.
    /// Those that share one state are all there: TCP, TCPv6, MPTCP, MPTCPv6. UDP and most others have no
    /// such state.
    pub under_pressure: Vec<String>,
    /// Sockets of every family, of the scanner's own namespace (`used`; host-wide before Linux 4.16).
    pub sockets_used: Option<u64>,
    /// TCP sockets that exist, of all namespaces, closed ones that are still held and those waiting for
    /// accept included (`alloc` of /proc/net/sockstat).
    pub tcp_allocated: Option<u64>,
    /// TCP sockets that no process holds any more, of all namespaces (`orphan`).
    pub tcp_orphans: Option<u64>,
    /// TCP sockets in TIME-WAIT, of the scanner's own namespace (`tw`).
    pub tcp_time_wait: Option<u64>,
    /// Packets in use: active objects of the slabs that they come from
    /// ([`HostFacts::active_skbs`](crate::footprint::HostFacts::active_skbs); root only).
    pub skb_objects: Option<u64>,
    /// What these can pin at most ([`HostFacts::host_bound`](crate::footprint::HostFacts::host_bound)).
    pub skb_bound: Option<Bytes>,
}

/// What a protocol's sockets use together, and the kernel's limits for it. The kernel counts pages of
/// truesize.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProtocolMemory {
    /// In use.
    pub used: Pages,
    /// The limits; `None` in another network namespace than the host's first, where the kernel does not
    /// show them.
    pub limits: Option<MemLimits>,
}

impl ProtocolMemory {
    /// So much of it, and its limits.
    pub fn new(used: Pages, limits: Option<MemLimits>) -> ProtocolMemory {
        ProtocolMemory { used, limits }
    }

    /// How close it is to holding back: 1 is there. `None` where the limits are unknown.
    pub fn share_of_pressure(&self) -> Option<f64> {
        let Pages(pressure) = self.limits?.pressure;
        // Exact up to 2^53 pages.
        (pressure > 0).then(|| self.used.0 as f64 / pressure as f64)
    }
}

/// The files that [`Network`] is made of; `None`: it cannot be read.
#[derive(Debug, Clone, Copy, Default)]
pub struct NetworkFiles<'f> {
    /// /proc/net/sockstat.
    pub sockstat: Option<&'f [u8]>,
    /// /proc/net/sockstat6.
    pub sockstat6: Option<&'f [u8]>,
    /// /proc/net/protocols.
    pub protocols: Option<&'f [u8]>,
    /// /proc/sys/net/ipv4/tcp_mem.
    pub tcp_mem: Option<&'f [u8]>,
    /// /proc/sys/net/ipv4/udp_mem.
    pub udp_mem: Option<&'f [u8]>,
}

/// What these files tell.
pub fn network(files: &NetworkFiles<'_>, facts: &HostFacts) -> Network {
    let number = |protocol, name| sockstat_number(files.sockstat?, protocol, name);
    let memory = |used: Option<Pages>, file: Option<&[u8]>| {
        used.map(|used| ProtocolMemory { used, limits: file.and_then(MemLimits::parse) })
    };
    let fragments =
        [number("FRAG", "memory"), files.sockstat6.and_then(|file| sockstat_number(file, "FRAG6", "memory"))];
    Network {
        tcp: memory(files.sockstat.and_then(tcp_memory), files.tcp_mem),
        udp: memory(number("UDP", "mem").map(Pages), files.udp_mem),
        fragments: fragments.into_iter().flatten().reduce(u64::saturating_add).map(Bytes),
        under_pressure: files.protocols.map(under_pressure).unwrap_or_default(),
        sockets_used: number("sockets", "used"),
        tcp_allocated: number("TCP", "alloc"),
        tcp_orphans: number("TCP", "orphan"),
        tcp_time_wait: number("TCP", "tw"),
        skb_objects: facts.active_skbs,
        skb_bound: facts.host_bound(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;
