//! What is known of sockets that may explain missing memory, in words.

use skcheck_core::Bytes;
use skcheck_core::verdict::Evidence;

use crate::text::size;

/// What is known of sockets, a sentence each.
pub(in crate::output) fn evidence(evidence: &Evidence) -> Vec<String> {
    let mut sentences = vec![held(evidence)];
    sentences.extend(walked(evidence));
    sentences.extend(elsewhere(evidence));
    sentences.extend(rings(evidence));
    sentences.extend(census(evidence));
    sentences
}

/// What they hold.
fn held(evidence: &Evidence) -> String {
    let (unread, charged) = (evidence.unread.0, evidence.charged.0);
    match evidence.worst {
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
            let (unread, charged) = (size(unread), size(charged));
            format!("{whose} hold {unread} unread and are charged {charged}; {}.", worst(evidence))
        }
    }
}

/// What they pin at worst, as a clause.
fn worst(evidence: &Evidence) -> String {
    match evidence.worst {
        Some(Bytes(0)) => "they pin nothing".to_owned(),
        Some(worst) if evidence.unlisted.0 > 0 && !evidence.worst_by_packets => format!(
            "in chunks of the network stack they pin {} at worst, together with {} of TCP memory that belongs to \
             none of them",
            size(worst.0),
            size(evidence.unlisted.0)
        ),
        Some(worst) => format!("in chunks of the network stack they pin {} at worst", size(worst.0)),
        None => "what they pin at worst is unknown".to_owned(),
    }
}

/// What was measured.
fn walked(evidence: &Evidence) -> Option<String> {
    let parts = [evidence.walked_off_list, evidence.walked_ownerless];
    let known = parts.iter().flatten().map(|bytes| bytes.0);
    let sum = known.reduce(u64::saturating_add)?;
    let removed = match evidence.walked_ownerless {
        Some(bytes) if bytes.0 > 0 => format!(", {} of it in pages of removed files", size(bytes.0)),
        _ => String::new(),
    };
    let queues = match (evidence.walked_seen, evidence.is_blind) {
        (true, false) => "Every queue of theirs was walked: they",
        (true, true) => "Every queue that could be seen was walked: they",
        (false, _) => "The queues that were walked",
    };
    Some(format!("{queues} pin {} (measured){removed}.", size(sum)))
}

/// What could not be measured.
fn elsewhere(evidence: &Evidence) -> Option<String> {
    (!evidence.walked_seen && evidence.elsewhere.0 > 0).then(|| {
        format!(
            "{} of what they are charged lies in no queue of a socket, and was not walked: it was sent and is on its way \
             to a device, or a sockmap program has taken it.",
            size(evidence.elsewhere.0)
        )
    })
}

fn rings(evidence: &Evidence) -> Option<String> {
    match evidence.rings {
        Some(Bytes(0)) => None,
        Some(rings) => Some(format!("Rings of packet sockets take {} beside that.", size(rings.0))),
        None => Some("Packet sockets that were not seen may have rings of any size.".to_owned()),
    }
}

/// What the pages themselves say.
fn census(evidence: &Evidence) -> Option<String> {
    let chunks = evidence.chunks?;
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
    Some(format!("The census counts {} in blocks such as packets lie in{others}.", size(chunks.0)))
}
