//! What stands beside the ledger, for programs: the network's books, the census, memory outside.

use serde::Serialize;
use skcheck_core::memory::{Census, Network, PageClass, ProtocolMemory, Reserved};
use skcheck_core::{Blocks, PageSize, Pages};

/// An amount with a name.
#[derive(Serialize)]
pub(super) struct NamedJson {
    pub(super) name: &'static str,
    pub(super) bytes: u64,
}

#[derive(Serialize)]
pub(super) struct ReservedJson {
    ram: u64,
    kernel: u64,
    crash_kernel: u64,
    firmware: u64,
}

#[derive(Serialize)]
pub(super) struct NetworkJson<'a> {
    tcp_mem: Option<ProtocolJson>,
    udp_mem: Option<ProtocolJson>,
    under_pressure: &'a [String],
    fragments: Option<u64>,
    sockets_used: Option<u64>,
    tcp_allocated: Option<u64>,
    tcp_orphans: Option<u64>,
    tcp_time_wait: Option<u64>,
    skb_objects: Option<u64>,
    skb_bound: Option<u64>,
}

#[derive(Serialize)]
struct ProtocolJson {
    used: u64,
    low: Option<u64>,
    pressure: Option<u64>,
    high: Option<u64>,
}

#[derive(Serialize)]
pub(super) struct CensusJson {
    classes: Vec<NamedJson>,
    off_list: Vec<OffListJson>,
    uncertain: u64,
    threads_kept: u64,
}

#[derive(Serialize)]
struct OffListJson {
    order: u8,
    blocks: u64,
    bytes: u64,
}

impl ReservedJson {
    pub(super) fn new(Reserved { ram, kernel, crash_kernel, firmware, .. }: Reserved) -> ReservedJson {
        ReservedJson { ram: ram.0, kernel: kernel.0, crash_kernel: crash_kernel.0, firmware: firmware.0 }
    }
}

impl<'a> NetworkJson<'a> {
    pub(super) fn new(network: &'a Network, page: PageSize) -> NetworkJson<'a> {
        let protocol = |memory: Option<ProtocolMemory>| {
            let ProtocolMemory { used, limits, .. } = memory?;
            let bytes = |pages: Pages| pages.bytes(page).0;
            Some(ProtocolJson {
                used: bytes(used),
                low: limits.map(|limits| bytes(limits.low)),
                pressure: limits.map(|limits| bytes(limits.pressure)),
                high: limits.map(|limits| bytes(limits.high)),
            })
        };
        NetworkJson {
            tcp_mem: protocol(network.tcp),
            udp_mem: protocol(network.udp),
            under_pressure: &network.under_pressure,
            fragments: network.fragments.map(|bytes| bytes.0),
            sockets_used: network.sockets_used,
            tcp_allocated: network.tcp_allocated,
            tcp_orphans: network.tcp_orphans,
            tcp_time_wait: network.tcp_time_wait,
            skb_objects: network.skb_objects,
            skb_bound: network.skb_bound.map(|bound| bound.0),
        }
    }
}

impl CensusJson {
    pub(super) fn new(census: &Census) -> CensusJson {
        let page = census.page_size;
        let class = |(class, pages): &(PageClass, Pages)| NamedJson {
            name: class.name(),
            bytes: pages.bytes(page).0,
        };
        let off_list = |blocks: &Blocks| OffListJson {
            order: blocks.order,
            blocks: blocks.blocks,
            bytes: blocks.bytes(page).0,
        };
        CensusJson {
            classes: census.classes.iter().map(class).collect(),
            off_list: census.off_list.iter().map(off_list).collect(),
            uncertain: census.uncertain.bytes(page).0,
            threads_kept: census.threads_kept,
        }
    }
}
