//! Where the host is.

use std::path::PathBuf;

use crate::args::RootArgs;

/// Where the host's directories are mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Roots {
    pub(crate) host_root: PathBuf,
    pub(crate) proc: PathBuf,
}

impl Roots {
    /// Those of the host that this program runs on.
    pub(super) fn usual() -> Roots {
        Roots { host_root: "/".into(), proc: "/proc".into() }
    }
}

impl From<RootArgs> for Roots {
    fn from(RootArgs { host_root, proc }: RootArgs) -> Roots {
        Roots { host_root, proc }
    }
}
