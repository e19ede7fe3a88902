//! Closed sockets that are still held, in words.

use skcheck_core::{SocketEntry, State};

use crate::report::is_closed_unknown;
use crate::report::scan::ScanReport;
use crate::text::{count, size};

/// What is known about TCP memory that no listed socket accounts for.
pub(super) fn sentence(report: &ScanReport<'_>) -> Option<String> {
    let measured = report.snapshot.unlisted_tcp_mem.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0);
    let most = size(measured.saturating_add(report.snapshot.unlisted_noise.0));
    let unlisted = report.unlisted;
    let known = report.snapshot.unlisted_tcp_mem.is_some();
    let n = report.sums.closed_held;
    let they = count(n, "closed socket");
    if let (0, Some(known)) = (n, known_ones(report)) {
        return Some(known);
    }
    match (n, unlisted) {
        (0, None) => None,
        (0, Some(bytes)) => Some(format!(
            "{} of TCP memory belongs to no socket in the tables that were read: closed ones that are still \
             held{}.",
            size(bytes),
            if report.everywhere { "" } else { ", or other network namespaces" }
        )),
        (_, Some(bytes)) => Some(format!(
            "{they} still held (CLOSED?): a socket that was reset keeps its unread data, and looks the same as \
             one that never connected. {} of TCP memory belongs to no socket in the tables: {}.",
            size(bytes),
            whose_unlisted(report)
        )),
        (_, None) if known => Some(format!(
            "{they} still held (CLOSED?): reset, or never connected; both look the same. Together they hold at \
             most {most}: all other TCP memory belongs to sockets in the tables."
        )),
        (_, None) => {
            Some(format!("{they} still held (CLOSED?): reset, or never connected; both look the same."))
        }
    }
}

/// About closed sockets whose numbers are known; `None` where there is none.
fn known_ones(report: &ScanReport<'_>) -> Option<String> {
    let is_known = |it: &&SocketEntry| it.socket.state == State::ClosedHeld && !is_closed_unknown(it);
    let mut charges = report.snapshot.sockets.iter().filter(is_known).map(|it| {
        let footprint = &it.footprint;
        let sides = [footprint.received.charged, footprint.sent.charged];
        sides.into_iter().flatten().map(|charge| charge.0).fold(0, u64::saturating_add)
    });
    let first = charges.next()?;
    let (n, charged) = charges.fold((1, first), |(n, sum), charge| (n + 1, sum.saturating_add(charge)));
    let (is, hold) = if n == 1 { ("is", "holds") } else { ("are", "hold") };
    let mut text = format!(
        "{} still held (CLOSED) {is} in no table, as reset or closed on both sides, and {hold} {}.",
        count(n, "socket"),
        size(charged)
    );
    if let Some(unlisted) = report.unlisted {
        text += &format!(" Another {} of TCP memory belongs to no socket in the tables.", size(unlisted));
    }
    Some(text)
}

/// Who may own TCP memory that belongs to no listed socket.
pub(super) fn whose_unlisted(report: &ScanReport<'_>) -> &'static str {
    if report.everywhere && !report.narrowed {
        "likely theirs"
    } else {
        "theirs, or that of sockets that are not seen or not shown here"
    }
}
