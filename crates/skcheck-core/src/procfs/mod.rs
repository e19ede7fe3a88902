//! Files of /proc and /sys, parsed: one file of this room for each. Pure, and total: no bytes make any of it panic.

pub mod config;
pub mod fdinfo;
pub mod flat;
pub mod link;
pub mod maps;
pub mod meminfo;
pub mod mountinfo;
pub mod net;
pub mod number;
pub mod protocols;
pub mod release;
pub mod slabinfo;
pub mod sockstat;
pub mod status;
pub mod task;
pub mod thread;
pub mod zoneinfo;
