//! The families of sockets: one row a protocol, one row a table.

pub(crate) mod inet;
pub(crate) mod netlink;
pub(crate) mod packet;
pub(crate) mod protocol_set;
pub(crate) mod protocols;
pub(crate) mod row;
pub(crate) mod tables;
pub(crate) mod unix;
pub(crate) mod vsock;
