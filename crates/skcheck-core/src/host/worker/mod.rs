//! Processes that do for another one what may never come back.
//!
//! A thread that reads a file of a dead file system, or asks for a socket whose lock somebody keeps, can
//! sleep so that not even SIGKILL ends it, and keeps its process from ending. So whatever may sleep like that
//! is done by a worker: a process of its own, which answers question after question on its standard input and
//! output ([`serve`]). One that does not answer is killed and left behind: at once, or when what it waits for
//! lets go of it, it ends. It holds open its two pipes, what it was about to read, and what its program lets
//! it inherit: that should be nothing.

pub(crate) mod frames;
pub(crate) mod many;
pub(crate) mod state;
pub mod words;

use std::fmt;
use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::host::budget::Budget;
use crate::host::worker::frames::{Incoming, Piece};

pub use crate::host::worker::many::Many;

/// How long nothing may come before the worker is looked at.
const GLANCE: Duration = Duration::from_millis(20);
const LEAST: Duration = Duration::from_millis(1);

/// A process that answers questions. It is killed when this is dropped.
#[derive(Debug)]
pub struct Worker {
    process: Left,
    questions: ChildStdin,
    answers: ChildStdout,
    incoming: Incoming,
}

/// Why a question has no answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum Trouble {
    /// The answer is this error. The worker goes on.
    Refused(io::Error),
    /// The worker sleeps and does not come back.
    Stuck {
        /// The kernel function that it waits in (/proc/PID/wchan), where that is told.
        wchan: Option<String>,
    },
    /// There is no budget left, or the run was told to end.
    Over,
    /// The worker has ended, or says what makes no sense.
    Ended(Ending),
}

/// How a worker has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ending {
    /// How, in words.
    pub how: String,
    /// The signal that ended it.
    pub signal: Option<i32>,
}

impl Ending {
    /// Ended by no signal.
    pub fn new(how: impl Into<String>) -> Ending {
        Ending { how: how.into(), signal: None }
    }

    /// Whether who is out of memory ends so: killed by the kernel, or by its own allocator.
    pub fn may_lack_memory(&self) -> bool {
        const SIGABRT: i32 = 6;
        const SIGKILL: i32 = 9;
        matches!(self.signal, Some(SIGABRT | SIGKILL))
    }
}

impl Worker {
    /// Starts one, with the command of a program that calls [`serve`]. It has a process group of its own, so
    /// that a terminal's Ctrl-C does not reach it.
    ///
    /// # Errors
    /// When no process can be had, or no descriptor.
    pub fn start(mut command: Command) -> io::Result<Worker> {
        reap();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        let mut child = command.spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (questions, answers) = pipes.ok_or(io::ErrorKind::BrokenPipe)?;
        rustix::io::ioctl_fionbio(&questions, true)?;
        let process = Left { id: child.id(), child: Some(child) };
        Ok(Worker { process, questions, answers, incoming: Incoming::default() })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id
    }

    /// Asks a question, and hands on each part of the answer. It is waited for as long as parts come, or the
    /// worker runs; while it sleeps, as long as the budget has it, but at least `at_least`.
    ///
    /// # Errors
    /// See [`Trouble`]: but for `Refused` the worker is of no more use, and wants to be
    /// [left](Worker::leave).
    pub fn ask(
        &mut self,
        question: &[u8],
        budget: &Budget,
        at_least: Duration,
        on_more: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Trouble> {
        let patience = budget.patience(at_least);
        self.begin(question, budget, patience)?;
        self.finish(budget, patience, on_more)
    }

    /// Asks a question, and does not wait for the answer: that is for [`finish`](Worker::finish). A question
    /// that the pipe has no room for is waited with until the worker reads it.
    ///
    /// # Errors
    /// As [`ask`](Worker::ask).
    pub fn begin(&mut self, question: &[u8], budget: &Budget, patience: Duration) -> Result<(), Trouble> {
        let frame = frames::question(question).map_err(Trouble::Refused)?;
        let mut rest = &frame[..];
        while !rest.is_empty() {
            match self.questions.write(rest) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.wait(Side::Questions, budget, patience)?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Trouble::Ended(self.how_it_ended())),
            }
        }
        Ok(())
    }

    /// Hands on the parts of the answer to what was asked. While the worker sleeps, it is waited for as long
    /// as `patience`.
    ///
    /// # Errors
    /// As [`ask`](Worker::ask).
    pub fn finish(
        &mut self,
        budget: &Budget,
        patience: Duration,
        on_more: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Trouble> {
        loop {
            match self.incoming.next() {
                Ok(Some(Piece::More(bytes))) => {
                    on_more(bytes);
                    if budget.is_ended() && budget.left().is_zero() {
                        return Err(Trouble::Over);
                    }
                }
                Ok(Some(Piece::Done)) => return Ok(()),
                Ok(Some(Piece::Failed(error))) => {
                    return Err(Trouble::Refused(frames::decode_error(error)));
                }
                Ok(None) => {
                    self.wait(Side::Answers, budget, patience)?;
                    match self.incoming.read_from(&mut self.answers) {
                        Ok(0) => return Err(Trouble::Ended(self.how_it_ended())),
                        Ok(_) => {}
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(error) => return Err(Trouble::Ended(Ending::new(error.to_string()))),
                    }
                }
                Err(error) => {
                    return Err(Trouble::Ended(Ending::new(format!("its answer makes no sense: {error}"))));
                }
            }
        }
    }

    /// Waits until something comes, or can be sent.
    fn wait(&self, side: Side, budget: &Budget, patience: Duration) -> Result<(), Trouble> {
        let mut slept = Duration::ZERO;
        loop {
            let begun = Instant::now();
            if self.is_ready(side, patience.saturating_sub(slept).clamp(LEAST, GLANCE)) {
                return Ok(());
            }
            if budget.is_ended() {
                return Err(Trouble::Over);
            }
            // One that runs works on it, or waits for a processor: neither is the fault of what it asks.
            if state::runs(self.id()) {
                continue;
            }
            // This process may have stood still itself.
            let waited = begun.elapsed().min(GLANCE * 2);
            budget.spend(begun, waited);
            slept += waited;
            if slept >= patience {
                let wchan = state::wchan(self.id());
                let is_over = budget.left().is_zero() && slept < GLANCE * 2;
                return Err(if is_over { Trouble::Over } else { Trouble::Stuck { wchan } });
            }
        }
    }

    fn is_ready(&self, side: Side, time: Duration) -> bool {
        let mut pipe = [match side {
            Side::Questions => PollFd::new(&self.questions, PollFlags::OUT),
            Side::Answers => PollFd::new(&self.answers, PollFlags::IN),
        }];
        let time = Timespec::try_from(time).ok();
        poll(&mut pipe, time.as_ref()).is_ok_and(|ready| ready > 0)
    }

    /// Kills it, and lets it end when it can. One that can end at once has ended with this: nothing is left
    /// of it, and another may have its process id.
    pub fn leave(mut self) -> Left {
        self.process.kill();
        let begun = Instant::now();
        while !self.process.has_ended() && begun.elapsed() < GLANCE {
            std::thread::sleep(LEAST);
        }
        self.process
    }

    /// Whether it has ended while nobody asked it anything.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.process.has_ended()
    }

    fn how_it_ended(&mut self) -> Ending {
        // Its pipes are closed, so it ends by itself, and soon.
        let deadline = Instant::now() + Duration::from_millis(200);
        loop {
            match self.process.child.as_mut().map(Child::try_wait) {
                Some(Ok(Some(status))) => {
                    return Ending { how: status.to_string(), signal: status.signal() };
                }
                Some(Ok(None)) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(1)),
                _ => return Ending::new("it does not speak any more"),
            }
        }
    }
}

/// One of a worker's two pipes.
#[derive(Debug, Clone, Copy)]
enum Side {
    Questions,
    Answers,
}

/// Those that were killed and that nobody looks after any more.
static LEFT: Mutex<Vec<Child>> = Mutex::new(Vec::new());

/// Waits for those of them that have ended, so that none stays a zombie.
pub(crate) fn reap() {
    LEFT.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .retain_mut(|child| matches!(child.try_wait(), Ok(None)));
}

/// The same, for as long as it takes one to end that waits for nothing.
pub(crate) fn reap_soon() {
    const SOON: Duration = Duration::from_millis(50);
    let begun = Instant::now();
    loop {
        reap();
        let is_done = LEFT.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        if is_done || begun.elapsed() >= SOON {
            return;
        }
        std::thread::sleep(LEAST);
    }
}

/// The process of a worker, which has been killed.
#[derive(Debug)]
pub struct Left {
    id: u32,
    /// `None` once it has ended.
    child: Option<Child>,
}

impl Left {
    /// Whether it has ended: what it waited for has let go of it.
    pub fn has_ended(&mut self) -> bool {
        self.child.take_if(|child| !matches!(child.try_wait(), Ok(None)));
        self.child.is_none()
    }

    fn kill(&mut self) {
        let _ = self.child.as_mut().map(Child::kill);
    }
}

impl Drop for Left {
    fn drop(&mut self) {
        self.kill();
        if let Some(child) = self.child.take() {
            LEFT.lock().unwrap_or_else(PoisonError::into_inner).push(child);
        }
    }
}

/// What a worker hands on of its answer.
pub struct Answer<'o> {
    out: &'o mut dyn Write,
    /// Whoever asked is not there any more.
    broken: bool,
}

impl Answer<'_> {
    /// Hands on a part.
    pub fn more(&mut self, bytes: &[u8]) {
        self.broken |= frames::write_more(self.out, bytes).is_err();
    }
}

impl fmt::Debug for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("broken", &self.broken).finish_non_exhaustive()
    }
}

/// What a worker does: answers the questions that come in until there are no more.
///
/// # Errors
/// When one cannot be read, or an answer not be written: whoever asked has ended.
pub fn serve(
    input: &mut dyn Read,
    out: &mut dyn Write,
    answer: &mut dyn FnMut(&[u8], &mut Answer<'_>) -> io::Result<()>,
) -> io::Result<()> {
    while let Some(question) = frames::read_question(input)? {
        let mut more = Answer { out: &mut *out, broken: false };
        let result = answer(&question, &mut more);
        if more.broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        frames::write_end(out, &result)?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]
mod tests;
