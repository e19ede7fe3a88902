//! This program as the worker of another, which reads what may never answer.

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::process::Command;

use skcheck_bpf::Half;
use skcheck_core::Live;
use skcheck_core::host::Answering;

use crate::commands::failure::Outcome;
use crate::commands::program;
use crate::config::{Roots, WorkerConfig};

/// The name of the command that a worker is.
const WORKER: &str = "worker";

/// Answers the questions of the process that started this one, until that ends.
pub(crate) fn serve(config: &WorkerConfig) -> Outcome {
    // Not the standard library's stdout, which keeps what has no line end.
    let Ok(out) = io::stdout().as_fd().try_clone_to_owned() else { return Outcome { code: 1 } };
    let (mut input, mut out) = (io::stdin().lock(), File::from(out));
    let live = live(&config.roots);
    // Where it fails whoever asked has gone: nobody is left to be told.
    let _ = match config.half {
        None => Answering::new(live).serve(&mut input, &mut out),
        Some(half) => skcheck_bpf::serve(half, &live, &mut input, &mut out),
    };
    Outcome { code: 0 }
}

/// The host with its files where these directories are.
pub(super) fn live(roots: &Roots) -> Live {
    Live::with_roots(&roots.host_root, &roots.proc).comparing(skcheck_bpf::same_files)
}

/// What starts a worker.
pub(super) fn command(roots: &Roots, half: Option<Half>) -> Command {
    let mut command = program::program();
    command.arg(WORKER).arg("--host-root").arg(&roots.host_root).arg("--proc").arg(&roots.proc);
    command.args(half.map(|half| match half {
        Half::Finder => "--half=finder",
        Half::Walker => "--half=walker",
    }));
    command
}
