//! The engine in this process.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

use aya::EbpfLoader;
use skcheck_core::engine::{Engine, Found, Limits, Pass, Step, Target};
use skcheck_core::{Holder, Inode, Live, Query};

use crate::btf::KernelBtf;
use crate::error::{Error, Kind};
use crate::find::Finder;
use crate::loader;
use crate::objects::{self, Object};
use crate::walker::Walker;
use crate::wire::FilterValue;
use crate::{records, room, walk};

/// What the engine is called.
pub const NAME: &str = "bpf";

/// The BPF engine. Its programs are in the kernel from [`Bpf::load`] on until this is dropped.
pub struct Bpf {
    host: Live,
    btf: Arc<KernelBtf>,
    finder: Mutex<Result<Finder, Error>>,
    walker: Mutex<Prepared>,
}

/// The programs that walk queues.
pub(crate) enum Prepared {
    /// On their way into the kernel: most of what is done with an engine begins with a look at descriptors,
    /// which takes as long.
    Coming(JoinHandle<Result<Walker, Error>>),
    There(Box<Walker>),
    Refused(Error),
    /// To be loaded when they are needed.
    Not,
}

impl Bpf {
    /// Loads the programs. Those that find sockets and those that walk queues do without each other: where
    /// the kernel refuses the one, what the other tells is still to be had.
    ///
    /// # Errors
    /// When BPF may not be used, or the kernel lacks what it takes; [`Error::remedy`] says what helps.
    pub fn load(host: &Live) -> Result<Bpf, Error> {
        room::in_control_groups(host)?;
        room::look()?;
        // The BTF is made small while the loader parses all of it.
        let both = || read_btf(&[objects::FIND, objects::WALK]);
        let reading = spawn(both);
        let (to_load, btf) = mpsc::sync_channel::<Arc<KernelBtf>>(1);
        let (found, finder) = mpsc::sync_channel(1);
        let coming = spawn(move || {
            let mut loader = loader::new();
            let btf = btf.recv().map_err(|_| Error::missing("BTF"))?;
            load_both(&mut loader, &btf, &mut |finder| drop(found.send(finder)))
        });
        let read = reading.and_then(|reading| reading.join().ok());
        let btf = read.unwrap_or_else(both)?;
        let _ = to_load.send(Arc::clone(&btf));
        let (finder, mut walker) = match coming {
            Some(coming) => (
                finder
                    .recv()
                    .unwrap_or_else(|_| Err(Error::new(Kind::Defect, "the thread that loads has ended"))),
                Prepared::Coming(coming),
            ),
            None => (Finder::load(&mut loader::new(), &btf), Prepared::Not),
        };
        if let Err(error) = &finder {
            let error = error.clone();
            walker = Prepared::There(walker.ready(&btf, Limits::PACKETS, loader::new).map_err(|_| error)?);
        }
        Ok(Bpf { host: host.clone(), btf, finder: Mutex::new(finder), walker: Mutex::new(walker) })
    }

    fn with_finder<T>(&self, look: impl FnOnce(&mut Finder) -> io::Result<T>) -> io::Result<T> {
        let mut slot = self.finder.lock().unwrap_or_else(PoisonError::into_inner);
        let looked = look(slot.as_mut().map_err(|error| error.clone())?);
        if let Err(error) = &looked
            && error.kind() == io::ErrorKind::TimedOut
        {
            // What was given up may still come, and must not be taken for what is asked next.
            *slot = Err(Error::new(Kind::Stuck, error.to_string()));
        }
        looked
    }
}

/// Loads the programs that find sockets, hands them on, and loads those that walk queues.
fn load_both<'b>(
    loader: &mut EbpfLoader<'b>,
    btf: &'b Arc<KernelBtf>,
    on_finder: &mut dyn FnMut(Result<Finder, Error>),
) -> Result<Walker, Error> {
    on_finder(Finder::load(loader, btf));
    Walker::load(loader, btf, Limits::PACKETS)
}

/// How a loader is made in this process.
pub(crate) type NewLoader = fn() -> EbpfLoader<'static>;

impl Prepared {
    /// Walks these, and hands on what the programs say.
    pub(crate) fn walk(
        &mut self,
        (btf, new_loader): (&Arc<KernelBtf>, NewLoader),
        host: &Live,
        targets: &[Target<'_>],
        limits: &Limits,
        on_record: &mut dyn FnMut(&[u8]),
    ) -> io::Result<bool> {
        let mut walker = match std::mem::replace(self, Prepared::Not).ready(btf, limits.packets, new_loader) {
            Ok(walker) => walker,
            Err(error) => {
                // What the kernel refuses it refuses again; memory may come back.
                if error.kind() != Kind::Memory {
                    *self = Prepared::Refused(error.clone());
                }
                return Err(error.into());
            }
        };
        let walked = walk::run(&mut walker, host, targets, limits, on_record);
        // What was given up may still come, and must not be taken for what is asked next.
        if walked.is_ok() {
            *self = Prepared::There(walker);
        }
        walked
    }

    /// The programs that walk queues, fit for sockets of this many packets.
    pub(crate) fn ready(
        self,
        btf: &Arc<KernelBtf>,
        packets: u32,
        new_loader: NewLoader,
    ) -> Result<Box<Walker>, Error> {
        let ready = match self {
            Prepared::Coming(thread) => thread.join().ok().transpose()?.map(Box::new),
            Prepared::There(walker) => Some(walker),
            Prepared::Refused(error) => return Err(error),
            Prepared::Not => None,
        };
        match ready.filter(|walker| walker.suits(packets)) {
            Some(walker) => Ok(walker),
            None => Walker::load(&mut new_loader(), btf, packets).map(Box::new),
        }
    }
}

pub(crate) fn read_btf(objects: &[Object]) -> Result<Arc<KernelBtf>, Error> {
    KernelBtf::read(objects).map(Arc::new).map_err(|error| Error::no_btf(&error))
}

/// A thread that loads; `None` where there can be no more threads.
fn spawn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<JoinHandle<T>> {
    std::thread::Builder::new().name("skcheck-load".to_owned()).spawn(work).ok()
}

impl fmt::Debug for Bpf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bpf").field("host", &self.host).finish_non_exhaustive()
    }
}

impl Engine for Bpf {
    fn name(&self) -> &'static str {
        NAME
    }

    fn find(&self, query: &Query, on_found: &mut dyn FnMut(Found)) -> io::Result<Pass> {
        records::find(on_found, |on_record| {
            self.with_finder(|finder| finder.find(FilterValue::of(query), on_record))
        })
    }

    fn holders(&self, inodes: &[Inode], on_holder: &mut dyn FnMut(Inode, Holder)) -> io::Result<()> {
        records::holders(on_holder, |on_record| self.with_finder(|finder| finder.holders(inodes, on_record)))
    }

    fn walk(
        &self,
        targets: &[Target<'_>],
        limits: &Limits,
        on_step: &mut dyn FnMut(usize, Step<'_>),
    ) -> io::Result<bool> {
        let mut walker = self.walker.lock().unwrap_or_else(PoisonError::into_inner);
        records::walk(on_step, |on_record| {
            walker.walk((&self.btf, loader::new), &self.host, targets, limits, on_record)
        })
    }
}
