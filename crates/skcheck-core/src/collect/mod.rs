//! What the host has: its namespaces, its descriptors, and the tables of its sockets.

pub(crate) mod client;
pub(crate) mod collected;
pub(crate) mod collector;
pub(crate) mod conversation;
pub(crate) mod descriptors;
pub(crate) mod dump;
pub(crate) mod engine_pass;
pub(crate) mod finding;
pub(crate) mod host_facts;
pub(crate) mod identities;
pub(crate) mod locks;
pub(crate) mod may_match;
pub(crate) mod namespace;
pub(crate) mod netns_discovery;
pub(crate) mod proc_net;
pub(crate) mod proc_pass;
pub(crate) mod processes;
pub(crate) mod record_collector;
pub(crate) mod record_sink;
pub(crate) mod scanned;
pub(crate) mod shortcomings;
pub(crate) mod subflows;
pub(crate) mod tables;
pub(crate) mod unaccepted;
pub(crate) mod unlisted;
