//! Listeners that a process waits at in connect(2), because their accept queue is full. Pure.

use crate::model::endpoint::{Endpoint, canonical};
use crate::model::holder::Holder;
use crate::model::protocol::Family;
use crate::model::state::State;
use crate::snapshot::entry::SocketEntry;
use crate::watch::judge::cause::code::CauseCode;
use crate::watch::judge::cause::link::{Over, Wait};
use crate::watch::judge::chain::candidate::WriterCandidate;
use crate::watch::judge::chain::reader::ReadEnd;
use crate::watch::judge::holders::holder_cause::HolderCause;
use crate::watch::judge::scene::Scene;

/// How many listeners are looked at.
const MOST: usize = 32;

/// Those that a thread of a process may be connecting to, where all of its threads are blocked. A socket that
/// connects over TCP has the address. One of AF_UNIX has nothing before it is connected: it waits at one of
/// the listeners that are full (`unix_wait_for_peer`), of those without a path at one in its network
/// namespace, which is that of the reader.
pub(crate) fn candidates(scene: &Scene<'_>, own: &HolderCause, reader: ReadEnd) -> Vec<WriterCandidate> {
    let pid = own.holder.pid;
    let Some(view) = scene.process(pid).filter(|_| own.cause.code == CauseCode::Blocked) else {
        return Vec::new();
    };
    let wait = if view.has_one_thread() { Wait::Blocked } else { Wait::OneThread };
    let netns = reader.socket().and_then(|at| scene.socket(at)?.netns);
    let is_near = |listener: &SocketEntry| {
        matches!(listener.socket.local, Endpoint::Path(_))
            || netns.is_none_or(|netns| listener.netns == Some(netns))
    };
    let mut candidates = Vec::new();
    for (fd, is_unix) in view.connects() {
        let writer = Holder::new(pid, fd);
        let connecting = scene.held_by(writer);
        let is_it = |listener: &SocketEntry| match connecting {
            Some(socket) if socket.socket.state == State::SynSent => is_at(listener, socket),
            Some(_) | None => is_unix && listener.socket.family == Family::Unix && is_near(listener),
        };
        let full = scene.full_listeners().filter(|(_, listener)| is_it(listener)).take(MOST);
        candidates.extend(full.map(|(at, _)| WriterCandidate { writer, wait, over: Over::Connect(at) }));
    }
    candidates
}

/// Whether a listener has the address that a socket connects to.
fn is_at(listener: &SocketEntry, socket: &SocketEntry) -> bool {
    let (Some((at, port)), Some((to, to_port))) =
        (canonical(&listener.socket.local), canonical(&socket.socket.peer))
    else {
        return false;
    };
    let is_near = listener.netns == socket.netns || socket.peer_inferred;
    port == to_port && is_near && (at == to || at.is_unspecified())
}
