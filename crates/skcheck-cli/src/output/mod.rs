//! Reports, written: one file a format.

mod cells;
mod closed_held;
pub(crate) mod json;
mod layout;
pub(crate) mod leaks;
mod legend;
mod measured;
pub(crate) mod mem;
mod missing;
mod names;
mod next;
mod numbers;
mod others;
pub(crate) mod packets;
pub(crate) mod progress;
mod rings;
mod room;
mod summary;
pub(crate) mod table;
pub(crate) mod watch;
