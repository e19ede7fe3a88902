//! Why a socket is not read: of all that hold it, the one to look at. Pure.

use std::collections::BTreeMap;

use crate::holders::Holder;
use crate::snapshot::{Holding, Report};
use crate::socket::{Inode, State};
use crate::watch::cause::decide::{Decided, Target, decide};
use crate::watch::cause::{Cause, CauseCode, Fact, accept};
use crate::watch::evidence::Unread;
use crate::watch::scene::Scene;

/// One holder, and why its process does not read the socket.
pub(in crate::watch) struct Own {
    pub(in crate::watch) holder: Holder,
    pub(in crate::watch) cause: Cause,
    /// The process can do nothing at all, so that it does not wait for anyone.
    pub(in crate::watch) is_helpless: bool,
    is_involved: bool,
}

/// The holders that matter, the most telling first; none where nobody is known to hold it.
pub(in crate::watch) fn owns(scene: &Scene<'_>, report: &Report) -> Vec<Own> {
    if let Holding::AwaitingAccept { .. } = report.holding {
        return choose(accept::owns(scene, report));
    }
    if report.socket.state == State::Listen {
        return choose(accept::owns_of_listener(scene, report));
    }
    choose(each(scene, &report.holders, report.socket.inode, false))
}

/// Every process that holds a socket, its lowest descriptor for all of them.
pub(super) fn each(
    scene: &Scene<'_>,
    holders: &[Holder],
    inode: Option<Inode>,
    is_listener: bool,
) -> Vec<Own> {
    let mut by_pid: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for holder in holders {
        by_pid.entry(holder.pid).or_default().push(holder.fd);
    }
    let own = |(pid, fds): (u32, Vec<u32>)| {
        let holder = Holder { pid, fd: fds.iter().copied().min()? };
        let Some(look) = scene.process(pid) else {
            let evidence = vec![Fact::Missing(Unread::NotLookedAt)];
            let cause = Cause { code: CauseCode::Unknown, pid: Some(pid), evidence };
            return Some(Own { holder, cause, is_helpless: false, is_involved: false });
        };
        let Decided { cause, is_helpless, is_involved } =
            decide(look, &Target { inode, fds: &fds, left: scene.left(inode), is_listener });
        Some(Own { holder, cause, is_helpless, is_involved })
    };
    by_pid.into_iter().filter_map(own).collect()
}

/// Of several holders each could read. Those that show that they do (a thread reads it, an epoll set has it)
/// count before those that merely have it from a parent. A process that can do nothing is the cause only
/// where none is left that could; and where nothing is known of one of these, nothing is known. One that
/// sleeps elsewhere may be a parent that waits for its children: others go before it.
pub(super) fn choose(mut owns: Vec<Own>) -> Vec<Own> {
    if owns.iter().any(|own| own.is_involved) {
        owns.retain(|own| own.is_involved);
    }
    let all_idle = !owns.iter().any(|own| own.is_involved);
    owns.sort_by_key(|own| {
        let is_unknown = own.cause.code == CauseCode::Unknown;
        (
            own.is_helpless,
            is_unknown != all_idle,
            own.cause.code == CauseCode::Blocked,
            own.cause.code,
            own.holder,
        )
    });
    owns
}

/// Why a socket is not read that no descriptor is known to hold.
pub(in crate::watch) fn unheld(scene: &Scene<'_>, report: &Report) -> Cause {
    let ring = report.socket.inode.and_then(|inode| scene.ring_with(inode));
    let evidence = match ring {
        Some(Holder { fd, .. }) => vec![Fact::Ring(fd)],
        None if matches!(report.holding, Holding::Hidden | Holding::AwaitingAccept { .. }) => {
            vec![Fact::Missing(Unread::Descriptors)]
        }
        None => Vec::new(),
    };
    let mut cause = Cause { code: CauseCode::Unknown, pid: ring.map(|ring| ring.pid), evidence };
    accept::blame(&mut cause, report, false);
    cause
}
