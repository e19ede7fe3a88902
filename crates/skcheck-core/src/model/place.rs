//! Where something is missing.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use crate::model::table::Table;

/// Where something is missing. It displays as safe to print.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// In a table of the kernel.
    Table(Table),
    /// In all tables: NETLINK_SOCK_DIAG itself was refused.
    SockDiag,
    /// In a file, or in the file of this name that each process has: `/proc/PID/fd`.
    File(Cow<'static, str>),
    /// In network namespaces: which ones, or why.
    Namespaces(String),
    /// At processes.
    Processes {
        /// The first of them, by pid.
        first: Vec<ProcessName>,
        /// How many more there are.
        more: u64,
    },
    /// Among sockets of protocols that have no table: how many of which, by the kernel's names for them.
    Protocols(BTreeMap<Vec<u8>, u64>),
    /// In what an [`Engine`](crate::engine::Engine) looks at: its name.
    Engine(&'static str),
    /// On this host, as these words say.
    Host(Cow<'static, str>),
}

/// A process, as a gap names it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessName {
    /// Its id.
    pub pid: u32,
    /// Its name (/proc/PID/comm), as bytes, where that could be read.
    pub comm: Option<Vec<u8>>,
    /// The descriptor of it that the gap is about, where it is about one.
    pub fd: Option<u32>,
}

impl Place {
    /// How many processes a gap names.
    pub(crate) const NAMED: usize = 5;

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

    /// The processes that it names.
    pub fn named_processes(&self) -> &[ProcessName] {
        match self {
            Place::Processes { first, .. } => first,
            Place::Table(_)
            | Place::SockDiag
            | Place::File(_)
            | Place::Namespaces(_)
            | Place::Protocols(_)
            | Place::Engine(_)
            | Place::Host(_) => &[],
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Table(table) => f.write_str(table.name()),
            Place::SockDiag => f.write_str("NETLINK_SOCK_DIAG"),
            Place::File(path) => f.write_str(path),
            Place::Namespaces(which) => f.write_str(which),
            Place::Processes { first, more } => {
                for (at, process) in first.iter().enumerate() {
                    write!(f, "{}{process}", if at == 0 { "" } else { ", " })?;
                }
                if *more > 0 { write!(f, " and {more} more") } else { Ok(()) }
            }
            Place::Protocols(sockets) => {
                for (at, (name, count)) in sockets.iter().enumerate() {
                    let name: &[u8] = if name.is_empty() { b"without a name" } else { name };
                    let comma = if at == 0 { "" } else { ", " };
                    write!(f, "{comma}{count} {}", name.escape_ascii())?;
                }
                Ok(())
            }
            Place::Engine(name) => f.write_str(name),
            Place::Host(words) => f.write_str(words),
        }
    }
}

impl fmt::Display for ProcessName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let comm = self.comm.as_deref().unwrap_or(b"process");
        write!(f, "{} ({})", comm.escape_ascii(), self.pid)?;
        self.fd.map_or(Ok(()), |fd| write!(f, ", fd {fd}"))
    }
}

impl From<Table> for Place {
    fn from(table: Table) -> Place {
        Place::Table(table)
    }
}
