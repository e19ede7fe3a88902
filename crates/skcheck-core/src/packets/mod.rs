//! One socket's queues, packet by packet, as a debugger would show them: what
//! [`packets`](crate::packets()) answers.

pub(crate) mod descriptor;
pub(crate) mod listing;
pub(crate) mod lock_keepers;
pub(crate) mod refusal;
pub(crate) mod walk;

pub use crate::packets::listing::{Change, Listing};
