//! The command, as users run it, and programs to compare it with.

use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// Cargo builds it before this bench, with the same profile.
const SKCHECK: &str = env!("CARGO_BIN_EXE_skcheck");

/// `skcheck` with these arguments, without input; what it says is thrown away unless it is asked for.
pub(crate) fn skcheck(arguments: &[&str]) -> io::Result<Command> {
    if !Path::new(SKCHECK).exists() {
        let remedy = "`cargo bench --bench scan` (or watch) builds it";
        return Err(io::Error::other(format!("{SKCHECK} is missing: {remedy}")));
    }
    Ok(command(SKCHECK, arguments))
}

pub(crate) fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// How a run ended.
pub(crate) enum Run {
    /// With this exit code, after so many milliseconds.
    Ended(Option<i32>, f64),
    /// Not in time; it was killed.
    Killed,
}

/// Runs a program for at most so long.
pub(crate) fn run(mut command: Command, most: Duration) -> io::Result<Run> {
    let started = Instant::now();
    let mut child = command.spawn()?;
    if !ends_within(&child, most)? {
        child.kill()?;
        child.wait()?;
        return Ok(Run::Killed);
    }
    let took = started.elapsed().as_secs_f64() * 1e3;
    Ok(Run::Ended(child.wait()?.code(), took))
}

/// Milliseconds that `skcheck` takes with these arguments, from its start until it has ended; none where it
/// cannot do that.
pub(crate) fn time(arguments: &[&str]) -> io::Result<Option<f64>> {
    /// Nothing that is measured takes so long.
    const MOST: Duration = Duration::from_secs(300);
    match run(skcheck(arguments)?, MOST)? {
        Run::Ended(Some(0), took) => Ok(Some(took)),
        Run::Ended(..) => Ok(None),
        Run::Killed => Err(io::Error::other(format!("skcheck {arguments:?} does not end"))),
    }
}

/// Whether a child ends in that time.
pub(crate) fn ends_within(child: &Child, most: Duration) -> io::Result<bool> {
    let pidfd = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
    let most = Timespec::try_from(most).map_err(io::Error::other)?;
    Ok(poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&most))? > 0)
}
