//! What a whole watch found, when it ends.

use std::collections::BTreeMap;

use skcheck_core::Via;
use skcheck_core::watch::cause::Cause;

use crate::output::words::cause::clause;
use crate::output::words::descriptor::descriptor;
use crate::report::watch::{BlamedCause, CauseTally, History, Stall, StandingCounts};
use crate::text::{Charset, about, count, escape, listed, size, span};

/// How many causes are told.
const MOST_CAUSES: usize = 5;

/// The paragraphs of the summary.
pub(in crate::output) fn summary(history: &History, charset: Charset) -> Vec<String> {
    if history.windows == 0 {
        return vec!["Ended before there was anything to compare: two looks are needed.".to_owned()];
    }
    let watched =
        format!("Watched {} ({}): ", span(about(history.watched)), count(history.windows, "window"));
    let StandingCounts { readers, listeners, .. } = history.stalled();
    let still = match (readers, listeners) {
        (0, 0) => "no reader is known to stand still".to_owned(),
        (0, n) => format!("at {} nobody accepts", count(n, "listener")),
        (1, 0) => "1 reader stands still".to_owned(),
        (n, 0) => format!("{n} readers stand still"),
        (1, n) => format!("1 reader stands still, and at {} nobody accepts", count(n, "listener")),
        (m, n) => format!("{m} readers stand still, and at {} nobody accepts", count(n, "listener")),
    };
    let end = format!("{still} in the end");
    let longest = history.longest.as_ref().map(|stall| longest(stall, history, charset));
    let mut lines = vec![format!("{watched}{end}{}.", longest.unwrap_or_default())];
    // Nothing went through, or nothing tells.
    lines.extend(
        (history.arrived > Some(0) || history.consumed > Some(0) || history.drops > 0)
            .then(|| rates(history)),
    );
    let causes = history.causes();
    let told: Vec<String> = causes
        .iter()
        .take(MOST_CAUSES)
        .map(|(reason, found)| cause(*reason, found, history, charset))
        .collect();
    if !told.is_empty() {
        let more = causes.len().saturating_sub(MOST_CAUSES);
        let more =
            if more > 0 { format!("; and {}", count(more as u64, "other cause")) } else { String::new() };
        lines.push(format!("Why: {}{more}.", told.join("; ")));
    }
    lines
}

/// The commands for the next question.
pub(in crate::output) fn next(history: &History) -> Vec<String> {
    let lasting = history.longest.as_ref().filter(|stall| stall.lasts && !stall.accepts && !stall.in_flight);
    let holder =
        lasting.and_then(|stall| stall.holder).filter(|holder| matches!(holder.via, Via::Fd | Via::ThreadFd));
    let next =
        holder.map(|holder| format!("skcheck packets {} {} (what waits there)", holder.task(), holder.fd));
    next.into_iter().collect()
}

/// `; nginx (4711) stood still longest, for 30 s at fd 11`.
fn longest(stall: &Stall, history: &History, charset: Charset) -> String {
    let time = span(about(stall.time));
    let Some(holder) = stall.holder else { return format!("; the longest stood still for {time}") };
    let name = process(holder.pid, stall.comm.as_deref(), charset);
    let at = descriptor(&holder);
    let at = if stall.in_flight { format!("a socket in flight to {at}") } else { at };
    match (stall.lasts, history.stalled().all) {
        (true, 1) => format!(": {name}, for {time} at {at}"),
        (true, _) => format!("; {name} longest, for {time} at {at}"),
        (false, _) => format!("; {name} stood still longest, for {time} at {at}"),
    }
}

/// What went through, and what was lost.
fn rates(history: &History) -> String {
    let per_second = |bytes: u64| {
        let rate = u128::from(bytes) * 1000 / history.watched.as_millis().max(1);
        format!("{}/s", size(u64::try_from(rate).unwrap_or(u64::MAX)))
    };
    let at_least = if history.consumed_at_least { "at least " } else { "" };
    let arrived = history.arrived.map(|bytes| format!("{} arrived", per_second(bytes)));
    let read = history.consumed.map(|bytes| format!("{at_least}{} were read", per_second(bytes)));
    let told: Vec<String> = arrived.into_iter().chain(read).collect();
    let told = match told.as_slice() {
        [] => "What arrived and was read cannot be told".to_owned(),
        told => format!("Where it can be told, {}", told.join(" and ")),
    };
    let drops = match history.drops {
        0 => "no packet is known to have been dropped".to_owned(),
        1 => "1 packet was dropped".to_owned(),
        n => {
            let rate = u128::from(n) * 1000 / history.watched.as_millis().max(1);
            format!("{n} packets were dropped ({rate}/s)")
        }
    };
    format!("{told}; {drops}.")
}

/// `app (2210) is stopped (12 windows, 3 readers at once)`.
fn cause(reason: BlamedCause, found: &CauseTally, history: &History, charset: Charset) -> String {
    let who = reason.pid.map_or_else(
        || "a process that is not known".to_owned(),
        |pid| process(pid, found.comm.as_deref(), charset),
    );
    let why = match reason.code {
        Some(code) => clause(&Cause::new(code, reason.pid, Vec::new()), &who),
        None => format!("{who} reads slowly"),
    };
    let mut why = if why.contains(&who) { why } else { format!("{who}: {why}") };
    let names = |of: &BTreeMap<u32, Option<Vec<u8>>>| -> Vec<String> {
        of.iter().map(|(pid, comm)| process(*pid, comm.as_deref(), charset)).collect()
    };
    if !found.alike.is_empty() {
        why += &format!(", and so it is with {}", listed(names(&found.alike)));
    }
    if !found.holds_up.is_empty() {
        let probably = if found.is_inferred { "probably " } else { "" };
        why += &format!(", and {probably}holds up {}", listed(names(&found.holds_up)));
    }
    if !found.perhaps_by.is_empty() {
        why += &format!(", perhaps because of {}", names(&found.perhaps_by).join(" or "));
    }
    let mut marks = Vec::new();
    if found.windows < history.windows {
        marks.push(format!("in {} of {}", found.windows, count(history.windows, "window")));
    }
    if found.sockets > 1 {
        marks.push(format!("{} sockets at once", found.sockets));
    }
    if marks.is_empty() { why } else { format!("{why} ({})", marks.join(", ")) }
}

fn process(pid: u32, comm: Option<&[u8]>, charset: Charset) -> String {
    comm.map_or_else(|| format!("process {pid}"), |comm| format!("{} ({pid})", escape(comm, charset)))
}
