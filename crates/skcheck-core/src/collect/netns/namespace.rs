//! One network namespace that is asked, and what it gave.

use crate::collect::dumps::dump::Dump;
use crate::model::netns::Netns;

/// A network namespace that is asked, and what it gave.
pub(crate) struct Namespace {
    pub netns: Netns,
    pub dump: Dump,
}

impl Namespace {
    /// One that has not been asked yet.
    pub(crate) fn new(netns: Netns) -> Namespace {
        Namespace { netns, dump: Dump::new() }
    }
}
