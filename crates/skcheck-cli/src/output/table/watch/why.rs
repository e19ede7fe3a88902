//! Why nobody reads, in a few words.

use std::time::Duration;

use skcheck_core::watch::cause::{CauseCode, End, Root};
use skcheck_core::{Holding, State};

use crate::output::words::descriptor::descriptor;
use crate::output::words::pace::reads_short;
use crate::output::words::sample::SampleNames;
use crate::output::words::unreadable::{missing, unread};
use crate::output::words::{arrival, cause, room};
use crate::report::scan::Owner;
use crate::report::watch::{Standing, WatchRow};
use crate::text::span;

/// The cause in a few words.
fn why(row: &WatchRow<'_>, names: SampleNames<'_>) -> String {
    let judged = row.judged;
    let what = match row.standing {
        Standing::ReaderStalled | Standing::NotAccepted => Some(why_stalled(row, names)),
        Standing::NobodyAccepts => Some(format!("nobody accepts: {}", why_stalled(row, names))),
        Standing::AcceptsSlowly => Some("accepts slowly".to_owned()),
        Standing::WriterStalled => Some(why_unsent(row, names)),
        Standing::ReaderSlow if matches!(row.socket.holding, Holding::AwaitingAccept { .. }) => {
            Some("waits for accept, in turn".to_owned())
        }
        Standing::ReaderSlow | Standing::ReaderDraining if judged.sender_is_full => {
            Some(why_slow(row, names).unwrap_or_else(|| "its sender has more".to_owned()))
        }
        Standing::ReaderSlow => why_slow(row, names).or_else(|| match judged.until {
            // Said with its numbers.
            Some(Duration::ZERO) => None,
            until => until.map(|until| format!("full within {}", span(until))),
        }),
        Standing::ReaderDraining => {
            why_slow(row, names).or_else(|| judged.until.map(|until| format!("empty in {}", span(until))))
        }
        Standing::Unknown if row.socket.socket.state == State::ClosedHeld => Some("in no table".to_owned()),
        Standing::Unknown => Some("cannot be told".to_owned()),
        Standing::WriterSlow | Standing::WriterDraining => held_up(row, names),
        Standing::Idle => None,
    };
    let place = match row.socket.holding {
        Holding::InFlight { .. } => row.holder.map(|holder| format!("in flight to {}", descriptor(&holder))),
        Holding::AwaitingAccept { .. } if row.standing != Standing::ReaderSlow => {
            Some("not accepted yet".to_owned())
        }
        _ => None,
    };
    let words: Vec<String> = what.into_iter().chain(place).chain(held_by(row, names)).collect();
    words.join(", ")
}

/// The same in a block of this owner, who may merely hold what another does not read.
pub(super) fn why_at(row: &WatchRow<'_>, owner: Option<Owner<'_>>, names: SampleNames<'_>) -> String {
    let why = why(row, names);
    match (owner, row.holder) {
        (Some(Owner::Process(pid)), Some(reader)) if !row.concerns(pid) => {
            format!("{}: {why}", names.short(reader.pid))
        }
        _ => why,
    }
}

/// The cause, and that there is no room for more.
pub(super) fn why_and_room(row: &WatchRow<'_>, names: SampleNames<'_>) -> String {
    // How full a queue of connections is stands in the cause.
    let full = room::buffer(&row.socket.socket).filter(|_| row.accept_queue().is_none());
    let words = [Some(why(row, names)).filter(|why| !why.is_empty()), full];
    words.into_iter().flatten().collect::<Vec<String>>().join(", ")
}

/// Whose it was, where that one holds it no more.
fn held_by(row: &WatchRow<'_>, names: SampleNames<'_>) -> Option<String> {
    let pids: Vec<u32> = row.socket.pids().collect();
    let (stayed, left): (Vec<u32>, Vec<u32>) =
        row.judged.held_by.iter().map(|before| before.pid).partition(|pid| pids.contains(pid));
    let was = if stayed.is_empty() { "was" } else { "was also" };
    left.first().map(|pid| format!("{was} {}'s", names.process(*pid)))
}

/// By whom, and what that one does.
fn held_up(row: &WatchRow<'_>, names: SampleNames<'_>) -> Option<String> {
    let (reader, end) = row.culprit()?;
    let does = match end {
        End::Stalled(_, why) => cause::short(why.code).to_owned(),
        End::Slow(_, pace, why) => {
            let why = why.as_ref().map(|cause| format!(", {}", cause::short(cause.code)));
            format!("{}{}", reads_short(*pace, names.charset), why.unwrap_or_default())
        }
        _ => return None,
    };
    let probably = if row.is_inferred() { "probably " } else { "" };
    Some(format!("{probably}held up by {}: {does}", names.short(reader.pid)))
}

/// Why it reads no faster.
fn why_slow(row: &WatchRow<'_>, names: SampleNames<'_>) -> Option<String> {
    let own = || row.judged.cause.as_ref().map(|cause| cause::short(cause.code).to_owned());
    held_up(row, names).or_else(own)
}

/// Why nothing of what was written is taken.
fn why_unsent(row: &WatchRow<'_>, names: SampleNames<'_>) -> String {
    if let Some(shown) = row.judged.not_arriving {
        return arrival::short(shown).to_owned();
    }
    let root = row.judged.root.as_ref();
    match root.and_then(|root| root.links.first()?.reader.map(|reader| (root, reader))) {
        Some((Root { end: End::Slow(..), .. }, _)) => held_up(row, names).unwrap_or_default(),
        Some((_, reader)) => format!("{} does not read", names.short(reader.pid)),
        None => "the other end takes nothing".to_owned(),
    }
}

fn why_stalled(row: &WatchRow<'_>, names: SampleNames<'_>) -> String {
    let own = row.holder.map(|holder| holder.pid);
    if let Some(other) = row.circle().into_iter().find(|pid| Some(*pid) != own) {
        return format!("{} with {}", cause::short(CauseCode::Deadlock), names.short(other));
    }
    if let Some(held_up) = held_up(row, names) {
        return held_up;
    }
    let Some(cause) = &row.judged.cause else { return "unknown".to_owned() };
    if let (CauseCode::AcceptFull, Some((waiting, Some(limit)))) = (cause.code, row.accept_queue()) {
        return format!("queue full ({waiting} of {limit})");
    }
    let short = cause::short(cause.code);
    match unread(cause) {
        Some(what) => format!("{short}: {}", missing(what).short),
        None => short.to_owned(),
    }
}
