//! What became of the packets of a socket between two looks.

use std::time::Duration;

use skcheck_core::packets::Change;

use crate::text::{count, duration, size};

/// What became of the packets between two looks.
#[derive(Debug)]
pub(crate) struct Again {
    pub(crate) time: Duration,
    pub(crate) change: Change,
    /// The same of the error queue.
    pub(crate) errors: Change,
    /// Bytes that the peer has acknowledged; `None` where nothing was sent, or nothing tells.
    pub(crate) taken: Option<u32>,
    /// How many looks were taken after the first.
    pub(crate) looks: usize,
    /// Whether the program has given back what it had of its ring; `None` where it had nothing, or nothing
    /// tells.
    pub(crate) ring_read: Option<bool>,
}

/// What became of the packets between the two looks, each kind in a sentence. `is_elsewhere`: something is
/// charged that lies in none of the queues that were compared.
pub(super) fn became(again: &Again, is_elsewhere: bool) -> String {
    let mut sentences = vec![became_of_data(again, is_elsewhere)];
    let Change { before, gone, arrived, .. } = again.errors;
    let packets = |n: usize| count(n as u64, "packet");
    sentences.extend(match (before, gone) {
        (0, _) => (arrived > 0).then(|| format!("{} came into the error queue.", packets(arrived))),
        (n, 0) => Some(format!("Nobody has fetched the {} in the error queue.", packets(n))),
        (n, gone) => Some(format!("{gone} of {} in the error queue were fetched.", packets(n))),
    });
    let took = |bytes: u32| format!("The peer has taken {} of what waits to be sent.", size(bytes.into()));
    sentences.extend(again.taken.map(took));
    sentences.join(" ")
}

fn became_of_data(Again { time, change, looks, ring_read, .. }: &Again, is_elsewhere: bool) -> String {
    let after = format!("After {}", duration(*time));
    let &Change { before, untouched, grown, begun, gone, arrived } = change;
    let nobody = match looks {
        1 => "nobody has read in that time".to_owned(),
        n => format!("nobody has read in that time (at each of {n} looks; they have no time stamps)"),
    };
    let packets = |n: usize| count(n as u64, "packet");
    if before == 0 {
        return match (arrived, ring_read) {
            (0, Some(true)) => format!("{after} it has read from its ring."),
            (0, Some(false)) => {
                format!("{after} it has read nothing from its ring: the oldest there is the same.")
            }
            (0, None) if is_elsewhere => {
                format!(
                    "{after} there is nothing in its own queues; whether it has read the rest cannot be told."
                )
            }
            (0, None) => format!("{after} there is still nothing to read."),
            (n, _) => format!("{after} {} are there that were not before.", packets(n)),
        };
    }
    let mut parts = Vec::new();
    if gone > 0 {
        parts.push(format!(
            "{} read or dropped",
            if gone == 1 { "1 was".to_owned() } else { format!("{gone} were") }
        ));
    }
    if begun > 0 {
        parts.push(format!("{begun} read in part"));
    }
    if grown > 0 {
        parts.push(format!("{grown} grew by what arrived"));
    }
    if arrived > 0 {
        parts.push(format!("{arrived} arrived"));
    }
    let there = if before == 1 { "packet is" } else { "packets are" };
    match (change.is_unread(), parts.is_empty()) {
        (true, true) if before == 1 => format!("{after} the same packet is there, untouched: {nobody}."),
        (true, true) => format!("{after} the same {before} packets are there, untouched: {nobody}."),
        (true, false) => {
            format!("{after} all {before} {there} still there ({}): {nobody}.", parts.join(", "))
        }
        (false, _) => {
            format!("{after} {untouched} of {before} {there} still there, untouched; {}.", parts.join(", "))
        }
    }
}

#[cfg(test)]
mod tests;
