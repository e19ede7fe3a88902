//! The commands for the next question, below a scan's report.

use skcheck_core::{Missing, SocketEntry};

use crate::report::scan::{Owner, OwnerGroup, ScanKind, ScanReport};
use crate::report::{EngineUse, Privilege};

/// The commands for the next question.
pub(super) fn next(report: &ScanReport<'_>) -> Vec<String> {
    let mut next = Vec::new();
    if report.request.kind == ScanKind::Demo {
        return next;
    }
    if report.missing.is_some() {
        next.push("skcheck mem --pages (where the memory is, and whether sockets have it)".to_owned());
    }
    if let Some(OwnerGroup { owner: Owner::Process(pid), sums, sockets }) = &report.heaviest {
        let is_its = |socket: &&&SocketEntry| socket.holders.iter().any(|holder| holder.pid == *pid);
        let all_shown = report.sockets.iter().filter(is_its).count() as u64 == sums.sockets;
        if !all_shown && report.request.query.pids.is_empty() && sockets.len() > 1 {
            next.push(format!(
                "skcheck --pid {pid} --by socket --top 0 (all {} sockets of it)",
                sums.sockets
            ));
        }
        let has_unread = sums.unread.known > 0 || sums.unread.unknown > 0 && sums.received.charged.known > 0;
        if has_unread && !sums.mostly_sent() && !report.request.is_about_stalled() {
            next.push(format!("skcheck watch --pid {pid} (does it read, and if not, why)"));
        }
    }
    if report.sockets.is_empty() {
        if report.narrowed || report.request.is_about_stalled() {
            next.push("skcheck (everything with unread or unsent data)".to_owned());
        } else if !report.request.query.include_idle {
            next.push("skcheck --all (idle sockets too)".to_owned());
            next.push("skcheck demo (what a stalled reader looks like)".to_owned());
        }
    }
    let unknown = report.sums.closed_held > 0 && report.snapshot.engine.is_none();
    if unknown && report.engine == EngineUse::NotTried {
        next.push("skcheck --engine bpf (also what closed sockets hold; as root)".to_owned());
    }
    let hidden = report.gaps.iter().any(|gap| gap.what == Missing::Processes);
    if hidden && report.privilege == Privilege::User {
        next.push("sudo skcheck (everybody's sockets with their holders, in every namespace)".to_owned());
    }
    next
}
