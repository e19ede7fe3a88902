//! Who is to read a socket, and who keeps that one from it.

use skcheck_core::watch::cause::{End, Fact, Wait};
use skcheck_core::watch::{Judged, Sample};
use skcheck_core::{Holder, SocketEntry};

/// A process that another keeps from reading.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeldUp {
    pub(super) victim: u32,
    pub(super) culprit: u32,
    pub(super) is_inferred: bool,
}

impl HeldUp {
    pub(super) fn of(judged: &Judged, holder: Option<Holder>) -> Option<HeldUp> {
        let (victim, culprit) = (holder?.pid, culprit(judged, holder)?.0.pid);
        Some(HeldUp { victim, culprit, is_inferred: is_inferred(judged) })
    }
}

/// Who is to read a socket, or to accept it: the one that the cause is about, else one of these processes,
/// else the first.
pub(super) fn holder(judged: &Judged, socket: &SocketEntry, pids: &[u32]) -> Option<Holder> {
    let of = |pid: u32| socket.holders.iter().find(|holder| holder.pid == pid).copied();
    let blamed = judged.cause.as_ref().and_then(|cause| cause.pid).and_then(of);
    blamed.or_else(|| pids.iter().find_map(|pid| of(*pid))).or(socket.holders.first().copied())
}

/// The other processes that hold it and stand still for the same reason.
pub(super) fn alike(judged: &Judged) -> Vec<u32> {
    let cause = judged.cause.as_ref().filter(|_| judged.root.is_none());
    let facts = cause.into_iter().flat_map(|cause| cause.evidence.iter().map(|fact| (cause.code, fact)));
    let alike = facts.filter_map(|(code, fact)| match fact {
        Fact::AlsoHeld { pid, code: other } if *other == code => Some(*pid),
        _ => None,
    });
    alike.collect()
}

/// The reader at the end of a chain, where that is another than the holder and it is known, and how it goes.
pub(super) fn culprit(judged: &Judged, holder: Option<Holder>) -> Option<(Holder, &End)> {
    let root = judged.root.as_ref().filter(|root| !root.is_unsure())?;
    let reader = root.reader()?;
    (Some(reader.pid) != holder.map(|holder| holder.pid)).then_some((reader, &root.end))
}

/// Whether it is inferred that one on the chain waits for the next.
pub(super) fn is_inferred(judged: &Judged) -> bool {
    let root = judged.root.iter();
    let mut links = root.flat_map(|root| &root.links);
    links.any(|link| matches!(link.wait, Wait::EventLoop | Wait::OneThread | Wait::Handed | Wait::Poll))
}

/// The name of a process, as far as a sample tells.
pub(crate) fn comm(sample: &Sample, pid: u32) -> Option<&[u8]> {
    let held = sample.snapshot.process(pid).and_then(|process| process.comm.as_deref());
    held.or_else(|| sample.processes.get(&pid)?.comm.as_deref())
}
