//! What the host has: its namespaces, its descriptors, and the tables of its sockets.

pub(crate) mod asking;
pub(crate) mod collected;
pub(crate) mod collector;
pub(crate) mod dumps;
pub(crate) mod engine_pass;
pub(crate) mod finding;
pub(crate) mod host_facts;
pub(crate) mod netns;
pub(crate) mod proc_pass;
pub(crate) mod scanned;
pub(crate) mod survey;
