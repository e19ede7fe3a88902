//! What call a thread is in. Pure.

use crate::watch::evidence::process::{Call, Syscall, ThreadEvidence};

/// `io_uring_enter`, the same number on every architecture but Alpha.
const IO_URING_ENTER: u64 = 426;

/// The descriptor that a thread is in this call on.
pub(crate) fn descriptor_in(thread: &ThreadEvidence, wanted: Call) -> Option<u32> {
    thread.syscall?.on().filter(|(call, _)| *call == wanted).map(|(_, fd)| fd)
}

pub(crate) fn connect(thread: &ThreadEvidence) -> Option<(u32, bool)> {
    let function = thread.wchan.as_deref();
    let is_unix =
        function.is_none_or(|name| name == b"unix_wait_for_peer" || name == b"0" || name.is_empty());
    Some((descriptor_in(thread, Call::Connect)?, is_unix))
}

/// Whether a thread is in poll with a single descriptor. The second argument of select is an address.
pub(crate) fn polls_one(thread: &ThreadEvidence) -> bool {
    matches!(thread.syscall, Some(Syscall::In { call: Call::Poll, arguments: [_, 1, ..], .. }))
}

pub(crate) fn is_blocked(thread: &ThreadEvidence) -> bool {
    matches!(thread.syscall, Some(Syscall::In { .. } | Syscall::None))
}

pub(crate) fn waits_for_events(thread: &ThreadEvidence) -> bool {
    match thread.syscall {
        Some(Syscall::In { call: Call::EpollWait | Call::Poll, .. }) => true,
        Some(Syscall::In { number, .. }) => number == IO_URING_ENTER,
        _ => false,
    }
}

pub(crate) fn waits_for_others(thread: &ThreadEvidence) -> bool {
    matches!(thread.syscall, Some(Syscall::In { call: Call::Wait | Call::Signal, .. }))
}
