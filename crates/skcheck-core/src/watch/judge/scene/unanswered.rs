//! What stands still unread, and who waits for an answer to it. Pure.

use rustc_hash::FxHashMap;

use crate::model::holder::Holder;
use crate::model::socket::Inode;
use crate::model::state::State;
use crate::procfs::link::socket_inode;
use crate::snapshot::entry::Waiter;
use crate::watch::judge::scene::socket_progress::SceneSocket;

/// What stands still unread, and by whom an answer to it is waited for.
#[derive(Default)]
pub(crate) struct Unanswered {
    /// By the descriptors at the other end, process by process.
    by_pid: FxHashMap<u32, Vec<(Holder, usize)>>,
    /// Connections that nobody has accepted, by the client's socket, with their listener: over AF_UNIX they
    /// are in no table, and over TCP they may hold nothing.
    by_client: FxHashMap<Inode, usize>,
}

impl Unanswered {
    pub(crate) fn new(sockets: &[SceneSocket<'_>]) -> Unanswered {
        let mut all = Unanswered::default();
        let still = sockets.iter().enumerate().filter(|(_, it)| it.progress.stands_still());
        for (at, SceneSocket { entry, .. }) in still {
            for end in entry.peer_holders.iter().filter(|_| entry.socket.state != State::Listen) {
                all.by_pid.entry(end.pid).or_default().push((*end, at));
            }
            let client = |waiter: &Waiter| match waiter {
                Waiter::Client(inode) => Some((*inode, at)),
                Waiter::Connection(_) => None,
            };
            all.by_client.extend(entry.waiters.iter().filter_map(client));
        }
        all
    }

    /// Clients' sockets, each with the listener that it waits at.
    pub(crate) fn add(&mut self, waits: Vec<(Inode, usize)>) {
        self.by_client.extend(waits);
    }

    /// The descriptors of a process whose other end has not read what was sent, with its place.
    pub(crate) fn of(&self, pid: u32) -> &[(Holder, usize)] {
        self.by_pid.get(&pid).map_or(&[], Vec::as_slice)
    }

    /// What is unread of what a process has sent there, or the listener that has not accepted it.
    pub(crate) fn at(&self, pid: u32, fd: u32, target: Option<&[u8]>) -> Option<usize> {
        let of_process = self.of(pid).iter().find(|(end, _)| end.fd == fd).map(|(_, at)| *at);
        let inode = target.and_then(socket_inode);
        of_process.or_else(|| self.by_client.get(&inode?).copied())
    }
}
