//! How the kernel is asked about sockets.

pub(crate) mod client;
pub(crate) mod conversation;
pub(crate) mod locks;
pub(crate) mod shortcomings;
