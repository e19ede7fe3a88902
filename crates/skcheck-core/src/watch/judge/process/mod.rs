//! What one process does, and why it does not read one socket. Pure.

pub(crate) mod calls;
pub(crate) mod decision;
pub(crate) mod epoll;
pub(crate) mod facts;
pub(crate) mod hindrance;
pub(crate) mod sleep;
pub(crate) mod threads;
pub(crate) mod usage;
pub(crate) mod view;
