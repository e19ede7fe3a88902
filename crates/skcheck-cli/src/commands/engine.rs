//! Which engine looks into the kernel: chosen, loaded, or done without.

use std::time::{Duration, Instant};

use skcheck_bpf::Bpf;
use skcheck_core::{Engine, Gap, Missing};

use crate::args::{EngineChoice, RootArgs};
use crate::commands::Failure;
use crate::commands::session::live;

/// The engine that was loaded, or what is missing without one.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    bpf: Option<Bpf>,
    /// Why there is none, where there should be one.
    pub(crate) gap: Option<Gap>,
    /// How long loading it took.
    pub(crate) took: Duration,
}

impl Loaded {
    /// Loads what was chosen. `auto` goes on without an engine; `bpf` does not.
    pub(crate) fn choose(choice: EngineChoice, roots: &RootArgs) -> Result<Loaded, Failure> {
        if choice == EngineChoice::Proc {
            return Ok(Loaded::default());
        }
        let started = Instant::now();
        match Bpf::load(&live(roots)) {
            Ok(bpf) => Ok(Loaded { bpf: Some(bpf), gap: None, took: started.elapsed() }),
            Err(error) if choice == EngineChoice::Bpf => Err(unusable(&error)),
            Err(error) => {
                let remedy = format!("{} ({error})", error.remedy());
                let gap = Gap::uncounted(Missing::Engine, "BPF", remedy);
                Ok(Loaded { bpf: None, gap: Some(gap), took: started.elapsed() })
            }
        }
    }

    /// The engine.
    pub(crate) fn engine(&self) -> Option<&dyn Engine> {
        self.bpf.as_ref().map(|bpf| bpf as &dyn Engine)
    }
}

/// Loads BPF, without which nothing goes.
pub(crate) fn bpf(roots: &RootArgs) -> Result<Bpf, Failure> {
    Bpf::load(&live(roots)).map_err(|error| unusable(&error))
}

fn unusable(error: &skcheck_bpf::Error) -> Failure {
    Failure::Cannot { what: format!("cannot use BPF: {error}"), remedy: error.remedy().to_owned() }
}
