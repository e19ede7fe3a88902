//! Who holds a socket, and why each of them does not read it. Pure.

pub(crate) mod accepting;
pub(crate) mod each;
pub(crate) mod ranking;
pub(crate) mod readers;
pub(crate) mod slow;
pub(crate) mod unheld;
