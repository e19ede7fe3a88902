//! Which engine looks into the kernel: chosen, loaded, or done without.

use std::time::{Duration, Instant};

use skcheck_bpf::{Bpf, IsolatedBpf, Kind};
use skcheck_core::{Engine, Gap, Missing, Place};

use crate::args::EngineChoice;
use crate::commands::Failure;
use crate::commands::session::Session;

/// The engine that was loaded, or what is missing without one.
#[derive(Default)]
pub(crate) struct Loaded {
    bpf: Option<Box<dyn Engine>>,
    /// Why there is none, where there should be one.
    pub(crate) gap: Option<Gap>,
    /// How long loading it took.
    pub(crate) took: Duration,
}

impl Loaded {
    /// Loads what was chosen. `auto` goes on without an engine; `bpf` does not.
    pub(crate) fn choose(choice: EngineChoice, session: &Session) -> Result<Loaded, Failure> {
        if choice == EngineChoice::Proc {
            return Ok(Loaded::default());
        }
        let started = Instant::now();
        match load(session) {
            Ok(bpf) => Ok(Loaded { bpf: Some(bpf), gap: None, took: started.elapsed() }),
            Err(error) if choice == EngineChoice::Bpf => Err(unusable(&error)),
            Err(error) => {
                let remedy = format!("{} ({error})", error.remedy());
                let gap = Gap::uncounted(Missing::Engine, Place::Engine("BPF"), remedy);
                Ok(Loaded { bpf: None, gap: Some(gap), took: started.elapsed() })
            }
        }
    }

    /// The engine.
    pub(crate) fn engine(&self) -> Option<&dyn Engine> {
        self.bpf.as_deref()
    }
}

/// Loads BPF, without which nothing goes.
pub(crate) fn bpf(session: &Session) -> Result<Box<dyn Engine>, Failure> {
    load(session).map_err(|error| unusable(&error))
}

/// In processes of its own; where none can be had, in this one.
fn load(session: &Session) -> Result<Box<dyn Engine>, skcheck_bpf::Error> {
    match IsolatedBpf::load(&session.host, session.half(), session.host.budget().clone()) {
        Ok(guarded) => Ok(Box::new(guarded)),
        Err(error) if error.kind() == Kind::Threads => Ok(Box::new(Bpf::load(&session.live())?)),
        Err(error) => Err(error),
    }
}

fn unusable(error: &skcheck_bpf::Error) -> Failure {
    Failure::Cannot { what: format!("cannot use BPF: {error}"), remedy: error.remedy().to_owned() }
}
