//! Looks twice at who has which sockets, and at all tables.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Instant, SystemTime};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::collect::client::Asker;
use crate::collect::first_pass::FirstPass;
use crate::collect::tables::has_connections;
use crate::collect::unlisted::Unlisted;
use crate::collect::{identities, pass, read, unlisted};
use crate::diag::record::Record;
use crate::diag::request::States;
use crate::host::Host;
use crate::leaks::{Apart, Below, Leaks, Open, Sorted, Suspect, Thresholds, sort_out};
use crate::model::error::Error;
use crate::model::gap::{Gap, Missing};
use crate::model::holder::Holder;
use crate::model::netns::NetnsId;
use crate::model::place::Place;
use crate::model::protocol::Protocol;
use crate::model::query::Query;
use crate::model::socket::{Inode, Socket};
use crate::model::state::State;
use crate::model::table::Table;

/// The first look. A while later comes the second: [`again`](Look::again).
pub struct Look<'h> {
    host: &'h dyn Host,
    thresholds: Thresholds,
    taken_at: SystemTime,
    begun: Instant,
    first: FirstPass,
    gaps: Vec<Gap>,
}

impl std::fmt::Debug for Look<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Look").field("taken_at", &self.taken_at).finish_non_exhaustive()
    }
}

/// Looks at every descriptor of every process, and at every table of every network namespace.
///
/// # Errors
/// When not one table could be read.
pub fn look(host: &dyn Host, thresholds: Thresholds) -> Result<Look<'_>, Error> {
    let (taken_at, begun) = (host.now(), Instant::now());
    // What no socket can match: only who is known and who is not, matters here.
    let query = Query { min_recv_q: Some(u64::MAX), ..Query::default() };
    let facts = read::host_facts(host, None, &mut Vec::new());
    let mut gaps = Vec::new();
    let first = pass::run(host, &query, &facts, None, &mut gaps)?;
    // Which sockets there are, /proc/net tells as well as a table; what has no table has a place of its own.
    gaps.retain(|gap| !matches!(gap.what, Missing::TableDetail | Missing::Families));
    Ok(Look { host, thresholds, taken_at, begun, first, gaps })
}

/// How many sockets of a process the tables list, by protocol and state.
type Listed = FxHashMap<(u32, Protocol, State), u64>;

impl Look<'_> {
    /// What this look alone tells, where there is no time for another: who has very many sockets open. What
    /// is in no table it takes two looks to tell.
    pub fn alone(mut self) -> Leaks {
        let open = open(self.many(), &Listed::default());
        let mut gaps = std::mem::take(&mut self.gaps);
        let processes = identities::processes(self.host, open.iter().map(|open| open.pid), &mut gaps);
        gaps.extend(self.host.unanswered());
        gaps.retain(|gap| gap.what != Missing::Partial);
        let remedy = "it takes two looks to tell what is in no table, and this is the first: run again";
        gaps.push(Gap::uncounted(Missing::Partial, Place::Host("told to end".into()), remedy));
        Leaks {
            taken_at: self.taken_at,
            again_after: None,
            scanned: self.first.scanned,
            open,
            leaked: Vec::new(),
            sockets: 0,
            below: Below::default(),
            apart: Apart::default(),
            processes,
            gaps,
        }
    }

    /// Looks again, and says what was so both times.
    pub fn again(mut self) -> Leaks {
        let again_after = self.begun.elapsed();
        let many = self.many();
        let unknown: Vec<(Inode, Holder)> = self.first.survey.descriptors.unknown().collect();
        let listed = self.list(&many, !unknown.is_empty());
        let suspects = self.suspects();
        let unread = self.unread();
        let Sorted { leaked, sockets, below, apart } = sort_out(&suspects, &unread, self.thresholds.leaked);
        let open = open(many, &listed);
        let pids: BTreeSet<u32> =
            open.iter().map(|open| open.pid).chain(leaked.iter().map(|leaked| leaked.pid)).collect();
        let mut gaps = std::mem::take(&mut self.gaps);
        let processes = identities::processes(self.host, pids.into_iter(), &mut gaps);
        gaps.extend(self.host.unanswered());
        Leaks {
            taken_at: self.taken_at,
            again_after: Some(again_after),
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
        let mut counts: FxHashMap<u32, (Option<Inode>, u64)> = FxHashMap::default();
        for (inode, holder) in self.first.survey.descriptors.iter() {
            // They come by inode: several descriptors of one socket come one behind the other.
            let (last, count) = counts.entry(holder.pid).or_default();
            if last.replace(inode) != Some(inode) {
                *count += 1;
            }
        }
        let many = counts.into_iter().map(|(pid, (_, count))| (pid, count));
        many.filter(|(_, count)| *count >= self.thresholds.open).collect()
    }

    /// Reads all tables once more. A table that changes under a dump can lose a socket that was there all
    /// along, and one that was on its way between two states may be in it now.
    fn list(&self, many: &BTreeMap<u32, u64>, for_unknown: bool) -> Listed {
        let mut listed = Listed::default();
        if many.is_empty() && !for_unknown {
            return listed;
        }
        let mut counted = FxHashSet::default();
        let survey = &self.first.survey;
        for netns in &survey.namespaces {
            // What cannot be asked is a gap of the first look.
            let Ok(asker) = Asker::open(self.host, netns) else { continue };
            let has_connections = netns.own || has_connections(&asker, netns);
            for table in Query::default().tables() {
                // A dump of connections walks those of the whole host, whichever namespace asks.
                let states = match table {
                    Table::Tcp(_) if !has_connections => States::Bound,
                    _ => States::Holding,
                };
                let mut add = |socket: &Socket| {
                    let Some(inode) = socket.inode else { return };
                    survey.descriptors.mark_known(inode);
                    let mut pids: Vec<u32> =
                        survey.descriptors.holders(inode).map(|holder| holder.pid).collect();
                    pids.dedup();
                    pids.retain(|pid| many.contains_key(pid));
                    if !pids.is_empty() && counted.insert(inode) {
                        for pid in pids {
                            *listed.entry((pid, socket.protocol, socket.state)).or_default() += 1;
                        }
                    }
                };
                let _ = asker.dump(table, states, &mut |record: Record<'_>| add(&record.socket));
            }
        }
        listed
    }

    /// What no table knew in either look, and is still held.
    fn suspects(&self) -> Vec<Suspect> {
        let FirstPass { survey, dumps, .. } = &self.first;
        let asked: FxHashSet<NetnsId> = survey
            .namespaces
            .iter()
            .zip(dumps)
            .filter(|(_, dump)| dump.refusal.is_none())
            .filter_map(|(netns, _)| netns.id)
            .collect();
        // A process can have sockets of other namespaces than its own.
        let everywhere = dumps.iter().all(|dump| dump.refusal.is_none());
        let suspect = |Unlisted { inode, holder, protocol }: Unlisted| Suspect {
            inode,
            holders: survey.descriptors.holders(inode).collect(),
            protocol,
            asked: everywhere || survey.netns_of.get(&holder.pid).is_some_and(|id| asked.contains(id)),
        };
        unlisted::look(self.host, survey).into_iter().map(suspect).collect()
    }

    /// Protocols whose tables could not be read, or not all of them, everywhere where they were asked for.
    fn unread(&self) -> BTreeSet<&'static str> {
        // `tcp over IPv4`: what it is called begins with the protocol.
        let protocol = |table: Table| table.name().split(' ').next();
        let is_unread = |table: &Table| {
            // A record that was not understood may be any socket's.
            let is_missing = |gap: &&Gap| matches!(gap.what, Missing::Table | Missing::Messages);
            let is_it = |gap: &&Gap| is_missing(gap) && gap.place == Place::Table(*table);
            self.gaps.iter().any(|gap| is_it(&gap))
        };
        Query::default().tables().into_iter().filter(is_unread).filter_map(protocol).collect()
    }
}

fn open(many: BTreeMap<u32, u64>, listed: &Listed) -> Vec<Open> {
    let mut open: Vec<Open> = many
        .into_iter()
        .map(|(pid, sockets)| {
            let own = listed.iter().filter(|((holder, ..), _)| *holder == pid);
            let mut listed: Vec<(Protocol, State, u64)> =
                own.map(|((_, protocol, state), count)| (*protocol, *state, *count)).collect();
            listed.sort_by_key(|(protocol, state, count)| (Reverse(*count), *protocol, *state));
            Open { pid, sockets, listed }
        })
        .collect();
    open.sort_by_key(|open| (Reverse(open.sockets), open.pid));
    open
}
