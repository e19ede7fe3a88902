//! Which sockets are asked for.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use skcheck_core::{Protocols, Query};

use crate::args::FilterArgs;

/// What these filters ask for.
pub(super) fn query(filter: FilterArgs) -> Query {
    let protocols = filter.protocols.0;
    let every_version = !(filter.ipv4 || filter.ipv6);
    let mut query = Query::of(if protocols.is_empty() { Protocols::ALL } else { protocols });
    query.ipv4 = filter.ipv4 || every_version;
    query.ipv6 = filter.ipv6 || every_version;
    query.states = filter.state;
    query.min_recv_q = filter.min_recvq;
    query.min_send_q = filter.min_sendq;
    query.min_charged = filter.min_charged;
    query.min_worst = filter.min_worst;
    query.pids = filter.pid;
    query.process = filter.process.map(OsString::into_vec);
    query.netns = filter.netns;
    query.container = filter.container.map(OsString::into_vec);
    query.pod = filter.pod.map(OsString::into_vec);
    query.cgroup = filter.cgroup.map(OsString::into_vec);
    query.port = filter.port;
    query.include_idle = filter.all;
    query.deep = filter.deep;
    query
}
