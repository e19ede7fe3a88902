//! The other end of what a process waits for: who has it, and how it goes. Pure.

use crate::model::holder::Holder;
use crate::model::state::State;
use crate::model::units::Payload;
use crate::snapshot::entry::SocketEntry;
use crate::watch::evidence::conduit::ConduitKind;
use crate::watch::judge::cause::code::CauseCode;
use crate::watch::judge::cause::link::{Over, Pace};
use crate::watch::judge::cause::root::End;
use crate::watch::judge::chain::gait::Gait;
use crate::watch::judge::chain::reader::ReadEnd;
use crate::watch::judge::holders::holder_cause::HolderCause;
use crate::watch::judge::holders::readers;
use crate::watch::judge::holders::slow_reader::Slow;
use crate::watch::judge::progress::state::Reading;
use crate::watch::judge::scene::Scene;
use crate::watch::judge::scene::socket_progress::SocketProgress;

/// The far end of a writer.
pub(crate) struct FarEnd {
    /// `None` where it was not seen.
    pub(crate) reader: Option<ReadEnd>,
    /// Who should read it, the most telling first.
    pub(crate) owns: Vec<HolderCause>,
    /// How fast it is read; `None` where it is not.
    pub(crate) pace: Option<Pace>,
    /// What the writer has unsent.
    pub(crate) unsent: Option<Payload>,
    /// What was taken of that, bytes a second.
    pub(crate) taken: Option<u64>,
    /// Where a chain ends that comes here, if nobody is known to have it.
    pub(crate) nobody: End,
}

impl FarEnd {
    /// That of a process's descriptor which cannot write; `None` where there is nothing to read: then it is
    /// not the one that keeps the writer waiting. `gait` is how the writer's own process goes.
    pub(crate) fn of(scene: &Scene<'_>, writer: Holder, over: Over, gait: Gait) -> Option<FarEnd> {
        match over {
            Over::Socket(at) => FarEnd::of_socket(scene, at),
            Over::Conduit(at) => FarEnd::of_conduit(scene, writer, at, gait),
            Over::Answer(at) | Over::Connect(at) => FarEnd::of_asked(scene, over, at),
        }
    }

    fn of_socket(scene: &Scene<'_>, at: usize) -> Option<FarEnd> {
        let entry = scene.socket(at)?;
        let reader = scene.peer_of(at);
        let SocketProgress { reading, pace, .. } =
            reader.map_or(SocketProgress::UNKNOWN, |reader| scene.went(reader));
        // What was read empty just now is filled in again, if it is the reader for which the writer waits.
        let has_read = reading == Reading::Idle
            && pace.consumed.is_some_and(|bytes| bytes > 0)
            && scene.went(at).window_closed != Some(false);
        let reads = matches!(reading, Reading::Slow | Reading::Draining) || has_read;
        // A sample has every socket that holds something.
        let is_empty = reader.is_none() && !entry.peer_holders.is_empty();
        if is_empty || reading == Reading::Idle && !has_read {
            return None;
        }
        let owns = readers::at_far_end(scene, Over::Socket(at));
        // Whether it reads cannot be told: then what its process does at one look says nothing.
        if reading == Reading::Unknown && reader.is_some() && owns.first().is_some_and(|own| !own.is_helpless)
        {
            return None;
        }
        Some(FarEnd {
            reader: reader.map(ReadEnd::Socket),
            owns,
            pace: reads.then_some(pace),
            unsent: Some(Payload(scene.unsent(at))),
            taken: scene.went(at).taken,
            nobody: nobody(scene, entry, reader),
        })
    }

    /// What is in a conduit cannot be seen. Who has slept in one write has found no room: nothing was read,
    /// or less than makes room. Where that is not known it goes as what comes before it. Who only waits until
    /// it can write may have written meanwhile: then it is the reader that must show that it stands still.
    fn of_conduit(scene: &Scene<'_>, writer: Holder, at: usize, gait: Gait) -> Option<FarEnd> {
        let fds = scene.conduit_fds(at, writer.pid);
        let view = scene.process(writer.pid)?;
        let owns = readers::at_far_end(scene, Over::Conduit(at));
        // A user may have held the terminal up, and there is nothing to read: nobody is to blame.
        let is_terminal = scene.conduit(at).is_some_and(|it| it.kind == ConduitKind::Terminal);
        if is_terminal && owns.first().is_some_and(|own| own.cause.code == CauseCode::Unknown) {
            return None;
        }
        let reads = match view.slept_writing(&fds) {
            Some(slept) => !slept,
            None if view.writes_to(&fds) => gait.reads(),
            None => !owns.first().is_some_and(|own| own.is_helpless || stands_elsewhere(own.cause.code)),
        };
        Some(FarEnd {
            reader: Some(ReadEnd::Conduit(at)),
            owns,
            pace: reads.then(Pace::default),
            unsent: None,
            taken: None,
            nobody: End::Hidden,
        })
    }

    /// Where somebody waits for an answer, or for a connection: who reads, or accepts, will come to it. Of
    /// what waits at a listener nothing is his alone.
    fn of_asked(scene: &Scene<'_>, over: Over, at: usize) -> Option<FarEnd> {
        let entry = scene.socket(at).filter(|_| scene.went(at).stands_still())?;
        Some(FarEnd {
            reader: Some(ReadEnd::Socket(at)),
            owns: readers::at_far_end(scene, over),
            pace: None,
            unsent: entry.footprint.received.payload.filter(|_| entry.socket.state != State::Listen),
            taken: None,
            nobody: End::Hidden,
        })
    }

    /// Where a chain ends that leads no further: at the first who should read it.
    pub(crate) fn end(self, slow: Option<Slow>) -> End {
        match (self.owns.into_iter().next(), self.pace) {
            (Some(own), None) => End::Stalled(own.holder, Box::new(own.cause)),
            (Some(own), Some(pace)) => End::Slow(own.holder, pace, slow.map(|slow| Box::new(slow.cause))),
            (None, _) => self.nobody,
        }
    }
}

/// Whether this keeps a process from reading whatever comes.
fn stands_elsewhere(code: CauseCode) -> bool {
    matches!(code, CauseCode::Blocked | CauseCode::Spinning)
}

/// Where a chain ends whose last reader nobody is known to hold.
fn nobody(scene: &Scene<'_>, writer: &SocketEntry, reader: Option<usize>) -> End {
    if reader.is_some() || scene.peers.has_on_this_host(writer) {
        End::Hidden
    } else if scene.looked_everywhere {
        End::OffHost
    } else {
        End::NotFound
    }
}
