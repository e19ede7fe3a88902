//! What to call processes, containers, namespaces and addresses. All of them are names that others
//! chose, made safe for a terminal here.

use std::net::IpAddr;

use skcheck_core::{Container, Endpoint, Holder, Holding, Netns, Process, Snapshot, Socket, SocketEntry};

use crate::output::numbers;
use crate::report::{Group, Owner, container_of, unheld};
use crate::text::{Charset, escape};

/// Marks a process that was found by addresses alone.
pub(super) const INFERRED: &str = "~";

/// A descriptor, and the thread whose own table it is in; or that there is none.
pub(super) fn descriptor(holder: &Holder) -> String {
    match holder.tid {
        _ if holder.number().is_none() => "a mapping".to_owned(),
        Some(tid) => format!("fd {} of thread {tid}", holder.fd),
        None => format!("fd {}", holder.fd),
    }
}

/// Turns what is known of a snapshot into text.
#[derive(Clone, Copy)]
pub(super) struct Writer<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) charset: Charset,
    /// Whether namespaces and containers are named, and ids in other pid namespaces.
    pub(super) wide: bool,
    /// Whether there is something to say about what was measured.
    pub(super) measured: bool,
}

impl Writer<'_> {
    fn escape(&self, name: &[u8]) -> String {
        escape(name, self.charset)
    }

    /// Whose sockets these are: the name, and what else there is to say about it.
    pub(super) fn group(&self, group: &Group<'_>) -> (String, String) {
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
    pub(super) fn owner(&self, owner: Owner<'_>) -> String {
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
    pub(super) fn process(&self, pid: u32) -> String {
        let process = self.snapshot.process(pid);
        let comm = process.and_then(|process| process.comm.as_deref());
        let name = comm.map_or_else(|| "?".to_owned(), |comm| self.escape(comm));
        match process.and_then(|process| process.ns_pid).filter(|_| self.wide) {
            Some(inside) => format!("{name} {pid} ({inside} inside)"),
            None => format!("{name} {pid}"),
        }
    }

    /// Who holds a socket.
    pub(super) fn holders(&self, report: &SocketEntry) -> String {
        if report.holders.is_empty() {
            return self.owner(unheld(report, self.snapshot));
        }
        self.processes(&report.holders)
    }

    /// Who holds the other end of a socket.
    pub(super) fn peer(&self, report: &SocketEntry) -> String {
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
    pub(super) fn netns(&self, report: &SocketEntry) -> String {
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
    pub(super) fn place_of_process(&self, pid: u32) -> String {
        let Some(process) = self.snapshot.process(pid).filter(|_| self.wide) else { return String::new() };
        let Process { container, unit, .. } = process;
        self.place(container.as_ref(), unit.as_deref())
    }

    /// The container of a socket's first holder, else the unit; for a socket without holder those that
    /// its cgroup tells.
    pub(super) fn place_of_socket(&self, report: &SocketEntry) -> String {
        match report.pids().first() {
            Some(pid) => self.place_of_process(*pid),
            None if self.wide => self.place(report.container.as_ref(), report.unit.as_deref()),
            None => String::new(),
        }
    }

    /// Where the process was that has closed a socket, as the socket's cgroup tells.
    pub(super) fn place_of_orphan(&self, report: &SocketEntry) -> Option<String> {
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
    pub(super) fn inside(&self, pid: u32) -> Option<String> {
        let container = self.snapshot.process(pid)?.container.as_ref()?;
        match container.pod_label() {
            Some(pod) => Some(format!("in pod {}", self.escape(&pod))),
            None => Some(format!("in container {}", self.escape(&container.label()?))),
        }
    }

    /// An address of a socket.
    pub(super) fn endpoint(&self, end: &Endpoint, report: &SocketEntry) -> String {
        endpoint_of(end, &report.socket, report.interface_name.as_deref(), self.charset)
    }
}

/// An address of this socket, the name of whose interface may not be known: without any a packet socket would
/// look as if it were bound to none.
pub(super) fn endpoint_of(
    end: &Endpoint,
    socket: &Socket,
    interface: Option<&str>,
    charset: Charset,
) -> String {
    let number = socket.interface.filter(|_| matches!(end, Endpoint::Packet { .. }));
    let number = number.map(|index| format!("if{index}"));
    endpoint(end, interface.or(number.as_deref()), charset)
}

/// An address; `interface` is the one that its socket is bound to.
pub(super) fn endpoint(endpoint: &Endpoint, interface: Option<&str>, charset: Charset) -> String {
    let safe = |name: &[u8]| escape(name, charset);
    match endpoint {
        Endpoint::Ip { addr, port } => {
            let port = if *port == 0 { "*".to_owned() } else { port.to_string() };
            let scope = interface.map(|name| format!("%{}", safe(name.as_bytes())));
            let scope = scope.unwrap_or_default();
            match addr {
                IpAddr::V4(addr) => format!("{addr}{scope}:{port}"),
                IpAddr::V6(addr) => format!("[{addr}]{scope}:{port}"),
            }
        }
        // An abstract name is shown behind an @, so a path must not begin with one.
        Endpoint::Path(path) if path.starts_with(b"@") => format!("./{}", safe(path)),
        Endpoint::Path(path) => safe(path),
        Endpoint::Abstract(name) => format!("@{}", safe(name)),
        Endpoint::Unnamed => "(unnamed)".to_owned(),
        Endpoint::Raw { addr, protocol } => {
            let scope = interface.map(|name| format!("%{}", safe(name.as_bytes()))).unwrap_or_default();
            let protocol =
                numbers::ip_protocol(*protocol).map_or_else(|| protocol.to_string(), str::to_owned);
            match addr {
                IpAddr::V4(addr) => format!("{addr}{scope}:{protocol}"),
                IpAddr::V6(addr) => format!("[{addr}]{scope}:{protocol}"),
            }
        }
        Endpoint::Packet { protocol } => {
            let frames = numbers::ethernet_protocol(*protocol)
                .map_or_else(|| format!("{protocol:#06x}"), str::to_owned);
            format!("{frames}:{}", interface.map_or_else(|| "*".to_owned(), |name| safe(name.as_bytes())))
        }
        Endpoint::Netlink { protocol, portid } => {
            let name =
                numbers::netlink_protocol(*protocol).map_or_else(|| protocol.to_string(), str::to_owned);
            let portid = if *portid == 0 { "kernel".to_owned() } else { portid.to_string() };
            format!("{name}:{portid}")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_of_threads() {
        assert_eq!(descriptor(&Holder::new(4711, 5)), "fd 5");
        assert_eq!(descriptor(&Holder::of_thread(4711, 4712, 5)), "fd 5 of thread 4712");
        assert_eq!(descriptor(&Holder::of_mapping(4711)), "a mapping");
    }
}
