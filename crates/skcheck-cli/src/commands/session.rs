//! What every command that looks at the host begins with: who asks, and who may end it.

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use skcheck_bpf::Half;
use skcheck_core::host::{Answering, Budget, Guarded};
use skcheck_core::{Host, Live};

use crate::args::{HalfArg, RootArgs, WorkerArgs};
use crate::commands::signals::Signals;
use crate::commands::{Failure, Outcome, misuse, own};

/// The name of the command that a worker is.
const WORKER: &str = "worker";

/// A host that nothing holds up, and the signals that end it.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) host: Guarded,
    pub(crate) signals: Signals,
    roots: RootArgs,
}

impl Session {
    /// The running kernel, with its files where these directories are; those that do not answer are waited
    /// for so long together.
    pub(crate) fn begin(roots: &RootArgs, timeout: Duration) -> Result<Session, Failure> {
        Session::with_grace(roots, timeout, Duration::ZERO)
    }

    /// The same; told to end, it gives up what it waits for only after `grace`.
    pub(crate) fn with_grace(
        roots: &RootArgs,
        timeout: Duration,
        grace: Duration,
    ) -> Result<Session, Failure> {
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

/// Answers the questions of the process that started this one, until that ends.
pub(crate) fn serve(args: &WorkerArgs) -> Outcome {
    // Not the standard library's stdout, which keeps what has no line end.
    let Ok(out) = io::stdout().as_fd().try_clone_to_owned() else { return Outcome { code: 1 } };
    let (mut input, mut out) = (io::stdin().lock(), File::from(out));
    let live = live(&args.roots);
    // Where it fails whoever asked has gone: nobody is left to be told.
    let _ = match args.half {
        None => Answering::new(live).serve(&mut input, &mut out),
        Some(HalfArg::Finder) => skcheck_bpf::serve(Half::Finder, &live, &mut input, &mut out),
        Some(HalfArg::Walker) => skcheck_bpf::serve(Half::Walker, &live, &mut input, &mut out),
    };
    Outcome { code: 0 }
}

fn live(roots: &RootArgs) -> Live {
    Live::with_roots(roots.host_root.clone(), roots.proc.clone()).comparing(skcheck_bpf::same_files)
}

fn command(roots: &RootArgs, half: Option<Half>) -> Command {
    let mut command = own::program();
    command.arg(WORKER).arg("--host-root").arg(&roots.host_root).arg("--proc").arg(&roots.proc);
    command.args(half.map(|half| match half {
        Half::Finder => "--half=finder",
        Half::Walker => "--half=walker",
    }));
    command
}

/// What was typed for the host's directories must be some. A /proc that shows no process at all would make a
/// broken host look healthy.
fn check(host: &Guarded, roots: &RootArgs) -> Result<(), Failure> {
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
