//! Who holds which socket: what holds it beside descriptors, too.

pub(crate) mod hidden;
pub(crate) mod listeners;
pub(crate) mod stand_in;
pub(crate) mod unix_links;
