//! Who holds a socket, and why each of them does not read it. Pure.

pub(crate) mod holder_cause;
pub(crate) mod listener;
pub(crate) mod no_holder;
pub(crate) mod ranking;
pub(crate) mod readers;
pub(crate) mod slow_reader;
