//! Which socket a descriptor refers to, and where that is.

use std::path::Path;

use crate::collect::engine_pass::knows_pids_of;
use crate::engine::{Engine, Found};
use crate::host::Host;
use crate::host::file::read;
use crate::join::scan::scan;
use crate::model::error::Error;
use crate::model::holder::Holder;
use crate::model::netns::{Netns, NetnsFile, NetnsId};
use crate::model::place::ProcessName;
use crate::model::query::Query;
use crate::model::socket::Socket;
use crate::model::table::Table;
use crate::packets::refusal;
use crate::procfs::comm::comm;
use crate::procfs::link::socket_inode;
use crate::procfs::status::Status;
use crate::snapshot::entry::SocketEntry;

/// The socket, as the engine has it, or else the tables.
pub(crate) fn socket(host: &dyn Host, engine: &dyn Engine, holder: Holder) -> Result<Found, Error> {
    let task = holder.task();
    let status = read(host, &format!("/proc/{task}/status"));
    let process =
        status.and_then(|status| Status::parse(&status)).map_or(holder.pid, |status| status.process);
    let link = host.read_link(Path::new(&format!("/proc/{task}/fd/{}", holder.fd)));
    // A thread's descriptors are its process's, unless it has a table of its own.
    let inode = link.ok().and_then(|link| socket_inode(&link));
    let is_its = |socket: &Socket, it: Option<Holder>| {
        it.is_some_and(|it| (it.task(), it.fd) == (task, holder.fd))
            || inode.is_some() && socket.inode == inode
    };
    let query = Query { pids: vec![process], include_idle: true, ..Query::default() };
    let mut found = None;
    knows_pids_of(host).map_err(|error| Error::engine(engine.name(), &error))?;
    let pass = engine.find(&query, &mut |it| {
        if is_its(&it.socket, it.holder) {
            found = Some(it);
        }
    });
    pass.map_err(|error| Error::engine(engine.name(), &error))?;
    let in_tables = || {
        let unmet = Table::ALL.into_iter().filter(|table| !table.row().is_met_by_engine);
        let protocols = unmet.flat_map(|table| table.row().speaks).copied().collect();
        let query = Query { pids: vec![process], include_idle: true, ..Query::of(protocols) };
        let is_its = |it: &SocketEntry| it.holders.iter().any(|holder| is_its(&it.socket, Some(*holder)));
        let report = scan(host, &query).ok()?.sockets.into_iter().find(is_its)?;
        Some(Found { socket: report.socket, netns: report.netns?, holder: Some(holder), unix_queue: None })
    };
    found.or_else(in_tables).ok_or_else(|| no_socket(host, holder, &why_not(host, holder)))
}

/// That there is none to list, with the name of the process.
pub(crate) fn no_socket(host: &dyn Host, holder: Holder, why: &str) -> Error {
    let pid = holder.pid;
    let comm = read(host, &format!("/proc/{pid}/comm")).map(|file| comm(&file));
    Error::no_socket(&ProcessName { pid, comm, fd: None }, holder.fd, why)
}

/// Why a descriptor is none of a socket that can be listed.
fn why_not(host: &dyn Host, holder: Holder) -> String {
    let (pid, fd) = (holder.task(), holder.fd);
    let process = host.inode(Path::new(&format!("/proc/{pid}"))).map(|_| ());
    refusal::of_process(&process).map_or_else(
        || refusal::of_descriptor(pid, &host.read_link(Path::new(&format!("/proc/{pid}/fd/{fd}")))),
        str::to_owned,
    )
}

/// The namespace of a socket, if its process is in it too: that is the way there.
pub(crate) fn namespace(host: &dyn Host, holder: Holder, netns: NetnsId) -> Option<Netns> {
    let of = |task: &str| host.inode(Path::new(&format!("/proc/{task}/ns/net"))).ok();
    if of("self") == Some(netns.0) {
        return Some(Netns::own(Some(netns)));
    }
    let task = holder.task();
    let path = format!("/proc/{task}/ns/net");
    let inode = of(&task.to_string()).filter(|inode| *inode == netns.0)?;
    let mut place = Netns { own: false, ..Netns::own(Some(netns)) };
    place.files.push(NetnsFile { root: None, path: path.into(), inode });
    Some(place)
}
