//! The only room that knows NETLINK_SOCK_DIAG: requests out, records in.

pub(crate) mod attributes;
pub mod decode;
pub(crate) mod families;
mod message;
pub(crate) mod record;
pub mod request;
mod states;
pub(crate) mod transport;
