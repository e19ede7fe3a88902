//! Who holds a socket that no table of a process refers to: a thread with a table of its own, a ring of
//! io_uring, a message that nobody has received, a mapping. Looked for only where a socket has nobody else,
//! since it takes one more look at every process.

pub(crate) mod look;
pub(crate) mod mappings;
pub(crate) mod messages;
pub(crate) mod rings;
pub(crate) mod search;
pub(crate) mod tables;
