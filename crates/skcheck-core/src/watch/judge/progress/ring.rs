//! Whether the reader of a ring empties it. Pure.
//!
//! What a program has not given back is known by its oldest block or frame: the same one in two samples was
//! not given back in between. Where there is no room left, that is a reader that stands still. Where there
//! is, it may be in the middle of a large block; then only that its processes have not run proves it.

use std::time::Duration;

use crate::model::ring::Fill;
use crate::snapshot::entry::SocketEntry;
use crate::watch::judge::progress::flow::Received;
use crate::watch::judge::progress::scheduling;
use crate::watch::judge::progress::state::Reading;
use crate::watch::judge::span::Span;

/// Judges the receive ring of a packet socket; `None` for a socket without one, and for one with packets in
/// its queue, which are read first.
pub(crate) fn received(span: &Span<'_>, before: Option<&SocketEntry>, now: &SocketEntry) -> Option<Received> {
    now.socket.rings?.rx?;
    if now.socket.recv_q.holds_something() {
        return None;
    }
    let Some(fill) = fill(now) else { return Some(Received::just(Reading::Unknown)) };
    if fill.full == 0 {
        return Some(Received::just(Reading::Idle));
    }
    let both = before.and_then(|before| Some((before, crate::watch::judge::progress::ring::fill(before)?)));
    let Some((before, was)) = both.filter(|_| !span.window.is_zero()) else {
        return Some(Received::just(Reading::Unknown));
    };
    let has_dropped = dropped(before, now).is_some_and(|drops| drops > 0);
    Some(if was.full > 0 && was.oldest != fill.oldest {
        let (reading, until) = match has_dropped {
            true => (Reading::Slow, Some(Duration::ZERO)),
            false => (Reading::Draining, None),
        };
        Received { until, ..Received::just(reading) }
    } else if was.full > 0
        && (was.has_no_room() && fill.has_no_room() || scheduling::slept(span, before, now, &now.holders))
    {
        Received { consumed: Some(0), age: Some(span.window), ..Received::just(Reading::Stalled) }
    } else {
        Received::just(Reading::Unknown)
    })
}

/// Packets that found no room in a ring between two samples; `None` where nothing tells. The count begins
/// anew when the program asks for it.
pub(crate) fn dropped(before: &SocketEntry, now: &SocketEntry) -> Option<u32> {
    let drops = |entry: &SocketEntry| fill(entry)?.drops;
    drops(now)?.checked_sub(drops(before)?)
}

fn fill(entry: &SocketEntry) -> Option<Fill> {
    entry.socket.rings?.fill
}
