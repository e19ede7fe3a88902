//! From a process that has handed a connection on to the one that does not take it. Pure.
//!
//! A primary that accepts for its workers sends each connection through a unix socket, and closes its own
//! descriptor when the worker says that it has it. Until then it holds what it will never read.

use crate::footprint::unread;
use crate::model::holder::Holder;
use crate::watch::judge::cause::code::CauseCode;
use crate::watch::judge::cause::link::{Link, Over, Wait};
use crate::watch::judge::cause::root::{End, Root};
use crate::watch::judge::holders::holder_cause::HolderCause;
use crate::watch::judge::holders::readers;
use crate::watch::judge::scene::Scene;

/// Where the holder of a reader that it does not ask for has sent descriptors to others that stand still and
/// do not take them: one of these should read it, probably.
pub(crate) fn follow(scene: &Scene<'_>, own: &HolderCause) -> Option<Root> {
    if own.cause.code != CauseCode::NotPolled {
        return None;
    }
    let mut found: Vec<Root> = scene.channels(own.holder.pid).filter_map(|at| to(scene, own, at)).collect();
    match found.len() {
        0 | 1 => found.pop(),
        _ => {
            let links = found.into_iter().filter_map(|chain| chain.links.into_iter().next()).collect();
            Some(Root::new(Vec::new(), End::OneOf(links)))
        }
    }
}

/// To the process at this end of a channel, if it stands still and the other end is the holder's.
fn to(scene: &Scene<'_>, own: &HolderCause, channel: Holder) -> Option<Root> {
    let at = scene.place(channel)?;
    let entry = scene.socket(at)?;
    let taker = readers::of_socket(scene, entry).into_iter().find(|it| it.holder.pid == channel.pid)?;
    let stands_still = matches!(
        taker.cause.code,
        CauseCode::Stopped
            | CauseCode::Frozen
            | CauseCode::Throttled
            | CauseCode::Blocked
            | CauseCode::Spinning
            | CauseCode::Paging
    );
    let writer = entry.peer_holders.iter().find(|holder| holder.pid == own.holder.pid)?;
    let socket = scene.peer_of(at)?;
    let unread = unread(&entry.socket)?;
    let link = Link::new(*writer, Wait::Handed, Some(unread), Some(taker.holder), Over::Socket(socket));
    stands_still.then(|| Root::new(vec![link], End::Stalled(taker.holder, Box::new(taker.cause))))
}
