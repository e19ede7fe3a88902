//! Reports for people, as text.

pub(crate) mod demo;
pub(crate) mod gaps;
mod grid;
pub(crate) mod leaks;
pub(crate) mod mem;
mod next;
pub(crate) mod packets;
pub(crate) mod scan;
pub(crate) mod watch;
