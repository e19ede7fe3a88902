//! What to call processes, containers and namespaces. All of them are names that others chose, made safe for a
//! terminal here.

use skcheck_core::{Container, Endpoint, Holder, Holding, Netns, Process, Snapshot, SocketEntry};

use crate::output::words::address::endpoint_of;
use crate::report::scan::{Owner, OwnerGroup, container_of, unheld};
use crate::text::{Charset, escape};

/// Marks a process that was found by addresses alone.
pub(in crate::output) const INFERRED: &str = "~";

/// Turns what is known of a snapshot into text.
#[derive(Clone, Copy)]
pub(in crate::output) struct SnapshotNames<'a> {
    pub(in crate::output) snapshot: &'a Snapshot,
    pub(in crate::output) charset: Charset,
    /// Whether namespaces and containers are named, and ids in other pid namespaces.
    pub(in crate::output) wide: bool,
}

impl SnapshotNames<'_> {
    fn escape(&self, name: &[u8]) -> String {
        escape(name, self.charset)
    }

    /// Whose sockets these are: the name, and what else there is to say about it.
    pub(in crate::output) fn group(&self, group: &OwnerGroup<'_>) -> (String, String) {
        let sample = group.sockets.first();
        let container = sample.and_then(|report| container_of(group.owner, report, self.snapshot));
        match group.owner {
            Owner::Container(id) => match container.and_then(Container::label) {
                Some(label) => (self.escape(&label), container.map(|it| self.about(it)).unwrap_or_default()),
                None => (self.escape(id), String::new()),
            },
            Owner::Pod(uid) => {
                let label = container.and_then(Container::pod_label).unwrap_or_else(|| uid.to_vec());
                let about = if label == uid { String::new() } else { format!("uid {}", self.escape(uid)) };
                (self.escape(&label), about)
            }
            Owner::Netns(id) => match self.snapshot.netns(id) {
                Some(netns) => (self.netns_label(netns), format!("net:[{}]", id.0)),
                None => (format!("net:[{}]", id.0), String::new()),
            },
            Owner::Cgroup(path) => {
                let last = path.rsplit(|&byte| byte == b'/').find(|part| !part.is_empty()).unwrap_or(b"/");
                (self.escape(last), self.escape(path))
            }
            owner => (self.owner(owner), String::new()),
        }
    }

    /// An owner that a few words name.
    pub(in crate::output) fn owner(&self, owner: Owner<'_>) -> String {
        match owner {
            Owner::Process(pid) => self.process(pid),
            Owner::Orphaned => "(orphaned)".to_owned(),
            Owner::Kernel => "(kernel, in flight)".to_owned(),
            Owner::Hidden => "(hidden process)".to_owned(),
            Owner::Host => "(no container)".to_owned(),
            Owner::UnknownNetns => "(in no table)".to_owned(),
            Owner::UnknownCgroup => "(cgroup unknown)".to_owned(),
            Owner::Netns(id) => format!("net:[{}]", id.0),
            Owner::Container(name) | Owner::Pod(name) | Owner::Unit(name) | Owner::Cgroup(name) => {
                self.escape(name)
            }
        }
    }

    /// A process by name and pid, and by its pid in its own pid namespace.
    pub(in crate::output) fn process(&self, pid: u32) -> String {
        let process = self.snapshot.process(pid);
        let comm = process.and_then(|process| process.comm.as_deref());
        let name = comm.map_or_else(|| "?".to_owned(), |comm| self.escape(comm));
        match process.and_then(|process| process.ns_pid).filter(|_| self.wide) {
            Some(inside) => format!("{name} {pid} ({inside} inside)"),
            None => format!("{name} {pid}"),
        }
    }

    /// Who holds a socket.
    pub(in crate::output) fn holders(&self, report: &SocketEntry) -> String {
        if report.holders.is_empty() {
            return self.owner(unheld(report, self.snapshot));
        }
        self.processes(&report.holders)
    }

    /// Who holds the other end of a socket.
    pub(in crate::output) fn peer(&self, report: &SocketEntry) -> String {
        let names = self.processes(&report.peer_holders);
        if report.peer_inferred && !names.is_empty() { format!("{INFERRED}{names}") } else { names }
    }

    /// The first process of these, and how many more there are.
    fn processes(&self, holders: &[Holder]) -> String {
        let mut pids: Vec<u32> = holders.iter().map(|holder| holder.pid).collect();
        pids.sort_unstable();
        pids.dedup();
        match pids.as_slice() {
            [] => String::new(),
            [pid] => self.process(*pid),
            [pid, more @ ..] => format!("{} +{}", self.process(*pid), more.len()),
        }
    }

    /// The namespace of a socket.
    pub(in crate::output) fn netns(&self, report: &SocketEntry) -> String {
        let Some(id) = report.netns.filter(|_| self.wide) else { return String::new() };
        self.snapshot.netns(id).map_or_else(|| format!("net:[{}]", id.0), |netns| self.netns_label(netns))
    }

    fn netns_label(&self, netns: &Netns) -> String {
        match (netns.label(), netns.own, netns.id) {
            (Some(label), _, _) => self.escape(&label),
            (None, true, _) => "(own)".to_owned(),
            (None, false, Some(id)) => format!("net:[{}]", id.0),
            (None, false, None) => "?".to_owned(),
        }
    }

    /// The container of a process, else its unit.
    pub(in crate::output) fn place_of_process(&self, pid: u32) -> String {
        let Some(process) = self.snapshot.process(pid).filter(|_| self.wide) else { return String::new() };
        let Process { container, unit, .. } = process;
        self.place(container.as_ref(), unit.as_deref())
    }

    /// The container of a socket's first holder, else the unit; for a socket without holder those that
    /// its cgroup tells.
    pub(in crate::output) fn place_of_socket(&self, report: &SocketEntry) -> String {
        match report.pids().next() {
            Some(pid) => self.place_of_process(pid),
            None if self.wide => self.place(report.container.as_ref(), report.unit.as_deref()),
            None => String::new(),
        }
    }

    /// Where the process was that has closed a socket, as the socket's cgroup tells.
    pub(in crate::output) fn place_of_orphan(&self, report: &SocketEntry) -> Option<String> {
        let path = report.cgroup.as_deref().filter(|_| report.holding == Holding::Orphan)?;
        let place = self.place(report.container.as_ref(), report.unit.as_deref());
        Some(if place.is_empty() {
            format!("of cgroup {}", self.escape(path))
        } else {
            format!("of {place}")
        })
    }

    fn place(&self, container: Option<&Container>, unit: Option<&[u8]>) -> String {
        let Some(container) = container else {
            return unit.map(|unit| self.escape(unit)).unwrap_or_default();
        };
        let pod = container.pod_label().filter(|_| container.id.is_some());
        let names: Vec<String> =
            pod.into_iter().chain(container.label()).map(|name| self.escape(&name)).collect();
        names.join("/")
    }

    /// What a container's name does not say: its pod, its runtime, its id.
    fn about(&self, container: &Container) -> String {
        let mut parts = Vec::new();
        parts.extend(container.pod_label().map(|pod| format!("pod {}", self.escape(&pod))));
        let id = container.id.as_deref().map(|id| self.escape(id)).unwrap_or_default();
        let runtime = container.runtime.map_or("container", |runtime| runtime.name());
        parts.push(format!("{runtime} {id}").trim_end().to_owned());
        parts.join(", ")
    }

    /// The container or pod of a process in a sentence: `in pod prod/api-7d9c`.
    pub(in crate::output) fn inside(&self, pid: u32) -> Option<String> {
        let container = self.snapshot.process(pid)?.container.as_ref()?;
        match container.pod_label() {
            Some(pod) => Some(format!("in pod {}", self.escape(&pod))),
            None => Some(format!("in container {}", self.escape(&container.label()?))),
        }
    }

    /// An address of a socket.
    pub(in crate::output) fn endpoint(&self, end: &Endpoint, report: &SocketEntry) -> String {
        endpoint_of(end, &report.socket, report.interface_name.as_deref(), self.charset)
    }
}

/// A process in a sentence.
pub(in crate::output) fn process_in_sentence(snapshot: &Snapshot, pid: u32, charset: Charset) -> String {
    let comm = snapshot.process(pid).and_then(|process| process.comm.as_deref());
    comm.map_or_else(|| format!("process {pid}"), |comm| format!("{} ({pid})", escape(comm, charset)))
}
