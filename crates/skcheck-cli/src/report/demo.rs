//! What a demonstration has made, and what the usual numbers show of it.

use skcheck_core::Snapshot;

/// What was made, and what came of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DemoReport {
    pub(crate) pid: u32,
    pub(crate) made: Made,
    /// The resident memory of the process that made it, in bytes.
    pub(crate) rss: Option<u64>,
    pub(crate) free: FreeMemory,
}

/// What was made, and what came of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Made {
    /// All chunks that it was carved from.
    pub(crate) bytes: u64,
    /// One of them.
    pub(crate) chunk: u64,
    /// The unread bytes that the report has, and at how many sockets.
    pub(crate) unread: (u64, usize),
    /// What they pin, as it was measured.
    pub(crate) pinned: Option<u64>,
}

/// How free memory has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FreeMemory {
    /// It cannot be read.
    Unreadable,
    /// It fell by so much, in bytes.
    FellBy(u64),
    /// Others took and gave back as much meanwhile.
    Blurred,
}

impl DemoReport {
    /// What a process has made of so many bytes, as a scan of its sockets shows; `free` is the memory that
    /// was free before and after.
    pub(crate) fn new(
        pid: u32,
        bytes: u64,
        snapshot: &Snapshot,
        rss: Option<u64>,
        free: Option<(u64, u64)>,
    ) -> DemoReport {
        let unread = unread(snapshot);
        let chunk = snapshot.host.chunk_size.0;
        let made = Made { bytes, chunk, unread, pinned: measured(snapshot, unread.1) };
        DemoReport { pid, made, rss, free: FreeMemory::of(free, made.pinned.unwrap_or(bytes)) }
    }
}

impl FreeMemory {
    fn of(free: Option<(u64, u64)>, pinned: u64) -> FreeMemory {
        let Some((before, after)) = free else { return FreeMemory::Unreadable };
        match before.checked_sub(after) {
            Some(fell) if fell.abs_diff(pinned) <= pinned / 10 => FreeMemory::FellBy(fell),
            // Others take and give back memory all the time.
            _ => FreeMemory::Blurred,
        }
    }
}

fn unread(snapshot: &Snapshot) -> (u64, usize) {
    let payloads = snapshot.sockets.iter().filter_map(|report| report.footprint.received.payload);
    let payloads = payloads.map(|payload| payload.0).filter(|payload| *payload > 0);
    payloads.fold((0, 0), |(bytes, sockets), payload| (bytes + payload, sockets + 1))
}

/// What all that was reported pins, where every socket with something unread was measured.
fn measured(snapshot: &Snapshot, unread_sockets: usize) -> Option<u64> {
    let totals = snapshot.totals();
    let is_whole = totals.measured >= unread_sockets as u64;
    totals.pinned.map(|pinned| pinned.0).filter(|_| is_whole)
}
