//! Scans of the live host, and the one socket in them that a test is about.

use std::time::{Duration, Instant};

use super::child;
use skcheck_core::Protocols;
use skcheck_core::{
    Gap, Holder, HostFacts, Inode, Live, NetnsChoice, Place, Query, Snapshot, SocketEntry, Truesize, Via,
    scan,
};

/// Everything, idle sockets too.
pub(crate) fn everything() -> Query {
    let mut query = Query::default();
    query.include_idle = true;
    query
}

/// Everything in the network namespace of the test.
pub(crate) fn here() -> Query {
    let mut query = everything();
    query.netns = NetnsChoice::Current;
    query
}

/// Everything with this port.
pub(crate) fn port(port: u16) -> Query {
    let mut query = everything();
    query.port = Some(port);
    query
}

/// Unix sockets alone, idle ones too.
pub(crate) fn unix_only() -> Query {
    let mut query = Query::of(Protocols::UNIX);
    query.include_idle = true;
    query
}

pub(crate) fn run(query: &Query) -> Snapshot {
    let _quiet = child::no_child_is_born();
    scan(&Live::new(), query).expect("the host can be scanned")
}

/// The report of this socket, if there is one.
///
/// # Panics
/// When it is reported twice.
pub(crate) fn find(snapshot: &Snapshot, inode: Inode) -> Option<&SocketEntry> {
    let mut found = snapshot.sockets.iter().filter(|report| report.socket.inode == Some(inode));
    let first = found.next();
    assert!(found.next().is_none(), "inode {} is reported twice", inode.get());
    first
}

/// The report of this socket.
pub(crate) fn get(snapshot: &Snapshot, inode: Inode) -> &SocketEntry {
    find(snapshot, inode).unwrap_or_else(|| panic!("inode {} is not reported", inode.get()))
}

/// This process's descriptor.
pub(crate) fn mine(fd: &impl std::os::fd::AsRawFd) -> Holder {
    Holder::new(std::process::id(), fd.as_raw_fd().try_into().expect("not negative"))
}

/// This process's listener, as the place where a connection waits.
pub(crate) fn at_listener(fd: &impl std::os::fd::AsRawFd) -> Holder {
    mine(fd).leading(Via::AcceptQueue)
}

/// A watchdog: what has not come after so long does not come, on an emulated or very busy machine either.
const WATCHDOG: Duration = Duration::from_secs(300);

/// Waits until `attempt` gives something.
///
/// # Panics
/// When the watchdog ends that.
pub(crate) fn eventually<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + WATCHDOG;
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(Instant::now() < deadline, "not in {WATCHDOG:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// `R + (n + f) · C` with n = R / 576 and f = M · n: the bound from truesize alone.
pub(crate) fn bound_by_truesize(Truesize(charge): Truesize, host: &HostFacts) -> u64 {
    let packets = (charge / 576).max(u64::from(charge > 0));
    charge + packets * (1 + u64::from(host.max_skb_frags)) * host.chunk_size.0
}

/// The table or the file that a gap is in.
pub(crate) fn place(gap: &Gap) -> &str {
    match &gap.place {
        Place::Table(table) => table.name(),
        Place::File { path, .. } => path.to_str().expect("text"),
        other => panic!("{other:?} is no table and no file"),
    }
}
