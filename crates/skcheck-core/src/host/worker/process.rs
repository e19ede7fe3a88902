//! A worker, as who asks it has it.

use std::io::{self, Write};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::host::budget::Budget;
use crate::host::worker::errors::decode_error;
use crate::host::worker::frames::{self, AnswerPart, Incoming};
use crate::host::worker::state;
use crate::host::worker::stragglers::{Left, reap};
use crate::host::worker::trouble::{Ending, Trouble};

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

impl Worker {
    /// Starts one, with the command of a program that calls [`serve`](crate::host::worker::serve). It has a process group of its own, so
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
    pub(crate) fn id(&self) -> u32 {
        self.process.id
    }

    /// Asks a question, and hands on each part of the answer. It is waited for as long as parts come, or the
    /// worker runs; while it sleeps, as long as the budget has it, but at least `at_least`.
    ///
    /// # Errors
    /// See [`Trouble`]: but for `Refused` the worker is of no more use, and wants to be
    /// left behind.
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
    pub(crate) fn begin(
        &mut self,
        question: &[u8],
        budget: &Budget,
        patience: Duration,
    ) -> Result<(), Trouble> {
        let frame = frames::question(question).map_err(Trouble::Refused)?;
        let mut rest = &frame[..];
        while !rest.is_empty() {
            match self.questions.write(rest) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.wait(Pipe::Questions, budget, patience)?;
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
    pub(crate) fn finish(
        &mut self,
        budget: &Budget,
        patience: Duration,
        on_more: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Trouble> {
        loop {
            match self.incoming.next() {
                Ok(Some(AnswerPart::More(bytes))) => {
                    on_more(bytes);
                    if budget.is_ended() && budget.left().is_zero() {
                        return Err(Trouble::Over);
                    }
                }
                Ok(Some(AnswerPart::Done)) => return Ok(()),
                Ok(Some(AnswerPart::Failed(error))) => {
                    return Err(Trouble::Refused(decode_error(error)));
                }
                Ok(None) => {
                    self.wait(Pipe::Answers, budget, patience)?;
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
    fn wait(&self, side: Pipe, budget: &Budget, patience: Duration) -> Result<(), Trouble> {
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

    fn is_ready(&self, side: Pipe, time: Duration) -> bool {
        let mut pipe = [match side {
            Pipe::Questions => PollFd::new(&self.questions, PollFlags::OUT),
            Pipe::Answers => PollFd::new(&self.answers, PollFlags::IN),
        }];
        let time = Timespec::try_from(time).ok();
        poll(&mut pipe, time.as_ref()).is_ok_and(|ready| ready > 0)
    }

    /// Kills it, and lets it end when it can. One that can end at once has ended with this: nothing is left
    /// of it, and another may have its process id.
    pub(crate) fn leave(mut self) -> Left {
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
enum Pipe {
    Questions,
    Answers,
}
