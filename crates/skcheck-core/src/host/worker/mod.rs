//! Processes that do for another one what may never come back.
//!
//! A thread that reads a file of a dead file system, or asks for a socket whose lock somebody keeps, can
//! sleep so that not even SIGKILL ends it, and keeps its process from ending. So whatever may sleep like that
//! is done by a worker: a process of its own, which answers question after question on its standard input and
//! output ([`serve`]). One that does not answer is killed and left behind: at once, or when what it waits for
//! lets go of it, it ends. It holds open its two pipes, what it was about to read, and what its program lets
//! it inherit: that should be nothing.

pub(crate) mod errors;
pub(crate) mod frames;
pub(crate) mod many;
pub(crate) mod process;
pub(crate) mod service;
pub(crate) mod state;
pub(crate) mod stragglers;
#[cfg(test)]
#[allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]
mod tests;
pub(crate) mod trouble;
pub(crate) mod words;

pub use crate::host::worker::many::Many;
pub use crate::host::worker::process::Worker;
pub use crate::host::worker::service::{AnswerWriter, serve};
pub(crate) use crate::host::worker::stragglers::Left;
pub use crate::host::worker::trouble::{Ending, Trouble};
pub use crate::host::worker::words::{WordReader, Words};
