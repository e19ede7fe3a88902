//! Files of /proc and /sys, parsed: one file of this room for each, named like it. Pure, and total: no bytes make
//! any of it panic.
//!
//! The crate `procfs` does it where it parses a file right whatever is in it; `docs/architecture.md` has the
//! table of which and why.

pub mod cgroup;
pub mod cgroup_events;
pub mod cmdline;
pub mod comm;
pub mod config;
pub mod cpu_stat;
pub mod fdinfo;
pub mod flat;
pub mod freezer_state;
pub mod hugepages;
pub mod iomem;
pub mod kernel_stat;
pub mod link;
pub mod maps;
pub mod mem_limits;
pub mod meminfo;
pub mod mountinfo;
pub mod net;
pub mod number;
pub mod osrelease;
pub mod pressure;
pub mod protocols;
pub mod schedstat;
pub mod slabinfo;
pub mod sockstat;
pub mod stat;
pub mod status;
pub mod syscall;
pub mod virtio_features;
pub mod vmallocinfo;
pub mod vmstat;
pub mod wchan;
pub mod zoneinfo;
