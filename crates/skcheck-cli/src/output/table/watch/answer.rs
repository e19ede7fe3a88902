//! The answer: who stands worst, since when, why, and who is behind it.

use std::time::Duration;

use skcheck_core::watch::cause::End;
use skcheck_core::{Endpoint, Holding, State};

use crate::output::table::watch::others::others;
use crate::output::words::cause::clause;
use crate::output::words::chain::{because, root};
use crate::output::words::descriptor::descriptor;
use crate::output::words::pace::reads;
use crate::output::words::sample::SampleNames;
use crate::output::words::{arrival, rings, room};
use crate::report::watch::{Standing, WatchReport, WatchRow};
use crate::text::{about, count, listed, size, span};

/// The answer, a paragraph each.
pub(in crate::output) fn answer(report: &WatchReport<'_>, names: SampleNames<'_>) -> Vec<String> {
    let Some(row) = report.rows.first() else { return vec![nothing(report)] };
    let mut lines = match row.standing {
        Standing::ReaderStalled | Standing::NobodyAccepts | Standing::NotAccepted => {
            stalled(report, row, names)
        }
        Standing::WriterStalled => vec![unsent(report, row, names)],
        Standing::AcceptsSlowly => vec![accepts_slowly(report, row, names)],
        Standing::ReaderSlow => std::iter::once(slow(row, names)).chain(why(row, names)).collect(),
        Standing::WriterSlow => vec![format!(
            "{} has {} unsent {}, which {} more slowly than it is written.{}",
            names.subject(row),
            known(row.socket.footprint.sent.payload.map(|payload| payload.0)),
            names.place(row),
            // The other end has room for more.
            if row.judged.window_closed == Some(false) { "goes out" } else { "the other end takes" },
            culprit(row, names)
        )],
        Standing::Unknown => vec![unknown(row, names)],
        Standing::ReaderDraining => std::iter::once(draining(row, names)).chain(why(row, names)).collect(),
        Standing::WriterDraining => {
            vec![format!("Nobody stands still: what was sent is being taken.{}", culprit(row, names))]
        }
        Standing::Idle if report.gaps.iter().any(|gap| gap.hides_sockets()) => {
            vec!["Nobody is known to stand still: no socket that could be seen holds data.".to_owned()]
        }
        Standing::Idle => vec!["Nobody stands still: no socket holds data.".to_owned()],
    };
    if row.standing != Standing::WriterStalled
        && let Some(first) = lines.first_mut()
    {
        *first += &room::sentence(&row.socket.socket, row.judged.drops_per_second);
    }
    lines.extend(others(report, row));
    lines
}

fn stalled(report: &WatchReport<'_>, row: &WatchRow<'_>, names: SampleNames<'_>) -> Vec<String> {
    let subject = names.subject(row);
    let one = names.subject_again(row);
    let circle = row.circle();
    let mut first = if circle.len() > 1 {
        let all = listed(circle.iter().map(|pid| names.process(*pid)).collect());
        let probably = if row.is_inferred() { "probably " } else { "" };
        format!(
            "{all} {probably}wait for each other to read, a deadlock: {}.",
            state(row, &one, "has", names)
        )
    } else if let Some(root) = root(row, names) {
        let probably = if row.is_inferred() { "probably " } else { "" };
        format!("{root} {probably}holds up {subject}: {}.", state(row, &one, "has", names))
    } else {
        let alike = row.alike();
        match alike.is_empty() {
            true => format!("{}.", state(row, &subject, "has", names)),
            false => {
                let alike = alike.iter().map(|pid| names.process(*pid));
                let all = listed(std::iter::once(subject).chain(alike).collect());
                format!("{}.", state(row, &all, "have", names))
            }
        }
    };
    if let Some(holder) = row.holder
        && circle.is_empty()
    {
        let (victims, is_inferred) = report.held_up_by(holder.pid);
        if !victims.is_empty() {
            let all = listed(victims.iter().map(|pid| names.process(*pid)).collect());
            let probably = if is_inferred { "probably " } else { "" };
            first += &format!(" It {probably}holds up {all}.");
        }
    }
    std::iter::once(first).chain(why(row, names)).collect()
}

/// Why it stands still, or is slow, with the one that is behind it.
fn why(row: &WatchRow<'_>, names: SampleNames<'_>) -> Option<String> {
    let root = root(row, names).map(|root| format!(" Root: {root}.")).unwrap_or_default();
    because(row, names).map(|because| format!("Because: {because}{root}"))
}

/// `nginx has read nothing for 5 s; 2.9 MiB waits at fd 11, the oldest byte for at least 41 s`.
fn state(row: &WatchRow<'_>, who: &str, has: &str, names: SampleNames<'_>) -> String {
    let time = row.stalled_for.map(|time| format!(" for {}", span(about(time)))).unwrap_or_default();
    if let Some(queue) = waiting(row) {
        return format!("{who} {has} accepted nobody{time}; {queue} {}", names.place(row));
    }
    let amount = amount(row);
    // No more than the time for which nothing was read says nothing new.
    let age = row.age.filter(|age| row.stalled_for.is_none_or(|time| *age > time));
    let age = age.map(|age| format!(", the oldest byte for at least {}", span(age))).unwrap_or_default();
    let verb = match row.socket.holding {
        Holding::AwaitingAccept { .. } => "not accepted a connection",
        _ => "read nothing",
    };
    format!("{who} {has} {verb}{time}; {amount} waits {}{age}", names.place(row))
}

/// `129 connections wait (limit 128)`, of a listener.
fn waiting(row: &WatchRow<'_>) -> Option<String> {
    let (waiting, limit) = row.accept_queue()?;
    let wait = if waiting == 1 { "waits" } else { "wait" };
    let limit = limit.map(|limit| format!(" (limit {limit})")).unwrap_or_default();
    Some(format!("{} {wait}{limit}", count(waiting.into(), "connection")))
}

/// A listener whose queue moves, and is full or grows.
fn accepts_slowly(report: &WatchReport<'_>, row: &WatchRow<'_>, names: SampleNames<'_>) -> String {
    let window = span(about(report.judgement.window));
    let accepted = row.judged.accepted.map(|accepted| format!(", at least {accepted} in {window}"));
    format!(
        "{} accepts connections more slowly than they come{}; {} {}.",
        names.subject(row),
        accepted.unwrap_or_default(),
        waiting(row).unwrap_or_default(),
        names.place(row)
    )
}

/// What waits to be read.
fn amount(row: &WatchRow<'_>) -> String {
    if let Some(ring) = in_ring(row) {
        return ring;
    }
    let received = &row.socket.footprint.received;
    match (received.payload, received.charged) {
        (Some(payload), _) => size(payload.0),
        (None, Some(charged)) => format!("data of unknown length (charged {})", size(charged.0)),
        (None, None) => "an unknown amount".to_owned(),
    }
}

/// `a ring (16 of 16 blocks full)`, where that and nothing else is to be read.
fn in_ring(row: &WatchRow<'_>) -> Option<String> {
    let socket = &row.socket.socket;
    let rings = socket.rings.filter(|rings| rings.rx.is_some() && !socket.recv_q.holds_something())?;
    Some(format!("a ring ({})", rings::full(rings.fill)))
}

fn unsent(report: &WatchReport<'_>, row: &WatchRow<'_>, names: SampleNames<'_>) -> String {
    let sent = row.socket.footprint.sent.payload.map(|payload| payload.0);
    let peer = match row.socket.peer_holders.first() {
        Some(peer) => names.process(peer.pid),
        None => names.peer_address(row.socket).unwrap_or_else(|| "the other end".to_owned()),
    };
    let takes = match (row.judged.not_arriving, row.judged.root.as_ref().map(|root| &root.end)) {
        (Some(shown), _) => format!(", and {}", arrival::clause(shown, &format!("at {peer}"))),
        (None, Some(End::Slow(..))) => format!(", and {peer} had no room for more meanwhile"),
        (None, Some(End::Stalled(..) | End::Circle(_))) => format!(", of which {peer} takes nothing"),
        _ => {
            let is_shut = row.judged.window_closed == Some(true);
            let window = if is_shut { ": its window is shut" } else { "" };
            format!(", of which {peer} takes nothing{window}")
        }
    };
    // One that does not match can be at the end of its chain.
    let nobody = match row.judged.root.as_ref().map(|root| &root.end) {
        Some(End::Stalled(..) | End::Circle(_)) => "",
        _ if report.rows.iter().any(|row| row.standing == Standing::Unknown) => {
            "No reader is known to stand still. "
        }
        _ => "No reader stands still. ",
    };
    format!(
        "{nobody}{} has {} unsent {}{takes}.{}",
        names.subject(row),
        known(sent),
        names.place(row),
        culprit(row, names)
    )
}

/// ` app (20), fd 7, reads only 10 KiB/s.`, ` Held up by app (20), fd 7: it is stopped.`: who is at the end
/// of a writer's chain.
fn culprit(row: &WatchRow<'_>, names: SampleNames<'_>) -> String {
    match row.culprit() {
        Some((reader, End::Slow(_, pace, why))) => {
            let why = why.as_ref().map(|cause| format!(": {}", clause(cause, "it"))).unwrap_or_default();
            format!(" {}, {}, {}{why}.", names.process(reader.pid), descriptor(&reader), reads(*pace))
        }
        Some((reader, End::Stalled(_, cause))) => {
            let held_up = if row.is_inferred() { "Probably held up" } else { "Held up" };
            format!(
                " {held_up} by {}, {}: {}.",
                names.process(reader.pid),
                descriptor(&reader),
                clause(cause, "it")
            )
        }
        _ => String::new(),
    }
}

fn slow(row: &WatchRow<'_>, names: SampleNames<'_>) -> String {
    if let Holding::AwaitingAccept { .. } = row.socket.holding {
        let (subject, place) = (names.subject(row), names.place(row));
        return format!(
            "{subject} accepts connections, and has not come to one with {} {place}.",
            amount(row)
        );
    }
    let rates = row.judged.consumed.zip(row.judged.arriving);
    let rates = rates.map(|(consumed, arriving)| format!(": {}/s of {}/s", size(consumed), size(arriving)));
    format!(
        "{} reads more slowly than data arrives {}{}; {} waits{}.",
        names.subject(row),
        names.place(row),
        rates.unwrap_or_default(),
        amount(row),
        outlook(row, |until| match until {
            // Said with its numbers.
            Duration::ZERO => String::new(),
            until => format!(", and its buffer is full within {}", span(until)),
        })
    )
}

fn draining(row: &WatchRow<'_>, names: SampleNames<'_>) -> String {
    let at_least = if row.judged.consumed_at_least { "at least " } else { "" };
    let rate = row.judged.consumed.map(|consumed| format!(" {at_least}{}/s", size(consumed)));
    let rate = rate.unwrap_or_default();
    format!(
        "Nobody stands still. {} reads{rate} {}; {} waits{}.",
        names.subject(row),
        names.place(row),
        amount(row),
        outlook(row, |until| format!(", empty in {}", span(until)))
    )
}

/// How a queue goes on.
fn outlook(row: &WatchRow<'_>, words: impl Fn(Duration) -> String) -> String {
    match row.judged.until {
        _ if row.judged.sender_is_full => ", and its sender has more than fits".to_owned(),
        until => until.map(words).unwrap_or_default(),
    }
}

fn unknown(row: &WatchRow<'_>, names: SampleNames<'_>) -> String {
    let what = match (row.socket.socket.state, &row.socket.socket.local) {
        (State::ClosedHeld, Endpoint::Unknown) => {
            "has a closed socket, of which nothing tells whether it holds data".to_owned()
        }
        _ if row.socket.socket.rings.is_some_and(|rings| rings.rx.is_some() && rings.fill.is_none()) => {
            "may read its ring or not, which only the engine tells,".to_owned()
        }
        _ => match waiting(row) {
            Some(queue) => format!("may accept or not, which cannot be told; {queue}"),
            None => format!("may read or not, which cannot be told; {} waits", amount(row)),
        },
    };
    format!("Nobody is known to stand still. {} {what} {}.", names.subject(row), names.place(row))
}

fn nothing(report: &WatchReport<'_>) -> String {
    let seen = count(report.now.snapshot.scanned.sockets, "socket");
    match report.missing_pid {
        Some(pid) => format!("No socket matches, and there is no process {pid}; {seen} looked at."),
        // What cannot be seen can match.
        None if report.gaps.iter().any(|gap| gap.hides_sockets()) => format!(
            "Nobody is known to stand still: no socket that can be seen to match holds data; {seen} looked at."
        ),
        None => format!("Nobody stands still: no socket that matches holds data; {seen} looked at."),
    }
}

fn known(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "data".to_owned(), size)
}
