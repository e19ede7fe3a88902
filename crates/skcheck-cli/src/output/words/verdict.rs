//! The verdict in words: how much is missing, whether sockets have it, and why that can be said.

use skcheck_core::Holding;
use skcheck_core::verdict::{Code, HeavySocket, Verdict, VerdictReason};

use crate::output::words::descriptor::descriptor;
use crate::output::words::verdict_evidence::evidence;
use crate::report::mem::{Hog, HostReport, MemReport};
use crate::text::{Charset, escape, percent, signed_size, size};

/// Whether sockets explain it, as a part of a sentence.
pub(in crate::output) fn answer(code: Code) -> &'static str {
    match code {
        Code::None => "no more than usual is missing",
        Code::Explains => "sockets explain it",
        Code::Could => "sockets could explain it",
        Code::Partly => "sockets explain a part of it at most",
        Code::Cannot => "sockets cannot explain it",
        _ => "too little can be seen to tell whether sockets have it",
    }
}

/// The verdict with everything that it stands on.
pub(in crate::output) fn paragraph(
    report: &MemReport<'_>,
    host: &HostReport<'_>,
    charset: Charset,
) -> String {
    let verdict = host.verdict;
    let mut sentences = vec![amount(report, verdict), proportion(report, verdict)];
    if host.scanned {
        sentences.extend(evidence(&verdict.evidence));
    } else {
        sentences.push("Sockets could not be looked at.".to_owned());
    }
    sentences.extend(verdict.suspects.first().map(|suspect| stands_first(suspect, charset)));
    if verdict.code != Code::None {
        sentences.push(conclusion(verdict));
    }
    if verdict.code == Code::Cannot {
        sentences.push(
            "Other owners that no counter shows: pipes, buffers of GPUs and other drivers, ZFS's cache, rings of \
             io_uring and perf. To find who has it: trace kmem:mm_page_alloc while it grows, or \
             boot with page_owner=on and read /sys/kernel/debug/page_owner."
                .to_owned(),
        );
    }
    if let Some((hog, bytes)) = report.hog() {
        let share = percent(bytes.0, report.ledger.total.0);
        let (name, tells) = (hog_name(hog), tells_more(hog));
        sentences.push(format!("The kernel's {name} holds {}, {share} of memory: {tells}.", size(bytes.0)));
    }
    sentences.join(" ")
}

fn amount(report: &MemReport<'_>, verdict: &Verdict) -> String {
    let ledger = report.ledger;
    if verdict.missing.0 == 0 {
        let left = signed_size(ledger.unaccounted);
        return format!(
            "Every page has an owner: {left} is left over, as the kernel's counters overlap a little."
        );
    }
    let missing = size(verdict.missing.0);
    let share = percent(verdict.missing.0, ledger.total.0);
    let mut text =
        format!("{missing} ({share} of memory) belongs to nobody: no counter of the kernel says whose it is");
    if let Some(ownerless) = report.ownerless() {
        text += &format!(
            "; {} was taken straight from the page allocator, {} lies on LRU lists",
            signed_size(ledger.unaccounted),
            signed_size(ownerless)
        );
        if let Some(parts) = ledger.partly_unmapped().filter(|bytes| bytes.0 > 0) {
            let most = parts.0.min(u64::try_from(ownerless).unwrap_or(0));
            text += &format!(
                ", of which up to {} is parts of huge pages that programs have unmapped",
                size(most)
            );
        }
    }
    text + "."
}

fn proportion(report: &MemReport<'_>, verdict: &Verdict) -> String {
    let alarm = size(report.ledger.alarm().0);
    if verdict.is_out_of_proportion {
        format!("That is out of proportion (more than {alarm}): something may leak.")
    } else if verdict.missing >= verdict.limit {
        let limit = size(verdict.limit.0);
        format!("That is more than usual ({limit}), and not yet out of proportion ({alarm}).")
    } else {
        format!("Less than {} is usual.", size(verdict.limit.0))
    }
}

fn stands_first(suspect: &HeavySocket, charset: Charset) -> String {
    let name = suspect_name(suspect, charset);
    let rings = suspect.rings.map_or(0, |rings| rings.0);
    let queues = suspect.pinned.map(|bytes| bytes.0).or(suspect.charged.map(|charge| charge.0));
    let does = match (suspect.pinned, suspect.charged, suspect.worst) {
        _ if rings > queues.unwrap_or(0) => format!("its rings take {}", size(rings)),
        (Some(pinned), Some(charged), _) if suspect.pinned_is_floor => {
            format!("it is charged {} and pins at least {}", size(charged.0), size(pinned.0))
        }
        (Some(pinned), ..) => format!("it pins {}", size(pinned.0)),
        (None, Some(charged), Some(worst)) => {
            format!("it is charged {} and pins {} at worst", size(charged.0), size(worst.0))
        }
        (None, None, Some(worst)) => format!("it pins {} at worst", size(worst.0)),
        (None, Some(charged), None) => format!("it is charged {}", size(charged.0)),
        (None, None, None) => "what it pins is unknown".to_owned(),
    };
    format!("First stands {name}: {does}.")
}

/// The answer with its reason.
fn conclusion(verdict: &Verdict) -> String {
    let answer = match (verdict.code, verdict.reason) {
        (Code::Partly, VerdictReason::Walked(_) | VerdictReason::Rings(_) | VerdictReason::Counted(_)) => {
            "sockets explain a part of it"
        }
        (code, _) => answer(code),
    };
    let reason = match verdict.reason {
        VerdictReason::BelowLimit => "it is less than usual".to_owned(),
        VerdictReason::Walked(bytes) if verdict.code == Code::Cannot => {
            format!("every queue was walked, and only {} of it found there", size(bytes.0))
        }
        VerdictReason::Rings(bytes) if verdict.code == Code::Cannot => {
            format!("every queue was walked, and only {} of it found there and in rings", size(bytes.0))
        }
        VerdictReason::Walked(bytes) => format!("{} of it was found in their queues", size(bytes.0)),
        VerdictReason::Rings(bytes) => {
            format!("{} of it was found in rings of packet sockets, and in queues", size(bytes.0))
        }
        VerdictReason::Room(bytes) => {
            format!("only {} of it lies in pages such as packets can lie in", size(bytes.0))
        }
        VerdictReason::Counted(bytes) => format!(
            "the census found {} of it in blocks that packets lie in, beyond what threads keep, and sockets can \
             pin that much",
            size(bytes.0)
        ),
        VerdictReason::Bound(bytes) if verdict.code == Code::Could => {
            format!("at worst they pin {} of it; nothing has measured it yet", size(bytes.0))
        }
        VerdictReason::Bound(bytes) => format!("even at worst they pin only {} of it", size(bytes.0)),
        VerdictReason::HandedIn => {
            "most of it lies on LRU lists, where sendfile and splice pin files; no bound holds \
                             there, and not every queue could be walked"
                .to_owned()
        }
        _ => "sockets that could not be walked may have it".to_owned(),
    };
    format!("So {answer}: {reason}.")
}

/// A process and its descriptor in a sentence.
pub(in crate::output) fn suspect_name(suspect: &HeavySocket, charset: Charset) -> String {
    let comm = suspect.comm.as_deref().map_or_else(|| "process".to_owned(), |comm| escape(comm, charset));
    match suspect.holder {
        Some(holder) if holder.number().is_none() => format!("{comm} ({})", holder.pid),
        Some(holder) => format!("{comm} ({}), {}", holder.pid, descriptor(&holder)),
        None => unheld(suspect.holding).to_owned(),
    }
}

/// What it is called.
pub(in crate::output) fn hog_name(hog: Hog) -> &'static str {
    match hog {
        Hog::Slab => "slab",
        Hog::Vmalloc => "vmalloc",
    }
}

fn tells_more(hog: Hog) -> &'static str {
    match hog {
        Hog::Slab => "slabtop -s c shows which caches",
        Hog::Vmalloc => "/proc/vmallocinfo shows who called for it",
    }
}

/// Who has a socket that no descriptor holds.
pub(in crate::output) fn unheld(holding: Holding) -> &'static str {
    match holding {
        Holding::Orphan => "(orphaned)",
        Holding::Hidden => "(hidden process)",
        Holding::AwaitingAccept { .. } => "(waiting for accept)",
        _ => "(kernel, in flight)",
    }
}
