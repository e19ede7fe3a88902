//! What measuring found, in words.

use skcheck_core::{Holding, SocketEntry};

use crate::output::words::names::process_in_sentence;
use crate::output::words::pages::{pinned_in, whose_pages};
use crate::report::scan::{Breach, MeasuringSummary, ScanReport};
use crate::text::{Charset, count, size};

/// How many sockets that pin more than their bound get a sentence of their own.
const BREACHES: usize = 3;

/// What was measured, and what was not and why.
pub(super) fn sentences(report: &ScanReport<'_>, charset: Charset) -> Vec<String> {
    let measured = &report.measured;
    let mut lines = Vec::new();
    lines.extend(sum(report));
    lines.extend(not_measured(report));
    if measured.cut_short > 0 {
        let remedy = match report.request.limits.packets {
            u32::MAX => "that is as far as a walk goes",
            _ => "--exact-limit 0 goes on",
        };
        let walks = count(measured.cut_short, "socket");
        lines.push(format!("{walks} not walked to the end, so there is more than was measured: {remedy}."));
    }
    lines.extend(disagreement(measured));
    lines.extend(breaches(report, charset));
    if measured.not_counted > 0 {
        let pieces = count(measured.not_counted, "piece");
        let lie = if measured.not_counted == 1 { "lies" } else { "lie" };
        lines.push(format!(
            "Not counted: {pieces} of packets, which {lie} in device memory or in what is not understood."
        ));
    }
    lines
}

fn sum(report: &ScanReport<'_>) -> Option<String> {
    let measured = &report.measured;
    report.totals.pinned?;
    let unknown = measured.unmeasured();
    let who = match unknown {
        0 => count(measured.sockets, "socket"),
        _ => format!("{} of {}", measured.sockets, count(measured.sockets + unknown, "socket")),
    };
    let verb = if measured.sockets == 1 && unknown == 0 { "pins" } else { "pin" };
    let what = pinned_in(&measured.blocks, measured.slab, report.snapshot.host.page_size);
    Some(format!("Measured: {who} {verb} {what}."))
}

fn not_measured(report: &ScanReport<'_>) -> Vec<String> {
    let measured = &report.measured;
    let mut lines = Vec::new();
    let has_engine = report.snapshot.engine.is_some();
    if report.request.is_exact() && !has_engine {
        lines.push("Nothing was measured: BPF cannot be used here (see below).".to_owned());
    }
    lines.extend(no_time(report).filter(|_| has_engine));
    if measured.refused > 0 {
        let sockets = count(measured.refused, "socket");
        let were = if measured.refused == 1 { "was" } else { "were" };
        lines.push(format!("{sockets} {were} not measured: the engine could not walk them (see below)."));
    }
    if measured.vanished > 0 {
        let they = if measured.vanished == 1 { "it" } else { "they" };
        let sockets = count(measured.vanished, "socket");
        lines.push(format!("{sockets} vanished before {they} could be measured."));
    }
    if measured.not_walkable > 0 && has_engine {
        let sockets = count(measured.not_walkable, "socket");
        lines.push(format!(
            "{sockets} cannot be measured: the queues of MPTCP, and what /proc/net alone tells of."
        ));
    }
    lines.extend(elsewhere(measured));
    lines
}

/// Sockets for which no time was left.
fn no_time(report: &ScanReport<'_>) -> Option<String> {
    let left = report.measured.no_time;
    let were = if left == 1 { "was" } else { "were" };
    let sockets = count(left, "socket");
    (left > 0).then(|| match report.request.is_exact() {
        true => format!("{sockets} {were} not measured."),
        false => {
            format!("{sockets} {were} not measured: no time was left. Run with --exact, which takes it.")
        }
    })
}

/// Packets that lie in no queue that can be walked.
fn elsewhere(measured: &MeasuringSummary<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    if measured.received_elsewhere > 0 {
        lines.push(format!(
            "Not measured: {} of received packets that are in no queue of a socket (a sockmap program can have \
             taken them; bpftool map shows sockmaps).",
            size(measured.received_elsewhere)
        ));
    }
    if measured.sent_elsewhere > 0 {
        lines.push(format!(
            "Not measured: {} of sent packets that are on their way to a device (tc -s qdisc shows how many wait).",
            size(measured.sent_elsewhere)
        ));
    }
    lines
}

/// Where what was measured is not what the kernel says.
fn disagreement(measured: &MeasuringSummary<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    if measured.moved > 0 {
        let sockets = count(measured.moved, "socket");
        lines.push(format!("{sockets} changed between the two looks: PINNED is newer than the rest."));
    }
    if measured.differing > 0 {
        let sockets = count(measured.differing, "socket");
        lines.push(format!(
            "The packets of {sockets} do not add up to what the kernel accounts for (--format json: \
             exact_agrees)."
        ));
    }
    lines
}

fn breaches(report: &ScanReport<'_>, charset: Charset) -> Vec<String> {
    let breaches = &report.measured.breaches;
    let chunk = size(report.snapshot.host.chunk_size.0);
    let sentence = |breach: &Breach<'_>| {
        let who = whose(report, breach.report, charset);
        let why =
            whose_pages(breach.exact).unwrap_or_else(|| format!("blocks larger than {chunk} (a driver's)"));
        format!(
            "{who} pins {}, more than the bound of {}: its packets lie in {why}.",
            size(breach.pinned),
            size(breach.bound)
        )
    };
    let mut lines: Vec<String> = breaches.iter().take(BREACHES).map(sentence).collect();
    if breaches.len() > BREACHES {
        let more = count((breaches.len() - BREACHES) as u64, "socket");
        lines.push(format!("{more} more: larger than their bounds too."));
    }
    lines
}

/// A socket by who holds it.
fn whose(report: &ScanReport<'_>, socket: &SocketEntry, charset: Charset) -> String {
    let Some(holder) = socket.holders.first() else {
        return "A socket that no process holds".to_owned();
    };
    let name = process_in_sentence(report.snapshot, holder.pid, charset);
    match socket.holding {
        Holding::Descriptors => format!("{name} fd {}", holder.fd),
        Holding::Mapping => format!("A socket that {name} has mapped"),
        Holding::IoUring => format!("A socket that {name} has registered with io_uring"),
        Holding::InFlight { .. } => format!("A socket in flight to {name}"),
        _ => format!("A connection that waits at {name}"),
    }
}
