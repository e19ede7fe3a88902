//! Which engine looks into the kernel: chosen, loaded, or done without.

use std::time::Instant;

use skcheck_bpf::{Bpf, IsolatedBpf, Kind};
use skcheck_core::engine::Engine;
use skcheck_core::{Gap, Missing, Place};

use crate::commands::failure::Failure;
use crate::commands::program::privilege;
use crate::commands::session::Session;
use crate::config::EngineChoice;
use crate::report::{Circumstances, EngineUse};

/// The engine that was loaded, or what is missing without one.
#[derive(Default)]
pub(crate) struct Loaded {
    bpf: Option<Box<dyn Engine>>,
    how: EngineUse,
    /// Why there is none, where there should be one.
    gap: Option<Gap>,
}

impl Loaded {
    /// Loads what was chosen. `auto` goes on without an engine; `bpf` does not.
    pub(crate) fn choose(choice: EngineChoice, session: &Session) -> Result<Loaded, Failure> {
        if choice == EngineChoice::Proc {
            return Ok(Loaded::default());
        }
        let started = Instant::now();
        match load(session) {
            Ok(bpf) => Ok(Loaded { bpf: Some(bpf), how: EngineUse::Loaded(started.elapsed()), gap: None }),
            Err(error) if choice == EngineChoice::Bpf => Err(unusable(&error)),
            Err(error) => {
                let remedy = format!("{} ({error})", error.remedy());
                let gap = Gap::uncounted(Missing::Engine, Place::Engine(skcheck_bpf::NAME), remedy);
                Ok(Loaded { bpf: None, how: EngineUse::Unusable, gap: Some(gap) })
            }
        }
    }

    /// The engine.
    pub(crate) fn engine(&self) -> Option<&dyn Engine> {
        self.bpf.as_deref()
    }

    /// Why there is none, where there should be one.
    pub(crate) fn gap(&self) -> Option<&Gap> {
        self.gap.as_ref()
    }

    /// What there is to say of it in a report of something that was asked for.
    pub(crate) fn circumstances(&self, missing_pid: Option<u32>) -> Circumstances {
        Circumstances { missing_pid, engine: self.how, privilege: privilege(), gap: self.gap.clone() }
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
