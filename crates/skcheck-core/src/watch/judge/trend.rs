//! How the whole went. Pure.

use std::time::Duration;

use crate::model::units::{Bytes, Pages};
use crate::snapshot::contents::Snapshot;
use crate::watch::evidence::sample::Sample;
use crate::watch::judge::progress::rates;
use crate::watch::judge::span::Span;

/// The sums of both samples, and how they change.
pub(crate) fn trend(span: &Span<'_>) -> Trend {
    let (before, now) = (&span.before.snapshot, &span.now.snapshot);
    let totals = |sample: &Sample| sample.snapshot.totals_of(sample.asked_for());
    let (was, is) = (totals(span.before), totals(span.now));
    let tcp = |snapshot: &Snapshot, memory: Option<(Pages, Option<Pages>)>| {
        memory.map(|(pages, _)| pages.bytes(snapshot.host.page_size).0)
    };
    let tcp = tcp(before, span.before.tcp_memory).zip(tcp(now, span.now.tcp_memory));
    let ledgers = before.ledger.as_ref().zip(now.ledger.as_ref());
    Trend {
        unread: change(span, was.unread.0, is.unread.0),
        unread_unknown: is.unread_unknown,
        charged: change(span, was.charged.0, is.charged.0),
        worst: change(span, worst(span.before), worst(span.now)),
        tcp_memory: tcp.map(|(was, is)| change(span, was, is)),
        unaccounted: ledgers.map(|(was, is)| {
            let positive = |bytes: i64| u64::try_from(bytes).unwrap_or(0);
            change(span, positive(was.unaccounted), positive(is.unaccounted))
        }),
        until_pressure: until_pressure(span),
    }
}

/// The sum of the sockets' own bounds. What the host has to pin moves for reasons of its own, and is no bound
/// here.
fn worst(sample: &Sample) -> u64 {
    let bounds = sample.asked_for().iter().filter_map(|entry| entry.footprint.received.worst);
    bounds.fold(0, |sum, worst| sum.saturating_add(worst.bytes.0))
}

fn change(span: &Span<'_>, before: u64, now: u64) -> Growth {
    Growth { now: Bytes(now), per_second: rates::change(before, now, span.window) }
}

/// No time at all where the line is behind already; `None` where the memory does not grow.
fn until_pressure(span: &Span<'_>) -> Option<Duration> {
    let (now, line) = span.now.tcp_memory?;
    let left = line?.0.saturating_sub(now.0);
    if left == 0 {
        return Some(Duration::ZERO);
    }
    let (before, _) = span.before.tcp_memory?;
    rates::until(left, now.0.saturating_sub(before.0), span.window)
}

/// How all that were asked for went, taken together: the later value, and its change a second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub struct Trend {
    /// UnreadablePart payload, where it is known.
    pub unread: Growth,
    /// How many sockets hold an unknown amount of payload in the later sample: a count.
    pub unread_unknown: u64,
    /// What the kernel charges.
    pub charged: Growth,
    /// What sockets can pin at worst: the sum of their bounds, though the host may have less to pin.
    pub worst: Growth,
    /// Memory of TCP.
    pub tcp_memory: Option<Growth>,
    /// Memory that no counter owns; negative counts as 0.
    pub unaccounted: Option<Growth>,
    /// Until TCP's memory reaches the line from which on the kernel holds back, at this rate.
    pub until_pressure: Option<Duration>,
}

/// A number of bytes, and how it changes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub struct Growth {
    /// Now.
    pub now: Bytes,
    /// Bytes a second; negative when it shrinks.
    pub per_second: f64,
}
