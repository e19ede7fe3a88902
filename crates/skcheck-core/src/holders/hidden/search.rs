//! What is looked for where holders are hidden, and what was found.

use std::time::{Duration, Instant};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::collect::netns::namespace::Namespace;
use crate::host::{Host, file};
use crate::model::holder::Holder;
use crate::model::socket::Inode;

/// How long it may take, unless everything is asked for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// What to look for, and where.
pub(crate) struct Search<'a> {
    /// The sockets.
    pub wanted: &'a FxHashSet<Inode>,
    /// Those among them that can be mapped.
    pub mappable: &'a FxHashSet<Inode>,
    /// The namespaces to ask for unix sockets that may have received descriptors.
    pub namespaces: &'a [Namespace],
    /// An engine has not looked into the tables of threads and into messages.
    pub everywhere: bool,
    /// When to give up.
    pub until: Option<Instant>,
}

impl Search<'_> {
    /// Whether there is no more time.
    pub(super) fn is_over(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() > until)
    }
}

/// What was found.
#[derive(Default, Clone)]
pub(crate) struct HiddenHolders {
    pub holders: FxHashMap<Inode, Vec<Holder>>,
    /// Unix sockets that have descriptors in messages which nobody has received: which ones, the kernel does
    /// not tell.
    pub receivers: Vec<Holder>,
    /// What some processes have mapped could not be read: each of them may have what was not found.
    pub is_blind_to_maps: bool,
}

impl HiddenHolders {
    /// Adds what was found for others.
    pub(crate) fn merge(&mut self, others: HiddenHolders) {
        self.holders.extend(others.holders);
        self.receivers.extend(others.receivers);
        self.receivers.sort_unstable();
        self.receivers.dedup();
        self.is_blind_to_maps |= others.is_blind_to_maps;
    }

    /// The same of these sockets alone, and of the processes that are still there.
    pub(crate) fn of(&self, sockets: &FxHashSet<Inode>, is_there: &dyn Fn(u32) -> bool) -> HiddenHolders {
        let mut left = self.clone();
        left.holders.values_mut().for_each(|holders| holders.retain(|holder| is_there(holder.pid)));
        left.holders.retain(|inode, holders| sockets.contains(inode) && !holders.is_empty());
        left.receivers.retain(|holder| is_there(holder.pid));
        left
    }

    /// Adds a holder of a socket.
    pub(super) fn add(&mut self, inode: Inode, holder: Holder) {
        self.holders.entry(inode).or_default().push(holder);
    }

    /// How many of these sockets nobody was found to hold.
    pub(super) fn unheld(&self, sockets: &FxHashSet<Inode>) -> usize {
        sockets.iter().filter(|inode| !self.holders.contains_key(*inode)).count()
    }
}

/// What /proc tells of a descriptor.
pub(super) fn fdinfo(host: &dyn Host, holder: Holder) -> Option<Vec<u8>> {
    file::read(host, &format!("/proc/{}/fdinfo/{}", holder.task(), holder.fd))
}
