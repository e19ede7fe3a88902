//! The library's one error: nothing at all could be reported.

use std::io;

use crate::model::gap::{Gap, Missing};
use crate::model::holder::Holder;

/// Why there is no report. Everything less than that is a [`Gap`] inside a report.
#[derive(Debug, thiserror::Error)]
#[error("{context}")]
pub struct Error {
    kind: ErrorKind,
    context: String,
    gaps: Vec<Gap>,
}

/// The kinds of [`Error`], for programs that act on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No socket table could be read, neither through NETLINK_SOCK_DIAG nor from /proc/net.
    NoTables,
    /// The query asks for nothing: no protocol is left in it.
    EmptyQuery,
    /// The descriptor that was asked for refers to no socket that can be looked into.
    NoSocket,
    /// The engine could not look.
    Engine,
    /// The host's memory counters (/proc/meminfo) could not be read or understood.
    NoMemory,
    /// There is no such cgroup, or it counts no memory.
    NoCgroup,
}

impl Error {
    pub(crate) fn no_tables(gaps: Vec<Gap>) -> Error {
        let is_about_tables =
            |gap: &&Gap| matches!(gap.what, Missing::Table | Missing::SockDiag | Missing::Namespaces);
        let places: Vec<String> = gaps.iter().filter(is_about_tables).map(Gap::to_string).collect();
        let context = format!("no socket table could be read: {}", places.join("; "));
        Error { kind: ErrorKind::NoTables, context, gaps }
    }

    pub(crate) fn empty_query() -> Error {
        Error {
            kind: ErrorKind::EmptyQuery,
            context: "the query names no protocol and address family to look at".to_owned(),
            gaps: Vec::new(),
        }
    }

    pub(crate) fn no_socket(holder: Holder, why: &str) -> Error {
        let context = format!("fd {} of pid {}: {why}", holder.fd, holder.pid);
        Error { kind: ErrorKind::NoSocket, context, gaps: Vec::new() }
    }

    pub(crate) fn engine(name: &str, error: &io::Error) -> Error {
        let context = format!("{name}: {error}");
        Error { kind: ErrorKind::Engine, context, gaps: Vec::new() }
    }

    pub(crate) fn no_meminfo() -> Error {
        let context = "/proc/meminfo cannot be read, or lacks what every kernel tells".to_owned();
        Error { kind: ErrorKind::NoMemory, context, gaps: Vec::new() }
    }

    pub(crate) fn no_cgroup(path: &[u8], why: &str) -> Error {
        let context = format!("cgroup {}: {why}", path.escape_ascii());
        Error { kind: ErrorKind::NoCgroup, context, gaps: Vec::new() }
    }

    /// The same, with more that could not be seen.
    pub(crate) fn with(mut self, gaps: Vec<Gap>) -> Error {
        self.gaps.extend(gaps);
        self
    }

    /// What kind of error this is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What was tried, and what would help.
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }
}
