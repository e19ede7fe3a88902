//! The only room that knows NETLINK_SOCK_DIAG: requests out, records in.

pub mod decode;
pub mod request;
pub(crate) mod transport;
