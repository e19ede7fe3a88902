//! Where the memory of a host went: a ledger of its owners, what sockets' own books say, and a census
//! of its pages.
//!
//! [`memory`] reads all of it. What the parsers and sums below are given was read elsewhere: they are
//! pure.

pub mod census;
pub mod cgroup;
pub(crate) mod host_memory;
pub mod ledger;
pub mod network;
pub mod reserved;
pub(crate) mod threads;

pub use crate::memory::host_memory::{Memory, memory};
