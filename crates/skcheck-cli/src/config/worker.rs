//! What another skcheck asked of this one means here.

use skcheck_bpf::Half;

use crate::args::{HalfArg, WorkerArgs};
use crate::config::roots::Roots;

/// Which questions are answered, and about which host.
#[derive(Debug, Clone)]
pub(crate) struct WorkerConfig {
    /// The half of the engine that it is; `None`: it reads files.
    pub(crate) half: Option<Half>,
    pub(crate) roots: Roots,
}

impl WorkerConfig {
    /// What these arguments mean.
    pub(crate) fn new(args: WorkerArgs) -> WorkerConfig {
        let half = args.half.map(|half| match half {
            HalfArg::Finder => Half::Finder,
            HalfArg::Walker => Half::Walker,
        });
        WorkerConfig { half, roots: args.roots.into() }
    }
}
