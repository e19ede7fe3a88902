//! What measuring found, in words.

use skcheck_core::engine::PageKind;
use skcheck_core::{Blocks, Exact, Holding, PageSize, Report as SocketReport};

use crate::args::EngineChoice;
use crate::config::ScanConfig;
use crate::output::summary::process;
use crate::report::{Breach, Measured, Pinned, Report, Sureness};
use crate::text::{Charset, count, duration, enumerate, grouped, size};

/// How many sockets that pin more than their bound get a sentence of their own.
const BREACHES: usize = 3;

/// How many sizes of blocks are named.
const SIZES: usize = 3;

/// What was measured, and what was not and why.
pub(super) fn sentences(report: &Report<'_>, config: &ScanConfig) -> Vec<String> {
    let measured = &report.measured;
    let mut lines = Vec::new();
    lines.extend(sum(report));
    lines.extend(not_measured(report, config));
    if measured.cut_short > 0 {
        let remedy = match config.measuring.limits.packets {
            u32::MAX => "that is as far as a walk goes",
            _ => "--exact-limit 0 goes on",
        };
        let walks = count(measured.cut_short, "socket");
        lines.push(format!("{walks} not walked to the end, so there is more than was measured: {remedy}."));
    }
    lines.extend(disagreement(measured));
    lines.extend(breaches(report, config.page.charset));
    if measured.not_counted > 0 {
        let pieces = count(measured.not_counted, "piece");
        let lie = if measured.not_counted == 1 { "lies" } else { "lie" };
        lines.push(format!(
            "Not counted: {pieces} of packets, which {lie} in device memory or in what is not understood."
        ));
    }
    lines
}

fn sum(report: &Report<'_>) -> Option<String> {
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

/// How much it is, and what packets lie in: blocks of pages, and slab memory.
pub(super) fn pinned_in(of: &[Blocks], slab: u64, page: PageSize) -> String {
    let pages = of.iter().map(|blocks| blocks.bytes(page).0).fold(0, u64::saturating_add);
    let all = size(pages.saturating_add(slab));
    match (pages, slab) {
        (0, 0) => "nothing that is understood".to_owned(),
        (0, _) => format!("{all} of slab memory"),
        (_, 0) => format!("{all}: {}", blocks(of, page)),
        _ => format!("{all}: {}, and {} of slab memory", blocks(of, page), size(slab)),
    }
}

/// Blocks of pages by size, the largest part first.
fn blocks(blocks: &[Blocks], page: PageSize) -> String {
    let part = |blocks: &Blocks| {
        let each = Blocks { blocks: 1, ..*blocks }.bytes(page).0;
        let noun = if blocks.blocks == 1 { "block" } else { "blocks" };
        format!("{} {noun} of {}", grouped(blocks.blocks), size(each))
    };
    let mut parts: Vec<String> = blocks.iter().take(SIZES).map(part).collect();
    let others = blocks.iter().skip(SIZES).map(|blocks| blocks.blocks).fold(0, u64::saturating_add);
    if others > 0 {
        parts.push(format!("{} of other sizes", grouped(others)));
    }
    enumerate(&parts)
}

fn not_measured(report: &Report<'_>, config: &ScanConfig) -> Vec<String> {
    let measured = &report.measured;
    let mut lines = Vec::new();
    if config.measuring.exact && report.snapshot.engine.is_none() {
        lines.push("Nothing was measured: BPF cannot be used here (see below).".to_owned());
    }
    if measured.no_time > 0 && report.snapshot.engine.is_some() {
        let sockets = count(measured.no_time, "socket");
        let were = if measured.no_time == 1 { "was" } else { "were" };
        lines.push(if config.measuring.exact {
            format!("{sockets} {were} not measured.")
        } else {
            format!("{sockets} {were} not measured: no time was left. Run with --exact, which takes it.")
        });
    }
    if measured.refused > 0 {
        let sockets = count(measured.refused, "socket");
        let were = if measured.refused == 1 { "was" } else { "were" };
        lines.push(format!("{sockets} {were} not measured: the engine could not walk them (see below)."));
    }
    if measured.vanished > 0 {
        let had = if measured.vanished == 1 { "had" } else { "had all" };
        lines.push(format!("{} {had} vanished before measuring.", count(measured.vanished, "socket")));
    }
    if measured.not_walkable > 0 && report.snapshot.engine.is_some() {
        let sockets = count(measured.not_walkable, "socket");
        lines.push(format!(
            "{sockets} cannot be measured: the queues of MPTCP, and what /proc/net alone tells of."
        ));
    }
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
fn disagreement(measured: &Measured<'_>) -> Vec<String> {
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

fn breaches(report: &Report<'_>, charset: Charset) -> Vec<String> {
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
fn whose(report: &Report<'_>, socket: &SocketReport, charset: Charset) -> String {
    let Some(holder) = socket.holders.first() else {
        return "A socket that no process holds".to_owned();
    };
    let name = process(report, holder.pid, charset);
    match socket.holding {
        Holding::Descriptors => format!("{name} fd {}", holder.fd),
        Holding::Mapping => format!("A socket that {name} has mapped"),
        Holding::IoUring => format!("A socket that {name} has registered with io_uring"),
        Holding::InFlight { .. } => format!("A socket in flight to {name}"),
        _ => format!("A connection that waits at {name}"),
    }
}

/// What was handed in, in words; `None` when nothing was.
pub(super) fn whose_pages(exact: &Exact) -> Option<String> {
    let pages = |kind: PageKind| match kind {
        PageKind::File => "pages of a file (sendfile, splice)",
        PageKind::RemovedFile => "pages of a removed file (sendfile, splice)",
        _ => "pages of a process (MSG_ZEROCOPY, vmsplice)",
    };
    let parts: Vec<String> = exact.handed_in.iter().map(|it| pages(it.kind).to_owned()).collect();
    (!parts.is_empty()).then(|| enumerate(&parts))
}

/// How sure a sum is as it is printed: what is shared and too little to show does not matter.
pub(super) fn sureness(pinned: &Pinned) -> Option<Sureness> {
    match pinned.sureness() {
        Some(Sureness::AtMost) if size(pinned.bytes()) == size(pinned.least()) => Some(Sureness::Exact),
        sureness => sureness,
    }
}

/// What somebody's sockets pin, behind "it"; `None` where nothing was measured.
pub(super) fn pins(pinned: &Pinned) -> Option<String> {
    let mark = match sureness(pinned)? {
        Sureness::Exact => "",
        Sureness::AtLeast => "at least ",
        Sureness::AtMost => "at most ",
        Sureness::About => "about ",
    };
    let others = match pinned.unknown {
        0 => String::new(),
        n => format!("; {} not", count(n, "socket")),
    };
    // Slab memory has an owner in /proc/meminfo; it is named where it is the larger part.
    let slab = match (pinned.pages, pinned.slab) {
        (0, 1..) => ", all of it slab memory".to_owned(),
        (pages, slab) if slab > pages => format!(", {} of it slab memory", size(slab)),
        _ => String::new(),
    };
    Some(format!("pins {mark}{}{slab} (measured{others})", size(pinned.bytes())))
}

/// What looked, at how much, and for how long.
pub(super) fn verbose(report: &Report<'_>, config: &ScanConfig) -> String {
    let snapshot = report.snapshot;
    let scanned = &snapshot.scanned;
    let looked = match snapshot.engine {
        Some(name) => name.to_owned(),
        None => format!("/proc and {}", snapshot.source.name()),
    };
    let mut line = format!(
        "Looked through {looked} at {} of {} and {}, in {}",
        count(scanned.descriptors, "descriptor"),
        count(scanned.processes, "process"),
        count(scanned.sockets, "socket"),
        duration(snapshot.duration)
    );
    if snapshot.engine.is_some() {
        line += &format!(" and {} to load it", duration(config.loading));
    }
    line += match (snapshot.engine, config.measuring.engine) {
        (Some(_), _) => ".",
        (None, EngineChoice::Proc) => "; BPF was not tried (--engine proc).",
        (None, _) => "; BPF cannot be used here (see above).",
    };
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_in_words() {
        let check = |orders: &[(u8, u64)], expected: &str| {
            let of: Vec<Blocks> = orders.iter().map(|&(order, blocks)| Blocks { order, blocks }).collect();
            assert_eq!(blocks(&of, PageSize(4096)), expected);
        };
        check(&[(3, 40_000), (0, 12)], "40,000 blocks of 32 KiB and 12 blocks of 4 KiB");
        check(&[(9, 1)], "1 block of 2 MiB");
        check(
            &[(3, 2), (2, 1), (1, 1), (0, 1), (9, 1)],
            "2 blocks of 32 KiB, 1 block of 16 KiB, 1 block of 8 KiB and 2 of other sizes",
        );
    }

    #[test]
    fn what_is_pinned_in_words() {
        let one = Pinned { pages: 1 << 20, measured: 1, ..Pinned::default() };
        let check = |pinned: Pinned, expected: Option<&str>| {
            assert_eq!(pins(&pinned).as_deref(), expected, "{pinned:?}");
        };
        check(Pinned::default(), None);
        check(Pinned { unknown: 1, ..Pinned::default() }, None);
        check(one, Some("pins 1 MiB (measured)"));
        check(Pinned { unknown: 2, ..one }, Some("pins at least 1 MiB (measured; 2 sockets not)"));
        check(Pinned { floors: 1, ..one }, Some("pins at least 1 MiB (measured)"));
        check(Pinned { changed: 1, ..one }, Some("pins about 1 MiB (measured)"));
        let shared = Pinned { shared: 1 << 19, measured: 2, ..one };
        check(shared, Some("pins at most 1 MiB (measured)"));
        check(Pinned { shared: 1, ..shared }, Some("pins at most 1 MiB (measured)"));
        let large = Pinned { pages: (5 << 30) + (1 << 20), shared: 4096, ..shared };
        check(large, Some("pins 5.0 GiB (measured)"));
        let slab = Pinned { pages: 0, slab: 8192, ..one };
        check(slab, Some("pins 8 KiB, all of it slab memory (measured)"));
        let rest = "pins at least 8 KiB, all of it slab memory (measured; 2 sockets not)";
        check(Pinned { unknown: 2, ..slab }, Some(rest));
        let both = Pinned { slab: 8 << 20, ..one };
        check(both, Some("pins 9 MiB, 8 MiB of it slab memory (measured)"));
        check(Pinned { slab: 1 << 19, ..one }, Some("pins 1.5 MiB (measured)"));
        check(Pinned { pages: 0, ..one }, Some("pins 0 B (measured)"));
    }
}
