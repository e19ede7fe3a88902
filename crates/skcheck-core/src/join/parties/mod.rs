//! Who is behind a socket, and behind its other end.

pub(crate) mod found_holders;
pub(crate) mod holders;
pub(crate) mod peers_elsewhere;
pub(crate) mod portid;
pub(crate) mod rare_searches;
pub(crate) mod search;
pub(crate) mod unix_peers;
