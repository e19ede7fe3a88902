//! Before Linux 6.9 nobody is asked for what a lock guards whose lock somebody may keep: whoever asks holds
//! up all others who ask.

use skcheck_core::{Gap, Missing, scan};

use crate::made_up::tcp_only;
use crate::support::made_up::{Answer, MadeUp};
use crate::support::messages::{INFO, Inet, SKMEMINFO, done, words};

/// Three sockets, each with 5 bytes unread and a process of its own; what is asked under the lock has 2.
/// Socket 3 is held by a process that may not be seen.
fn host(release: &str, waits_in: [(&str, &str); 2]) -> MadeUp {
    let host = MadeUp::new().file("/proc/sys/kernel/osrelease", release).unreadable(30).kernel(|request| {
        let n = request.sequence;
        if request.is_tcp4() {
            let sockets = (1..=3).map(|number| Inet::numbered(number).recv_q(5).dumped(n));
            return Some(Answer::of(sockets.chain([done(n, 0)])));
        }
        let number = request.port.checked_sub(1000).filter(|_| !request.dump)?;
        let memory = words(&[5760, 0, 0, 0, 0, 0, 0, 0, 0]);
        let info = [vec![0; 224], words(&[0])].concat();
        let now = Inet::numbered(number).recv_q(2).with(SKMEMINFO, &memory).with(INFO, &info);
        Some(Answer::of([now.exact(n)]))
    });
    let hosts = waits_in.into_iter().zip([11, 12]).zip([1, 2]);
    hosts.fold(host, |host, (((wchan, syscall), pid), inode)| {
        let task = format!("/proc/{pid}/task/{pid}");
        host.process(pid, "holder", &[inode])
            .file(&format!("{task}/wchan"), wchan)
            .file(&format!("{task}/syscall"), syscall)
    })
}

/// What is unread at each socket in the end, and how many were not asked.
fn check(host: &MadeUp, unread: [u64; 3], passed_over: Option<u64>) {
    let snapshot = scan(host, &tcp_only()).expect("it answers");
    let size = |number| {
        let is_it =
            |it: &&skcheck_core::SocketEntry| it.socket.inode.is_some_and(|inode| inode.get() == number);
        snapshot.sockets.iter().find(is_it).and_then(|it| it.socket.recv_q.size())
    };
    assert_eq!([1, 2, 3].map(size), unread.map(Some));
    let is_it = |gap: &&Gap| gap.what == Missing::Locks;
    assert_eq!(
        snapshot.gaps.iter().find(is_it).and_then(|gap| gap.count),
        passed_over,
        "{:?}",
        snapshot.gaps
    );
}

const READS: (&str, &str) = ("ep_poll", "232 0x4 0x0 0x0 0x0 0x0 0x0 0x7ffd 0x7f00\n");
const STUCK: (&str, &str) = ("request_wait_answer", "45 0x4 0x0 0x0 0x0 0x0 0x0 0x7ffd 0x7f00\n");

#[test]
fn of_those_who_may_be_stuck_with_it() {
    check(&host("6.1.0-32\n", [READS, STUCK]), [2, 5, 5], Some(2));
    check(&host("6.8.12\n", [READS, READS]), [2, 2, 5], Some(1));
}

/// Nobody waits for anybody else there: a lock that is kept costs what it guards.
#[test]
fn newer_kernels_are_asked() {
    check(&host("6.9.0\n", [READS, STUCK]), [2, 2, 2], None);
}

/// One that does not even list its threads may be stuck with it.
#[test]
fn of_those_who_do_not_answer() {
    let host = host("6.1.0\n", [READS, READS]).hangs("/proc/12/task");
    check(&host, [2, 5, 5], Some(2));
}
