//! Descriptors of processes, and of threads with a table of their own.

use rustc_hash::FxHashSet;

use crate::holders::hidden::search::{HiddenHolders, Search};
use crate::host::Host;
use crate::host::seam::threads;
use crate::model::holder::Holder;
use crate::model::socket::Inode;
use crate::procfs::link::socket_inode;

/// Looks at tables of descriptors.
pub(super) struct Tables<'a> {
    host: &'a dyn Host,
    search: &'a Search<'a>,
    /// Unix sockets that may have messages with descriptors.
    may_have_received: &'a FxHashSet<Inode>,
    hidden: &'a mut HiddenHolders,
    /// Descriptors that refer to a ring of io_uring.
    pub rings: Vec<Holder>,
    /// Descriptors that refer to a socket which may have received others.
    pub receivers: Vec<Holder>,
}

impl<'a> Tables<'a> {
    pub(super) fn new(
        host: &'a dyn Host,
        search: &'a Search<'a>,
        may_have_received: &'a FxHashSet<Inode>,
        hidden: &'a mut HiddenHolders,
    ) -> Tables<'a> {
        Tables { host, search, may_have_received, hidden, rings: Vec::new(), receivers: Vec::new() }
    }

    /// Looks at a process and at its threads; whether there was time for all.
    pub(super) fn add_process(&mut self, pid: u32) -> bool {
        if self.search.is_over() {
            return false;
        }
        let host = self.host;
        let mut is_empty = true;
        // What the process's own descriptors are: sockets, or others.
        let mut own: FxHashSet<(u32, Option<Inode>)> = FxHashSet::default();
        let _ = host.fd_links(pid, &mut |fd, target| {
            is_empty = false;
            own.insert((fd, socket_inode(target)));
            self.note(Holder::new(pid, fd), true, target);
        });
        let threads = if self.search.everywhere || is_empty { threads(host, pid) } else { Vec::new() };
        // A main thread that has ended shows no descriptors, and the others go on with them.
        let stand_in = threads.first().copied().filter(|_| is_empty);
        if let Some(tid) = stand_in {
            let _ = host.fd_links(tid, &mut |fd, target| {
                own.insert((fd, socket_inode(target)));
                self.note(Holder::of_thread(pid, tid, fd), true, target);
            });
        }
        let mut others = threads.into_iter().filter(|tid| stand_in != Some(*tid));
        !self.search.everywhere || others.all(|tid| self.add_thread(pid, tid, stand_in.unwrap_or(pid), &own))
    }

    /// Looks at a thread, unless it shares its descriptors with the one that shows those of its process.
    fn add_thread(&mut self, pid: u32, tid: u32, shown: u32, own: &FxHashSet<(u32, Option<Inode>)>) -> bool {
        if self.search.is_over() {
            return false;
        }
        let host = self.host;
        let shares = host.shares_descriptors(shown, tid);
        if shares.as_ref().is_ok_and(|shares| *shares) {
            return true;
        }
        // Where nothing tells, what its process has under the same number is taken for shared.
        let is_shared = |fd, target: &[u8]| shares.is_err() && own.contains(&(fd, socket_inode(target)));
        let _ = host.fd_links(tid, &mut |fd, target| {
            if !is_shared(fd, target) {
                self.note(Holder::of_thread(pid, tid, fd), false, target);
            }
        });
        true
    }

    fn note(&mut self, holder: Holder, is_of_process: bool, target: &[u8]) {
        match socket_inode(target) {
            Some(inode) => {
                // What processes have has been looked for.
                if !is_of_process && self.search.wanted.contains(&inode) {
                    self.hidden.add(inode, holder);
                }
                if self.may_have_received.contains(&inode) {
                    self.receivers.push(holder);
                }
            }
            None if target == b"anon_inode:[io_uring]" => self.rings.push(holder),
            None => {}
        }
    }
}
