//! The one place that joins records, holders, processes and host facts into a report.

pub(crate) mod by_process;
pub(crate) mod candidates;
pub(crate) mod cgroups;
pub(crate) mod closed;
#[cfg(test)]
pub(crate) mod container_tests;
pub(crate) mod containers;
pub(crate) mod entry;
pub(crate) mod entry_maker;
pub(crate) mod found_holders;
pub(crate) mod holders;
pub(crate) mod interfaces;
pub(crate) mod join;
pub(crate) mod matching;
pub(crate) mod measure;
pub(crate) mod passes;
pub(crate) mod peers_elsewhere;
pub(crate) mod portid;
pub(crate) mod processes;
pub(crate) mod report;
pub(crate) mod scan;
pub(crate) mod search;
pub(crate) mod tcp_info;
pub(crate) mod totals;
pub(crate) mod unix_peers;
pub(crate) mod unix_readers;

pub use crate::snapshot::by_process::ProcessSum;
pub use crate::snapshot::entry::{Holding, SocketEntry, Waiter};
pub use crate::snapshot::report::Snapshot;
pub use crate::snapshot::totals::{Cap, Totals};
