//! Why a test may not run here. As root none may skip.

use std::fmt;

/// What a test needs and this user or machine has not.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Skip {
    /// The test needs root.
    NeedsRoot,
    /// The test needs a network namespace of its own, which only root can make.
    NeedsNetns,
    /// The test compares with `ss` of iproute2.
    NeedsIproute2,
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Skip::NeedsRoot => "needs root",
            Skip::NeedsNetns => "needs a network namespace of its own (root)",
            Skip::NeedsIproute2 => "needs ss (apt-get install iproute2)",
        })
    }
}

/// Prints that a test, or a part of it, does not run, and why.
///
/// # Panics
/// As root: there everything must run.
pub(crate) fn skip(why: Skip) {
    assert!(!is_root(), "skipped as root: {why}");
    println!("skipped: {why}");
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
