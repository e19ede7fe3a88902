//! Reads what a judgement needs, through the seam: a sample. Nothing of it is interpreted here, but for which
//! processes are worth a look.

pub(crate) mod awaited_connections;
pub(crate) mod blocked_write;
pub(crate) mod candidates;
pub(crate) mod cgroups;
pub(crate) mod conduit_ends;
pub(crate) mod conduits;
pub(crate) mod dead_children;
pub(crate) mod drained_sockets;
pub(crate) mod file;
pub(crate) mod files;
pub(crate) mod first_packets;
pub(crate) mod known_descriptors;
pub(crate) mod known_holders;
pub(crate) mod mounts;
pub(crate) mod probe;
pub(crate) mod process;
pub(crate) mod refusal;
pub(crate) mod registrations;
pub(crate) mod schedule;
pub(crate) mod stale;
pub(crate) mod whole_host;
