//! The verdict in words: how much is missing, whether sockets have it, and why that can be said.

use skcheck_core::verdict::{Code, Evidence, HeavySocket, VerdictReason};
use skcheck_core::{Bytes, Verdict};

use crate::output::mem::offenders::unheld;
use crate::output::names::descriptor;

use crate::report::mem::{Hog, HostReport, MemReport};
use crate::text::{Charset, capitalised, escape, percent, signed_size, size};

/// The answer in one line.
pub(super) fn headline(report: &MemReport<'_>, host: &HostReport<'_>, charset: Charset) -> String {
    let verdict = host.verdict;
    let total = size(report.ledger.total.0);
    if verdict.code == Code::None {
        let rest = match report.hog() {
            Some((hog, bytes)) => format!(", but {} holds {} of it", hog_name(hog), size(bytes.0)),
            None => String::new(),
        };
        let missing = size(verdict.missing.0);
        return format!("Memory {total}: no more than usual belongs to nobody ({missing}){rest}.");
    }
    let first = match (verdict.code, verdict.suspects.first()) {
        (Code::Explains | Code::Could | Code::Partly, Some(suspect)) => {
            format!("; {} first", suspect_name(suspect, charset))
        }
        _ => String::new(),
    };
    let missing = size(verdict.missing.0);
    format!("Memory {total}: {missing} belongs to nobody. {}{first}.", capitalised(answer(verdict.code)))
}

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

/// What is known of sockets.
fn evidence(evidence: &Evidence) -> Vec<String> {
    let mut sentences = Vec::new();
    let worst = match evidence.worst {
        Some(Bytes(0)) => "they pin nothing".to_owned(),
        Some(worst) if evidence.unlisted.0 > 0 && !evidence.worst_by_packets => format!(
            "in chunks of the network stack they pin {} at worst, together with {} of TCP memory that belongs to \
             none of them",
            size(worst.0),
            size(evidence.unlisted.0)
        ),
        Some(worst) => format!("in chunks of the network stack they pin {} at worst", size(worst.0)),
        None => "what they pin at worst is unknown".to_owned(),
    };
    let (unread, charged) = (evidence.unread.0, evidence.charged.0);
    sentences.push(match evidence.worst {
        Some(worst) if charged == 0 && worst.0 > 0 && !evidence.worst_by_packets => format!(
            "No socket that was seen holds data; {} of TCP memory belongs to none of them, and could pin {} at worst.",
            size(evidence.unlisted.0),
            size(worst.0)
        ),
        Some(worst) if charged == 0 && worst.0 > 0 => format!(
            "No socket that was seen holds data; the packets in use on the host could pin {} at worst.",
            size(worst.0)
        ),
        _ if charged == 0 && unread == 0 && evidence.rings.is_none_or(|rings| rings.0 > 0) => {
            "No queue of a socket that was seen holds data.".to_owned()
        }
        _ if charged == 0 && unread == 0 => "No socket that was seen holds data.".to_owned(),
        _ => {
            let whose =
                if evidence.worst_of_all { "The host's sockets" } else { "The sockets that were seen" };
            format!("{whose} hold {} unread and are charged {}; {worst}.", size(unread), size(charged))
        }
    });
    let walked = [evidence.walked_off_list, evidence.walked_ownerless];
    if let Some(sum) = sum(walked) {
        let removed = match evidence.walked_ownerless {
            Some(bytes) if bytes.0 > 0 => format!(", {} of it in pages of removed files", size(bytes.0)),
            _ => String::new(),
        };
        let queues = match (evidence.walked_seen, evidence.is_blind) {
            (true, false) => "Every queue of theirs was walked: they",
            (true, true) => "Every queue that could be seen was walked: they",
            (false, _) => "The queues that were walked",
        };
        sentences.push(format!("{queues} pin {} (measured){removed}.", size(sum)));
    }
    if !evidence.walked_seen && evidence.elsewhere.0 > 0 {
        sentences.push(format!(
            "{} of what they are charged lies in no queue of a socket, and was not walked: it was sent and is on its way \
             to a device, or a sockmap program has taken it.",
            size(evidence.elsewhere.0)
        ));
    }
    match evidence.rings {
        Some(Bytes(0)) => {}
        Some(rings) => sentences.push(format!("Rings of packet sockets take {} beside that.", size(rings.0))),
        None => sentences.push("Packet sockets that were not seen may have rings of any size.".to_owned()),
    }
    if let Some(chunks) = evidence.chunks {
        let others = [(evidence.threads_kept, "threads"), (evidence.large_kmalloc, "kmalloc")];
        let others: Vec<String> = others
            .into_iter()
            .map(|(bytes, whose)| (bytes.0.min(chunks.0), whose))
            .filter(|(bytes, _)| *bytes > 0)
            .map(|(bytes, whose)| format!("{whose} up to {}", size(bytes)))
            .collect();
        let others = match others.as_slice() {
            [] => String::new(),
            some => format!("; of that others may have: {}", some.join(", ")),
        };
        sentences
            .push(format!("The census counts {} in blocks such as packets lie in{others}.", size(chunks.0)));
    }
    sentences
}

/// The sum of what is known; `None` where nothing is.
fn sum(parts: [Option<Bytes>; 2]) -> Option<u64> {
    let mut known = parts.into_iter().flatten().peekable();
    known.peek()?;
    Some(known.map(|bytes| bytes.0).fold(0, u64::saturating_add))
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
pub(super) fn suspect_name(suspect: &HeavySocket, charset: Charset) -> String {
    let comm = suspect.comm.as_deref().map_or_else(|| "process".to_owned(), |comm| escape(comm, charset));
    match suspect.holder {
        Some(holder) if holder.number().is_none() => format!("{comm} ({})", holder.pid),
        Some(holder) => format!("{comm} ({}), {}", holder.pid, descriptor(&holder)),
        None => unheld(suspect.holding).to_owned(),
    }
}

fn hog_name(hog: Hog) -> &'static str {
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
