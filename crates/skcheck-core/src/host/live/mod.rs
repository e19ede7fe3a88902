//! The kernel that this program runs on, as a [`Host`](crate::host::Host).

pub(crate) mod conversation;
pub(crate) mod files;
pub(crate) mod host;
pub(crate) mod lanes;
pub(crate) mod netns;
#[cfg(test)]
mod tests;

pub use crate::host::live::files::{Live, SameFiles};
