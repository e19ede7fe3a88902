//! Reads the tables of one network namespace.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::Path;

use crate::collect::asking::client::Asker;
use crate::collect::asking::shortcomings::Refusal;
use crate::collect::dumps::candidate::Candidate;
use crate::collect::dumps::dump::Dump;
use crate::collect::dumps::may_match::may_be_held_by;
use crate::collect::dumps::record_collector::RecordCollector;
use crate::collect::dumps::record_sink::RecordSink;
use crate::collect::netns::namespace::Namespace;
use crate::collect::survey::descriptors::Descriptors;
use crate::collect::survey::unlisted;
use crate::diag::record::Record;
use crate::diag::request::States;
use crate::footprint::HostFacts;
use crate::host::{Host, file};
use crate::model::gap::{Gap, Missing};
use crate::model::netns::Netns;
use crate::model::place::Place;
use crate::model::protocol::Protocol;
use crate::model::query::Query;
use crate::model::socket::Socket;
use crate::model::table::{IpVersion, Table};
use crate::procfs::osrelease::Release;
use crate::procfs::protocols::protocol_in_use;
use crate::procfs::sockstat::{InUse, any_in_use, in_use};

/// Dumps the tables of a namespace.
pub(crate) fn dump_tables(
    host: &dyn Host,
    query: &Query,
    facts: &HostFacts,
    descriptors: &Descriptors,
    namespace: &mut Namespace,
) {
    let Namespace { netns, dump } = namespace;
    let asker = match Asker::open(host, netns) {
        Ok(asker) => asker,
        Err(error) => {
            dump.tcp_complete = false;
            dump.refusal = Some(error);
            return;
        }
    };
    dump.has_tcp = has_connections(&asker, netns);
    let reader =
        TableReader { host, query, facts, descriptors, netns, asker: &asker, protocols: OnceCell::new() };
    reader.dump_each(dump);
    if dump.refusal.is_none() {
        reader.add_mptcp(query.wants_protocol(Protocol::Tcp), dump);
        dump.drop_repeats();
        dump.ask_who_waits(&asker);
    }
}

/// How reading a table went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dumped {
    Whole,
    /// Nothing was asked for, or not all was told.
    NotAll,
}

/// Reads the tables of one namespace.
pub(crate) struct TableReader<'a, 'h> {
    pub host: &'a dyn Host,
    pub query: &'a Query,
    pub facts: &'a HostFacts,
    pub descriptors: &'a Descriptors,
    pub netns: &'a Netns,
    pub asker: &'a Asker<'h>,
    /// See [`TableReader::protocols_with_mptcp`]; empty until it has been needed.
    pub protocols: OnceCell<Option<Vec<u8>>>,
}

impl TableReader<'_, '_> {
    /// Adds to what an engine found the sockets of the tables that it does not look for.
    pub(crate) fn dump_beside_engine(&self, dump: &mut Dump) {
        // An engine has counted them already.
        let scanned = dump.scanned;
        for table in self.query.tables().into_iter().filter(|table| !table.row().is_met_by_engine) {
            self.dump(table, dump);
        }
        self.add_mptcp(false, dump);
        dump.scanned = scanned;
    }

    /// Dumps every table of the query, until NETLINK_SOCK_DIAG itself is refused.
    fn dump_each(&self, dump: &mut Dump) {
        for table in self.query.tables() {
            let dumped = self.dump(table, dump);
            if dump.refusal.is_some() {
                dump.tcp_complete = false;
                return;
            }
            if matches!(table, Table::Tcp(_)) {
                dump.tcp_complete &= dumped == Dumped::Whole;
            }
        }
    }

    /// Dumps a table. Where NETLINK_SOCK_DIAG itself cannot be used, and nothing was told before, the dump
    /// has the refusal.
    fn dump(&self, table: Table, dump: &mut Dump) -> Dumped {
        let states = match worth_asking(self.asker, table, self.netns) {
            Some(States::Bound) => {
                dump.may_have_bound = true;
                None
            }
            // Those that are only bound hold nothing: they are asked for where somebody misses them.
            Some(States::Holding) if !self.query.include_idle => {
                dump.may_have_bound = true;
                Some(States::Queueing)
            }
            states => states,
        };
        let Some(states) = states.filter(|_| !self.is_known_to_be_empty(table)) else {
            dump.asked = true;
            return Dumped::Whole;
        };
        let TableReader { query, facts, descriptors, .. } = *self;
        let mut collector = RecordCollector { query, facts, descriptors, dump, unheld: 0 };
        let result = dump_table(self.asker, table, states, &mut collector);
        let unheld = collector.unheld;
        dump.tcp_listed = dump.tcp_listed.saturating_add(unheld);
        match result {
            Ok(shortcomings) => return answered(table, shortcomings, dump),
            // There are no such sockets.
            Err(Refusal::Table(_)) if is_no_protocol_here(self.host, table) => dump.asked = true,
            Err(Refusal::Table(gap)) => dump.gaps.push(gap),
            // What is empty without a question was no answer.
            Err(Refusal::SockDiag(error)) if !dump.answered => {
                dump.asked = false;
                dump.refusal = Some(error);
            }
            Err(Refusal::SockDiag(error)) => {
                let remedy = format!("the kernel did not answer ({error}): run again");
                dump.gaps.push(Gap::uncounted(Missing::Table, Place::Table(table), remedy));
            }
        }
        Dumped::NotAll
    }

    /// Whether a table is empty, where asking it is what costs: of MPTCP an empty one takes as long as a full
    /// one, some 0.75 ms, since the kernel walks all tokens of the host.
    fn is_known_to_be_empty(&self, table: Table) -> bool {
        if !table.row().is_dear {
            return false;
        }
        let names = table.pick(table.row().kernel_names);
        if self.facts.mptcp_sockets == Some(0) {
            return true;
        }
        let protocols = self.protocols.get_or_init(|| self.protocols_with_mptcp());
        let is_empty = |file: &Vec<u8>| names.iter().all(|name| protocol_in_use(file, name) == InUse::None);
        protocols.as_ref().is_some_and(is_empty)
    }

    /// The namespace's /proc/net/protocols, where that counts MPTCP sockets: since Linux 6.3.
    fn protocols_with_mptcp(&self) -> Option<Vec<u8>> {
        let release = Release::of(self.facts.release.as_deref()?);
        (release >= Some(Release::new(6, 3))).then(|| self.asker.proc_net("protocols"))?
    }

    /// Makes candidates of the MPTCP sockets, with their subflows. Where TCP was not dumped, these are still
    /// to be looked for.
    fn add_mptcp(&self, tcp_was_dumped: bool, dump: &mut Dump) {
        if dump.mptcp.is_empty() {
            return;
        }
        for version in [IpVersion::V4, IpVersion::V6].into_iter().filter(|_| !tcp_was_dumped) {
            let mut add = |record: Record<'_>| {
                if dump.mptcp.has_subflow(&record.socket) {
                    dump.mptcp.add_subflow(record.into_socket());
                }
            };
            let result = self.asker.dump(Table::Tcp(version), States::Holding, &mut add);
            dump.gaps.extend(match result {
                Ok(shortcomings) => shortcomings,
                Err(Refusal::Table(gap)) => vec![gap],
                Err(Refusal::SockDiag(error)) => {
                    let remedy = format!("the kernel did not answer ({error}): run again");
                    vec![Gap::uncounted(Missing::Table, Place::Table(Table::Tcp(version)), remedy)]
                }
            });
        }
        let may_match = |socket: &Socket| {
            self.query.may_match(socket, self.facts)
                && may_be_held_by(self.descriptors, socket, &self.query.pids)
        };
        dump.candidates.extend(dump.mptcp.take().into_iter().filter(may_match).map(Candidate::now));
    }
}

/// Notes that a table was told, and what its answer lacks.
fn answered(table: Table, shortcomings: Vec<Gap>, dump: &mut Dump) -> Dumped {
    // Reading a file is no answer of the kernel's.
    if table.module().is_some() {
        (dump.asked, dump.answered) = (true, true);
    }
    // /proc/net has every socket too.
    let is_detail = |gap: &Gap| gap.what == Missing::TableDetail;
    dump.tcp_uncharged |= matches!(table, Table::Tcp(_)) && shortcomings.iter().any(is_detail);
    let dumped = if shortcomings.iter().all(is_detail) { Dumped::Whole } else { Dumped::NotAll };
    dump.gaps.extend(shortcomings);
    dumped
}

/// Dumps the tables that are asked only where descriptors refer to such sockets: `apart` counts those of
/// protocols that no table has named. Returns what is not told of these.
pub(crate) fn dump_apart(
    host: &dyn Host,
    query: &Query,
    facts: &HostFacts,
    descriptors: &Descriptors,
    mut apart: BTreeMap<Vec<u8>, u64>,
    namespaces: &mut [Namespace],
) -> Option<Gap> {
    let names: Vec<&[u8]> = apart.keys().map(Vec::as_slice).collect();
    let held = query.tables_held(&names);
    let told = dump_held(host, query, facts, descriptors, held, namespaces);
    unlisted::forget_told(&mut apart, &told);
    unlisted::gap(&apart, query)
}

/// Dumps these tables in every namespace that could be asked for others. Returns those that the kernel gave or refused.
fn dump_held(
    host: &dyn Host,
    query: &Query,
    facts: &HostFacts,
    descriptors: &Descriptors,
    mut tables: Vec<Table>,
    namespaces: &mut [Namespace],
) -> Vec<Table> {
    let mut told = Vec::new();
    for Namespace { netns, dump } in namespaces.iter_mut().filter(|it| it.dump.refusal.is_none()) {
        if tables.is_empty() {
            break;
        }
        let Ok(asker) = Asker::open(host, netns) else { continue };
        tables.retain(|table| {
            let mut collector = RecordCollector { query, facts, descriptors, dump: &mut *dump, unheld: 0 };
            match dump_table(&asker, *table, States::Holding, &mut collector) {
                Ok(shortcomings) => dump.gaps.extend(shortcomings),
                Err(Refusal::Table(gap)) => dump.gaps.push(gap),
                Err(Refusal::SockDiag(_)) => return true,
            }
            told.push(*table);
            // Who has no module for it here has none elsewhere.
            !asker.is_missing(*table)
        });
        dump.drop_repeats();
    }
    told
}

/// Dumps a table. Of one that tells no queues that is a gap, where there are such sockets.
fn dump_table(
    asker: &Asker<'_>,
    table: Table,
    states: States,
    collector: &mut RecordCollector<'_>,
) -> Result<Vec<Gap>, Refusal> {
    if table.protocol().row().recv_q.is_some() {
        return asker.dump(table, states, collector);
    }
    let mut counted = CountingCollector { collector, sockets: 0 };
    let mut gaps = asker.dump(table, states, &mut counted)?;
    if counted.sockets > 0 {
        let remedy =
            "the kernel tells who has them, and not what waits in them: ask the programs at both ends";
        gaps.push(Gap::counted(Missing::TableDetail, Place::Table(table), counted.sockets, remedy));
    }
    Ok(gaps)
}

/// Counts the sockets that the processes which are asked for may have.
struct CountingCollector<'s, 'd> {
    collector: &'s mut RecordCollector<'d>,
    sockets: u64,
}

impl RecordSink for CountingCollector<'_, '_> {
    fn begin(&mut self, table: Table) {
        self.sockets = 0;
        self.collector.begin(table);
    }

    fn record(&mut self, record: Record<'_>) {
        let RecordCollector { descriptors, query, .. } = *self.collector;
        self.sockets += u64::from(may_be_held_by(descriptors, &record.socket, &query.pids));
        self.collector.record(record);
    }
}

/// What it is worth asking another namespace for, of a table. A TCP dump walks the host's whole
/// connection table, whichever namespace asks. The scanner's own is always asked for all.
fn worth_asking(asker: &Asker<'_>, table: Table, netns: &Netns) -> Option<States> {
    let name = table.row().sockstat.map_or("sockets", |names| table.pick(names));
    if netns.own {
        return Some(States::Holding);
    }
    let sockstat = asker.sockstat();
    match (any_in_use(&sockstat), in_use(&sockstat, name)) {
        (InUse::None, _) => None,
        (InUse::Perhaps, InUse::Perhaps) => Some(States::Holding),
        (InUse::Perhaps, InUse::None) => matches!(table, Table::Tcp(_)).then_some(States::Bound),
    }
}

/// Whether a namespace has TCP connections or listeners, or nobody can tell.
pub(crate) fn has_connections(asker: &Asker<'_>, netns: &Netns) -> bool {
    let versions = [IpVersion::V4, IpVersion::V6];
    versions.into_iter().any(|it| worth_asking(asker, Table::Tcp(it), netns) == Some(States::Holding))
}

/// Whether the kernel was built without this table's protocol, so that it has no such sockets:
/// newer kernels have no UDP-Lite, others no MPTCP, no IPv6 or no packet sockets.
pub(crate) fn is_no_protocol_here(host: &dyn Host, table: Table) -> bool {
    !table.row().is_everywhere
        && file::exists(host, "/proc/net/sockstat")
        && !file::exists(host, table.proc_file())
        && is_where_it_would_be(host, Path::new(table.proc_file()))
}

/// Whether a file that is not there is missing from what is: /sys need not be mounted.
fn is_where_it_would_be(host: &dyn Host, file: &Path) -> bool {
    let directory = file.ancestors().nth(2).filter(|_| file.starts_with("/sys"));
    directory.is_none_or(|directory| host.read_dir(directory, &mut |_| {}).is_ok())
}
