//! What was seen at one time, as plain data: numbers and states of the kernel, nothing interpreted.

pub(crate) mod conduit;
pub(crate) mod counters;
pub(crate) mod key;
pub(crate) mod process;
pub(crate) mod sample;

pub use crate::watch::evidence::conduit::{Conduit, ConduitKind};
pub use crate::watch::evidence::process::{
    Call, EpollEvidence, Interest, MOST_THREADS, Mount, ProcessEvidence, Quota, Syscall, ThreadEvidence,
    Throttling, UnreadablePart,
};
