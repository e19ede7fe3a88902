//! Who has a socket.

use std::num::NonZeroU32;

use serde::Serialize;
use skcheck_core::{Holder, Holding, SocketEntry};

/// Who has both ends; flattened into a socket.
#[derive(Serialize)]
pub(super) struct HoldingJson {
    holding: &'static str,
    awaiting_accept: bool,
    ambiguous: bool,
    shared: bool,
    holders: Vec<HolderJson>,
    peer_holders: Vec<HolderJson>,
    peer_inferred: bool,
    portid_pid: Option<u32>,
}

#[derive(Serialize)]
pub(super) struct HolderJson {
    pid: u32,
    fd: Option<u32>,
    via: &'static str,
    tid: Option<NonZeroU32>,
}

impl HoldingJson {
    pub(super) fn new(report: &SocketEntry) -> HoldingJson {
        HoldingJson {
            holding: report.holding.name(),
            awaiting_accept: matches!(report.holding, Holding::AwaitingAccept { .. }),
            ambiguous: matches!(
                report.holding,
                Holding::AwaitingAccept { ambiguous: true } | Holding::InFlight { ambiguous: true }
            ),
            shared: report.is_shared(),
            holders: report.holders.iter().map(HolderJson::new).collect(),
            peer_holders: report.peer_holders.iter().map(HolderJson::new).collect(),
            peer_inferred: report.peer_inferred,
            portid_pid: report.portid_process,
        }
    }
}

impl HolderJson {
    pub(super) fn new(holder: &Holder) -> HolderJson {
        HolderJson { pid: holder.pid, fd: holder.number(), via: holder.via.name(), tid: holder.tid }
    }
}
