//! Other programs that answer the same question, or a part of it.

use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::command::{Run, command, run};

/// Each with its arguments.
pub(crate) const PEERS: [(&str, &str); 3] = [("ss", "-tunxamp"), ("lsof", "-i"), ("ss", "-tunxam")];

/// Some take minutes where there are very many sockets.
pub(crate) const MOST: Duration = Duration::from_secs(60);

/// How one fared.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum Took {
    /// So many milliseconds, at the median.
    Milliseconds(f64),
    /// More than [`MOST`].
    Longer,
    /// It is not installed, or does not run.
    NotThere,
}

/// Runs all in turn: up to three times, but once who takes long.
pub(crate) fn measure(rounds: usize) -> io::Result<[Took; PEERS.len()]> {
    /// In milliseconds.
    const LONG: f64 = 5_000.0;
    let mut times = [const { Vec::<f64>::new() }; PEERS.len()];
    let mut took = [Took::NotThere; PEERS.len()];
    for round in 0..rounds.clamp(1, 3) {
        for (((program, argument), times), took) in PEERS.into_iter().zip(&mut times).zip(&mut took) {
            if round > 0 && times.last().is_none_or(|last| *last > LONG) {
                continue;
            }
            *took = match run(command(program, &[argument]), MOST) {
                // lsof ends with 1 when there was something that it could not find.
                Ok(Run::Ended(Some(0 | 1), milliseconds)) => {
                    times.push(milliseconds);
                    times.sort_by(f64::total_cmp);
                    Took::Milliseconds(times[times.len() / 2])
                }
                Ok(Run::Killed) => Took::Longer,
                Ok(Run::Ended(..)) => Took::NotThere,
                Err(error) if error.kind() == io::ErrorKind::NotFound => Took::NotThere,
                Err(error) => return Err(error),
            };
        }
    }
    Ok(took)
}
