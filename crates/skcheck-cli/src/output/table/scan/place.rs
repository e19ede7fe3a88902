//! Where most of what somebody holds is.

use skcheck_core::{Certainty, Holder, Holding, SocketEntry};

use crate::output::words::descriptor::descriptor;
use crate::output::words::rings;
use crate::report::scan::{Owner, OwnerGroup};
use crate::report::{Sums, shows_sent};

/// ` (fd 4)`, where all rings of a process are at one descriptor.
pub(super) fn ring_at(group: &OwnerGroup<'_>) -> String {
    let Owner::Process(pid) = group.owner else { return String::new() };
    let mut with_rings = group.sockets.iter().filter(|report| Sums::of([**report]).rings.known > 0);
    match (with_rings.next(), with_rings.next()) {
        (Some(one), None) => {
            let holder = one.holders.iter().find(|holder| holder.pid == pid);
            holder.map(|holder| format!(" ({})", ring_of(holder))).unwrap_or_default()
        }
        _ => String::new(),
    }
}

/// How full the ring of a process is, where it has one and an engine has looked.
pub(super) fn fill(group: &OwnerGroup<'_>) -> Option<String> {
    let mut rings =
        group.sockets.iter().filter_map(|report| report.socket.rings).filter(|it| it.rx.is_some());
    let first = rings.next()?;
    if rings.next().is_some() { None } else { rings::sentence(first.fill) }
}

/// `fd 4`, or that no descriptor leads to a ring any more.
fn ring_of(holder: &Holder) -> String {
    match holder.number() {
        Some(_) => descriptor(holder),
        None => "mapped, its descriptor is closed".to_owned(),
    }
}

/// `, most of it at fd 11`, where that is so.
pub(super) fn mostly_at(group: &OwnerGroup<'_>) -> String {
    let weight = |report: &SocketEntry| Sums::of([report]).received.weight;
    let Some(&first) = group.sockets.iter().max_by_key(|report| weight(report)) else { return String::new() };
    let Owner::Process(pid) = group.owner else { return String::new() };
    let holder = first.holders.iter().find(|holder| holder.pid == pid);
    let at = holder.map(descriptor);
    let most = weight(first).saturating_mul(2) > group.sums.received.weight;
    let alone = group.sums.sockets == 1;
    match at {
        Some(at) if alone && first.holding == Holding::IoUring => {
            format!(" registered with io_uring ({at})")
        }
        Some(at) if alone && matches!(first.holding, Holding::InFlight { .. }) => {
            format!(" of a socket in flight to it ({at})")
        }
        Some(_) if alone && first.holding == Holding::Mapping => " of a socket that it has mapped".to_owned(),
        Some(at) if alone && is_held(first) => format!(" at {at}"),
        Some(at) if most && is_held(first) => format!(", most of it at {at}"),
        _ => String::new(),
    }
}

/// Whether most of it waits at a listener that shares its address with others.
pub(super) fn is_ambiguous(group: &OwnerGroup<'_>) -> bool {
    let ambiguous = |report: &&&SocketEntry| {
        let guesses = [Holding::AwaitingAccept { ambiguous: true }, Holding::InFlight { ambiguous: true }];
        guesses.contains(&report.holding)
    };
    let charge = |report: &&SocketEntry| report.footprint.received.charged.map_or(0, |charge| charge.0);
    let sum: u64 = group.sockets.iter().filter(ambiguous).map(charge).fold(0, u64::saturating_add);
    sum.saturating_mul(2) > group.sums.received.charged.known
}

/// Whether a descriptor of the process itself holds what was received, and no estimate says so.
fn is_held(report: &SocketEntry) -> bool {
    report.holding == Holding::Descriptors
        && !shows_sent(report)
        && report.footprint.certainty != Certainty::Estimate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_and_what_leads_to_them() {
        assert_eq!(ring_of(&Holder::new(4711, 4)), "fd 4");
        assert_eq!(ring_of(&Holder::of_mapping(4711)), "mapped, its descriptor is closed");
    }
}
