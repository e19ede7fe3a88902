//! Both passes over /proc/net, where NETLINK_SOCK_DIAG is refused, and the second one where only the module
//! for TCP is missing.

use std::io;
use std::path::Path;

use crate::collect::client::{Sink, proc_net_lines};
use crate::collect::descriptors::Descriptors;
use crate::collect::dump::{Dump, Stream};
use crate::collect::tables::is_no_protocol_here;
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
    let why = if refusal.kind() == io::ErrorKind::TimedOut {
        "NETLINK_SOCK_DIAG did not answer: run again".to_owned()
    } else {
        format!(
            "NETLINK_SOCK_DIAG was refused ({refusal}): run outside the sandbox, or let it use AF_NETLINK"
        )
    };
    let remedy =
        format!("{why}; /proc/net tells who there is and who holds it, but no skmem and no unix queues");
    let refused = Gap::uncounted(Missing::SockDiag, Place::SockDiag, remedy);
    let mut dump = Dump::fallen_back(false, true, vec![refused]);
    for table in query.tables() {
        if table.row().untold.is_none() {
            if !is_no_protocol_here(host, table) {
                let remedy = "only NETLINK_SOCK_DIAG tells its queues";
                dump.gaps.push(Gap::uncounted(Missing::Table, Place::Table(table), remedy));
            }
            continue;
        }
        let mut file = Vec::new();
        if let Err(error) = host.read(Path::new(table.proc_file()), &mut file) {
            if is_no_protocol_here(host, table) {
                continue;
            }
            let remedy = format!("{} cannot be read: {error}", table.proc_file());
            dump.gaps.push(Gap::uncounted(Missing::Table, Place::Table(table), remedy));
            dump.tcp_complete &= !matches!(table, Table::Tcp(_));
            continue;
        }
        dump.asked = true;
        let mut stream = Stream { query, facts, descriptors, dump: &mut dump, unheld: 0 };
        let bad_lines = net::parse(table, &file, |socket| stream.record(Record::of(socket)));
        dump.gaps.extend(proc_net_lines(table, bad_lines));
    }
    dump.drop_repeats();
    dump
}
