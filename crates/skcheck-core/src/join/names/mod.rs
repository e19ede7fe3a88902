//! What those are called: processes, containers, cgroups and interfaces.

pub(crate) mod cgroups;
#[cfg(test)]
pub(crate) mod container_tests;
pub(crate) mod containers;
pub(crate) mod interfaces;
pub(crate) mod processes;
