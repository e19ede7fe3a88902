//! Why nobody accepts a connection. Pure.

use crate::holders::Holder;
use crate::snapshot::Report;
use crate::socket::{RecvQueue, SendQueue, State};
use crate::units::Connections;
use crate::watch::cause::holders::{Own, choose, each};
use crate::watch::cause::{Cause, CauseCode, Fact};
use crate::watch::scene::Scene;

/// The holders of the listeners that a connection may wait at, and why each does not accept it.
pub(super) fn owns(scene: &Scene<'_>, connection: &Report) -> Vec<Own> {
    let of_holder = |holder: Holder| {
        let holder = holder.descriptor();
        let listener = scene.listener(holder);
        let inode = listener.and_then(|listener| listener.socket.inode);
        let mut owns = each(scene, &[holder], inode, true);
        for own in &mut owns {
            if let Some(queue) = listener.and_then(Queue::of) {
                blame(own, queue);
            }
        }
        owns
    };
    connection.holders.iter().copied().flat_map(of_holder).collect()
}

/// Why nobody accepts at a listener at which connections waited in both samples. In a busy one some always
/// do: as long as its queue is not full, only a process that can do nothing at all is worth a word.
pub(in crate::watch) fn of_listener(scene: &Scene<'_>, before: &Report, now: &Report) -> Option<Cause> {
    let (was, is) = Queue::of(before).zip(Queue::of(now))?;
    if was.waiting == 0 || is.waiting == 0 {
        return None;
    }
    let mut owns = each(scene, &now.holders, now.socket.inode, true);
    for own in &mut owns {
        blame(own, is);
    }
    let own = choose(owns).into_iter().next();
    if was.is_full() && is.is_full() {
        let unheld = || Cause { code: CauseCode::AcceptFull, pid: None, evidence: vec![is.fact()] };
        return Some(own.map_or_else(unheld, |own| own.cause));
    }
    own.filter(|own| own.is_helpless).map(|own| own.cause)
}

/// An accept queue.
#[derive(Clone, Copy)]
struct Queue {
    waiting: u32,
    limit: Option<u32>,
}

impl Queue {
    fn of(listener: &Report) -> Option<Queue> {
        let RecvQueue::Connections(Connections(waiting)) = listener.socket.recv_q else { return None };
        let limit = match listener.socket.send_q {
            SendQueue::BacklogLimit(Connections(limit)) => Some(limit),
            _ => None,
        };
        (listener.socket.state == State::Listen).then_some(Queue { waiting, limit })
    }

    /// One more than the limit fits (`sk_acceptq_is_full`); at the limit it is as good as full.
    fn is_full(self) -> bool {
        self.limit.is_some_and(|limit| self.waiting >= limit.max(1))
    }

    fn fact(self) -> Fact {
        Fact::AcceptQueue { waiting: self.waiting, limit: self.limit }
    }
}

/// A full queue is the cause, whatever the holder does, unless it can do nothing at all.
fn blame(own: &mut Own, queue: Queue) {
    if queue.is_full() && !own.is_helpless {
        own.cause.code = CauseCode::AcceptFull;
        own.cause.evidence.insert(0, queue.fact());
    } else {
        own.cause.evidence.push(queue.fact());
    }
}
