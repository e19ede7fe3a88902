//! Cgroups: where their hierarchies are mounted, and where the files of one of them are. Pure: whoever reads
//! hands in how.

pub(crate) mod location;
pub(crate) mod mounts;
