//! A process, and where it is.

use serde::Serialize;
use skcheck_core::{Process, Snapshot, SocketEntry};

use crate::output::json::bytes::{hex_unless_utf8, lossy};
use crate::output::json::place::PlaceJson;

#[derive(Serialize)]
pub(super) struct ProcessJson {
    pid: u32,
    start_time: Option<u64>,
    comm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comm_hex: Option<String>,
    cmdline: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cmdline_hex: Option<Vec<Option<String>>>,
    uid: Option<u32>,
    ns_pid: Option<u32>,
    #[serde(flatten)]
    place: PlaceJson,
}

impl ProcessJson {
    pub(super) fn new(process: &Process) -> Self {
        let cmdline = process.cmdline.as_deref();
        let hexes = cmdline.map(|words| words.iter().map(|word| hex_unless_utf8(word)).collect::<Vec<_>>());
        ProcessJson {
            pid: process.pid,
            start_time: process.start_time,
            comm: process.comm.as_deref().map(lossy),
            comm_hex: process.comm.as_deref().and_then(hex_unless_utf8),
            cmdline: cmdline.map(|words| words.iter().map(|word| lossy(word)).collect()),
            cmdline_hex: hexes.filter(|hexes| hexes.iter().any(Option::is_some)),
            uid: process.uid,
            ns_pid: process.ns_pid,
            place: PlaceJson::new(
                process.cgroup.as_deref(),
                process.unit.as_deref(),
                process.container.as_ref(),
            ),
        }
    }
}

/// The processes at both ends of a socket; one may come several times.
pub(super) fn processes_of<'a>(
    snapshot: &'a Snapshot,
    socket: &'a SocketEntry,
) -> impl Iterator<Item = &'a Process> {
    let peers = socket.peer_holders.iter().map(|holder| holder.pid);
    socket.pids().chain(peers).filter_map(|pid| snapshot.process(pid))
}
