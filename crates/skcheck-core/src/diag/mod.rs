//! The only room that knows NETLINK_SOCK_DIAG: requests out, records in.

pub(crate) mod attributes;
pub mod decode;
pub(crate) mod inet;
mod message;
pub(crate) mod mptcp;
pub(crate) mod netlink;
pub(crate) mod packet;
pub(crate) mod record;
pub mod request;
pub(crate) mod transport;
pub(crate) mod unix;
