//! Which processes there are, and what they have open.

pub(crate) mod descriptors;
pub(crate) mod identities;
pub(crate) mod processes;
pub(crate) mod unlisted;
