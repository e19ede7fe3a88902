//! The last column: what there is to say of a socket, or of an owner, beside numbers and names.

use skcheck_core::{Holder, Holding, SocketEntry, State, Via};

use crate::output::table::scan::writer::RowWriter;
use crate::output::words::descriptor::descriptor;
use crate::output::words::socket::error_queue;
use crate::output::words::{rings, room};
use crate::report::is_closed_unknown;
use crate::report::scan::{Owner, OwnerGroup};
use crate::text::size;

impl RowWriter<'_> {
    pub(super) fn note(&self, report: &SocketEntry, owner: Option<Owner<'_>>) -> String {
        let mut notes = Vec::new();
        match report.holding {
            Holding::AwaitingAccept { ambiguous: false } => notes.push("not accepted yet".to_owned()),
            Holding::AwaitingAccept { ambiguous: true } => {
                notes.push("not accepted yet, at this listener or another".to_owned());
            }
            Holding::Orphan if !is_process(owner) => notes.push("closed by its process".to_owned()),
            _ => {}
        }
        if matches!(owner, None | Some(Owner::Orphaned)) {
            notes.extend(self.names.place_of_orphan(report));
        }
        notes.extend(way(report, owner));
        if report.socket.state == State::ClosedHeld && !is_closed_unknown(report) {
            notes.push(match report.socket.recv_q.holds_something() {
                true => "reset or closed, unread data kept".to_owned(),
                false => "reset, closed or never connected".to_owned(),
            });
        }
        notes.extend(rings::note(report));
        notes.extend(room::notes(report));
        notes.extend(error_queue(report));
        if report.holders.is_empty()
            && let Some(pid) = report.portid_process
        {
            notes.push(format!("named by its portid, {pid}"));
        }
        if report.is_shared() {
            notes.push(format!("shared by {} processes", report.pids().len()));
        }
        notes.join(", ")
    }
}

/// What there is to say of all sockets of an owner.
pub(super) fn group_note(group: &OwnerGroup<'_>) -> String {
    let mut notes = Vec::new();
    if (group.sockets.len() as u64) < group.sums.sockets {
        notes.push(format!("heaviest {} shown", group.sockets.len()));
    }
    if group.sums.closed_held > 0 && group.sums.sockets > 1 {
        notes.push(format!("{} closed, size unknown", group.sums.closed_held));
    }
    if group.sums.rings.known > 0 && group.sums.sockets > 1 {
        notes.push(format!("rings of {}", size(group.sums.rings.known)));
    }
    notes.join(", ")
}

/// Whether a row stands under that of a process, or of nobody.
pub(super) fn is_process(owner: Option<Owner<'_>>) -> bool {
    matches!(owner, Some(Owner::Process(_) | Owner::Orphaned | Owner::Kernel | Owner::Hidden))
}
/// How a socket is held, where that is not by a descriptor of the process.
fn way(report: &SocketEntry, owner: Option<Owner<'_>>) -> Option<String> {
    let of_owner = |holder: &&Holder| match owner {
        Some(Owner::Process(pid)) => holder.pid == pid,
        _ => true,
    };
    let holders = || report.holders.iter().filter(of_owner);
    let holder = holders().min_by_key(|holder| holder.via)?;
    match (holder.via, report.holding) {
        (Via::ThreadFd, _) => holder.tid.map(|tid| format!("in the table of thread {tid} alone")),
        (Via::Map, _) => Some("mapped, its descriptor is closed".to_owned()),
        (Via::IoUring, _) => Some(format!("registered with io_uring ({})", descriptor(holder))),
        (Via::InFlight, Holding::InFlight { ambiguous: true }) => Some(match holders().count() {
            1 => format!("in flight? a message at {} has descriptors", descriptor(holder)),
            n => format!("in flight? messages at {} and {} more have descriptors", descriptor(holder), n - 1),
        }),
        (Via::InFlight, _) => Some(format!("in flight: not received yet at {}", descriptor(holder))),
        _ => None,
    }
}
