//! What one process does, and why it does not read one socket. Pure.

pub(crate) mod decision;
pub(crate) mod epoll;
pub(crate) mod helpless;
pub(crate) mod threads;
pub(crate) mod view;
