//! What a report says in words.

use std::collections::BTreeSet;

use skcheck_core::{
    Bytes, Cap, Certainty, Family, Gap, Holder, Holding, Missing, Protocol, Report as SocketReport, Truesize,
};

use crate::args::By;
use crate::config::ScanConfig;
use crate::output::closed_held::whose_unlisted;
use crate::output::measured::pins;
use crate::output::names::{Writer, descriptor};
use crate::output::{others, rings, room};
use crate::report::{Charge, Group, Owner, Report, Sum, Sums, shows_sent, unlisted_beyond_noise};
use crate::text::{Charset, count, escape, listed, size};

/// The answer: who is the heaviest, and how heavy.
pub(super) fn headline(report: &Report<'_>, config: &ScanConfig) -> Vec<String> {
    let Some(group) = &report.heaviest else {
        return vec![nothing(report, config)];
    };
    let Subject { name, plural } = subject(report, group, config.page.charset);
    let verb = |one: &'static str, many: &'static str| if plural { many } else { one };
    let sums = &group.sums;
    if sums.mostly_rings() {
        let rings = size(sums.rings.known);
        let mut lines = vec![
            format!(
                "{name} {} {rings} of memory in rings of packet sockets{}.",
                verb("has", "have"),
                ring_at(group)
            ),
            "They take it whatever is in them, and no queue shows it.".to_owned(),
        ];
        lines.extend(fill(group));
        if let Some(charged) = amount(sums.received.charged) {
            lines.push(format!("What waits in its queues is charged {charged} more."));
        }
        return lines;
    }
    if sums.mostly_sent() {
        let unsent = amount(sums.unsent).unwrap_or_else(|| "data".to_owned());
        let peers = peers(report, group, config.page.charset);
        let has = verb("has", "have");
        let sent = if waits_for_device(group) {
            format!("{name} {has} sent data that waits for a device.")
        } else {
            format!("{name} {has} sent {unsent} that {peers} not taken.")
        };
        return vec![sent, charge(report, &sums.sent)];
    }
    if sums.mostly_errors() {
        let errors = count(sums.errors, "packet");
        let unread = amount(sums.unread).map(|unread| format!(", and {unread} of unread data"));
        return vec![
            format!(
                "{name} {} {errors} in error queues{}, never fetched{}.",
                verb("has", "have"),
                mostly_at(group),
                unread.unwrap_or_default()
            ),
            charge(report, &sums.received),
        ];
    }
    if sums.unread.known > 0 || sums.received.charged.known > 0 {
        let unread = match (amount(sums.unread), sums.unread.unknown) {
            (Some(known), _) => format!("{known} of unread data"),
            (None, 0) => {
                "received data with nothing to read yet (out of order, or an error queue)".to_owned()
            }
            (None, _) => "unread data of unknown length".to_owned(),
        };
        let sits = if is_ambiguous(group) { "may sit" } else { verb("sits", "sit") };
        let at = mostly_at(group);
        let mut lines = vec![format!("{name} {sits} on {unread}{at}."), charge(report, &sums.received)];
        lines.extend(room::of_group(group));
        return lines;
    }
    if sums.closed_held > 0 {
        let closed = count(sums.closed_held, "closed TCP socket");
        let holds = verb("holds", "hold");
        let mut lines = vec![format!("{name} {holds} {closed}, which may hold unread data or none.")];
        if let Some(bytes) = unlisted_beyond_noise(report.snapshot) {
            let whose = whose_unlisted(report);
            lines.push(format!("{} of TCP memory belongs to no socket in the tables: {whose}.", size(bytes)));
        }
        return lines;
    }
    if sums.waiting > 0 {
        let waiting = count(sums.waiting, "connection");
        let mut lines =
            vec![format!("{name} {} {waiting} waiting for accept, and no data.", verb("has", "have"))];
        lines.extend(room::of_group(group));
        return lines;
    }
    vec![format!("No data waits in {}.", count(report.totals.sockets, "socket"))]
}

/// Whether what was sent is on its way to a device: that of all protocols whose peers tell nothing.
fn waits_for_device(group: &Group<'_>) -> bool {
    let mut senders = group.sockets.iter().filter(|socket| shows_sent(socket)).map(|it| it.socket.protocol);
    senders.all(|protocol| !protocol.is_unix() && !matches!(protocol, Protocol::Tcp | Protocol::Mptcp))
}

/// Who has not taken what was sent: by name where it is one process of this host.
fn peers(report: &Report<'_>, group: &Group<'_>, charset: Charset) -> String {
    let senders = || group.sockets.iter().filter(|socket| shows_sent(socket));
    let mut pids: Vec<u32> =
        senders().flat_map(|socket| &socket.peer_holders).map(|holder| holder.pid).collect();
    pids.sort_unstable();
    pids.dedup();
    match pids.as_slice() {
        [pid] if senders().all(|socket| !socket.peer_holders.is_empty()) => {
            let name = process(report, *pid, charset);
            let inferred = senders().any(|socket| socket.peer_inferred);
            if inferred { format!("{name}, to judge by the addresses, has") } else { format!("{name} has") }
        }
        _ if senders().count() == 1 => "its peer has".to_owned(),
        _ => "the peers have".to_owned(),
    }
}

/// What the kernel charges for one side of somebody's sockets, and what that can pin.
fn charge(report: &Report<'_>, side: &Charge) -> String {
    // However often they share pages: together they pin no more than all sockets do.
    let measured = pins(&side.pinned.of_at_most(report.snapshot.pinned(|_| true).0));
    let Some(charged) = amount(side.charged) else {
        let unknown = "hat the kernel charges for it is unknown";
        return measured.map_or_else(|| format!("W{unknown}."), |pins| format!("It {pins}; w{unknown}."));
    };
    if let Some(pins) = measured {
        return format!("The kernel charges {charged} for it; it {pins}.");
    }
    let (Bytes(worst), cap) = report.snapshot.capped(Bytes(side.worst.known), Truesize(side.charged.known));
    let pins = match (cap, side.worst.unknown) {
        (Some(_), _) => format!("can pin up to {}, as this host has no more to pin", size(worst)),
        (None, 0) => format!("can pin up to {}", size(worst)),
        (None, n) => {
            format!("can pin up to {}, and an unknown amount at {}", size(worst), count(n, "socket"))
        }
    };
    format!("The kernel charges {charged} for it; it {pins}.")
}

/// A sum in words; `None` when it is zero as far as is known.
fn amount(Sum { known, unknown, estimated }: Sum) -> Option<String> {
    match (known, unknown, estimated) {
        (0, ..) => None,
        (known, _, 1..) => Some(format!("about {}", size(known))),
        (known, 0, _) => Some(size(known)),
        (known, ..) => Some(format!("at least {}", size(known))),
    }
}

fn nothing(report: &Report<'_>, config: &ScanConfig) -> String {
    if report.snapshot.gaps.iter().any(|gap| gap.what == Missing::Partial) {
        return "Nothing had been found by then.".to_owned();
    }
    let seen = count(report.snapshot.scanned.sockets, "socket");
    if let Some(pid) = config.missing_pid {
        return format!("No socket matches, and there is no process {pid}; {seen} looked at.");
    }
    if config.narrowed {
        return format!("No socket matches; {seen} looked at.");
    }
    format!("{} holds unread or unsent data; {seen} looked at.", none_of(&report.snapshot.gaps))
}

/// None at all, where everything was looked at.
fn none_of(gaps: &[Gap]) -> &'static str {
    if gaps.iter().any(Gap::hides_sockets) { "No socket that could be seen" } else { "No socket" }
}

struct Subject {
    name: String,
    plural: bool,
}

fn subject(report: &Report<'_>, group: &Group<'_>, charset: Charset) -> Subject {
    let (name, plural) = match group.owner {
        Owner::Process(pid) => {
            let writer = Writer { snapshot: report.snapshot, charset, wide: false, measured: false };
            let inside = writer.inside(pid).map(|place| format!(" {place}")).unwrap_or_default();
            let with = sharing(group, pid);
            let names = with.iter().map(|pid| process(report, *pid, charset));
            let first = format!("{}{inside}", process(report, pid, charset));
            let names = std::iter::once(first).chain(names).collect();
            (listed(names), !with.is_empty())
        }
        Owner::Orphaned => ("Sockets that their process has closed".to_owned(), true),
        Owner::Hidden => ("Processes that may not be read".to_owned(), true),
        _ => ("The kernel, or a message in flight,".to_owned(), false),
    };
    Subject { name, plural }
}

/// The other processes that hold all of the sockets of a process: whose it is to read them does not show
/// here.
fn sharing(group: &Group<'_>, pid: u32) -> BTreeSet<u32> {
    let mut pids = group.sockets.iter().map(|socket| socket.pids());
    let mut all = pids.next().unwrap_or_default();
    pids.for_each(|other| all.retain(|pid| other.contains(pid)));
    all.retain(|other| *other != pid);
    all
}

/// A process in a sentence.
pub(super) fn process(report: &Report<'_>, pid: u32, charset: Charset) -> String {
    let comm = report.snapshot.process(pid).and_then(|process| process.comm.as_deref());
    comm.map_or_else(|| format!("process {pid}"), |comm| format!("{} ({pid})", escape(comm, charset)))
}

/// ` (fd 4)`, where all rings of a process are at one descriptor.
fn ring_at(group: &Group<'_>) -> String {
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
fn fill(group: &Group<'_>) -> Option<String> {
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
fn mostly_at(group: &Group<'_>) -> String {
    let weight = |report: &SocketReport| Sums::of([report]).received.weight;
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
fn is_ambiguous(group: &Group<'_>) -> bool {
    let ambiguous = |report: &&&SocketReport| {
        let guesses = [Holding::AwaitingAccept { ambiguous: true }, Holding::InFlight { ambiguous: true }];
        guesses.contains(&report.holding)
    };
    let charge = |report: &&SocketReport| report.footprint.received.charged.map_or(0, |charge| charge.0);
    let sum: u64 = group.sockets.iter().filter(ambiguous).map(charge).fold(0, u64::saturating_add);
    sum.saturating_mul(2) > group.sums.received.charged.known
}

/// Whether a descriptor of the process itself holds what was received, and no estimate says so.
fn is_held(report: &SocketReport) -> bool {
    report.holding == Holding::Descriptors
        && !shows_sent(report)
        && report.footprint.certainty != Certainty::Estimate
}

/// What is not shown, in one line.
pub(super) fn rest(report: &Report<'_>) -> Option<String> {
    let rest = &report.rest;
    if rest.count == 0 {
        return None;
    }
    let what = match report.by {
        By::Process => count(rest.count, "process"),
        By::Socket => count(rest.count, "socket"),
        By::Container => count(rest.count, "container"),
        By::Pod => count(rest.count, "pod"),
        By::Netns => count(rest.count, "network namespace"),
        By::Cgroup => count(rest.count, "cgroup"),
    };
    let closed = match rest.sums.closed_held {
        0 => String::new(),
        n => format!(", and {} of unknown size", count(n, "closed socket")),
    };
    let side = if rest.sums.mostly_sent() { &rest.sums.sent } else { &rest.sums.received };
    let rings = match rest.sums.rings.known {
        0 => String::new(),
        rings => format!(", rings of {}", size(rings)),
    };
    let charged = match (amount(side.charged), side.charged.unknown) {
        (Some(charged), _) => format!("charged {charged}"),
        (None, 0) => "charged nothing".to_owned(),
        (None, _) => "their charge unknown".to_owned(),
    };
    Some(format!("{what} more: {charged}{rings}{closed} (--top 0 shows all)."))
}

/// What all matching sockets add up to.
pub(super) fn totals(report: &Report<'_>) -> Vec<String> {
    let totals = &report.totals;
    let whose = |processes: u64| match processes {
        0 => "no known process".to_owned(),
        n => count(n, "process"),
    };
    let mut text = match totals.unread_sockets {
        0 => {
            let what = match totals.rings.0 {
                0 => "Nothing is unread",
                _ => "Beside what is in rings, nothing is unread",
            };
            format!("{what} at {} of {}", count(totals.sockets, "socket"), whose(totals.processes))
        }
        n => format!(
            "{} of {} {} ",
            count(n, "socket"),
            whose(totals.unread_processes),
            if n == 1 { "holds" } else { "hold" },
        ),
    };
    text += &match (totals.unread.0, totals.unread_unknown) {
        _ if totals.unread_sockets == 0 => String::new(),
        (known, 0) => format!("{} unread", size(known)),
        (0, n) if n == totals.unread_sockets => "an unknown amount unread".to_owned(),
        (known, n) => format!("{} unread, and an unknown amount at {n} of them", size(known)),
    };
    let received = if totals.unread_sockets == 0 { "what they received" } else { "it" };
    let charged = Sums::of(&report.snapshot.sockets).received.charged;
    text += &match (amount(charged), totals.charged_unknown) {
        (Some(charged), _) => format!(". The kernel charges {charged} for {received}"),
        (None, 0) => format!(". The kernel charges {} for {received}", size(0)),
        (None, _) => format!(". What the kernel charges for {received} is unknown"),
    };
    let facts = &report.snapshot.host;
    let chunk = size(facts.chunk_size.0);
    let all_measured = report.measured.sockets > 0 && report.measured.is_all();
    if totals.worst.0 == 0 || all_measured {
        text.push('.');
    } else {
        text += &format!("; at worst it can pin {}", size(totals.worst.0));
        text += match totals.cap {
            Some(Cap::Unowned) => " (capped: that is all memory in use that nothing else owns)",
            Some(Cap::HostPackets) => " (capped: all packets of this host together can pin no more)",
            _ => "",
        };
        text += &format!(
            ", if packets lie in the network stack's own chunks of {chunk} (not so for sendfile, splice and \
             zero-copy pages, nor for drivers with larger pages)."
        );
    }
    let mut lines = vec![text];
    lines.extend(others::sentence(report));
    let sent = sent_charge(report);
    if sent > 0 {
        lines.push(format!("Their sending sides are charged {} more (all but unix sockets).", size(sent)));
    }
    lines.extend(ring_totals(report));
    lines.extend(room::totals(&report.snapshot.sockets));
    lines
}

/// What rings take, in no other sum.
fn ring_totals(report: &Report<'_>) -> Option<String> {
    let totals = &report.totals;
    let unknown = match totals.rings_unknown {
        0 => String::new(),
        n => format!("; whether {} more have rings is unknown", count(n, "packet socket")),
    };
    match (totals.rings.0, totals.rings_unknown) {
        (0, 0) => None,
        (0, n) => Some(format!("Whether {} have rings is unknown.", count(n, "packet socket"))),
        (rings, _) => Some(format!("Rings of packet sockets take {} beside that{unknown}.", size(rings))),
    }
}

fn sent_charge(report: &Report<'_>) -> u64 {
    let others = report.snapshot.sockets.iter().filter(|report| report.socket.family != Family::Unix);
    others
        .filter_map(|report| report.footprint.sent.charged)
        .map(|charge| charge.0)
        .fold(0, u64::saturating_add)
}

/// A gap and its remedy.
pub(super) fn gap(gap: &Gap, charset: Charset) -> (String, String) {
    let missing = escape(gap.to_string().as_bytes(), charset);
    (format!("Not seen: {missing}"), escape(gap.remedy.as_bytes(), charset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_and_what_leads_to_them() {
        assert_eq!(ring_of(&Holder::new(4711, 4)), "fd 4");
        assert_eq!(ring_of(&Holder::of_mapping(4711)), "mapped, its descriptor is closed");
    }

    #[test]
    fn none_is_said_only_where_everything_was_looked_at() {
        let check = |what: &[Missing], expected: &str| {
            let gaps: Vec<Gap> = what.iter().map(|what| Gap::counted(*what, "there", 1, "")).collect();
            assert_eq!(none_of(&gaps), expected, "{what:?}");
        };
        check(&[], "No socket");
        check(&[Missing::HostFact, Missing::Engine, Missing::Identities, Missing::TableDetail], "No socket");
        let hiding = [
            Missing::Processes,
            Missing::Namespaces,
            Missing::Table,
            Missing::Families,
            Missing::SockDiag,
            Missing::ClosedHeldUnknown,
            Missing::Messages,
            Missing::NoAnswer,
            Missing::Unasked,
        ];
        for what in hiding {
            check(&[Missing::HostFact, what], "No socket that could be seen");
        }
        let unix = Gap::counted(Missing::TableDetail, "unix", 1, "");
        assert_eq!(none_of(&[unix]), "No socket that could be seen", "/proc/net tells no queues of them");
    }
}
