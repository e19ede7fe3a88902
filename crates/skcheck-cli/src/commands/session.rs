//! What every command that looks at the host begins with: who asks, and who may end it.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use skcheck_core::host::{Budget, Guarded};
use skcheck_core::{Host, Live};

use crate::commands::failure::{Failure, Outcome, misuse};
use crate::commands::signals::Signals;
use crate::commands::worker::{command, live};
use crate::config::Roots;

/// A host that nothing holds up, and the signals that end it.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) host: Guarded,
    pub(crate) signals: Signals,
    roots: Roots,
}

impl Session {
    /// The running kernel, with its files where these directories are; those that do not answer are waited
    /// for so long together.
    pub(crate) fn begin(roots: &Roots, timeout: Duration) -> Result<Session, Failure> {
        Session::with_grace(roots, timeout, Duration::ZERO)
    }

    /// The same; told to end, it gives up what it waits for only after `grace`.
    pub(crate) fn with_grace(roots: &Roots, timeout: Duration, grace: Duration) -> Result<Session, Failure> {
        let signals = Signals::listen(grace).map_err(|error| unheard(&error))?;
        let budget = Budget::new(timeout).ended_by(signals.over());
        let worker = roots.clone();
        let host = Guarded::new(live(roots), Box::new(move || command(&worker, None)), budget);
        check(&host, roots)?;
        Ok(Session { host, signals, roots: roots.clone() })
    }

    /// The host itself, asked without workers.
    pub(crate) fn live(&self) -> Live {
        live(&self.roots)
    }

    /// How the processes of an engine are started.
    pub(crate) fn half(&self) -> Box<skcheck_bpf::StartProcess> {
        let roots = self.roots.clone();
        Box::new(move |half| command(&roots, Some(half)))
    }

    /// Waits, unless told to end: then there is nothing more to do.
    pub(crate) fn sleep(&self, time: Duration) -> Result<(), Failure> {
        match self.signals.wait(Instant::now() + time).map_err(|error| unheard(&error))? {
            false => Ok(()),
            true => Err(cut_short()),
        }
    }

    /// Whether what was read is all there is to be read, rather than what there was until somebody ended it.
    pub(crate) fn is_whole(&self) -> Result<(), Failure> {
        if self.signals.is_over() { Err(cut_short()) } else { Ok(()) }
    }

    /// How a command has ended that could do its work, or was told to end.
    pub(crate) fn outcome(&self, code: u8) -> Outcome {
        Outcome { code: self.signals.code().unwrap_or(code) }
    }
}

fn cut_short() -> Failure {
    Failure::Cannot {
        what: "told to end before the second look was over".to_owned(),
        remedy: "one look alone does not tell what changes: run again".to_owned(),
    }
}

/// What was typed for the host's directories must be some. A /proc that shows no process at all would make a
/// broken host look healthy.
fn check(host: &Guarded, roots: &Roots) -> Result<(), Failure> {
    let mut any = false;
    let mut is_process = |name: &[u8]| any |= name.iter().all(u8::is_ascii_digit);
    let told = |error: io::Error| misuse("--proc", &roots.proc, &error.to_string());
    let listed = host.read_dir(Path::new("/proc"), &mut is_process);
    if host.budget().is_ended() {
        return Err(Failure::Cannot {
            what: "told to end before anything was read".to_owned(),
            remedy: "run it again".to_owned(),
        });
    }
    listed.map_err(told)?;
    if !any {
        return Err(misuse("--proc", &roots.proc, "not a /proc: it lists no process"));
    }
    let told = |error: io::Error| misuse("--host-root", &roots.host_root, &error.to_string());
    host.inode(Path::new("/")).map(drop).map_err(told)
}

pub(crate) fn unheard(error: &io::Error) -> Failure {
    Failure::Cannot {
        what: format!("cannot wait for a signal: {error}"),
        remedy: "raise the limit of open files (ulimit -n), and run again".to_owned(),
    }
}
