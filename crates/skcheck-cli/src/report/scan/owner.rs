//! Whose a socket is: a process, or the container, pod, namespace or cgroup that it lives in.

use std::collections::BTreeSet;

use skcheck_core::{Container, Holding, NetnsId, Process, Query, Snapshot, SocketEntry};

use crate::report::scan::request::GroupBy;

/// Whose a socket is, as far as a reader looks for someone to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Owner<'a> {
    /// A process that holds it, or the listener that it waits at.
    Process(u32),
    /// Nobody any more: its process has closed it.
    Orphaned,
    /// The kernel, a message in flight, or io_uring.
    Kernel,
    /// A process that may not be read.
    Hidden,
    /// A container, by its id; what is in a pod and in none of its containers, by the pod's uid.
    Container(&'a [u8]),
    /// A pod, by its uid, or by its name where only that is known.
    Pod(&'a [u8]),
    /// A systemd unit that is in no container.
    Unit(&'a [u8]),
    /// The host itself: in no container and no unit.
    Host,
    /// A network namespace.
    Netns(NetnsId),
    /// A network namespace that nothing tells: of a socket in no table.
    UnknownNetns,
    /// A cgroup, by its path.
    Cgroup(&'a [u8]),
    /// A cgroup that nothing tells: its process has vanished.
    UnknownCgroup,
}

/// Finds the owners of sockets, all of one kind.
#[derive(Clone, Copy)]
pub(super) struct Owners<'a, 'q> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) query: &'q Query,
    pub(super) by: GroupBy,
}

impl<'a> Owners<'a, '_> {
    /// The owners that were asked for, each once. Those who share a socket with a process that was
    /// asked for are not asked for themselves.
    pub(super) fn of(&self, report: &'a SocketEntry) -> BTreeSet<Owner<'a>> {
        if self.by == GroupBy::Netns {
            return BTreeSet::from([report.netns.map_or(Owner::UnknownNetns, Owner::Netns)]);
        }
        if report.pids().len() == 0 {
            return BTreeSet::from([self.of_unheld(report)]);
        }
        let asked_for = report.pids().filter(|pid| self.is_asked_for(*pid));
        asked_for.map(|pid| self.of_process(pid)).collect()
    }

    fn is_asked_for(&self, pid: u32) -> bool {
        let matches = |process| self.query.matches_process(process);
        (self.query.pids.is_empty() || self.query.pids.contains(&pid))
            && (!self.query.is_about_processes() || self.snapshot.process(pid).is_some_and(matches))
    }

    fn of_process(&self, pid: u32) -> Owner<'a> {
        if !is_place(self.by) {
            return Owner::Process(pid);
        }
        let process = self.snapshot.process(pid);
        let cgroup = process.and_then(|process| process.cgroup.as_deref());
        let unit = process.and_then(|process| process.unit.as_deref());
        let container = process.and_then(|process| process.container.as_ref());
        cgroup.map_or(Owner::UnknownCgroup, |cgroup| self.of_cgroup(cgroup, unit, container))
    }

    fn of_unheld(&self, report: &'a SocketEntry) -> Owner<'a> {
        match report.cgroup.as_deref() {
            Some(cgroup) if is_place(self.by) => {
                self.of_cgroup(cgroup, report.unit.as_deref(), report.container.as_ref())
            }
            _ => unheld(report, self.snapshot),
        }
    }

    fn of_cgroup(
        &self,
        cgroup: &'a [u8],
        unit: Option<&'a [u8]>,
        container: Option<&'a Container>,
    ) -> Owner<'a> {
        let owner = match self.by {
            GroupBy::Cgroup => Some(Owner::Cgroup(cgroup)),
            GroupBy::Pod => {
                container.and_then(pod_key).map(Owner::Pod).or_else(|| container_owner(container))
            }
            _ => container_owner(container),
        };
        owner.unwrap_or_else(|| unit.map_or(Owner::Host, Owner::Unit))
    }
}

/// Whose a socket is that no process holds and whose cgroup nothing tells.
pub(crate) fn unheld<'a>(report: &SocketEntry, snapshot: &Snapshot) -> Owner<'a> {
    match report.holding {
        Holding::Orphan => Owner::Orphaned,
        Holding::Hidden => Owner::Hidden,
        // No process can hold it, hidden or not.
        _ if report.socket.is_of_kernel() => Owner::Kernel,
        _ if snapshot.scanned.unreadable > 0 => Owner::Hidden,
        _ => Owner::Kernel,
    }
}

/// The container that a block of containers or pods is about, from one of its sockets.
pub(crate) fn container_of<'a>(
    owner: Owner<'_>,
    report: &'a SocketEntry,
    snapshot: &'a Snapshot,
) -> Option<&'a Container> {
    containers(report, snapshot).find(|container| match owner {
        Owner::Container(key) => container_key(container) == Some(key),
        Owner::Pod(key) => pod_key(container) == Some(key),
        _ => false,
    })
}

/// The containers of those who hold a socket, or that it was made in.
pub(super) fn containers<'a>(
    report: &'a SocketEntry,
    snapshot: &'a Snapshot,
) -> impl Iterator<Item = &'a Container> {
    processes(report, snapshot).filter_map(|process| process.container.as_ref()).chain(&report.container)
}

/// What tells one container from another.
pub(super) fn container_key(container: &Container) -> Option<&[u8]> {
    container.id.as_deref().or_else(|| pod_key(container))
}

fn processes<'a>(report: &'a SocketEntry, snapshot: &'a Snapshot) -> impl Iterator<Item = &'a Process> {
    report.holders.iter().filter_map(|holder| snapshot.process(holder.pid))
}

fn container_owner<'a>(container: Option<&'a Container>) -> Option<Owner<'a>> {
    container.and_then(container_key).map(Owner::Container)
}

fn pod_key(container: &Container) -> Option<&[u8]> {
    container.pod_uid.as_deref().or(container.pod.as_deref())
}

/// Whether blocks of this kind come from cgroups.
fn is_place(by: GroupBy) -> bool {
    matches!(by, GroupBy::Container | GroupBy::Pod | GroupBy::Cgroup)
}
