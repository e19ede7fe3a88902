//! The library's one error: nothing at all could be reported.

use std::collections::BTreeSet;
use std::fmt;
use std::io;

use crate::model::gap::{Gap, Missing};
use crate::model::place::ProcessName;

/// Why there is no report. Everything less than that is a [`Gap`] inside a report.
///
/// `{}` says it in words, and so does `{:?}`, which is what a `main` shows that returns this error: there with what
/// would help. `{:#?}` shows the parts.
#[derive(thiserror::Error)]
#[error("{context}")]
pub struct Error {
    kind: ErrorKind,
    context: String,
    gaps: Vec<Gap>,
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Error { kind, context, gaps } = self;
        if f.alternate() {
            let mut parts = f.debug_struct("Error");
            return parts.field("kind", kind).field("context", context).field("gaps", gaps).finish();
        }
        let mut told = BTreeSet::new();
        let mut remedies = gaps.iter().map(|gap| gap.remedy.as_str()).filter(|remedy| told.insert(*remedy));
        f.write_str(context)?;
        remedies.try_for_each(|remedy| write!(f, "; {remedy}"))
    }
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

    pub(crate) fn no_socket(process: &ProcessName, fd: u32, why: &str) -> Error {
        let context = format!("fd {fd} of {process}: {why}");
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::table::{IpVersion, Table};

    #[test]
    fn debug_is_a_sentence_with_what_helps() {
        let refused = |table| Gap::counted(Missing::Table, table, 1, "run as root");
        let gaps = vec![refused(Table::Tcp(IpVersion::V4)), refused(Table::Unix)];
        let shown = format!("{:?}", Error::no_tables(gaps));
        assert_eq!(
            shown,
            "no socket table could be read: 1 socket table not seen (tcp over IPv4); 1 socket table not seen (unix); \
             run as root"
        );
        let parts = format!("{:#?}", Error::empty_query());
        assert!(parts.starts_with("Error {\n    kind: EmptyQuery,"), "{parts}");
        assert_eq!(format!("{:?}", Error::empty_query()), Error::empty_query().to_string());
    }
}
