//! What looks into the kernel, and how far.

use std::time::Duration;

use skcheck_core::engine::Limits;

use crate::args::{EngineChoice, MeasuringArgs};

/// How long measuring may take, unless told otherwise: an incident's first look must be quick.
pub(super) const BUDGET: Duration = Duration::from_millis(200);

/// What looks into the kernel, and how far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Measuring {
    pub(crate) engine: EngineChoice,
    pub(crate) limits: Limits,
}

impl Measuring {
    /// What these arguments mean, where measuring may take so long unless told otherwise.
    pub(super) fn within(args: &MeasuringArgs, budget: Duration) -> Measuring {
        let exact = args.exact || args.exact_limit.is_some();
        let packets = args.exact_limit.map_or(Limits::PACKETS, packet_limit);
        let limits = Limits::new(packets, (!exact).then_some(budget));
        Measuring { engine: args.engine, limits }
    }

    /// All that can be measured, however long it takes.
    pub(super) fn unhurried() -> Measuring {
        Measuring { engine: EngineChoice::Auto, limits: Limits::new(Limits::PACKETS, None) }
    }

    /// Why this cannot be done, whatever the host is like.
    pub(crate) fn contradiction(&self) -> Option<&'static str> {
        (self.limits.time.is_none() && self.engine == EngineChoice::Proc)
            .then_some("--exact measures through BPF, which --engine proc leaves out: use auto or bpf")
    }
}

/// How many packets of a socket are walked at most; 0 stands for all.
pub(super) fn packet_limit(typed: u32) -> u32 {
    if typed == 0 { u32::MAX } else { typed }
}
