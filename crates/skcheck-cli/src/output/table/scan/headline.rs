//! The answer: who is the heaviest, and how heavy.

use crate::output::table::scan::amount::amount;
use crate::output::table::scan::charge::charge;
use crate::output::table::scan::closed_held::whose_unlisted;
use crate::output::table::scan::nothing::nothing;
use crate::output::table::scan::place::{fill, is_ambiguous, mostly_at, ring_at};
use crate::output::table::scan::subject::SentenceSubject;
use crate::output::words::names::process_in_sentence;
use crate::output::words::room;
use crate::report::scan::{OwnerGroup, ScanReport};
use crate::report::{PartialSum, shows_sent};
use crate::text::{Charset, count, size};

/// The answer: who is the heaviest, and how heavy.
pub(super) fn headline(report: &ScanReport<'_>, charset: Charset) -> Vec<String> {
    let Some(group) = &report.heaviest else { return vec![nothing(report)] };
    let subject = SentenceSubject::of(report, group, charset);
    let sums = &group.sums;
    if sums.mostly_rings() {
        has_rings(&subject, group)
    } else if sums.mostly_sent() {
        has_sent(&subject, report, group, charset)
    } else if sums.mostly_errors() {
        has_errors(&subject, report, group)
    } else if sums.unread.known > 0 || sums.received.charged.known > 0 {
        sits_on_unread(&subject, report, group)
    } else if sums.closed_held > 0 {
        holds_closed(&subject, report, group)
    } else if sums.waiting > 0 {
        has_waiting(&subject, group)
    } else {
        vec![format!("No data waits in {}.", count(report.totals.sockets, "socket"))]
    }
}

fn has_rings(subject: &SentenceSubject, group: &OwnerGroup<'_>) -> Vec<String> {
    let (name, has, rings) = (&subject.name, subject.verb("has", "have"), size(group.sums.rings.known));
    let mut lines = vec![
        format!("{name} {has} {rings} of memory in rings of packet sockets{}.", ring_at(group)),
        "They take it whatever is in them, and no queue shows it.".to_owned(),
    ];
    lines.extend(fill(group));
    if let Some(charged) = amount(group.sums.received.charged) {
        lines.push(format!("What waits in its queues is charged {charged} more."));
    }
    lines
}

fn has_sent(
    subject: &SentenceSubject,
    report: &ScanReport<'_>,
    group: &OwnerGroup<'_>,
    charset: Charset,
) -> Vec<String> {
    let (name, has) = (&subject.name, subject.verb("has", "have"));
    let sent = if waits_for_device(group) {
        format!("{name} {has} sent data that waits for a device.")
    } else {
        let unsent = amount(group.sums.unsent).unwrap_or_else(|| "data".to_owned());
        format!("{name} {has} sent {unsent} that {} not taken.", peers(report, group, charset))
    };
    vec![sent, charge(report, &group.sums.sent)]
}

fn has_errors(subject: &SentenceSubject, report: &ScanReport<'_>, group: &OwnerGroup<'_>) -> Vec<String> {
    let (name, has) = (&subject.name, subject.verb("has", "have"));
    let errors = count(group.sums.errors, "packet");
    let unread = amount(group.sums.unread).map(|unread| format!(", and {unread} of unread data"));
    let (at, unread) = (mostly_at(group), unread.unwrap_or_default());
    vec![
        format!("{name} {has} {errors} in error queues{at}, never fetched{unread}."),
        charge(report, &group.sums.received),
    ]
}

fn sits_on_unread(subject: &SentenceSubject, report: &ScanReport<'_>, group: &OwnerGroup<'_>) -> Vec<String> {
    let sits = if is_ambiguous(group) { "may sit" } else { subject.verb("sits", "sit") };
    let (name, unread, at) = (&subject.name, unread(group.sums.unread), mostly_at(group));
    let mut lines = vec![format!("{name} {sits} on {unread}{at}."), charge(report, &group.sums.received)];
    lines.extend(room::of_group(group));
    lines
}

fn unread(unread: PartialSum) -> String {
    match (amount(unread), unread.unknown) {
        (Some(known), _) => format!("{known} of unread data"),
        (None, 0) => "received data with nothing to read yet (out of order, or an error queue)".to_owned(),
        (None, _) => "unread data of unknown length".to_owned(),
    }
}

fn holds_closed(subject: &SentenceSubject, report: &ScanReport<'_>, group: &OwnerGroup<'_>) -> Vec<String> {
    let (name, holds) = (&subject.name, subject.verb("holds", "hold"));
    let closed = count(group.sums.closed_held, "closed TCP socket");
    let mut lines = vec![format!("{name} {holds} {closed}, which may hold unread data or none.")];
    if let Some(bytes) = report.unlisted {
        let whose = whose_unlisted(report);
        lines.push(format!("{} of TCP memory belongs to no socket in the tables: {whose}.", size(bytes)));
    }
    lines
}

fn has_waiting(subject: &SentenceSubject, group: &OwnerGroup<'_>) -> Vec<String> {
    let (name, has) = (&subject.name, subject.verb("has", "have"));
    let waiting = count(group.sums.waiting, "connection");
    let mut lines = vec![format!("{name} {has} {waiting} waiting for accept, and no data.")];
    lines.extend(room::of_group(group));
    lines
}

/// Whether what was sent is on its way to a device: that of all protocols whose peers tell nothing.
fn waits_for_device(group: &OwnerGroup<'_>) -> bool {
    let mut senders = group.sockets.iter().filter(|socket| shows_sent(socket)).map(|it| it.socket.protocol);
    senders.all(|protocol| !protocol.waits_for_reader())
}

/// Who has not taken what was sent: by name where it is one process of this host.
fn peers(report: &ScanReport<'_>, group: &OwnerGroup<'_>, charset: Charset) -> String {
    let senders = || group.sockets.iter().filter(|socket| shows_sent(socket));
    let mut pids: Vec<u32> =
        senders().flat_map(|socket| &socket.peer_holders).map(|holder| holder.pid).collect();
    pids.sort_unstable();
    pids.dedup();
    match pids.as_slice() {
        [pid] if senders().all(|socket| !socket.peer_holders.is_empty()) => {
            let name = process_in_sentence(report.snapshot, *pid, charset);
            let inferred = senders().any(|socket| socket.peer_inferred);
            if inferred { format!("{name}, to judge by the addresses, has") } else { format!("{name} has") }
        }
        _ if senders().count() == 1 => "its peer has".to_owned(),
        _ => "the peers have".to_owned(),
    }
}
