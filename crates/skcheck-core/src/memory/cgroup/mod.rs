//! The memory of one cgroup, version 1 or 2: its ledger, its limits, and how much it suffers.

pub(crate) mod charged;
pub(crate) mod files;
pub(crate) mod headroom;

pub use crate::memory::cgroup::charged::CgroupMemory;
pub use crate::memory::cgroup::files::cgroup;
pub use crate::memory::cgroup::headroom::{Headroom, own_headroom};
