//! Where something is missing.

use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::model::netns::{Netns, NetnsFile, NetnsId};
use crate::model::protocol::Protocol;
use crate::model::table::Table;

/// Where something is missing. It displays as safe to print. Why it is missing is no part of it: the remedy of
/// the [`Gap`](crate::Gap) says that.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Place {
    /// In a table of the kernel.
    Table(Table),
    /// In all tables: NETLINK_SOCK_DIAG itself.
    SockDiag,
    /// Among the sockets of a protocol, whatever table they are in, if any.
    Protocol(Protocol),
    /// Among sockets of protocols that have no table: how many of which, by the kernel's names for them.
    Protocols(BTreeMap<Vec<u8>, u64>),
    /// At one connection whose process is not known, by its ports.
    Connection {
        /// The local port.
        local: Option<u16>,
        /// The port of the other end.
        peer: Option<u16>,
    },
    /// In a file, or in the file of this name that each process has: `/proc/PID/fd`.
    File {
        /// Its path.
        path: PathBuf,
        /// What of it, where it tells several things.
        part: Option<&'static str>,
    },
    /// On a file system that is mounted.
    FileSystem {
        /// Where it is mounted.
        point: PathBuf,
        /// Its type: `nfs4`, `fuse.sshfs`.
        kind: String,
        /// The path on it that was asked for.
        path: PathBuf,
    },
    /// In network namespaces.
    Namespaces {
        /// The first of them.
        first: Vec<NetnsName>,
        /// How many more there are.
        more: u64,
    },
    /// At processes.
    Processes {
        /// The first of them, by pid.
        first: Vec<ProcessName>,
        /// How many more there are.
        more: u64,
    },
    /// Among the network interfaces.
    Interfaces,
    /// In what an [`Engine`](crate::engine::Engine) looks at: its name.
    Engine(&'static str),
    /// On this host, and nowhere in particular.
    Host,
}

/// A process, as a gap names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct ProcessName {
    /// Its id.
    pub pid: u32,
    /// Its name (/proc/PID/comm), as bytes, where that could be read.
    pub comm: Option<Vec<u8>>,
    /// The descriptor of it that the gap is about, where it is about one.
    pub fd: Option<u32>,
}

/// A network namespace, as a gap names it: what is known of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct NetnsName {
    /// Its inode number.
    pub id: Option<NetnsId>,
    /// Its name, as bytes: that of `ip netns`.
    pub name: Option<Vec<u8>>,
    /// A file that leads into it.
    pub path: Option<PathBuf>,
}

impl Place {
    /// How many processes or namespaces a gap names.
    pub const NAMED: usize = 5;

    /// This file, all of it.
    pub(crate) fn file(path: impl Into<PathBuf>) -> Place {
        Place::File { path: path.into(), part: None }
    }

    /// One of the things that this file tells.
    pub(crate) fn part_of_file(path: impl Into<PathBuf>, part: &'static str) -> Place {
        Place::File { path: path.into(), part: Some(part) }
    }

    /// These processes, by pid, of which the first are named; nothing when there is none.
    pub(crate) fn processes(pids: &[u32], comm: impl Fn(u32) -> Option<Vec<u8>>) -> Place {
        let first: Vec<ProcessName> = pids
            .iter()
            .take(Place::NAMED)
            .map(|pid| ProcessName { pid: *pid, comm: comm(*pid), fd: None })
            .collect();
        let more = pids.len().saturating_sub(first.len()) as u64;
        Place::Processes { first, more }
    }

    /// This process alone.
    pub(crate) fn process(name: ProcessName) -> Place {
        Place::Processes { first: vec![name], more: 0 }
    }

    /// These namespaces, of which the first are named.
    pub(crate) fn namespaces<'n>(all: impl IntoIterator<Item = &'n Netns>) -> Place {
        let mut all = all.into_iter();
        let first = all.by_ref().take(Place::NAMED).map(NetnsName::of).collect();
        Place::Namespaces { first, more: all.count() as u64 }
    }

    /// This namespace alone.
    pub(crate) fn namespace(name: NetnsName) -> Place {
        Place::Namespaces { first: vec![name], more: 0 }
    }

    /// The processes that it names.
    pub fn named_processes(&self) -> &[ProcessName] {
        match self {
            Place::Processes { first, .. } => first,
            Place::Table(_)
            | Place::SockDiag
            | Place::Protocol(_)
            | Place::Protocols(_)
            | Place::Connection { .. }
            | Place::File { .. }
            | Place::FileSystem { .. }
            | Place::Namespaces { .. }
            | Place::Interfaces
            | Place::Engine(_)
            | Place::Host => &[],
        }
    }
}

impl NetnsName {
    fn of(netns: &Netns) -> NetnsName {
        let path = netns.files().first().map(NetnsFile::whole_path);
        NetnsName { id: netns.id, name: netns.name.clone(), path }
    }

    /// The one that a file leads into.
    pub(crate) fn of_file(file: &NetnsFile) -> NetnsName {
        NetnsName { id: Some(NetnsId(file.inode)), name: None, path: Some(file.whole_path()) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Table(table) => f.write_str(table.name()),
            Place::SockDiag => f.write_str("NETLINK_SOCK_DIAG"),
            Place::Protocol(protocol) => f.write_str(protocol.name()),
            Place::Protocols(sockets) => {
                for (at, (name, count)) in sockets.iter().enumerate() {
                    let name: &[u8] = if name.is_empty() { b"without a name" } else { name };
                    let comma = if at == 0 { "" } else { ", " };
                    write!(f, "{comma}{count} {}", name.escape_ascii())?;
                }
                Ok(())
            }
            Place::Connection { local, peer } => {
                let port = |port: &Option<u16>| port.map_or_else(|| "?".to_owned(), |port| port.to_string());
                write!(f, "the connection from port {} to port {}", port(local), port(peer))
            }
            Place::File { path, part: None } => write_path(f, path),
            Place::File { path, part: Some(part) } => {
                write_path(f, path)?;
                write!(f, ": {part}")
            }
            Place::FileSystem { point, kind, path, .. } => {
                write!(f, "{} at ", kind.as_bytes().escape_ascii())?;
                write_path(f, point)?;
                f.write_str(", where ")?;
                write_path(f, path)?;
                f.write_str(" lies")
            }
            Place::Namespaces { first, more } => write_first(f, first, *more),
            Place::Processes { first, more } => write_first(f, first, *more),
            Place::Interfaces => f.write_str("network interfaces"),
            Place::Engine(name) => f.write_str(name),
            Place::Host => f.write_str("this host"),
        }
    }
}

fn write_path(f: &mut fmt::Formatter<'_>, path: &Path) -> fmt::Result {
    write!(f, "{}", path.as_os_str().as_bytes().escape_ascii())
}

fn write_first(f: &mut fmt::Formatter<'_>, first: &[impl fmt::Display], more: u64) -> fmt::Result {
    for (at, name) in first.iter().enumerate() {
        write!(f, "{}{name}", if at == 0 { "" } else { ", " })?;
    }
    if more > 0 { write!(f, " and {more} more") } else { Ok(()) }
}

impl fmt::Display for ProcessName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.comm {
            Some(comm) => write!(f, "{} ({})", comm.escape_ascii(), self.pid)?,
            None => write!(f, "pid {}", self.pid)?,
        }
        self.fd.map_or(Ok(()), |fd| write!(f, ", fd {fd}"))
    }
}

/// Its name, or what leads into it: that is what a person can look into.
impl fmt::Display for NetnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, &self.path, self.id) {
            (Some(name), _, _) => write!(f, "{}", name.escape_ascii()),
            (None, Some(path), _) => write_path(f, path),
            (None, None, Some(NetnsId(inode))) => write!(f, "net:[{inode}]"),
            (None, None, None) => f.write_str("the scanner's own"),
        }
    }
}

impl From<Table> for Place {
    fn from(table: Table) -> Place {
        Place::Table(table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_as_text() {
        let check = |place: Place, expected: &str| assert_eq!(place.to_string(), expected);
        check(Place::SockDiag, "NETLINK_SOCK_DIAG");
        check(Place::Protocol(Protocol::Tcp), "tcp");
        check(Place::Protocols([(b"XDP".to_vec(), 2), (Vec::new(), 1)].into()), "1 without a name, 2 XDP");
        check(Place::Connection { local: Some(80), peer: None }, "the connection from port 80 to port ?");
        check(Place::file("/proc/a\nb"), "/proc/a\\nb");
        check(Place::part_of_file("/proc/iomem", "reserved"), "/proc/iomem: reserved");
        let (point, path) = ("/mnt".into(), "/mnt/x".into());
        let place = Place::FileSystem { point, kind: "nfs4".to_owned(), path };
        check(place, "nfs4 at /mnt, where /mnt/x lies");
        check(Place::Interfaces, "network interfaces");
        check(Place::Engine("bpf"), "bpf");
        check(Place::Host, "this host");
    }

    #[test]
    fn namespaces_are_named() {
        let file = |number: u64| NetnsFile {
            root: None,
            path: format!("/proc/{number}/ns/net").into(),
            inode: number,
        };
        let mut all: Vec<Netns> =
            (1..8).map(|number| Netns::of_files(Some(NetnsId(number)), false, vec![file(number)])).collect();
        if let [first, second, ..] = &mut all[..] {
            first.name = Some(b"bl\x1bue".to_vec());
            second.files.clear();
        }
        let place = Place::namespaces(&all);
        let expected = "bl\\x1bue, net:[2], /proc/3/ns/net, /proc/4/ns/net, /proc/5/ns/net and 2 more";
        assert_eq!(place.to_string(), expected);
        let ids = |first: &[NetnsName]| first.iter().filter_map(|name| name.id).collect::<Vec<NetnsId>>();
        let is_it = matches!(place, Place::Namespaces { first, more: 2 } if ids(&first) == [1, 2, 3, 4, 5].map(NetnsId));
        assert!(is_it);
    }
}
