//! The engine in processes of its own, so that whatever becomes of it nobody waits for it: one that runs out
//! of memory, or is killed for want of it, costs what it would have told. One process finds sockets, the
//! other walks queues: each has one of the two objects, and both load at the same time.

mod answer;
mod request;

use std::fmt;
use std::io;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use skcheck_core::engine::{Engine, Found, Limits, Pass, Step, Target};
use skcheck_core::host::Budget;
use skcheck_core::host::worker::{self, Trouble, WordReader, Worker};
use skcheck_core::{Holder, Host, Inode, Live, Query};

use crate::engine::{NAME, Prepared, read_btf};
use crate::error::{Error, Kind};
use crate::find::{Finder, PassCounts};
use crate::isolated::answer::{Parts, hand_on, result};
use crate::isolated::request::Request;
use crate::loader;
use crate::wire::FilterValue;
use crate::{objects, records, room};

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
pub type StartProcess = dyn Fn(Half) -> Command + Send + Sync;

/// The BPF engine, in processes of its own.
pub struct IsolatedBpf {
    start: Box<StartProcess>,
    budget: Budget,
    finder: Mutex<EngineProcess>,
    walker: Mutex<EngineProcess>,
}

/// One of the processes.
enum EngineProcess {
    There(Worker),
    /// It is of no more use, and another would not be either.
    Refused(Error),
    /// It did not come back in time; another may.
    Lost,
}

impl IsolatedBpf {
    /// Starts the processes, and waits until the programs are loaded that find sockets, or else those that
    /// walk queues. What the kernel then does not come back from is spent from `budget`. `host` tells whether
    /// there is room for them.
    ///
    /// # Errors
    /// As [`Bpf::load`](crate::Bpf::load); and where no process can be had.
    pub fn load(host: &dyn Host, start: Box<StartProcess>, budget: Budget) -> Result<IsolatedBpf, Error> {
        room::in_control_groups(host)?;
        let begin = |half| Worker::start(start(half)).map_err(|error| Error::no_process(&error));
        let (mut finder, mut walker) = (begin(Half::Finder)?, begin(Half::Walker)?);
        let finder = match loaded(&mut finder, &budget) {
            Ok(()) => EngineProcess::There(finder),
            Err(error) => {
                if loaded(&mut walker, &budget).is_err() {
                    return Err(error);
                }
                EngineProcess::Refused(error)
            }
        };
        let walker = EngineProcess::There(walker);
        Ok(IsolatedBpf { start, budget, finder: Mutex::new(finder), walker: Mutex::new(walker) })
    }

    /// Asks one of the processes, and hands on the records that it answers with. Returns the rest of the
    /// answer.
    fn ask(&self, half: Half, request: &Request, on_record: &mut dyn FnMut(&[u8])) -> io::Result<Vec<u8>> {
        let process = if half == Half::Finder { &self.finder } else { &self.walker };
        let mut process = process.lock().unwrap_or_else(PoisonError::into_inner);
        let mut worker = self.take(half, &mut process)?;
        let mut parts = Parts::of(on_record);
        let words = request.encode();
        match worker.ask(words.as_slice(), &self.budget, AT_LEAST, &mut |part| parts.take(part)) {
            Ok(()) => {
                *process = EngineProcess::There(worker);
                parts.result()
            }
            Err(trouble) => Err(self.explain(trouble, worker, &mut process)),
        }
    }

    /// The process to ask, which is lost unless it is put back.
    fn take(&self, half: Half, process: &mut EngineProcess) -> io::Result<Worker> {
        match std::mem::replace(process, EngineProcess::Lost) {
            EngineProcess::There(worker) => Ok(worker),
            EngineProcess::Refused(error) => {
                *process = EngineProcess::Refused(error.clone());
                Err(error.into())
            }
            EngineProcess::Lost => Worker::start((self.start)(half)),
        }
    }

    /// What trouble with a process says, and what that means for what is asked next.
    fn explain(&self, trouble: Trouble, worker: Worker, process: &mut EngineProcess) -> io::Error {
        match trouble {
            // What the kernel did not come back from goes on there, and must not be taken for what is asked
            // next.
            Trouble::Refused(error) if error.kind() == io::ErrorKind::TimedOut => error,
            Trouble::Refused(error) => {
                *process = EngineProcess::There(worker);
                error
            }
            trouble => {
                let error = Error::no_answer(&trouble, &self.budget);
                if matches!(trouble, Trouble::Ended(_)) {
                    *process = EngineProcess::Refused(error.clone());
                }
                error.into()
            }
        }
    }
}

/// Waits until a process has loaded its programs.
fn loaded(worker: &mut Worker, budget: &Budget) -> Result<(), Error> {
    let mut refusal = None;
    let asked = worker.ask(Request::Loaded.encode().as_slice(), budget, AT_LEAST, &mut |part| {
        let mut words = WordReader::of(part);
        let _ = words.byte();
        let said = Error::decode(words);
        refusal = Some(said.unwrap_or_else(|| Error::new(Kind::Defect, "its answer makes no sense")));
    });
    asked.map_err(|trouble| Error::no_answer(&trouble, budget))?;
    refusal.map_or(Ok(()), Err)
}

impl fmt::Debug for IsolatedBpf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IsolatedBpf").field("budget", &self.budget).finish_non_exhaustive()
    }
}

impl Engine for IsolatedBpf {
    fn name(&self) -> &'static str {
        NAME
    }

    fn find(&self, query: &Query, on_found: &mut dyn FnMut(Found)) -> io::Result<Pass> {
        let request = Request::Find(FilterValue::of(query));
        records::find(on_found, |on_record| {
            let counts = self.ask(Half::Finder, &request, on_record)?;
            PassCounts::decode(WordReader::of(&counts)).ok_or(io::ErrorKind::InvalidData.into())
        })
    }

    fn holders(&self, inodes: &[Inode], on_holder: &mut dyn FnMut(Inode, Holder)) -> io::Result<()> {
        let request = Request::Holders(inodes.to_vec());
        records::holders(on_holder, |on_record| self.ask(Half::Finder, &request, on_record)).map(drop)
    }

    fn walk(
        &self,
        targets: &[Target<'_>],
        limits: &Limits,
        on_step: &mut dyn FnMut(usize, Step<'_>),
    ) -> io::Result<bool> {
        let request = Request::walk(targets, limits);
        match records::walk(on_step, |on_record| self.ask(Half::Walker, &request, on_record))?[..] {
            [all] => Ok(all == 1),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

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
        .and_then(|()| read_btf(&[objects::FIND]))
        .and_then(|btf| Finder::load(&mut loader::without_btf(), &btf));
    worker::serve(input, out, &mut |question, answer| {
        let request = Request::decode(question).ok_or(io::ErrorKind::InvalidInput)?;
        if let (Request::Loaded, Err(error)) = (&request, &finder) {
            answer.more(error.encode(result()).as_slice());
            return Ok(());
        }
        let finder = finder.as_mut().map_err(|error| io::Error::from(error.clone()))?;
        match request {
            Request::Loaded => {}
            Request::Find(filter) => {
                let counted = hand_on(answer, |on_record| finder.find(filter, on_record))?;
                answer.more(counted.encode(result()).as_slice());
            }
            Request::Holders(inodes) => hand_on(answer, |on_record| finder.holders(&inodes, on_record))?,
            Request::Walk { .. } => return Err(io::ErrorKind::InvalidInput.into()),
        }
        Ok(())
    })
}

fn serve_walker(host: &Live, input: &mut dyn io::Read, out: &mut dyn io::Write) -> io::Result<()> {
    let mut walker = room::look().and_then(|()| read_btf(&[objects::WALK])).map(|btf| {
        let ready = Prepared::Not.ready(&btf, Limits::PACKETS, loader::without_btf);
        (ready.map_or_else(Prepared::Refused, Prepared::There), btf)
    });
    worker::serve(input, out, &mut |question, answer| {
        let request = Request::decode(question).ok_or(io::ErrorKind::InvalidInput)?;
        match (request, &mut walker) {
            (Request::Loaded, Err(error) | Ok((Prepared::Refused(error), _))) => {
                answer.more(error.encode(result()).as_slice());
            }
            (Request::Loaded, Ok(_)) => {}
            (Request::Walk { .. }, Err(error)) => return Err(error.clone().into()),
            (Request::Walk { targets, limits }, Ok((prepared, btf))) => {
                let targets: Vec<Target<'_>> = targets.iter().map(|target| target.borrowed()).collect();
                let all = hand_on(answer, |on_record| {
                    prepared.walk((btf, loader::without_btf), host, &targets, &limits, on_record)
                })?;
                answer.more(result().byte(all.into()).as_slice());
            }
            _ => return Err(io::ErrorKind::InvalidInput.into()),
        }
        Ok(())
    })
}
