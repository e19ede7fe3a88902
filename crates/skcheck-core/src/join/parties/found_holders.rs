//! Holders that were not met while the descriptors were collected, and what is said of each socket with them.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::collect::collected::Collected;
use crate::holders::hidden::search::HiddenHolders;
use crate::holders::listeners::HeldBy;
use crate::model::holder::{Holder, Via};
use crate::model::socket::Inode;
use crate::snapshot::entry::Holding;

/// Holders that were not met while the descriptors were collected.
#[derive(Default)]
pub(crate) struct FoundHolders {
    pub late: FxHashMap<Inode, Vec<Holder>>,
    /// What was looked for where holders are hidden. Of no other socket is it guessed that it is in flight.
    pub sought: FxHashSet<Inode>,
    /// What a mapping can hold, of that.
    pub mappable: FxHashSet<Inode>,
    pub hidden: HiddenHolders,
}

impl FoundHolders {
    /// Adds what was found for other sockets of the same report.
    pub(crate) fn add(&mut self, others: FoundHolders) {
        let FoundHolders { late, sought, mappable, hidden } = others;
        self.late.extend(late);
        self.sought.extend(sought);
        self.mappable.extend(mappable);
        self.hidden.merge(hidden);
    }

    /// Whether somebody was found who holds a socket.
    pub(crate) fn knows(&self, inode: Inode) -> bool {
        self.late.get(&inode).is_some_and(|holders| !holders.is_empty())
            || self.hidden.holders.contains_key(&inode)
    }

    /// Who is behind a socket.
    pub(crate) fn holding(&self, collected: &Collected, held_by: &HeldBy) -> (Holding, Vec<Holder>) {
        match held_by {
            HeldBy::File(inode) => {
                let holders = self.holders_of(collected, *inode);
                match holders.iter().map(|holder| holder.via).min() {
                    Some(Via::Fd | Via::ThreadFd) => (Holding::Descriptors, holders),
                    Some(Via::Map) => (Holding::Mapping, holders),
                    Some(Via::IoUring) => (Holding::IoUring, holders),
                    Some(_) => (Holding::InFlight { ambiguous: false }, holders),
                    None if self.may_be_in_flight(*inode) => {
                        (Holding::InFlight { ambiguous: true }, self.hidden.receivers.clone())
                    }
                    None if self.hidden.is_blind_to_maps && self.mappable.contains(inode) => {
                        (Holding::Hidden, holders)
                    }
                    None if collected.scanned.all_processes => (Holding::Kernel, holders),
                    None => (Holding::Hidden, holders),
                }
            }
            HeldBy::Listeners(listeners) => {
                let holders = listeners.iter().flat_map(|inode| self.holders_of(collected, *inode));
                let holders = holders.map(|holder| holder.leading(Via::AcceptQueue)).collect();
                (Holding::AwaitingAccept { ambiguous: listeners.len() > 1 }, holders)
            }
            HeldBy::Nobody => (Holding::Orphan, Vec::new()),
        }
    }

    fn may_be_in_flight(&self, inode: Inode) -> bool {
        !self.hidden.receivers.is_empty() && self.sought.contains(&inode)
    }

    fn holders_of(&self, collected: &Collected, inode: Inode) -> Vec<Holder> {
        let late =
            self.late.get(&inode).into_iter().chain(self.hidden.holders.get(&inode)).flatten().copied();
        let mut holders: Vec<Holder> = collected.survey.descriptors.holders(inode).chain(late).collect();
        holders.sort_unstable();
        holders.dedup();
        holders
    }
}
