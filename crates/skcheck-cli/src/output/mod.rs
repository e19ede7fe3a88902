//! Reports, written: one file a format.

mod cells;
mod closed_held;
pub(crate) mod json;
mod layout;
mod legend;
mod measured;
mod names;
pub(crate) mod packets;
pub(crate) mod paragraph;
mod summary;
pub(crate) mod table;
