//! What a scan answers: plain data, and sums over it.

pub(crate) mod by_process;
pub(crate) mod contents;
pub(crate) mod entry;
pub(crate) mod matching;
pub(crate) mod totals;

pub use crate::snapshot::by_process::ProcessSum;
pub use crate::snapshot::contents::Snapshot;
pub use crate::snapshot::entry::{Holding, SocketEntry, Waiter};
pub use crate::snapshot::totals::{Cap, RunningTotals, Totals};
