//! A quiet host that is there beside each world, so that what the command takes on it can be measured in the same
//! rounds: the machine may be faster at one time than at another.

use std::io::{self, BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout};
use std::sync::mpsc;

use crate::measure::on_nothing;

/// What asks for a time, from a world's first process to the one outside, and from there to the quiet host.
pub(crate) const ASK: &str = "ask";

/// The quiet host, seen from outside. It ends when this is dropped.
pub(crate) struct Quiet {
    _first: Child,
    asks: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Quiet {
    /// Waits until the host is there; `None` when its first process says something else.
    pub(crate) fn wait_for(mut first: Child) -> io::Result<Option<Quiet>> {
        let pipes = first.stdin.take().zip(first.stdout.take());
        let (asks, answers) = pipes.ok_or(io::ErrorKind::BrokenPipe)?;
        let mut answers = BufReader::new(answers).lines();
        let is_there = answers.next().transpose()?.is_some_and(|line| line == ASK);
        Ok(is_there.then_some(Quiet { _first: first, asks, answers }))
    }

    /// What the command takes there now: a line for [`ask`].
    pub(crate) fn ask(&mut self) -> io::Result<String> {
        writeln!(self.asks, "{ASK}")?;
        self.answers.next().ok_or(io::ErrorKind::BrokenPipe)?
    }
}

/// What the first process of the quiet host does once the host is made.
pub(crate) fn answer(asks: &mpsc::Receiver<String>) -> io::Result<()> {
    println!("{ASK}");
    for _ in asks {
        match on_nothing("bpf")? {
            Some(milliseconds) => println!("{milliseconds}"),
            None => println!("-"),
        }
    }
    Ok(())
}

/// What the command takes on the quiet host, asked from within a world: milliseconds, or none where BPF may not be used.
pub(crate) fn ask(answers: &mpsc::Receiver<String>) -> io::Result<Option<f64>> {
    println!("{ASK}");
    let answer = answers.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
    Ok(answer.parse().ok())
}
