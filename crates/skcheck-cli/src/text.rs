//! Text in and out: sizes, hostile names, the time of day.

mod charset;
mod escape;
mod list;
mod number;
mod page;
mod paragraph;
mod size;
#[cfg(test)]
mod tests;
mod time;
mod width;

pub(crate) use crate::text::charset::Charset;
pub(crate) use crate::text::escape::{escape, hex};
pub(crate) use crate::text::list::{capitalised, enumerate, listed};
pub(crate) use crate::text::number::{count, counted, grouped};
pub(crate) use crate::text::page::Page;
pub(crate) use crate::text::paragraph::{broken, write_paragraph};
pub(crate) use crate::text::size::{parse_size, percent, signed_size, size};
pub(crate) use crate::text::time::{about, duration, parse_duration, rfc3339, span};
pub(crate) use crate::text::width::{fit, width};
