//! The host that runs, asked so that nothing on it can hold up who asks.
//!
//! Whatever is read is read by a [worker](crate::host::worker). What a question waits for is spent from one [`Budget`](crate::host::Budget); who does
//! not answer is skipped from then on, and named in [`Host::unanswered`](crate::host::Host::unanswered).

pub(crate) mod answer;
pub(crate) mod asker;
pub(crate) mod conversation;
pub(crate) mod host;
pub(crate) mod owners;
pub(crate) mod pool;
pub(crate) mod processes;
pub(crate) mod question;
pub(crate) mod silence;
pub(crate) mod subject;

pub use crate::host::guarded::answer::Answering;
pub use crate::host::guarded::asker::Guarded;
pub use crate::host::guarded::pool::WorkerStart;
