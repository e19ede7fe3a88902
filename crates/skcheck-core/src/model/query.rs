//! What is asked for: which tables, which sockets, from which size on.

use crate::glob;
use crate::model::container::Container;
use crate::model::families::protocol_set::Protocols;
use crate::model::netns::NetnsChoice;
use crate::model::process::Process;
use crate::model::protocol::{Family, Protocol};
use crate::model::socket::Socket;
use crate::model::state::State;
use crate::model::table::Table;

/// Which sockets a report is about. All conditions must hold together.
///
/// Sizes are bytes and mean "at least". The default asks for every socket of every protocol that
/// has something in a queue, and for TCP sockets that are closed and still held.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Query {
    /// What the sockets speak. With [`Protocols::MPTCP`] subflows are shown as parts of the sockets that they
    /// carry. Of [`Protocols::ALL`] vsock sockets are asked for only where a descriptor refers to one, since for a
    /// mere question the kernel loads a module: any other set names what is in it.
    pub protocols: Protocols,
    /// Look at sockets of the IPv4 family.
    pub ipv4: bool,
    /// Look at sockets of the IPv6 family.
    pub ipv6: bool,
    /// Only these states; all when empty.
    pub states: Vec<State>,
    /// Recv-Q, as `ss` prints it, is at least this. A listener's count of connections is no size.
    pub min_recv_q: Option<u64>,
    /// Send-Q, as `ss` prints it, is at least this.
    pub min_send_q: Option<u64>,
    /// The kernel charges at least this for one of the two sides, or its rings take as much.
    pub min_charged: Option<u64>,
    /// One of the two sides can pin at least this, or its rings take as much.
    pub min_worst: Option<u64>,
    /// Only sockets that one of these processes holds; all when empty.
    pub pids: Vec<u32>,
    /// Only sockets held by a process with this in its comm or in the base name of its command.
    pub process: Option<Vec<u8>>,
    /// Only sockets of a container with this name, or whose id begins with this (four digits or more).
    pub container: Option<Vec<u8>>,
    /// Only sockets of the pod with this name, `namespace/name`, or uid.
    pub pod: Option<Vec<u8>>,
    /// Only sockets of a cgroup whose path matches this pattern: `*` stands for any bytes, `/`
    /// included, `?` for one.
    pub cgroup: Option<Vec<u8>>,
    /// Only IP sockets with this port at either end.
    pub port: Option<u16>,
    /// Sockets with empty queues too.
    pub include_idle: bool,
    /// Which network namespaces to look at.
    pub netns: NetnsChoice,
    /// Look for every holder of every socket that matches: at the tables of all threads, rings of io_uring
    /// and messages in flight too, however long it takes. Otherwise only for sockets that carry data and that
    /// nobody else holds.
    pub deep: bool,
}

impl Default for Query {
    fn default() -> Query {
        Query {
            protocols: Protocols::ALL,
            ipv4: true,
            ipv6: true,
            states: Vec::new(),
            min_recv_q: None,
            min_send_q: None,
            min_charged: None,
            min_worst: None,
            pids: Vec::new(),
            process: None,
            container: None,
            pod: None,
            cgroup: None,
            port: None,
            include_idle: false,
            netns: NetnsChoice::All,
            deep: false,
        }
    }
}

impl Query {
    /// One that asks for these protocols, else as the default.
    pub fn of(protocols: Protocols) -> Query {
        Query { protocols, ..Query::default() }
    }

    /// The tables to dump, in the order of [`Table::ALL`]. Those of rare sockets (vsock) are among them only if
    /// protocols are named: of a query for all they are asked where a descriptor refers to such a socket.
    pub fn tables(&self) -> Vec<Table> {
        self.wanted_tables().filter(|table| self.names_protocols() || !table.row().is_rare).collect()
    }

    /// The tables to dump after those, where descriptors refer to sockets of protocols with these names.
    pub(crate) fn tables_held(&self, names: &[&[u8]]) -> Vec<Table> {
        let is_held = |table: &Table| names.iter().any(|name| table.is_called(name));
        let is_later = |table: &Table| !self.names_protocols() && table.row().is_rare;
        self.wanted_tables().filter(|table| is_later(table) && is_held(table)).collect()
    }

    /// Whether tables are asked only where a descriptor refers to a socket of theirs.
    pub(crate) fn asks_later(&self) -> bool {
        !self.names_protocols() && self.wanted_tables().any(|table| table.row().is_rare)
    }

    fn names_protocols(&self) -> bool {
        self.protocols != Protocols::ALL
    }

    fn wanted_tables(&self) -> impl Iterator<Item = Table> {
        Table::ALL.into_iter().filter(|table| self.wants_table(*table))
    }

    fn wants_table(&self, table: Table) -> bool {
        let speaks = table.row().speaks.iter();
        self.wants_family(table.family()) && speaks.copied().any(|protocol| self.wants_protocol(protocol))
    }

    /// Whether any size is asked for. A socket whose sizes are unknown satisfies none.
    pub(crate) fn has_threshold(&self) -> bool {
        [self.min_recv_q, self.min_send_q, self.min_charged, self.min_worst].iter().any(Option::is_some)
    }

    /// Whether sockets that are closed and still held are asked for, as far as the query tells
    /// without their holders.
    pub(crate) fn wants_closed_held(&self) -> bool {
        self.wants_protocol(Protocol::Tcp) && (self.ipv4 || self.ipv6) && self.wants_state(State::ClosedHeld)
    }

    /// Whether the query compares what nobody knows of a socket that is closed and still held: a
    /// size, or a port.
    pub(crate) fn compares_the_unknown(&self) -> bool {
        self.has_threshold() || self.port.is_some()
    }

    /// Whether sockets of this address family are asked for, as far as families are.
    pub(crate) fn wants_family(&self, family: Family) -> bool {
        match family {
            Family::Ipv4 => self.ipv4,
            Family::Ipv6 => self.ipv6,
            Family::Unix | Family::Packet | Family::Netlink | Family::Vsock => true,
        }
    }

    /// Whether sockets of this protocol are asked for.
    pub(crate) fn wants_protocol(&self, protocol: Protocol) -> bool {
        self.protocols.contains(protocol)
    }

    /// Whether sockets of every family and protocol are asked for, whatever their port.
    pub(crate) fn wants_all_protocols(&self) -> bool {
        self.protocols == Protocols::ALL && self.ipv4 && self.ipv6 && self.port.is_none()
    }

    /// Whether both TCP tables are asked for.
    pub(crate) fn wants_all_tcp(&self) -> bool {
        self.wants_protocol(Protocol::Tcp) && self.ipv4 && self.ipv6
    }

    /// Whether the record alone satisfies protocols, states, port, Recv-Q and Send-Q.
    pub(crate) fn matches_record(&self, socket: &Socket) -> bool {
        let at_least = |size: Option<u64>, min: Option<u64>| min.is_none_or(|min| size >= Some(min));
        let port = |port| socket.local.port() == Some(port) || socket.peer.port() == Some(port);
        self.wants_protocol(socket.protocol)
            && self.wants_state(socket.state)
            && self.port.is_none_or(port)
            && at_least(socket.recv_q.size(), self.min_recv_q)
            && at_least(socket.send_q.size(), self.min_send_q)
    }

    /// Whether anything is asked of the processes that hold a socket, other than their ids.
    pub fn is_about_processes(&self) -> bool {
        [&self.process, &self.container, &self.pod, &self.cgroup].iter().any(|wanted| wanted.is_some())
    }

    /// Whether a process satisfies name, container, pod and cgroup.
    pub fn matches_process(&self, process: &Process) -> bool {
        self.process.as_ref().is_none_or(|name| process.is_named(name))
            && self.matches_group(process.cgroup.as_deref(), process.container.as_ref())
    }

    /// Whether the cgroup of a socket that no process holds satisfies container, pod and cgroup. No
    /// such socket is of a process with a name.
    pub(crate) fn matches_unheld(&self, cgroup: Option<&[u8]>, container: Option<&Container>) -> bool {
        self.process.is_none() && self.matches_group(cgroup, container)
    }

    fn matches_group(&self, cgroup: Option<&[u8]>, container: Option<&Container>) -> bool {
        let contained = |wanted: &Option<Vec<u8>>, is: fn(&Container, &[u8]) -> bool| {
            wanted.as_ref().is_none_or(|wanted| container.is_some_and(|container| is(container, wanted)))
        };
        contained(&self.container, Container::is_called)
            && contained(&self.pod, Container::is_of_pod)
            && self.cgroup.as_ref().is_none_or(|glob| cgroup.is_some_and(|path| glob::matches(glob, path)))
    }

    fn wants_state(&self, state: State) -> bool {
        self.states.is_empty() || self.states.contains(&state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_tables_are_asked_at_once_only_by_name() {
        let check = |protocols, at_once: bool, later: bool| {
            let query = Query::of(protocols);
            assert_eq!(query.tables().contains(&Table::Vsock), at_once, "{protocols:?}");
            let held = query.tables_held(&[b"AF_VSOCK", b"TCP"]);
            assert_eq!(held, if later { vec![Table::Vsock] } else { Vec::new() }, "{protocols:?}");
            assert_eq!(
                (query.asks_later(), query.tables_held(&[b"TCP"])),
                (later, Vec::new()),
                "{protocols:?}"
            );
        };
        check(Protocols::ALL, false, true);
        check(Protocols::ALL - Protocols::NETLINK, true, false);
        check(Protocols::TCP | Protocols::VSOCK, true, false);
        check(Protocols::VSOCK, true, false);
        check(Protocols::of(&[Protocol::VsockStream]), true, false);
        check(Protocols::TCP, false, false);
        check(Protocols::NONE, false, false);
    }
}
