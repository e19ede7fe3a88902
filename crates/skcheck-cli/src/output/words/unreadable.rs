//! What could not be read of a reader, in words.

use skcheck_core::watch::cause::{Cause, CauseCode, Fact};
use skcheck_core::watch::evidence::UnreadablePart;

/// What keeps a cause from being known; `None` where it is.
pub(in crate::output) fn unread(cause: &Cause) -> Option<UnreadablePart> {
    let missing = cause.evidence.iter().filter_map(|fact| match fact {
        Fact::Missing(unread) => Some(*unread),
        _ => None,
    });
    missing.min().filter(|_| cause.code == CauseCode::Unknown)
}

/// Something that could not be read.
pub(in crate::output) struct MissingWords {
    /// In a table.
    pub(in crate::output) short: &'static str,
    /// As a clause.
    pub(in crate::output) what: &'static str,
    /// What would show it.
    pub(in crate::output) remedy: Option<&'static str>,
}

/// What could not be read, in words.
pub(in crate::output) fn missing(unread: UnreadablePart) -> MissingWords {
    const ROOT: &str = "run as root, or grant CAP_SYS_PTRACE";
    let (short, what, remedy) = match unread {
        UnreadablePart::NoAnswer => ("no answer", "its process did not answer when it was asked", None),
        UnreadablePart::Threads => ("not permitted", "its threads may not be looked at", Some(ROOT)),
        UnreadablePart::Descriptors => {
            ("not permitted", "its descriptors and epoll sets may not be looked at", Some(ROOT))
        }
        UnreadablePart::Cgroup => (
            "no cgroup",
            "its cgroup cannot be read",
            Some("run as root; in a container, mount the host's / and give --host-root"),
        ),
        UnreadablePart::Process => ("ended", "it ended meanwhile", None),
        UnreadablePart::MoreThreads => ("too many threads", "it has more threads than are looked at", None),
        UnreadablePart::NotLookedAt => (
            "not looked at",
            "its process was not looked at",
            Some("only the heaviest are looked at, and those that match (ask for it with --pid)"),
        ),
        _ => ("not read", "something could not be read", Some("run as root")),
    };
    MissingWords { short, what, remedy }
}
