//! Whether threads have slept in one call from sample to sample. Pure.

use crate::watch::evidence::process::{Call, ProcessEvidence, ThreadEvidence};
use crate::watch::judge::process::calls::descriptor_in;

/// Whether a thread that is blocked in this call on one of these descriptors has not run since `before`.
pub(crate) fn slept_on(
    now: &ProcessEvidence,
    before: &ProcessEvidence,
    wanted: Call,
    fds: &[u32],
) -> Option<bool> {
    let is_on = |thread: &&ThreadEvidence| descriptor_in(thread, wanted).is_some_and(|fd| fds.contains(&fd));
    let slept = now.threads.iter().filter(is_on).filter_map(|thread| {
        let earlier = before.threads.iter().find(|earlier| earlier.tid == thread.tid)?;
        Some(thread.runs? == earlier.runs?)
    });
    slept.max()
}

/// Where a thread sleeps that waits for data, or for more of it (`sk_wait_data`, `unix_stream_data_wait`,
/// `__skb_wait_for_more_packets`).
const WAITS_FOR_DATA: [&[u8]; 5] = [
    b"wait_woken",
    b"sk_wait_data",
    b"__skb_wait_for_more_packets",
    b"unix_stream_read_generic",
    b"unix_stream_data_wait",
];

/// Whether a thread is in the middle of a call of reading on one of these, and has slept there since the
/// look before: not for data, but for its own memory, or for the socket's lock, which another has there.
pub(crate) fn is_stuck_reading(now: &ProcessEvidence, before: Option<&ProcessEvidence>, fds: &[u32]) -> bool {
    let earlier = |tid: u32| before.and_then(|it| it.threads.iter().find(|thread| thread.tid == tid));
    let is_stuck = |thread: &ThreadEvidence| {
        let waits_elsewhere =
            thread.wchan.as_deref().is_some_and(|function| !WAITS_FOR_DATA.contains(&function));
        let has_slept = earlier(thread.tid).is_some_and(|it| it.runs.is_some() && it.runs == thread.runs);
        descriptor_in(thread, Call::Read).is_some_and(|fd| fds.contains(&fd))
            && matches!(thread.state, Some(b'S' | b'D'))
            && waits_elsewhere
            && has_slept
    };
    now.threads.iter().any(is_stuck)
}
