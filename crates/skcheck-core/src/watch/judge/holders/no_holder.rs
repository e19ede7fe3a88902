//! Why a socket is not read that no descriptor is known to hold. Pure.

use crate::model::holder::Via;
use crate::snapshot::entry::{Holding, SocketEntry};
use crate::watch::evidence::process::UnreadablePart;
use crate::watch::judge::cause::code::CauseCode;
use crate::watch::judge::cause::fact::{Cause, Fact};
use crate::watch::judge::holders::listener;
use crate::watch::judge::scene::Scene;

/// Why a socket is not read that no descriptor is known to hold.
pub(crate) fn unheld(scene: &Scene<'_>, entry: &SocketEntry) -> Cause {
    let registered = entry.holders.iter().copied().find(|holder| holder.via == Via::IoUring);
    let ring = registered.or_else(|| entry.socket.inode.and_then(|inode| scene.ring_with(inode)));
    let (pid, evidence) = match (ring, entry.holding, entry.holders.first()) {
        (Some(ring), ..) => (Some(ring.pid), vec![Fact::Ring(ring.fd)]),
        (None, Holding::InFlight { ambiguous: false }, Some(at)) => (Some(at.pid), vec![Fact::InFlight(*at)]),
        (None, Holding::Hidden | Holding::AwaitingAccept { .. }, _) => {
            (None, vec![Fact::Missing(UnreadablePart::Descriptors)])
        }
        _ => (None, Vec::new()),
    };
    let mut cause = Cause { code: CauseCode::Unknown, pid, evidence };
    listener::blame(&mut cause, entry);
    cause
}
