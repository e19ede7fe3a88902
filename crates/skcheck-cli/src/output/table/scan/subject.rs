//! Who the answer is about.

use std::collections::BTreeSet;

use crate::output::words::names::{SnapshotNames, process_in_sentence};
use crate::report::scan::{Owner, OwnerGroup, ScanReport};
use crate::text::{Charset, listed};

/// The subject of a sentence.
pub(super) struct SentenceSubject {
    pub(super) name: String,
    plural: bool,
}

impl SentenceSubject {
    /// Whose sockets these are.
    pub(super) fn of(report: &ScanReport<'_>, group: &OwnerGroup<'_>, charset: Charset) -> SentenceSubject {
        let (name, plural) = match group.owner {
            Owner::Process(pid) => {
                let names = SnapshotNames { snapshot: report.snapshot, charset, wide: false };
                let inside = names.inside(pid).map(|place| format!(" {place}")).unwrap_or_default();
                let with = sharing(group, pid);
                let name = |pid: u32| process_in_sentence(report.snapshot, pid, charset);
                let first = format!("{}{inside}", name(pid));
                let names = std::iter::once(first).chain(with.iter().map(|pid| name(*pid))).collect();
                (listed(names), !with.is_empty())
            }
            Owner::Orphaned => ("Sockets that their process has closed".to_owned(), true),
            Owner::Hidden => ("Processes that may not be read".to_owned(), true),
            _ => ("The kernel, or a message in flight,".to_owned(), false),
        };
        SentenceSubject { name, plural }
    }

    /// The form of a verb that fits.
    pub(super) fn verb(&self, one: &'static str, many: &'static str) -> &'static str {
        if self.plural { many } else { one }
    }
}

/// The other processes that hold all of the sockets of a process: whose it is to read them does not show
/// here.
fn sharing(group: &OwnerGroup<'_>, pid: u32) -> BTreeSet<u32> {
    let mut pids = group.sockets.iter().map(|socket| socket.pids().collect());
    let mut all: BTreeSet<u32> = pids.next().unwrap_or_default();
    pids.for_each(|other: BTreeSet<u32>| all.retain(|pid| other.contains(pid)));
    all.retain(|other| *other != pid);
    all
}
