//! Sums over all sockets that match.

use serde::Serialize;
use skcheck_core::{Cap, Snapshot, Totals};

use crate::output::json::exact::BlocksJson;

#[derive(Serialize)]
pub(super) struct TotalsJson {
    sockets: u64,
    processes: u64,
    unread_sockets: u64,
    unread_processes: u64,
    unread: u64,
    unread_unknown: u64,
    charged: u64,
    charged_unknown: u64,
    rings: u64,
    rings_unknown: u64,
    worst: u64,
    worst_cap: Option<&'static str>,
    measured: u64,
    pinned: Option<u64>,
    pages: Option<Vec<BlocksJson>>,
    unlisted_tcp_mem: Option<i64>,
    unlisted_noise: u64,
}

impl TotalsJson {
    /// `rest` has the pages of all sockets.
    pub(super) fn new(totals: &Totals, rest: &Snapshot) -> TotalsJson {
        TotalsJson {
            sockets: totals.sockets,
            processes: totals.processes,
            unread_sockets: totals.unread_sockets,
            unread_processes: totals.unread_processes,
            unread: totals.unread.0,
            unread_unknown: totals.unread_unknown,
            charged: totals.charged.0,
            charged_unknown: totals.charged_unknown,
            rings: totals.rings.0,
            rings_unknown: totals.rings_unknown,
            worst: totals.worst.0,
            worst_cap: totals.cap.map(|cap| match cap {
                Cap::Unowned => "unowned",
                Cap::HostPackets => "host_packets",
                _ => "other",
            }),
            measured: totals.measured,
            pinned: totals.pinned.map(|bytes| bytes.0),
            pages: totals.pinned.map(|_| rest.blocks().map(|blocks| BlocksJson::new(&blocks)).collect()),
            unlisted_tcp_mem: rest.unlisted_tcp_mem,
            unlisted_noise: rest.unlisted_noise.0,
        }
    }
}
