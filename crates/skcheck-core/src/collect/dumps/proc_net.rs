//! Both passes over /proc/net, where NETLINK_SOCK_DIAG is refused, and the second one where only the module
//! for TCP is missing.

use std::io;
use std::path::Path;

use crate::collect::asking::shortcomings::proc_net_lines;
use crate::collect::dumps::dump::Dump;
use crate::collect::dumps::record_collector::RecordCollector;
use crate::collect::dumps::record_sink::RecordSink;
use crate::collect::dumps::tables::is_no_protocol_here;
use crate::collect::survey::descriptors::Descriptors;
use crate::diag::record::Record;
use crate::footprint::HostFacts;
use crate::host::Host;
use crate::model::gap::{Gap, Missing};
use crate::model::place::Place;
use crate::model::query::Query;
use crate::model::table::Table;
use crate::procfs::net;

/// What /proc/net tells of the scanner's own namespace.
pub(crate) fn dump(
    host: &dyn Host,
    query: &Query,
    facts: &HostFacts,
    descriptors: &Descriptors,
    refusal: &io::Error,
) -> Dump {
    let mut dump = Dump::fallen_back(false, true, vec![refused(refusal)]);
    for table in query.tables() {
        let is_told = table.row().untold.is_some();
        let file = if is_told { file_of(host, table, &mut dump) } else { None };
        if !is_told && !is_no_protocol_here(host, table) {
            let remedy = "only NETLINK_SOCK_DIAG tells its queues";
            dump.gaps.push(Gap::uncounted(Missing::Table, Place::Table(table), remedy));
        }
        let Some(file) = file else { continue };
        dump.asked = true;
        let mut collector = RecordCollector { query, facts, descriptors, dump: &mut dump, unheld: 0 };
        let bad_lines = net::parse(table, &file, |socket| collector.record(Record::of(socket)));
        dump.gaps.extend(proc_net_lines(table, bad_lines));
    }
    dump.drop_repeats();
    dump
}

/// What NETLINK_SOCK_DIAG would have told.
fn refused(refusal: &io::Error) -> Gap {
    let why = if refusal.kind() == io::ErrorKind::TimedOut {
        "NETLINK_SOCK_DIAG did not answer: run again".to_owned()
    } else {
        format!(
            "NETLINK_SOCK_DIAG was refused ({refusal}): run outside the sandbox, or let it use AF_NETLINK"
        )
    };
    let remedy =
        format!("{why}; /proc/net tells who there is and who holds it, but no skmem and no unix queues");
    Gap::uncounted(Missing::SockDiag, Place::SockDiag, remedy)
}

/// The file of a table; where it cannot be read, that is a gap.
fn file_of(host: &dyn Host, table: Table, dump: &mut Dump) -> Option<Vec<u8>> {
    let mut file = Vec::new();
    match host.read(Path::new(table.proc_file()), &mut file) {
        Ok(()) => return Some(file),
        Err(_) if is_no_protocol_here(host, table) => {}
        Err(error) => {
            let remedy = format!("{} cannot be read: {error}", table.proc_file());
            dump.gaps.push(Gap::uncounted(Missing::Table, Place::Table(table), remedy));
            dump.tcp_complete &= !matches!(table, Table::Tcp(_));
        }
    }
    None
}
