//! What a report says in words.

use skcheck_core::{Cap, Family, Gap, Holding, Missing, Report as SocketReport};

use crate::args::By;
use crate::config::ScanConfig;
use crate::output::cells::count;
use crate::report::{Group, Owner, Report, shows_sent, unlisted_beyond_noise};
use crate::text::{Charset, escape, size};

/// The answer: who is the heaviest, and how heavy.
pub(super) fn headline(report: &Report<'_>, config: &ScanConfig) -> Vec<String> {
    let Some(group) = &report.heaviest else {
        return vec![nothing(report, config)];
    };
    let who = subject(report, group, config.page.charset);
    let sums = &group.sums;
    let least = |unknown: u64| if unknown > 0 { "at least " } else { "" };
    let received = &sums.received;
    let mut lines = Vec::new();
    if sums.mostly_sent() {
        let unsent = match sums.unsent.known {
            0 => "data".to_owned(),
            known => format!("{}{}", least(sums.unsent.unknown), size(known)),
        };
        lines.push(format!("{who} has sent {unsent} that {} not taken.", peers(group)));
        let (charged, worst) = (sums.sent.charged, sums.sent.worst);
        lines.push(format!(
            "The kernel charges {}{} for it; it can pin up to {}.",
            least(charged.unknown),
            size(charged.known),
            size(worst.known.min(cap(report, charged.known)))
        ));
    } else if sums.unread.known > 0 || received.charged.known > 0 {
        let unread = match (sums.unread.known, sums.unread.unknown) {
            (0, 0) => "received data that it cannot read yet or has not fetched".to_owned(),
            (0, _) => "unread data of unknown length".to_owned(),
            (known, unknown) => format!("{}{} of unread data", least(unknown), size(known)),
        };
        lines.push(format!("{who} sits on {unread}{}.", mostly_at(group)));
        let cap = cap(report, received.charged.known);
        lines.push(match received.charged.known {
            0 => "What the kernel charges for it is unknown.".to_owned(),
            known => format!(
                "The kernel charges {}{} for it; it can pin up to {}{}.",
                least(received.charged.unknown),
                size(known),
                size(received.worst.known.min(cap)),
                if received.worst.unknown > 0 && received.worst.known < cap { " or more" } else { "" },
            ),
        });
    } else if sums.closed_held > 0 {
        lines.push(format!(
            "{who} holds {}, which may hold unread data or none.",
            count(sums.closed_held, "closed TCP socket")
        ));
    } else if sums.waiting > 0 {
        lines.push(format!("{who} has {} waiting for accept, no data.", count(sums.waiting, "connection")));
    } else {
        lines.push(format!("No data waits in {}.", count(report.totals.sockets, "socket")));
    }
    lines
}

fn nothing(report: &Report<'_>, config: &ScanConfig) -> String {
    let seen = report.snapshot.scanned.sockets;
    match config.narrowed {
        true => format!("No socket matches; {} looked at.", count(seen, "socket")),
        false => format!("No socket holds unread or unsent data; {} looked at.", count(seen, "socket")),
    }
}

fn subject(report: &Report<'_>, group: &Group<'_>, charset: Charset) -> String {
    match group.owner {
        Owner::Process(pid) => {
            let comm = report.snapshot.process(pid).and_then(|process| process.comm.as_deref());
            comm.map_or_else(|| format!("Process {pid}"), |comm| format!("{} ({pid})", escape(comm, charset)))
        }
        Owner::Orphaned => "Orphaned sockets (closed by their process)".to_owned(),
        Owner::Hidden => "A process that may not be read".to_owned(),
        Owner::Kernel => "No process, but the kernel or a message in flight,".to_owned(),
    }
}

fn peers(group: &Group<'_>) -> &'static str {
    if group.sums.sockets == 1 { "its peer has" } else { "its peers have" }
}

/// `, most of it at fd 11`, where that is so.
fn mostly_at(group: &Group<'_>) -> String {
    let charge = |report: &SocketReport| report.footprint.received.charged.map_or(0, |charge| charge.0);
    let Some(&first) = group.sockets.iter().max_by_key(|report| charge(report)) else { return String::new() };
    let Owner::Process(pid) = group.owner else { return String::new() };
    let fd = first.holders.iter().find(|holder| holder.pid == pid).map(|holder| holder.fd);
    let most = charge(first).saturating_mul(2) > group.sums.received.charged.known;
    match fd {
        Some(fd) if group.sums.sockets == 1 && is_held(first) => format!(" at fd {fd}"),
        Some(fd) if most && is_held(first) => format!(", most of it at fd {fd}"),
        _ => String::new(),
    }
}

/// Whether a descriptor of the process itself holds what was received.
fn is_held(report: &SocketReport) -> bool {
    report.holding == Holding::Descriptors && !shows_sent(report)
}

/// What is left of a bound when the whole host's numbers allow less.
fn cap(report: &Report<'_>, charged: u64) -> u64 {
    match report.totals.cap {
        Some(_) => report.totals.worst.0.max(charged),
        None => u64::MAX,
    }
}

/// What is not shown, in one line.
pub(super) fn rest(report: &Report<'_>, charset: Charset) -> Option<String> {
    let rest = &report.rest;
    if rest.count == 0 {
        return None;
    }
    let what = match report.by {
        By::Process => count(rest.count, "process"),
        By::Socket => count(rest.count, "socket"),
    };
    let closed = match rest.sums.closed_held {
        0 => String::new(),
        n => format!(", and {} of unknown size", count(n, "closed socket")),
    };
    let charged = rest.sums.received.charged.known.max(rest.sums.sent.charged.known);
    let least = if rest.sums.received.charged.unknown > 0 { charset.at_least() } else { "" };
    Some(format!("{what} more: charged {least}{}{closed} (--top 0 shows all).", size(charged)))
}

/// What all matching sockets add up to.
pub(super) fn totals(report: &Report<'_>) -> Vec<String> {
    let totals = &report.totals;
    let mut text = format!(
        "{} of {} {} {} unread",
        count(totals.sockets, "socket"),
        count(totals.processes, "process"),
        if totals.sockets == 1 { "holds" } else { "hold" },
        size(totals.unread.0),
    );
    if totals.unread_unknown > 0 {
        text += &format!(", and an unknown amount at {} of them", totals.unread_unknown);
    }
    let least = if totals.charged_unknown > 0 { "at least " } else { "" };
    text += &format!(". The kernel charges {least}{} for it", size(totals.charged.0));
    let facts = &report.snapshot.host;
    let chunk = size(facts.chunk_size.0);
    if totals.worst.0 == 0 {
        text.push('.');
    } else {
        text += &format!("; at worst it can pin {}", size(totals.worst.0));
        text += match totals.cap {
            Some(Cap::Unowned) => " (capped: nothing else owns no more than that)",
            Some(Cap::HostPackets) => " (capped: all packets of this host can pin no more)",
            _ => "",
        };
        text += &format!(
            ", if packets lie in the network stack's own chunks of {chunk} (not so for sendfile, splice and \
             zero-copy pages, nor for drivers with larger pages)."
        );
    }
    let mut lines = vec![text];
    let sent = sent_charge(report);
    if sent > 0 {
        lines.push(format!("Unsent or not yet taken by their peers: charged {}.", size(sent)));
    }
    lines.extend(closed_held(report));
    lines
}

fn sent_charge(report: &Report<'_>) -> u64 {
    let ip = report.snapshot.sockets.iter().filter(|report| report.socket.family != Family::Unix);
    ip.filter_map(|report| report.footprint.sent.charged).map(|charge| charge.0).fold(0, u64::saturating_add)
}

/// What is known about TCP memory that no listed socket accounts for.
fn closed_held(report: &Report<'_>) -> Option<String> {
    let noise = size(report.snapshot.unlisted_noise.0);
    let unlisted = unlisted_beyond_noise(report.snapshot);
    let known = report.snapshot.unlisted_tcp_mem.is_some();
    let n = report.closed_held;
    let they = count(n, "closed socket");
    match (n, unlisted) {
        (0, None) => None,
        (0, Some(bytes)) => Some(format!(
            "{} of TCP memory belongs to no listed socket: closed ones that are still held, or other network \
             namespaces.",
            size(bytes)
        )),
        (_, Some(bytes)) => Some(format!(
            "{they} still held (CLOSED?): a socket that was reset keeps its unread data, and looks the same as \
             one that never connected. {} of TCP memory belongs to no listed socket: likely theirs.",
            size(bytes)
        )),
        (_, None) if known => Some(format!(
            "{they} still held (CLOSED?): reset, or never connected; both look the same. Together they hold at \
             most about {noise}: no more TCP memory belongs to no listed socket."
        )),
        (_, None) => {
            Some(format!("{they} still held (CLOSED?): reset, or never connected; both look the same."))
        }
    }
}

/// A gap and its remedy.
pub(super) fn gap(gap: &Gap, charset: Charset) -> (String, String) {
    let missing = escape(gap.to_string().as_bytes(), charset);
    (format!("Not seen: {missing}"), escape(gap.remedy.as_bytes(), charset))
}

/// The commands for the next question.
pub(super) fn next(report: &Report<'_>, config: &ScanConfig) -> Vec<String> {
    let mut next = Vec::new();
    if let Some(Group { owner: Owner::Process(pid), sums, sockets }) = &report.heaviest {
        let shown = report.groups.iter().find(|group| group.owner == Owner::Process(*pid));
        let all_shown = shown.is_some_and(|group| group.sockets.len() as u64 == sums.sockets);
        if !all_shown && config.query.pids.is_empty() && sockets.len() > 1 {
            next.push(format!(
                "skcheck --pid {pid} --by socket --top 0 (all {} sockets of it)",
                sums.sockets
            ));
        }
    }
    if report.sockets.is_empty() {
        if config.narrowed {
            next.push("skcheck (everything with unread or unsent data)".to_owned());
        } else if !config.query.include_idle {
            next.push(
                "skcheck --all (idle sockets too), skcheck demo (what a stalled reader looks like)"
                    .to_owned(),
            );
        }
    }
    let hidden = report.snapshot.gaps.iter().any(|gap| gap.what == Missing::Processes);
    if hidden && !rustix::process::geteuid().is_root() {
        next.push("sudo skcheck (with the holders of everybody's sockets)".to_owned());
    }
    next
}
