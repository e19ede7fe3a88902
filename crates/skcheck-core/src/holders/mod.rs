//! Who holds which socket: what holds it beside descriptors, too.

pub(crate) mod hidden;
pub(crate) mod listeners;
pub(crate) mod peers;
pub(crate) mod proc_net_tcp;
pub(crate) mod unix_links;
