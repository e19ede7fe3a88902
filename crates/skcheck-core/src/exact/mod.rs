//! What walking the queues found: packets, and the pages that they pin. Pure sums over the steps of
//! an [`Engine`](crate::engine::Engine).
//!
//! A packet keeps every block of pages alive that its head or one of its fragments lies in, all of
//! it, however small the piece. A block counts once: once in the sum of a queue, of a side, of a
//! socket, of the host, however many pieces lie in it.

pub(crate) mod agreement;
pub(crate) mod elsewhere;
pub(crate) mod measured;
pub(crate) mod refine;
pub(crate) mod sums;

pub use crate::exact::agreement::Agreement;
pub use crate::exact::measured::{Blocks, Exact, HandedIn, NotMeasured, QueueExact};
