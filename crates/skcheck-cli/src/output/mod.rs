//! Reports, written: one file a format.

mod cells;
pub(crate) mod json;
mod summary;
pub(crate) mod table;
