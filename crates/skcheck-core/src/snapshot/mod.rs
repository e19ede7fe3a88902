//! The one place that joins records, holders, processes and host facts into a report.

pub(crate) mod by_process;
pub(crate) mod cgroups;
pub(crate) mod closed;
#[cfg(test)]
pub(crate) mod container_tests;
pub(crate) mod draft;
pub(crate) mod entry;
pub(crate) mod holding;
pub(crate) mod interfaces;
pub(crate) mod join;
pub(crate) mod matching;
pub(crate) mod measure;
pub(crate) mod portid;
pub(crate) mod report;
pub(crate) mod scan;
pub(crate) mod second_look;
pub(crate) mod totals;

pub use crate::snapshot::by_process::ProcessSum;
pub use crate::snapshot::entry::{Holding, SocketEntry, Waiter};
pub use crate::snapshot::report::Snapshot;
pub use crate::snapshot::totals::{Cap, Totals};
