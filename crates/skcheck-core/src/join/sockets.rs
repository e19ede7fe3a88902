//! What the passes of the join work on: what was collected, and one entry a socket.

use std::time::Instant;

use rustc_hash::FxHashSet;

use crate::collect::collected::Collected;
use crate::engine::{Engine, Limits, PageKind};
use crate::exact::measured::Blocks;
use crate::footprint::HostFacts;
use crate::holders::listeners::HeldBy;
use crate::holders::unix_links::UnixLinks;
use crate::host::Host;
use crate::join::parties::found_holders::FoundHolders;
use crate::join::parties::rare_searches::RareSearches;
use crate::model::gap::Gap;
use crate::model::holder::{Holder, Via};
use crate::model::process::Process;
use crate::model::query::Query;
use crate::model::socket::Inode;
use crate::snapshot::entry::SocketEntry;

/// What the passes work on.
pub(crate) struct Join<'a> {
    pub host: &'a dyn Host,
    pub query: &'a Query,
    pub facts: &'a HostFacts,
    /// What looks deeper than the tables, if anything does.
    pub depth: Option<Depth<'a>>,
    /// What searches for rare holders have found before.
    pub rare: Option<&'a RareSearches>,
    /// When the scan began.
    pub started: Instant,
    pub collected: Collected,
    pub unix: UnixLinks,
    pub sockets: Vec<JoinedSocket>,
    /// Unix readers whose senders are charged for what waits, and that are not in their senders' namespace.
    pub readers_elsewhere: FxHashSet<Inode>,
    /// Holders that were not met while the descriptors were collected.
    pub found: FoundHolders,
    /// The processes that hold the sockets or their other ends.
    pub processes: Vec<Process>,
    /// The distinct blocks of pages that the measured sockets pin.
    pub pages: Vec<(PageKind, Blocks)>,
    /// How many questions were asked for other ends in other namespaces.
    pub questions: usize,
    /// An engine walked what there was to walk, if not all of it.
    pub walked: bool,
    pub gaps: Vec<Gap>,
}

/// A socket of the report, with what only the join needs.
pub(crate) struct JoinedSocket {
    pub entry: SocketEntry,
    pub held_by: HeldBy,
    /// Who has the other end of a TCP or MPTCP connection.
    pub peer_held_by: Option<HeldBy>,
}

/// What looks deeper, and how deep.
#[derive(Clone, Copy)]
pub(crate) struct Depth<'a> {
    pub engine: &'a dyn Engine,
    pub limits: &'a Limits,
    /// It found the sockets, and can be asked for their holders.
    pub finds: bool,
}

impl<'a> Join<'a> {
    /// Nothing is joined yet.
    pub(crate) fn new(
        host: &'a dyn Host,
        query: &'a Query,
        facts: &'a HostFacts,
        depth: Option<Depth<'a>>,
        started: Instant,
        mut collected: Collected,
        gaps: Vec<Gap>,
    ) -> Join<'a> {
        Join {
            host,
            query,
            facts,
            depth,
            rare: None,
            started,
            unix: UnixLinks::new(&mut collected.namespaces),
            collected,
            sockets: Vec::new(),
            readers_elsewhere: FxHashSet::default(),
            found: FoundHolders::default(),
            processes: Vec::new(),
            pages: Vec::new(),
            questions: 0,
            walked: false,
            gaps,
        }
    }

    /// Whether the query names processes, so that most sockets drop out once their holders are known.
    pub(crate) fn is_about_few(&self) -> bool {
        self.query.is_about_processes() || !self.query.pids.is_empty()
    }

    /// The process to look into first for a socket: one with a descriptor of it, or of every listener at which it may
    /// wait; of several the same for each socket.
    pub(crate) fn process_with(&self, joined: &JoinedSocket) -> Option<u32> {
        let descriptors = &self.collected.survey.descriptors;
        let of_process =
            |holder: &Holder| holder.tid.is_none() && matches!(holder.via, Via::Fd | Via::AcceptQueue);
        let first = |inode| descriptors.holders(inode).find(of_process).map(|holder| holder.pid);
        let mut met = joined.held_by.inodes().map(first);
        match met.next() {
            Some(Some(pid)) => met.all(|other| other == Some(pid)).then_some(pid),
            // Who was not met with the others may have been found since.
            _ => joined.entry.holders.iter().find(|holder| of_process(holder)).map(|holder| holder.pid),
        }
    }

    /// The entries that are being made.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &SocketEntry> {
        self.sockets.iter().map(|socket| &socket.entry)
    }
}

impl JoinedSocket {
    /// One that a file holds, whose other end is not looked for.
    pub(crate) fn held_by_file(entry: SocketEntry, inode: Inode) -> JoinedSocket {
        JoinedSocket { entry, held_by: HeldBy::File(inode), peer_held_by: None }
    }
}
