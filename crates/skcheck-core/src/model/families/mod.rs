//! The families of sockets: one row a protocol, one row a table.

pub(crate) mod protocol_set;
pub(crate) mod protocols;
pub(crate) mod row;
pub(crate) mod rows;
pub(crate) mod tables;
