//! Makes the entries of what was collected.

pub(crate) mod candidates;
pub(crate) mod closed;
pub(crate) mod entry_maker;
pub(crate) mod unix_readers;
