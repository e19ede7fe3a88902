//! What is said in the same words wherever it is told: in tables, and in the texts of JSON.

pub(super) mod address;
pub(super) mod arrival;
pub(super) mod cause;
pub(super) mod chain;
pub(super) mod descriptor;
pub(super) mod fact;
mod link;
pub(super) mod names;
pub(super) mod numbers;
pub(super) mod pace;
pub(super) mod pages;
pub(super) mod rings;
pub(super) mod room;
pub(super) mod sample;
pub(super) mod socket;
mod thread;
pub(super) mod unreadable;
pub(super) mod verdict;
mod verdict_evidence;
