//! Reports, written: one room a format, and the words that formats share.

pub(crate) mod json;
pub(crate) mod progress;
pub(crate) mod screen;
pub(crate) mod table;
mod words;
