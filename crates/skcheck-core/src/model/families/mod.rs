//! The families of sockets: one row a protocol, one row a table.

pub(crate) mod protocols;
pub(crate) mod tables;
