//! From a process that has handed a connection on to the one that does not take it. Pure.
//!
//! A primary that accepts for its workers sends each connection through a unix socket, and closes its own
//! descriptor when the worker says that it has it. Until then it holds what it will never read.

use crate::footprint::unread;
use crate::model::holder::Holder;
use crate::watch::cause;
use crate::watch::cause::holders::Own;
use crate::watch::cause::link::{Link, Over, Wait};
use crate::watch::cause::{CauseCode, End};
use crate::watch::chain::Chain;
use crate::watch::scene::Scene;

/// Where the holder of a reader that it does not ask for has sent descriptors to others that stand still and
/// do not take them: one of these should read it, probably.
pub(super) fn follow(scene: &Scene<'_>, own: &Own) -> Option<Chain> {
    if own.cause.code != CauseCode::NotPolled {
        return None;
    }
    let mut found: Vec<Chain> = scene.channels(own.holder.pid).filter_map(|at| to(scene, own, at)).collect();
    match found.len() {
        0 | 1 => found.pop(),
        _ => {
            let links = found.into_iter().filter_map(|chain| chain.links.into_iter().next()).collect();
            Some(Chain::new(Vec::new(), End::OneOf(links)))
        }
    }
}

/// To the process at this end of a channel, if it stands still and the other end is the holder's.
fn to(scene: &Scene<'_>, own: &Own, channel: Holder) -> Option<Chain> {
    let at = scene.place(channel)?;
    let report = scene.socket(at)?;
    let taker = cause::owns(scene, report).into_iter().find(|it| it.holder.pid == channel.pid)?;
    let stands_still = matches!(
        taker.cause.code,
        CauseCode::Stopped
            | CauseCode::Frozen
            | CauseCode::Throttled
            | CauseCode::Blocked
            | CauseCode::Spinning
            | CauseCode::Paging
    );
    let writer = report.peer_holders.iter().find(|holder| holder.pid == own.holder.pid)?;
    let socket = scene.peers.of(scene.sockets, at)?;
    let unread = unread(&report.socket)?;
    let link = Link::new(*writer, Wait::Handed, Some(unread), Some(taker.holder), Over::Socket(socket));
    stands_still.then(|| Chain::new(vec![link], End::Stalled(taker.holder, Box::new(taker.cause))))
}
