//! From a process that does not read because it cannot write, to the one that keeps it from writing. Pure.
//!
//! A link leads from a process's writer that cannot write to the reader at its other end, and on to the
//! writers of that reader's process. The chain ends at a process that waits for nobody, whether it reads
//! nothing or slowly, at an address that is not on this host, or where it comes back to a process that it has
//! passed. That is a circle only where each process on it is known to wait for its writing: with a thread
//! that does something else, which might read, it is that process where the chain ends.

pub(crate) mod answers;
pub(crate) mod candidate;
pub(crate) mod choice;
pub(crate) mod conduits;
pub(crate) mod connections;
pub(crate) mod explanation;
pub(crate) mod far_end;
pub(crate) mod gait;
pub(crate) mod handover;
pub(crate) mod reader;
pub(crate) mod walk;
