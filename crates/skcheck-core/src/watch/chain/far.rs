//! The other end of what a process waits for: who has it, and how it goes. Pure.

use crate::model::holder::Holder;
use crate::model::state::State;
use crate::model::units::Payload;
use crate::snapshot::entry::SocketEntry;
use crate::watch::cause;
use crate::watch::cause::holders::Own;
use crate::watch::cause::link::Over;
use crate::watch::cause::{CauseCode, End, Pace};
use crate::watch::conduit::ConduitKind;
use crate::watch::progress::Reading;
use crate::watch::scene::{Scene, Went};

/// What a process does not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Reader {
    /// The socket at this place in the later sample.
    Socket(usize),
    /// The conduit at this place in the later sample.
    Conduit(usize),
}

impl Reader {
    /// The place of the socket that it is.
    pub(super) fn socket(self) -> Option<usize> {
        match self {
            Reader::Socket(at) => Some(at),
            Reader::Conduit(_) => None,
        }
    }
}

/// The far end of a writer.
pub(super) struct Far {
    /// `None` where it was not seen.
    pub(super) reader: Option<Reader>,
    /// Who should read it, the most telling first.
    pub(super) owns: Vec<Own>,
    /// How fast it is read; `None` where it is not.
    pub(super) pace: Option<Pace>,
    /// What the writer has unsent.
    pub(super) unsent: Option<Payload>,
    /// What was taken of that, bytes a second.
    pub(super) taken: Option<u64>,
    /// Where a chain ends that comes here, if nobody is known to have it.
    pub(super) nobody: End,
}

impl Far {
    /// That of a process's descriptor which cannot write; `None` where there is nothing to read: then it is
    /// not the one that keeps the writer waiting. `reads` is how the writer's own process goes.
    pub(super) fn of(scene: &Scene<'_>, writer: Holder, over: Over, reads: bool) -> Option<Far> {
        match over {
            Over::Socket(at) => Far::of_socket(scene, at),
            Over::Conduit(at) => Far::of_conduit(scene, writer, at, reads),
            Over::Answer(at) | Over::Connect(at) => Far::of_asked(scene, over, at),
        }
    }

    fn of_socket(scene: &Scene<'_>, at: usize) -> Option<Far> {
        let report = scene.socket(at)?;
        let reader = scene.peers.of(scene.sockets, at);
        let Went { reading, pace, .. } = reader.map_or(Went::UNKNOWN, |reader| scene.went(reader));
        // What was read empty just now is filled in again, if it is the reader for which the writer waits.
        let has_read = reading == Reading::Idle
            && pace.consumed.is_some_and(|bytes| bytes > 0)
            && scene.went(at).window_closed != Some(false);
        let reads = matches!(reading, Reading::Slow | Reading::Draining) || has_read;
        // A sample has every socket that holds something.
        let is_empty = reader.is_none() && !report.peer_holders.is_empty();
        if is_empty || reading == Reading::Idle && !has_read {
            return None;
        }
        let owns = readers(scene, Over::Socket(at));
        // Whether it reads cannot be told: then what its process does at one look says nothing.
        if reading == Reading::Unknown && reader.is_some() && owns.first().is_some_and(|own| !own.is_helpless)
        {
            return None;
        }
        Some(Far {
            reader: reader.map(Reader::Socket),
            owns,
            pace: reads.then_some(pace),
            unsent: Some(Payload(scene.unsent(at))),
            taken: scene.went(at).taken,
            nobody: nobody(scene, report, reader),
        })
    }

    /// What is in a conduit cannot be seen. Who has slept in one write has found no room: nothing was read,
    /// or less than makes room. Where that is not known it goes as what comes before it. Who only waits until
    /// it can write may have written meanwhile: then it is the reader that must show that it stands still.
    fn of_conduit(scene: &Scene<'_>, writer: Holder, at: usize, reads: bool) -> Option<Far> {
        let fds = scene.conduit_fds(at, writer.pid);
        let look = scene.process(writer.pid)?;
        let owns = readers(scene, Over::Conduit(at));
        // A user may have held the terminal up, and there is nothing to read: nobody is to blame.
        let is_terminal = scene.conduit(at).is_some_and(|it| it.kind == ConduitKind::Terminal);
        if is_terminal && owns.first().is_some_and(|own| own.cause.code == CauseCode::Unknown) {
            return None;
        }
        let reads = match look.slept_writing(&fds) {
            Some(slept) => !slept,
            None if look.writes_to(&fds) => reads,
            None => !owns.first().is_some_and(|own| own.is_helpless || stands_elsewhere(own.cause.code)),
        };
        Some(Far {
            reader: Some(Reader::Conduit(at)),
            owns,
            pace: reads.then(Pace::default),
            unsent: None,
            taken: None,
            nobody: End::Hidden,
        })
    }

    /// Where somebody waits for an answer, or for a connection: who reads, or accepts, will come to it. Of
    /// what waits at a listener nothing is his alone.
    fn of_asked(scene: &Scene<'_>, over: Over, at: usize) -> Option<Far> {
        let report = scene.socket(at).filter(|_| scene.went(at).stands_still())?;
        Some(Far {
            reader: Some(Reader::Socket(at)),
            owns: readers(scene, over),
            pace: None,
            unsent: report.footprint.received.payload.filter(|_| report.socket.state != State::Listen),
            taken: None,
            nobody: End::Hidden,
        })
    }
}

/// Whether this keeps a process from reading whatever comes.
fn stands_elsewhere(code: CauseCode) -> bool {
    matches!(code, CauseCode::Blocked | CauseCode::Spinning)
}

/// Who should read what a descriptor writes, the most telling first.
pub(super) fn readers(scene: &Scene<'_>, over: Over) -> Vec<Own> {
    match over {
        Over::Socket(at) => {
            let reader = scene.peers.of(scene.sockets, at).and_then(|reader| scene.socket(reader));
            reader.map(|reader| cause::owns(scene, reader)).unwrap_or_default()
        }
        Over::Answer(at) | Over::Connect(at) => {
            scene.socket(at).map(|reader| cause::owns(scene, reader)).unwrap_or_default()
        }
        Over::Conduit(at) => {
            scene.conduit(at).map(|conduit| cause::owns_of_conduit(scene, conduit)).unwrap_or_default()
        }
    }
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
