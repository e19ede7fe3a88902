//! Files of /proc and /sys, parsed: one file of this room for each, named like it. Pure, and total: no bytes make
//! any of it panic.
//!
//! The crate `procfs` does it where it parses a file right whatever is in it; `docs/architecture.md` has the
//! table of which and why.

pub(crate) mod cgroup;
pub(crate) mod cgroup_events;
pub(crate) mod cmdline;
pub(crate) mod comm;
pub(crate) mod config;
pub(crate) mod cpu_stat;
pub(crate) mod fdinfo;
pub(crate) mod flat;
pub(crate) mod freezer_state;
pub(crate) mod hugepages;
pub(crate) mod iomem;
pub(crate) mod kernel_stat;
pub(crate) mod link;
pub(crate) mod lockdown;
pub(crate) mod maps;
pub(crate) mod mem_limits;
pub(crate) mod meminfo;
pub(crate) mod mountinfo;
pub(crate) mod net;
pub(crate) mod number;
pub(crate) mod osrelease;
pub(crate) mod pressure;
pub(crate) mod protocols;
pub(crate) mod schedstat;
pub(crate) mod slabinfo;
pub(crate) mod sockstat;
pub(crate) mod stat;
pub(crate) mod status;
pub(crate) mod syscall;
pub(crate) mod virtio_features;
pub(crate) mod vmallocinfo;
pub(crate) mod vmstat;
pub(crate) mod wchan;
pub(crate) mod zoneinfo;
