//! Every process that holds a socket, and why each does not read it. Pure.

use std::collections::BTreeMap;

use crate::model::holder::Holder;
use crate::model::socket::Inode;
use crate::watch::evidence::process::UnreadablePart;
use crate::watch::judge::cause::code::CauseCode;
use crate::watch::judge::cause::fact::{Cause, Fact};
use crate::watch::judge::process::decision::{Decided, UnreadSocket, decide};
use crate::watch::judge::process::view::ProcessView;
use crate::watch::judge::scene::Scene;

/// One holder, and why its process does not read the socket.
pub(crate) struct HolderCause {
    pub(crate) holder: Holder,
    pub(crate) cause: Cause,
    /// The process can do nothing at all, so that it does not wait for anyone.
    pub(crate) is_helpless: bool,
    pub(crate) is_involved: bool,
}

/// Every process that holds a socket, its lowest descriptor for all of them. One that has ended meanwhile, such as
/// a child that had not executed its program yet, is none where others hold it.
pub(crate) fn each(
    scene: &Scene<'_>,
    holders: &[Holder],
    inode: Option<Inode>,
    is_listener: bool,
) -> Vec<HolderCause> {
    let mut by_pid: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for holder in holders {
        by_pid.entry(holder.pid).or_default().push(holder.fd);
    }
    let own = |(pid, fds): (u32, Vec<u32>)| {
        let fd = fds.iter().copied().min()?;
        let holder = if fd == Holder::NO_FD { Holder::of_mapping(pid) } else { Holder::new(pid, fd) };
        let Some(view) = scene.process(pid) else {
            let evidence = vec![Fact::Missing(UnreadablePart::NotLookedAt)];
            let cause = Cause { code: CauseCode::Unknown, pid: Some(pid), evidence };
            return Some(HolderCause { holder, cause, is_helpless: false, is_involved: false });
        };
        let Decided { cause, is_helpless, is_involved } =
            decide(view, &UnreadSocket { inode, fds: &fds, left: scene.left(inode), is_listener });
        Some(HolderCause { holder, cause, is_helpless, is_involved })
    };
    let has_ended = |pid: u32| scene.process(pid).is_some_and(ProcessView::has_ended);
    if by_pid.keys().any(|pid| !has_ended(*pid)) {
        by_pid.retain(|pid, _| !has_ended(*pid));
    }
    by_pid.into_iter().filter_map(own).collect()
}
