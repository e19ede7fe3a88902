//! Reports for programs. The types here are the wire format, documented in docs/json.md; nothing else may depend
//! on them, and they do not follow the library's types by themselves.

mod books;
mod bytes;
mod endpoint;
mod exact;
mod gap;
mod gap_place;
mod holding;
mod host;
pub(crate) mod leaks;
pub(crate) mod mem;
pub(crate) mod packets;
mod place;
mod process;
mod queues;
mod rings;
pub(crate) mod scan;
mod skmem;
mod socket;
mod subflow;
mod totals;
pub(crate) mod watch;
