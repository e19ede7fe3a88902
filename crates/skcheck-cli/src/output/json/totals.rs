//! Sums over all sockets that match.

use serde::Serialize;
use skcheck_core::Cap;

use crate::output::json::exact::BlocksJson;
use crate::report::scan::ScanReport;

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
    pub(super) fn new(report: &ScanReport<'_>) -> TotalsJson {
        let totals = &report.totals;
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
            pages: totals
                .pinned
                .map(|_| report.snapshot.blocks().map(|blocks| BlocksJson::new(&blocks)).collect()),
            unlisted_tcp_mem: report.snapshot.unlisted_tcp_mem,
            unlisted_noise: report.snapshot.unlisted_noise.0,
        }
    }
}
