//! Why a socket is not read: of all that hold it, the one to look at. Pure.

use crate::model::socket::Inode;
use crate::model::state::State;
use crate::snapshot::entry::{Holding, SocketEntry};
use crate::watch::evidence::conduit::{Conduit, ConduitKind};
use crate::watch::judge::cause::code::CauseCode;
use crate::watch::judge::cause::fact::{Cause, Fact};
use crate::watch::judge::cause::link::Over;
use crate::watch::judge::holders::holder_cause::{HolderCause, each};
use crate::watch::judge::holders::listener;
use crate::watch::judge::holders::ranking::rank;
use crate::watch::judge::scene::Scene;

/// The holders that matter, the most telling first; none where nobody is known to hold it.
pub(crate) fn of_socket(scene: &Scene<'_>, entry: &SocketEntry) -> Vec<HolderCause> {
    match entry.holding {
        Holding::AwaitingAccept { .. } => rank(scene, listener::of_connection(scene, entry), true),
        // No thread can read it as things are.
        Holding::IoUring => Vec::new(),
        Holding::InFlight { .. } => of_receiver(scene, entry),
        _ if entry.socket.state == State::Listen => rank(scene, listener::of_listener(scene, entry), true),
        _ => rank(scene, each(scene, &entry.holders, entry.socket.inode, false), false),
    }
}

/// The readers of a conduit that matter, the most telling first. A writer that has the other end, too,
/// without reading it is none where others have it.
pub(crate) fn of_conduit(scene: &Scene<'_>, conduit: &Conduit) -> Vec<HolderCause> {
    let writes = |pid: u32| conduit.writers.iter().any(|writer| writer.pid == pid);
    let mut readers = conduit.readers.clone();
    if readers.iter().any(|reader| !writes(reader.pid)) {
        readers.retain(|reader| !writes(reader.pid));
    }
    let inode = conduit.inode.and_then(|inode| Inode::new(u32::try_from(inode).ok()?));
    let mut owns = rank(scene, each(scene, &readers, inode, false), false);
    if conduit.kind == ConduitKind::Terminal {
        owns.iter_mut().for_each(|own| forgive(&mut own.cause));
    }
    owns
}

/// A terminal can be held up by its user (Ctrl-S) while there is nothing to be read at its other end. Who
/// waits there then is not to blame.
fn forgive(cause: &mut Cause) {
    let asks_not = matches!(
        cause.code,
        CauseCode::NotPolled
            | CauseCode::NoEpollin
            | CauseCode::EdgeNotRead
            | CauseCode::OneshotNotRearmed
            | CauseCode::NobodyWaits
    );
    if asks_not {
        cause.code = CauseCode::Unknown;
    }
}

/// Who should receive the message that a socket is in, where only one can, and why he does not.
fn of_receiver(scene: &Scene<'_>, entry: &SocketEntry) -> Vec<HolderCause> {
    let [at] = entry.holders.as_slice() else { return Vec::new() };
    let channel = scene.held_by(at.descriptor()).filter(|it| it.holding == Holding::Descriptors);
    let mut owns = channel.map(|channel| of_socket(scene, channel)).unwrap_or_default();
    for own in &mut owns {
        own.cause.evidence.insert(0, Fact::InFlight(*at));
    }
    owns
}

/// Who should read what a descriptor writes, the most telling first.
pub(crate) fn at_far_end(scene: &Scene<'_>, over: Over) -> Vec<HolderCause> {
    match over {
        Over::Socket(at) => {
            let reader = scene.peer_of(at).and_then(|reader| scene.socket(reader));
            reader.map(|reader| of_socket(scene, reader)).unwrap_or_default()
        }
        Over::Answer(at) | Over::Connect(at) => {
            scene.socket(at).map(|reader| of_socket(scene, reader)).unwrap_or_default()
        }
        Over::Conduit(at) => scene.conduit(at).map(|conduit| of_conduit(scene, conduit)).unwrap_or_default(),
    }
}
