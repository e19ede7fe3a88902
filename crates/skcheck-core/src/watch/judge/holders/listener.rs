//! Why nobody accepts a connection. Pure.

use crate::model::holder::Holder;
use crate::snapshot::entry::SocketEntry;
use crate::watch::judge::accept_queue::AcceptQueue;
use crate::watch::judge::cause::code::CauseCode;
use crate::watch::judge::cause::fact::{Cause, Fact};
use crate::watch::judge::holders::holder_cause::{HolderCause, each};
use crate::watch::judge::scene::Scene;

/// The holders of the listeners that a connection may wait at, and why each does not accept it.
pub(crate) fn of_connection(scene: &Scene<'_>, connection: &SocketEntry) -> Vec<HolderCause> {
    let of_holder = |holder: Holder| match scene.listener(holder.descriptor()) {
        Some(listener) => {
            let mut owns = of_listener(scene, listener);
            owns.retain(|own| own.holder.pid == holder.pid);
            owns
        }
        None => each(scene, &[holder.descriptor()], None, true),
    };
    connection.holders.iter().copied().flat_map(of_holder).collect()
}

/// The holders of a listener, and why each does not accept.
pub(crate) fn of_listener(scene: &Scene<'_>, listener: &SocketEntry) -> Vec<HolderCause> {
    let mut owns = each(scene, &listener.holders, listener.socket.inode, true);
    for own in &mut owns {
        blame(&mut own.cause, listener);
    }
    owns
}

/// That a queue is full follows from what keeps its holder from accepting; it is the cause only where nothing
/// is known of that. Another socket has none.
pub(crate) fn blame(cause: &mut Cause, listener: &SocketEntry) {
    let Some(queue) = AcceptQueue::of(listener) else { return };
    let fact = Fact::AcceptQueue { waiting: queue.waiting, limit: queue.limit };
    if queue.is_full() && cause.code == CauseCode::Unknown {
        cause.code = CauseCode::AcceptFull;
        cause.evidence.insert(0, fact);
    } else {
        cause.evidence.push(fact);
    }
}
