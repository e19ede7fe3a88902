//! What was found, arranged: plain data that says nothing in words.

mod circumstances;
pub(crate) mod demo;
pub(crate) mod leaks;
mod measure;
pub(crate) mod mem;
pub(crate) mod packets;
pub(crate) mod scan;
pub(crate) mod stalled;
mod sums;
pub(crate) mod watch;
mod weight;

pub(crate) use crate::report::circumstances::{Circumstances, EngineUse, Privilege};
pub(crate) use crate::report::measure::{Measure, Pinned, Sureness};
pub(crate) use crate::report::sums::{Charge, PartialSum, Sums, is_closed_unknown, shown_side, shows_sent};
