//! What a walk that locks sockets has waited for.

use std::collections::BTreeSet;
use std::io;

use crate::collect::locks::may_be_kept_by;
use crate::engine::Engine;
use crate::host::Host;
use crate::host::file::read;
use crate::model::netns::NetnsId;
use crate::model::protocol::{Protocol, Protocols};
use crate::model::query::Query;

/// How many processes are named.
const MOST: usize = 3;

/// The error of a walk that was to lock, with who may keep a lock that it waited for: to come to one socket
/// it locks each TCP socket of the namespace before it.
pub(super) fn waited_for(
    host: &dyn Host,
    engine: &dyn Engine,
    netns: NetnsId,
    error: &io::Error,
) -> io::Error {
    let mut names: Vec<String> = keepers(host, engine, netns).iter().map(|pid| name(host, *pid)).collect();
    let more = names.len().saturating_sub(MOST);
    names.truncate(MOST);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    let who = match names.as_slice() {
        [] => "who keeps one cannot be told".to_owned(),
        [one] => format!("{one} may keep one locked"),
        [others @ .., last] => format!("{} or {last} may keep one locked", others.join(", ")),
    };
    io::Error::other(format!(
        "{error}; --lock waits for each TCP socket of the namespace in turn, and {who}: run without --lock"
    ))
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
    let comm = read(host, &format!("/proc/{pid}/comm")).unwrap_or_default();
    let comm = comm.strip_suffix(b"\n").unwrap_or(&comm);
    if comm.is_empty() { format!("process {pid}") } else { format!("{} ({pid})", comm.escape_ascii()) }
}
