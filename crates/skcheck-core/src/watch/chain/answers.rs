//! Connections that a process waits at for an answer, while the other end has not read what it asked. Pure.

use rustc_hash::FxHashMap;

use crate::model::holder::Holder;
use crate::model::socket::Inode;
use crate::model::state::State;
use crate::procfs::link::socket_inode;
use crate::snapshot::entry::{SocketEntry, Waiter};
use crate::watch::cause::CauseCode;
use crate::watch::cause::holders::Own;
use crate::watch::cause::link::{Over, Wait};
use crate::watch::chain::choice::Candidate;
use crate::watch::scene::{Scene, Went};

/// What stands still unread, and by whom an answer to it is waited for.
#[derive(Default)]
pub(in crate::watch) struct Unanswered {
    /// By the descriptors at the other end, process by process.
    by_pid: FxHashMap<u32, Vec<(Holder, usize)>>,
    /// Connections that nobody has accepted, by the client's socket, with their listener: over AF_UNIX they
    /// are in no table, and over TCP they may hold nothing.
    by_client: FxHashMap<Inode, usize>,
}

impl Unanswered {
    /// `went` is how each socket went.
    pub(in crate::watch) fn new(sockets: &[SocketEntry], went: &[Went]) -> Unanswered {
        let mut all = Unanswered::default();
        for (at, (report, _)) in sockets.iter().zip(went).enumerate().filter(|(_, it)| it.1.stands_still()) {
            for end in report.peer_holders.iter().filter(|_| report.socket.state != State::Listen) {
                all.by_pid.entry(end.pid).or_default().push((*end, at));
            }
            let client = |waiter: &Waiter| match waiter {
                Waiter::Client(inode) => Some((*inode, at)),
                Waiter::Connection(_) => None,
            };
            all.by_client.extend(report.waiters.iter().filter_map(client));
        }
        all
    }

    /// A client's socket, and the listener that it waits at.
    pub(in crate::watch) fn add(&mut self, waits: Option<(Inode, usize)>) {
        self.by_client.extend(waits);
    }

    /// The descriptors of a process whose other end has not read what was sent, with its place.
    fn of(&self, pid: u32) -> &[(Holder, usize)] {
        self.by_pid.get(&pid).map_or(&[], Vec::as_slice)
    }

    /// What is unread of what a process has sent there, or the listener that has not accepted it.
    fn at(&self, pid: u32, fd: u32, target: Option<&[u8]>) -> Option<usize> {
        let of_process = self.of(pid).iter().find(|(end, _)| end.fd == fd).map(|(_, at)| *at);
        let inode = target.and_then(socket_inode);
        of_process.or_else(|| self.by_client.get(&inode?).copied())
    }
}

/// Those for which a process waits that does nothing else: a thread is blocked in reading, or in poll for one
/// descriptor, which is the only one that fits. That it has to read from there first is its own protocol.
pub(super) fn candidates(scene: &Scene<'_>, own: &Own) -> Vec<Candidate> {
    let pid = own.holder.pid;
    let Some(look) = scene.process(pid) else { return Vec::new() };
    let unanswered = scene.unanswered();
    match (own.cause.code, unanswered.of(pid)) {
        (CauseCode::Blocked, _) => {
            let wait = if look.has_one_thread() { Wait::Blocked } else { Wait::OneThread };
            let candidate = |(fd, target)| {
                let at = unanswered.at(pid, fd, target)?;
                Some(Candidate { writer: Holder::new(pid, fd), wait, over: Over::Answer(at) })
            };
            look.reading().filter_map(candidate).collect()
        }
        (CauseCode::NotPolled, [(end, at)]) if look.polls_one() => {
            let (writer, over) = (end.descriptor(), Over::Answer(*at));
            vec![Candidate { writer, wait: Wait::Poll, over }]
        }
        _ => Vec::new(),
    }
}
