//! What became of the packets of a socket between two looks, in words.

use skcheck_core::Truesize;
use skcheck_core::packets::Change;

use crate::report::packets::RepeatedLook;
use crate::text::{count, duration, size};

/// What became of the packets between the two looks, each kind in a sentence. `elsewhere` is charged for what
/// was received and lies in none of the queues that were compared.
pub(super) fn became(again: &RepeatedLook, elsewhere: Truesize) -> String {
    let mut sentences = vec![became_of_data(again, elsewhere)];
    let Change { before, gone, arrived, .. } = again.errors;
    sentences.extend(match (before, gone) {
        (0, _) => (arrived > 0).then(|| format!("{} came into the error queue.", packets(arrived))),
        (n, 0) => Some(format!("Nobody has fetched the {} in the error queue.", packets(n))),
        (n, gone) => Some(format!("{gone} of {} in the error queue were fetched.", packets(n))),
    });
    let took = |bytes: u32| format!("The peer has taken {} of what waits to be sent.", size(bytes.into()));
    sentences.extend(again.taken.map(took));
    sentences.join(" ")
}

fn packets(n: usize) -> String {
    count(n as u64, "packet")
}

fn became_of_data(again: &RepeatedLook, elsewhere: Truesize) -> String {
    let after = format!("After {}", duration(again.time));
    let &Change { before, untouched, .. } = &again.change;
    if before == 0 {
        return format!("{after} {}.", where_nothing_was(again, elsewhere));
    }
    let nobody = match again.looks {
        1 => "nobody has read in that time".to_owned(),
        n => format!("nobody has read in that time (at each of {n} looks; they have no time stamps)"),
    };
    let changes = changes(&again.change).join(", ");
    let there = if before == 1 { "packet is" } else { "packets are" };
    match (again.change.is_unread(), changes.is_empty()) {
        (true, true) if before == 1 => format!("{after} the same packet is there, untouched: {nobody}."),
        (true, true) => format!("{after} the same {before} packets are there, untouched: {nobody}."),
        (true, false) => format!("{after} all {before} {there} still there ({changes}): {nobody}."),
        (false, _) => format!("{after} {untouched} of {before} {there} still there, untouched; {changes}."),
    }
}

/// What is to be said where no packet waited at first.
fn where_nothing_was(again: &RepeatedLook, elsewhere: Truesize) -> String {
    match (again.change.arrived, again.ring_read) {
        (0, Some(true)) => "it has read from its ring".to_owned(),
        (0, Some(false)) => "it has read nothing from its ring: the oldest there is the same".to_owned(),
        (0, None) if elsewhere.0 > 0 => {
            "there is nothing in its own queues; whether it has read the rest cannot be told".to_owned()
        }
        (0, None) => "there is still nothing to read".to_owned(),
        (n, _) => format!("{} are there that were not before", packets(n)),
    }
}

/// What happened to packets, each kind in few words.
fn changes(&Change { grown, begun, gone, arrived, .. }: &Change) -> Vec<String> {
    let was = if gone == 1 { "was" } else { "were" };
    let all = [
        (gone, format!("{gone} {was} read or dropped")),
        (begun, format!("{begun} read in part")),
        (grown, format!("{grown} grew by what arrived")),
        (arrived, format!("{arrived} arrived")),
    ];
    all.into_iter().filter(|(n, _)| *n > 0).map(|(_, words)| words).collect()
}

#[cfg(test)]
mod tests;
