//! Two samples in, what became of each socket out, and why. Pure: no function here asks a host.

pub(crate) mod accept_queue;
pub mod cause;
pub(crate) mod chain;
pub(crate) mod holders;
pub(crate) mod judgement;
pub(crate) mod matching;
pub(crate) mod passes;
pub(crate) mod process;
pub mod progress;
pub(crate) mod scene;
pub(crate) mod span;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]
mod tests;
pub(crate) mod trend;
