//! The answer: who holds what at a descriptor, and what that pins.

use skcheck_core::engine::Queue;
use skcheck_core::{Agreement, Direction, Holder};

use crate::output::words::address::endpoint_of;
use crate::output::words::pages::{pinned_in, whose_pages};
use crate::output::words::socket::{proto, state_name};
use crate::output::words::{rings, room};
use crate::report::packets::{PacketsReport, WalkExtent};
use crate::text::{Charset, capitalised, count, escape, size};

/// The answer, a paragraph each.
pub(super) fn answer(report: &PacketsReport, charset: Charset) -> Vec<String> {
    let socket = &report.listing.socket;
    let elsewhere = elsewhere(report);
    let is_all_elsewhere = report.packets() == 0 && !elsewhere.is_empty();
    let mut lines = holds(report, &elsewhere, charset);
    lines.extend(elsewhere);
    lines.extend(rings::sentence(report.listing.counters.ring));
    let text = |end| endpoint_of(end, socket, None, charset);
    let ends = [text(&socket.local), text(&socket.peer)];
    let ends: Vec<&str> = ends.iter().map(String::as_str).filter(|end| !end.is_empty()).collect();
    lines.push(format!("{} {} {}", proto(socket.protocol), state_name(socket.state), ends.join(" > ")));
    lines.extend(room::clause(socket).map(|clause| format!("{}.", capitalised(&clause))));
    if !report.exact.is_complete() {
        let remedy = if report.is_limited { "--limit 0 goes on" } else { "that is as far as a walk goes" };
        lines.push(format!("{} not all packets were walked: {remedy}.", charset.at_least()));
    } else if report.exact.is_approximate() && !is_all_elsewhere {
        lines.push(format!("{} the queue changed while it was walked.", charset.about()));
    }
    if report.exact.agreement(socket) == Agreement::Differs {
        lines.push("Their sums are not what the kernel accounts for (--format json shows both).".to_owned());
    }
    lines
}

/// How many packets there are, and what they pin; or that there are none, but for what is told of elsewhere.
fn holds(report: &PacketsReport, elsewhere: &[String], charset: Charset) -> Vec<String> {
    let Holder { pid, fd, .. } = report.holder;
    let name = report.comm.as_deref().map_or_else(|| "process".to_owned(), |comm| escape(comm, charset));
    let (packets, mark) = (report.packets(), mark(report, charset));
    if packets > 0 {
        let held = format!(
            "{name} ({pid}) holds {mark}{} at fd {fd}: {}, {mark}{} of truesize.",
            count(packets, "packet"),
            held(report, charset).join(", "),
            size(report.truesize().0)
        );
        return vec![held, pinned(report, charset)];
    }
    vec![match elsewhere.is_empty() {
        true => format!("{name} ({pid}) holds no packets at fd {fd}: its queues are empty."),
        false => format!("{name} ({pid}) holds no packets at fd {fd} in queues of its own."),
    }]
}

/// Marks a number of all packets.
fn mark(report: &PacketsReport, charset: Charset) -> &'static str {
    match report.walked() {
        WalkExtent::InPart => charset.at_least(),
        WalkExtent::Changing => charset.about(),
        WalkExtent::Whole => "",
    }
}

/// What its queues hold, each kind by its name.
fn held(report: &PacketsReport, charset: Charset) -> Vec<String> {
    let packets = |is_of| report.queues(is_of).map(|queue| queue.packets).fold(0, u64::saturating_add);
    let mut parts = Vec::new();
    if packets(Queue::is_data_to_read) > 0 {
        parts.push(match report.footprint.received.payload {
            Some(unread) => format!("{} unread", size(unread.0)),
            None => format!("{}{} unread", mark(report, charset), size(report.exact.unread().0)),
        });
    }
    if packets(Queue::is_sending) > 0 {
        let sending = || report.queues(Queue::is_sending);
        let bytes = sending().map(|queue| queue.bytes.0).fold(0, u64::saturating_add);
        let mark = if sending().all(|queue| queue.complete) { "" } else { charset.at_least() };
        let is_acknowledged = report.listing.socket.protocol.is_acknowledged();
        let what = if is_acknowledged { "that the peer has not taken" } else { "not sent yet" };
        parts.push(format!("{mark}{} {what}", size(bytes)));
    }
    match report.exact.counters.errors {
        0 => {}
        errors => parts.push(format!("{} in the error queue never fetched", count(errors, "packet"))),
    }
    parts
}

/// What it is charged for that lies in no queue of its own.
fn elsewhere(report: &PacketsReport) -> Vec<String> {
    let [received, sent] = Direction::BOTH.map(|direction| report.elsewhere(direction).0);
    let mut lines = Vec::new();
    if received > 0 {
        lines.push(format!(
            "It is charged {} for received packets that are in no queue of its own: a sockmap program can have taken \
             them (bpftool map shows sockmaps).",
            size(received)
        ));
    }
    if sent > 0 {
        lines.push(format!(
            "It is charged {} for sent packets that are on their way to a device (tc -s qdisc shows how many wait).",
            size(sent)
        ));
    }
    lines.extend(report.at_peer().map(|charge| {
        format!("What it has sent waits in the queue of its peer: it is charged {} for that.", size(charge.0))
    }));
    lines
}

fn pinned(report: &PacketsReport, charset: Charset) -> String {
    let what = pinned_in(&report.blocks, report.exact.slab.0, report.page_size);
    let mut line = format!("They pin {}{what}", mark(report, charset));
    if let Some(pages) = whose_pages(&report.exact) {
        line += &format!(", among them {pages}");
    }
    line + "."
}
