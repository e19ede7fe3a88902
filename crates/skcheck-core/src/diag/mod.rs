//! The only room that knows NETLINK_SOCK_DIAG: requests out, records in.

mod attributes;
pub mod decode;
mod inet;
mod mptcp;
mod netlink;
mod packet;
pub mod request;
pub(crate) mod transport;
mod unix;
