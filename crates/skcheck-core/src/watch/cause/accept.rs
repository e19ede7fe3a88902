//! Why nobody accepts a connection. Pure.

use crate::snapshot::Report;
use crate::watch::cause::holders::{Own, each};
use crate::watch::cause::{Cause, CauseCode, Fact};
use crate::watch::progress::Queue;
use crate::watch::scene::Scene;

/// The holders of the listeners that a connection may wait at, and why each does not accept it.
pub(super) fn owns(scene: &Scene<'_>, connection: &Report) -> Vec<Own> {
    let of_holder = |holder| match scene.listener(holder) {
        Some(listener) => {
            let mut owns = owns_of_listener(scene, listener);
            owns.retain(|own| own.holder.pid == holder.pid);
            owns
        }
        None => each(scene, &[holder], None, true),
    };
    connection.holders.iter().copied().flat_map(of_holder).collect()
}

/// The holders of a listener, and why each does not accept.
pub(super) fn owns_of_listener(scene: &Scene<'_>, listener: &Report) -> Vec<Own> {
    let mut owns = each(scene, &listener.holders, listener.socket.inode, true);
    for own in &mut owns {
        blame(&mut own.cause, listener, own.is_helpless);
    }
    owns
}

/// A full queue is the cause, whatever a listener's holder does, unless it can do nothing at all. Another
/// socket has none.
pub(super) fn blame(cause: &mut Cause, listener: &Report, is_helpless: bool) {
    let Some(queue) = Queue::of(listener) else { return };
    let fact = Fact::AcceptQueue { waiting: queue.waiting, limit: queue.limit };
    if queue.is_full() && !is_helpless {
        cause.code = CauseCode::AcceptFull;
        cause.evidence.insert(0, fact);
    } else {
        cause.evidence.push(fact);
    }
}
