//! The tables of one network namespace, dumped, and what is kept of them.

pub(crate) mod candidate;
pub(crate) mod dump;
pub(crate) mod idle;
pub(crate) mod may_match;
pub(crate) mod proc_net;
pub(crate) mod record_collector;
pub(crate) mod record_sink;
pub(crate) mod subflows;
pub(crate) mod tables;
pub(crate) mod unaccepted;
