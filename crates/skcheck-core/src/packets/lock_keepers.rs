//! Who may keep a TCP socket locked that a walk has waited for.

use std::collections::BTreeSet;

use crate::collect::asking::locks::may_be_kept_by;
use crate::collect::survey::identities::name_of;
use crate::engine::Engine;
use crate::host::Host;
use crate::model::families::protocol_set::Protocols;
use crate::model::netns::NetnsId;
use crate::model::protocol::Protocol;
use crate::model::query::Query;

/// What they are called, with their pids.
pub(crate) fn names(host: &dyn Host, engine: &dyn Engine, netns: NetnsId) -> Vec<String> {
    keepers(host, engine, netns).iter().map(|pid| name(host, *pid)).collect()
}

/// Those who hold a TCP socket of this namespace and may be stuck with it locked.
fn keepers(host: &dyn Host, engine: &dyn Engine, netns: NetnsId) -> BTreeSet<u32> {
    let mut pids = BTreeSet::new();
    let query = Query { include_idle: true, ..Query::of(Protocols::TCP) };
    let looked = engine.find(&query, &mut |found| {
        let is_here = found.netns == netns && found.socket.protocol == Protocol::Tcp;
        pids.extend(found.holder.filter(|_| is_here).map(|holder| holder.pid));
    });
    if looked.is_err() {
        return BTreeSet::new();
    }
    may_be_kept_by(host, &pids).into_iter().collect()
}

fn name(host: &dyn Host, pid: u32) -> String {
    let comm = name_of(host, pid).unwrap_or_default();
    if comm.is_empty() { format!("process {pid}") } else { format!("{} ({pid})", comm.escape_ascii()) }
}
