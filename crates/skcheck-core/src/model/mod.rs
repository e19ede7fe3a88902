//! What a socket, its holders and its host are: plain data, nothing of it is read here.

pub(crate) mod container;
pub(crate) mod direction;
pub(crate) mod endpoint;
pub(crate) mod error;
pub(crate) mod families;
pub(crate) mod gap;
pub(crate) mod holder;
pub(crate) mod netns;
pub(crate) mod place;
pub(crate) mod process;
pub(crate) mod protocol;
pub(crate) mod query;
pub(crate) mod queues;
pub(crate) mod ring;
pub(crate) mod skmem;
pub(crate) mod socket;
pub(crate) mod state;
pub(crate) mod table;
pub(crate) mod tcp;
pub(crate) mod units;
