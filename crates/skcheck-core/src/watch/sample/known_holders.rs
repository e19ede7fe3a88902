//! Who holds the other ends: an engine looks at every descriptor of the host for them.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use crate::engine::{Engine, Found, Limits, Pass, Step, Target};
use crate::model::holder::{Holder, Via};
use crate::model::query::Query;
use crate::model::socket::Inode;

/// From then on all are looked for anew: somebody may have got one from its holder.
const LONGEST: Duration = Duration::from_secs(10);

/// Who was found to hold which socket.
#[derive(Default)]
pub(crate) struct KnownHolders {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    by_inode: FxHashMap<Inode, Vec<Holder>>,
    since: Option<Instant>,
}

impl KnownHolders {
    /// The same engine, which looks for those alone that are not known.
    pub(crate) fn over<'e>(&'e self, engine: &'e dyn Engine) -> RememberingEngine<'e> {
        RememberingEngine { engine, known: self }
    }

    /// The sockets that these are known to hold.
    pub(crate) fn sockets(&self) -> FxHashMap<Holder, Inode> {
        let known = self.lock();
        let each = known.by_inode.iter();
        each.flat_map(|(inode, holders)| holders.iter().map(|holder| (*holder, *inode))).collect()
    }

    /// Who holds this socket is looked for anew.
    pub(crate) fn forget(&self, inode: Inode) {
        self.lock().by_inode.remove(&inode);
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An engine of which is known who holds what it was asked for before.
pub(crate) struct RememberingEngine<'e> {
    engine: &'e dyn Engine,
    known: &'e KnownHolders,
}

impl Engine for RememberingEngine<'_> {
    fn name(&self) -> &'static str {
        self.engine.name()
    }

    fn find(&self, query: &Query, on_found: &mut dyn FnMut(Found)) -> io::Result<Pass> {
        self.engine.find(query, on_found)
    }

    fn holders(&self, inodes: &[Inode], on_holder: &mut dyn FnMut(Inode, Holder)) -> io::Result<()> {
        let mut known = self.known.lock();
        if known.since.is_none_or(|since| since.elapsed() > LONGEST) {
            *known = Known { since: Some(Instant::now()), ..Known::default() };
        }
        // What is not asked for any more need not be known.
        let mut still: FxHashMap<Inode, Vec<Holder>> = FxHashMap::default();
        let mut new = Vec::new();
        for inode in inodes {
            match known.by_inode.remove(inode) {
                Some(holders) => drop(still.insert(*inode, holders)),
                None => new.push(*inode),
            }
        }
        if !new.is_empty() {
            self.engine.holders(&new, &mut |inode, holder| still.entry(inode).or_default().push(holder))?;
        }
        for (inode, holders) in &still {
            holders.iter().for_each(|holder| on_holder(*inode, *holder));
        }
        // A message may have been received by the next time; that a descriptor refers to a socket can be checked.
        still.retain(|_, holders| holders.iter().all(|holder| matches!(holder.via, Via::Fd | Via::ThreadFd)));
        known.by_inode = still;
        Ok(())
    }

    fn walk(
        &self,
        targets: &[Target<'_>],
        limits: &Limits,
        on_step: &mut dyn FnMut(usize, Step<'_>),
    ) -> io::Result<bool> {
        self.engine.walk(targets, limits, on_step)
    }
}
