//! The one place that joins records, holders, processes and host facts into a snapshot.

pub(crate) mod entries;
pub(crate) mod idle;
pub(crate) mod measure;
pub(crate) mod names;
pub(crate) mod parties;
pub(crate) mod passes;
pub(crate) mod scan;
pub(crate) mod sockets;
pub(crate) mod tcp_info;
