//! The first pass over /proc/net, where NETLINK_SOCK_DIAG is refused.

use std::io;
use std::path::Path;

use crate::diag::decode::Record;
use crate::diag::request::Table;
use crate::footprint::HostFacts;
use crate::gap::{Gap, Missing};
use crate::holders::Descriptors;
use crate::host::Host;
use crate::proc_net;
use crate::query::Query;
use crate::snapshot::ask::Sink;
use crate::snapshot::first_pass::{Dump, Stream};

/// What /proc/net tells of the scanner's own namespace.
pub(super) fn dump(
    host: &dyn Host,
    query: &Query,
    facts: &HostFacts,
    descriptors: &Descriptors,
    refusal: &io::Error,
) -> Dump {
    let remedy = format!(
        "NETLINK_SOCK_DIAG was refused ({refusal}): run outside the sandbox, or let it use AF_NETLINK; \
         /proc/net tells queues and holders, but no skmem and no unix queues"
    );
    let refused = Gap::uncounted(Missing::SockDiag, "NETLINK_SOCK_DIAG", remedy);
    let mut dump = Dump::fallen_back(false, true, vec![refused]);
    for table in query.tables() {
        if !proc_net::can_parse(table) {
            let remedy = "only NETLINK_SOCK_DIAG tells its queues";
            dump.add_gaps(vec![Gap::uncounted(Missing::Table, table.name(), remedy)]);
            continue;
        }
        let mut file = Vec::new();
        if let Err(error) = host.read(Path::new(table.proc_file()), &mut file) {
            let remedy = format!("{} cannot be read: {error}", table.proc_file());
            dump.add_gaps(vec![Gap::uncounted(Missing::Table, table.name(), remedy)]);
            dump.tcp_complete &= !matches!(table, Table::Tcp(_));
            continue;
        }
        dump.asked = true;
        let mut stream = Stream { query, facts, descriptors, dump: &mut dump, unheld: 0 };
        let bad_lines = proc_net::parse(table, &file, |socket| stream.record(Record::of(socket)));
        if bad_lines > 0 {
            let remedy = "a kernel newer than this program may have written them";
            dump.add_gaps(vec![Gap::counted(Missing::Messages, table.proc_file(), bad_lines, remedy)]);
        }
    }
    dump.drop_repeats();
    dump
}
