//! How a sending side goes. Pure.

use crate::model::state::State;
use crate::watch::evidence::sample::StillOpen;
use crate::watch::judge::progress::state::{Reading, Writing};
use crate::watch::judge::progress::{tcp, uncounted_queue};
use crate::watch::judge::span::{SocketPair, Span};

/// What became of a sending side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) writing: Writing,
    pub(crate) window_closed: Option<bool>,
    /// Bytes that the peer took in the whole window.
    pub(crate) taken: Option<u64>,
}

/// Judges a sending side. `reader` is how the reader of a unix socket's peer goes: what that does not read is
/// what this one has sent.
pub(crate) fn sent(span: &Span<'_>, pair: &SocketPair<'_>, reader: Option<Reading>) -> Sent {
    let just = |writing| Sent { writing, window_closed: None, taken: None };
    let Some(now) = pair.now else {
        let is_open = span.now.drained.get(&pair.key) == Some(&StillOpen::Yes);
        return just(if is_open { Writing::Idle } else { Writing::Unknown });
    };
    let before = pair.before.map(|entry| &entry.socket);
    if now.socket.state == State::Listen {
        return just(Writing::Idle);
    }
    if !now.socket.protocol.is_acknowledged() {
        return just(uncounted_queue::writing(before, &now.socket, reader));
    }
    let writing = tcp::writing(before, &now.socket, span.window);
    let waits = matches!(writing, Writing::Stalled | Writing::Slow | Writing::Draining);
    let window_closed = before.filter(|_| waits).and_then(|before| tcp::window_closed(before, &now.socket));
    let taken = before.and_then(|before| tcp::acknowledged(before, &now.socket));
    Sent { writing, window_closed, taken }
}
