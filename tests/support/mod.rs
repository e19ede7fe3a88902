//! What the integration tests are made of: sockets whose numbers are known, other processes, what
//! `ss` says of the same sockets, and made-up hosts.

pub(crate) mod arrows;
pub(crate) mod cgroup;
pub(crate) mod child;
pub(crate) mod doing;
pub(crate) mod layers;
pub(crate) mod loopback;
pub(crate) mod made_up;
pub(crate) mod messages;

pub(crate) mod hidden;
pub(crate) mod namespaces;
pub(crate) mod netns;
pub(crate) mod nobody;
pub(crate) mod over;
pub(crate) mod ping;
pub(crate) mod replay;
pub(crate) mod sandbox;

pub(crate) mod scan;
pub(crate) mod skip;
pub(crate) mod sockets;
pub(crate) mod ss;
pub(crate) mod tcp_packets;
pub(crate) mod unique;
