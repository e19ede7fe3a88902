//! What skcheck does: one file a command.

mod absent;
pub(crate) mod demo;
mod engine;
mod failure;
pub(crate) mod leaks;
pub(crate) mod mem;
pub(crate) mod packets;
pub(crate) mod program;
pub(crate) mod scan;
mod session;
mod signals;
mod stdout;
pub(crate) mod watch;
pub(crate) mod worker;

pub(crate) use crate::commands::failure::{Failure, Outcome};
pub(crate) use crate::commands::signals::told as told_to_end;
