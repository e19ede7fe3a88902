//! Reports, written: one file a format.

mod cells;
pub(crate) mod json;
mod layout;
mod names;
pub(crate) mod paragraph;
mod summary;
pub(crate) mod table;
