//! The engine in processes of its own, so that whatever becomes of it nobody waits for it: one that runs out
//! of memory, or is killed for want of it, costs what it would have told. One process finds sockets, the
//! other walks queues: each has one of the two objects, and both load at the same time.

mod question;

use std::fmt;
use std::io;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aya::EbpfLoader;
use skcheck_core::engine::{Engine, Found, Limits, Pass, Step, Target};
use skcheck_core::host::Budget;
use skcheck_core::host::worker::words::{WordReader, Words};
use skcheck_core::host::worker::{self, AnswerWriter, Many, Trouble, Worker};
use skcheck_core::{Holder, Host, Inode, Live, Query};

use crate::error::{Error, Kind};
use crate::find::{Counted, Finder, Question};
use crate::guarded::question::Asked;
use crate::{NAME, Prepared, find, read_btf, records, room, walker};

/// Loading waits for the kernel to come to rest (`synchronize_rcu`), and so does the end of a program.
const AT_LEAST: Duration = Duration::from_secs(2);

/// What one of the engine's processes does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// Finds sockets and their holders.
    Finder,
    /// Walks queues.
    Walker,
}

/// How a process is started that does one half: one that calls [`serve`].
pub type Start = dyn Fn(Half) -> Command + Send + Sync;

/// The BPF engine, in processes of its own.
pub struct Guarded {
    start: Box<Start>,
    budget: Budget,
    finder: Mutex<Process>,
    walker: Mutex<Process>,
}

/// One of the processes.
enum Process {
    There(Worker),
    /// It is of no more use, and another would not be either.
    Refused(Error),
    /// It did not come back in time; another may.
    Lost,
}

impl Guarded {
    /// Starts the processes, and waits until the programs are loaded that find sockets, or else those that
    /// walk queues. What the kernel then does not come back from is spent from `budget`. `host` tells whether
    /// there is room for them.
    ///
    /// # Errors
    /// As [`Bpf::load`](crate::Bpf::load); and where no process can be had.
    pub fn load(host: &dyn Host, start: Box<Start>, budget: Budget) -> Result<Guarded, Error> {
        room::in_control_groups(host)?;
        let begin = |half| Worker::start(start(half)).map_err(|error| Error::no_process(&error));
        let (mut finder, mut walker) = (begin(Half::Finder)?, begin(Half::Walker)?);
        let finder = match loaded(&mut finder, &budget) {
            Ok(()) => Process::There(finder),
            Err(error) => {
                if loaded(&mut walker, &budget).is_err() {
                    return Err(error);
                }
                Process::Refused(error)
            }
        };
        let walker = Process::There(walker);
        Ok(Guarded { start, budget, finder: Mutex::new(finder), walker: Mutex::new(walker) })
    }

    /// Asks one of the processes, and hands on the records that it answers with. Returns the rest of the
    /// answer.
    fn ask(&self, half: Half, asked: &Asked, on_record: &mut dyn FnMut(&[u8])) -> io::Result<Vec<u8>> {
        let process = if half == Half::Finder { &self.finder } else { &self.walker };
        let mut process = process.lock().unwrap_or_else(PoisonError::into_inner);
        let mut worker = match std::mem::replace(&mut *process, Process::Lost) {
            Process::There(worker) => worker,
            Process::Refused(error) => {
                *process = Process::Refused(error.clone());
                return Err(error.into());
            }
            Process::Lost => Worker::start((self.start)(half))?,
        };
        let mut result = Vec::new();
        let answered = worker.ask(asked.encode().as_slice(), &self.budget, AT_LEAST, &mut |part| {
            let mut words = WordReader::of(part);
            match words.byte() {
                Some(RECORDS) => {
                    while let Some(record) = words.bytes() {
                        on_record(record);
                    }
                }
                _ => result.extend_from_slice(words.rest()),
            }
        });
        match answered {
            Ok(()) => {
                *process = Process::There(worker);
                Ok(result)
            }
            // What the kernel did not come back from goes on there, and must not be taken for what is asked
            // next.
            Err(Trouble::Refused(error)) if error.kind() == io::ErrorKind::TimedOut => Err(error),
            Err(Trouble::Refused(error)) => {
                *process = Process::There(worker);
                Err(error)
            }
            Err(trouble) => {
                let error = Error::no_answer(&trouble, &self.budget);
                if matches!(trouble, Trouble::Ended(_)) {
                    *process = Process::Refused(error.clone());
                }
                Err(error.into())
            }
        }
    }
}

/// Waits until a process has loaded its programs.
fn loaded(worker: &mut Worker, budget: &Budget) -> Result<(), Error> {
    let mut refusal = None;
    let asked = worker.ask(Asked::Loaded.encode().as_slice(), budget, AT_LEAST, &mut |part| {
        let mut words = WordReader::of(part);
        let _ = words.byte();
        let said = Error::decode(words);
        refusal = Some(said.unwrap_or_else(|| Error::new(Kind::Defect, "its answer makes no sense")));
    });
    asked.map_err(|trouble| Error::no_answer(&trouble, budget))?;
    refusal.map_or(Ok(()), Err)
}

impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").field("budget", &self.budget).finish_non_exhaustive()
    }
}

impl Engine for Guarded {
    fn name(&self) -> &'static str {
        NAME
    }

    fn find(&self, query: &Query, on_found: &mut dyn FnMut(Found)) -> io::Result<Pass> {
        let asked = Asked::Find(Question::of(query));
        records::find(on_found, |on_record| {
            let result = self.ask(Half::Finder, &asked, on_record)?;
            Counted::decode(WordReader::of(&result)).ok_or(io::ErrorKind::InvalidData.into())
        })
    }

    fn holders(&self, inodes: &[Inode], on_holder: &mut dyn FnMut(Inode, Holder)) -> io::Result<()> {
        let asked = Asked::Holders(inodes.to_vec());
        records::holders(on_holder, |on_record| self.ask(Half::Finder, &asked, on_record)).map(drop)
    }

    fn walk(
        &self,
        targets: &[Target<'_>],
        limits: &Limits,
        on_step: &mut dyn FnMut(usize, Step<'_>),
    ) -> io::Result<bool> {
        let asked = Asked::walk(targets, limits);
        match records::walk(on_step, |on_record| self.ask(Half::Walker, &asked, on_record))?[..] {
            [all] => Ok(all == 1),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

/// What comes first in each part of an answer: records follow, or what the question is answered with.
const RECORDS: u8 = 0;
const RESULT: u8 = 1;

/// What one of the engine's processes does: loads its programs, and answers questions until there are no
/// more.
///
/// # Errors
/// When nobody is there any more to be answered.
pub fn serve(half: Half, host: &Live, input: &mut dyn io::Read, out: &mut dyn io::Write) -> io::Result<()> {
    // Where there is too little memory for all, this process is the one to do without.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    match half {
        Half::Finder => serve_finder(input, out),
        Half::Walker => serve_walker(host, input, out),
    }
}

fn serve_finder(input: &mut dyn io::Read, out: &mut dyn io::Write) -> io::Result<()> {
    let mut finder = room::look()
        .and_then(|()| read_btf(&[find::OBJECT]))
        .and_then(|btf| Finder::load(EbpfLoader::new(), btf));
    worker::serve(input, out, &mut |question, answer| {
        let asked = Asked::decode(question).ok_or(io::ErrorKind::InvalidInput)?;
        if let (Asked::Loaded, Err(error)) = (&asked, &finder) {
            answer.more(error.encode(Words::of(RESULT)).as_slice());
            return Ok(());
        }
        let finder = finder.as_mut().map_err(|error| io::Error::from(error.clone()))?;
        match asked {
            Asked::Loaded => {}
            Asked::Find(question) => {
                let counted = hand_on(answer, |on_record| finder.find(question, on_record))?;
                answer.more(counted.encode(Words::of(RESULT)).as_slice());
            }
            Asked::Holders(inodes) => hand_on(answer, |on_record| finder.holders(&inodes, on_record))?,
            Asked::Walk { .. } => return Err(io::ErrorKind::InvalidInput.into()),
        }
        Ok(())
    })
}

fn serve_walker(host: &Live, input: &mut dyn io::Read, out: &mut dyn io::Write) -> io::Result<()> {
    let mut walker = room::look().and_then(|()| read_btf(&[walker::OBJECT])).map(|btf| {
        let ready = Prepared::Not.ready(&btf, Limits::PACKETS);
        (ready.map_or_else(Prepared::Refused, Prepared::There), btf)
    });
    worker::serve(input, out, &mut |question, answer| {
        let asked = Asked::decode(question).ok_or(io::ErrorKind::InvalidInput)?;
        match (asked, &mut walker) {
            (Asked::Loaded, Err(error) | Ok((Prepared::Refused(error), _))) => {
                answer.more(error.encode(Words::of(RESULT)).as_slice());
            }
            (Asked::Loaded, Ok(_)) => {}
            (Asked::Walk { .. }, Err(error)) => return Err(error.clone().into()),
            (Asked::Walk { targets, limits }, Ok((prepared, btf))) => {
                let targets: Vec<Target<'_>> = targets.iter().map(|target| target.borrowed()).collect();
                let all =
                    hand_on(answer, |on_record| prepared.walk(btf, host, &targets, &limits, on_record))?;
                answer.more(&[RESULT, u8::from(all)]);
            }
            _ => return Err(io::ErrorKind::InvalidInput.into()),
        }
        Ok(())
    })
}

/// Hands on records, many at a time.
fn hand_on<T>(
    answer: &mut AnswerWriter<'_>,
    work: impl FnOnce(&mut dyn FnMut(&[u8])) -> io::Result<T>,
) -> io::Result<T> {
    let mut many = Many::with(answer, RECORDS);
    work(&mut |record| many.add_bytes(record))
}
