//! Who has the ends of pipes, FIFOs and terminals: every descriptor of the host, by what it refers to.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHasher};

use crate::collect::survey::processes::pids;
use crate::host::{Host, Looking, Sight};
use crate::model::holder::Holder;
use crate::watch::sample::schedule::Schedule;

/// Listing all descriptors takes no more than this part of the time.
const PART: u32 = 25;

/// As much of a link as [`Host::look_at_each`] hands on.
const LINK: usize = 63;

/// What descriptors refer to that are no sockets, as they were a little earlier on a host with very many.
#[derive(Default)]
pub(crate) struct ConduitEnds {
    /// By a hash of their links: of a million paths only a few are asked for.
    by_link: FxHashMap<u64, Vec<Holder>>,
    schedule: Schedule,
}

impl ConduitEnds {
    /// Looks again, unless that has been so short a time ago that it would cost too much.
    pub(crate) fn refresh(&mut self, host: &dyn Host, now: Duration) {
        if self.schedule.is_due(now) {
            self.by_link = self.schedule.run(now, PART, || list(host));
        }
    }

    /// The descriptors whose link begins like this one: those that refer to the same, and perhaps others.
    pub(crate) fn like(&self, link: &[u8]) -> &[Holder] {
        self.by_link.get(&hash(link)).map_or(&[], Vec::as_slice)
    }
}

fn list(host: &dyn Host) -> FxHashMap<u64, Vec<Holder>> {
    // What cannot be listed is not seen, and so not found.
    let pids = pids(host).unwrap_or_default();
    let mut by_link: FxHashMap<u64, Vec<Holder>> = FxHashMap::default();
    host.look_at_each(&pids, Looking { descriptors: true, namespaces: false }, &mut |pid, sight| {
        if let Sight::Descriptor { fd, target, .. } = sight
            && (target.starts_with(b"/") || target.starts_with(b"pipe:["))
            && target != b"/dev/null"
        {
            by_link.entry(hash(target)).or_default().push(Holder::new(pid, fd));
        }
    });
    by_link
}

fn hash(link: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    link.get(..LINK).unwrap_or(link).hash(&mut hasher);
    hasher.finish()
}
