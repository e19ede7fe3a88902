//! Which network namespaces there are.

pub(crate) mod namespace;
pub(crate) mod netns_discovery;
