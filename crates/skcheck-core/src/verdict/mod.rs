//! Do sockets explain the memory that is missing? The rule is written down, and argued for, in
//! `docs/verdict.md`. Pure: what it judges was read elsewhere.

pub(crate) mod answer;
pub(crate) mod evidence;
pub(crate) mod judge;
pub(crate) mod numbers;
pub(crate) mod rule;
pub(crate) mod suspects;

pub use crate::verdict::answer::{Code, VerdictReason};
pub use crate::verdict::evidence::Evidence;
pub use crate::verdict::judge::{Verdict, judge, unseen};
pub use crate::verdict::numbers::unlisted;
pub use crate::verdict::suspects::HeavySocket;
