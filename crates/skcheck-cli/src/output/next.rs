//! The commands for the next question, below a scan's report.

use skcheck_core::{Missing, SocketEntry};

use crate::args::EngineChoice;
use crate::config::ScanConfig;
use crate::report::{Group, Owner, Report};

/// The commands for the next question.
pub(super) fn next(report: &Report<'_>, config: &ScanConfig) -> Vec<String> {
    let mut next = Vec::new();
    if config.ends {
        return next;
    }
    if report.missing.is_some() {
        next.push("skcheck mem --pages (where the memory is, and whether sockets have it)".to_owned());
    }
    if let Some(Group { owner: Owner::Process(pid), sums, sockets }) = &report.heaviest {
        let is_its = |socket: &&&SocketEntry| socket.holders.iter().any(|holder| holder.pid == *pid);
        let all_shown = report.sockets.iter().filter(is_its).count() as u64 == sums.sockets;
        if !all_shown && config.query.pids.is_empty() && sockets.len() > 1 {
            next.push(format!(
                "skcheck --pid {pid} --by socket --top 0 (all {} sockets of it)",
                sums.sockets
            ));
        }
        let has_unread = sums.unread.known > 0 || sums.unread.unknown > 0 && sums.received.charged.known > 0;
        if has_unread && !sums.mostly_sent() && !config.stalled {
            next.push(format!("skcheck watch --pid {pid} (does it read, and if not, why)"));
        }
    }
    if report.sockets.is_empty() {
        if config.narrowed {
            next.push("skcheck (everything with unread or unsent data)".to_owned());
        } else if !config.query.include_idle {
            next.push("skcheck --all (idle sockets too)".to_owned());
            next.push("skcheck demo (what a stalled reader looks like)".to_owned());
        }
    }
    let unknown = report.closed_held > 0 && report.snapshot.engine.is_none();
    if unknown && config.measuring.engine == EngineChoice::Proc {
        next.push("skcheck --engine bpf (also what closed sockets hold; as root)".to_owned());
    }
    let hidden = report.snapshot.gaps.iter().any(|gap| gap.what == Missing::Processes);
    if hidden && !rustix::process::geteuid().is_root() {
        next.push("sudo skcheck (everybody's sockets with their holders, in every namespace)".to_owned());
    }
    next
}
