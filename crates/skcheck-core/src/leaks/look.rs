//! Looks twice at who has which sockets, and at all tables.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant, SystemTime};

use rustc_hash::FxHashSet;

use crate::collect::asking::client::Asker;
use crate::collect::collected::Collected;
use crate::collect::dumps::tables::has_connections;
use crate::collect::survey::unlisted::Unlisted;
use crate::collect::survey::{identities, unlisted};
use crate::collect::{collector, host_facts};
use crate::diag::record::Record;
use crate::diag::request::States;
use crate::host::Host;
use crate::leaks::classes::{Sorted, Tableless, sort_out, unread_tables};
use crate::leaks::counts;
use crate::leaks::counts::ListedCounts;
use crate::leaks::report::{Leaks, OpenSockets, Thresholds};
use crate::model::error::Error;
use crate::model::gap::{Gap, Missing};
use crate::model::netns::NetnsId;
use crate::model::place::Place;
use crate::model::query::Query;
use crate::model::socket::Socket;
use crate::model::table::Table;

/// The first look. A while later comes the second: [`again`](FirstLook::again).
pub struct FirstLook<'h> {
    host: &'h dyn Host,
    thresholds: Thresholds,
    taken_at: SystemTime,
    begun: Instant,
    first: Collected,
    gaps: Vec<Gap>,
}

impl std::fmt::Debug for FirstLook<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FirstLook").field("taken_at", &self.taken_at).finish_non_exhaustive()
    }
}

/// Looks at every descriptor of every process, and at every table of every network namespace.
///
/// # Errors
/// When not one table could be read.
pub fn look(host: &dyn Host, thresholds: Thresholds) -> Result<FirstLook<'_>, Error> {
    let (taken_at, begun) = (host.now(), Instant::now());
    // What no socket can match: only who is known and who is not, matters here.
    let query = Query { min_recv_q: Some(u64::MAX), ..Query::default() };
    let facts = host_facts::host_facts(host, None, &mut Vec::new());
    let mut gaps = Vec::new();
    let first = collector::collect(host, &query, &facts, None, &mut gaps)?;
    // Which sockets there are, /proc/net tells as well as a table; what has no table has a place of its own.
    gaps.retain(|gap| !matches!(gap.what, Missing::TableDetail | Missing::Families));
    Ok(FirstLook { host, thresholds, taken_at, begun, first, gaps })
}

impl FirstLook<'_> {
    /// What this look alone tells, where there is no time for another: who has very many sockets open. What
    /// is in no table it takes two looks to tell.
    pub fn alone(self) -> Leaks {
        let open = counts::open(self.many(), &ListedCounts::default());
        let mut leaks = self.report(None, open, Sorted::default());
        leaks.gaps.retain(|gap| gap.what != Missing::Partial);
        let remedy =
            "told to end; it takes two looks to tell what is in no table, and this is the first: run again";
        leaks.gaps.push(Gap::uncounted(Missing::Partial, Place::Host, remedy));
        leaks
    }

    /// Looks again, and says what was so both times.
    pub fn again(self) -> Leaks {
        let again_after = self.begun.elapsed();
        let many = self.many();
        let has_unknown = self.first.survey.descriptors.unknown().next().is_some();
        let listed = self.list(&many, has_unknown);
        let sorted = sort_out(&self.tableless(), &unread_tables(&self.gaps), self.thresholds.leaked);
        self.report(Some(again_after), counts::open(many, &listed), sorted)
    }

    /// The report, with who the processes are.
    fn report(self, again_after: Option<Duration>, open: Vec<OpenSockets>, sorted: Sorted) -> Leaks {
        let Sorted { leaked, sockets, below, apart } = sorted;
        let holders = open.iter().map(|open| open.pid).chain(leaked.iter().map(|leaked| leaked.pid));
        let pids: BTreeSet<u32> = holders.collect();
        let mut gaps = self.gaps;
        let processes = identities::processes(self.host, pids.into_iter(), &mut gaps);
        gaps.extend(self.host.unanswered());
        Leaks {
            taken_at: self.taken_at,
            again_after,
            scanned: self.first.scanned,
            open,
            leaked,
            sockets,
            below,
            apart,
            processes,
            gaps,
        }
    }

    /// The processes with very many sockets, and how many each has.
    fn many(&self) -> BTreeMap<u32, u64> {
        counts::many(&self.first.survey.descriptors, self.thresholds.open)
    }

    /// Reads all tables once more. A table that changes under a dump can lose a socket that was there all
    /// along, and one that was on its way between two states may be in it now.
    fn list(&self, many: &BTreeMap<u32, u64>, for_unknown: bool) -> ListedCounts {
        let mut listed = ListedCounts::default();
        if many.is_empty() && !for_unknown {
            return listed;
        }
        let survey = &self.first.survey;
        for netns in self.first.namespaces.iter().map(|namespace| &namespace.netns) {
            // What cannot be asked is a gap of the first look.
            let Ok(asker) = Asker::open(self.host, netns) else { continue };
            let has_connections = netns.own || has_connections(&asker, netns);
            for table in Query::default().tables() {
                // A dump of connections walks those of the whole host, whichever namespace asks.
                let is_only_bound = matches!(table, Table::Tcp(_)) && !has_connections;
                let states = if is_only_bound { States::Bound } else { States::Holding };
                let mut add = |socket: &Socket| {
                    if let Some(inode) = socket.inode {
                        survey.descriptors.mark_known(inode);
                    }
                    listed.add(socket, &survey.descriptors, many);
                };
                let _ = asker.dump(table, states, &mut |record: Record<'_>| add(&record.socket));
            }
        }
        listed
    }

    /// What no table knew in either look, and is still held.
    fn tableless(&self) -> Vec<Tableless> {
        let Collected { survey, namespaces, .. } = &self.first;
        let answered = namespaces.iter().filter(|namespace| namespace.dump.refusal.is_none());
        let asked: FxHashSet<NetnsId> = answered.filter_map(|namespace| namespace.netns.id).collect();
        // A process can have sockets of other namespaces than its own.
        let everywhere = namespaces.iter().all(|namespace| namespace.dump.refusal.is_none());
        let tableless = |Unlisted { inode, holder, protocol }: Unlisted| Tableless {
            inode,
            holders: survey.descriptors.holders(inode).collect(),
            protocol,
            asked: everywhere || survey.netns_of.get(&holder.pid).is_some_and(|id| asked.contains(id)),
        };
        unlisted::look(self.host, survey).into_iter().map(tableless).collect()
    }
}
