//! What stands once beneath the table: why a cause is not known and what would show it, and error queues.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use skcheck_core::SocketEntry;
use skcheck_core::watch::cause::End;

use crate::output::words::sample::SampleNames;
use crate::output::words::socket::error_queue;
use crate::output::words::unreadable::{missing, unread};
use crate::report::watch::{WatchReport, WatchRow};
use crate::text::count;

/// How many error queues are told of.
const MOST_QUEUES: usize = 3;

/// A line for each error queue of what was asked for that nobody fetches, the longest first: what is in it is
/// no unread data, and no reader stands still because of it.
pub(super) fn error_queues(report: &WatchReport<'_>, names: SampleNames<'_>) -> Vec<String> {
    let sockets = report.now.asked_for().iter();
    let mut queues: Vec<(u64, &SocketEntry)> = sockets
        .filter_map(|socket| Some((socket.error_packets().filter(|errors| *errors > 0)?, socket)))
        .collect();
    queues.sort_by_key(|(errors, socket)| (Reverse(*errors), socket.holders.first().copied()));
    let told = queues.iter().take(MOST_QUEUES).filter_map(|(_, socket)| {
        let at =
            socket.holders.first().map(|holder| format!("{}, fd {}", names.process(holder.pid), holder.fd));
        let who = at.unwrap_or_else(|| "A socket that no process holds".to_owned());
        Some(format!("{who}: {}.", error_queue(socket)?))
    });
    let more = queues.len().saturating_sub(MOST_QUEUES);
    let more = (more > 0)
        .then(|| format!("{} more have packets in their error queues.", count(more as u64, "socket")));
    told.chain(more).collect()
}

/// A sentence for each thing that would show why some of these stand still.
pub(super) fn notes(rows: &[WatchRow<'_>]) -> Vec<String> {
    let causes = rows.iter().filter_map(|row| match row.culprit() {
        Some((_, End::Stalled(_, cause))) => Some(cause.as_ref()),
        _ => row.judged.cause.as_ref(),
    });
    let mut by_remedy: BTreeMap<&str, u64> = BTreeMap::new();
    for remedy in causes.filter_map(|cause| missing(unread(cause)?).remedy) {
        *by_remedy.entry(remedy).or_default() += 1;
    }
    let note = |(remedy, sockets)| format!("Why is not known for {}: {remedy}.", count(sockets, "socket"));
    by_remedy.into_iter().map(note).collect()
}
