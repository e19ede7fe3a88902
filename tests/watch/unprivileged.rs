//! What a user without privileges is told of another's reader: that it stands still, and not why.

use skcheck_core::Missing;
use skcheck_core::watch::Sample;
use skcheck_core::watch::cause::CauseCode;
use skcheck_core::watch::progress::Reading;

use crate::look::{LONG, here, watch_by};
use crate::pairs::Pair;
use crate::role::Role;
use crate::support::netns::in_own_netns;
use crate::support::nobody::{NOBODY, runs_as_nobody};
use crate::support::sockets::inode;

/// The inodes of a stalled and a slow reader, for the test that nobody runs.
const READERS: &str = "SKCHECK_TEST_READERS";
const SLOW: u64 = 100_000;

#[test]
fn unknown() {
    if let Ok(readers) = std::env::var(READERS) {
        return as_nobody(&readers);
    }
    if !in_own_netns("unprivileged::unknown") {
        return;
    }
    let (stalled, slow) = (Pair::tcp(1 << 20, 1 << 20), Pair::tcp(8 << 20, 1 << 20));
    stalled.write(50_000);
    slow.write(2_000_000);
    let inodes = format!("{} {}", inode(&stalled.reader).get(), inode(&slow.reader).get());
    let _holder = Role::start("sleep", vec![stalled.reader]);
    let _slow = Role::start(&format!("read {SLOW}"), vec![slow.reader]);
    runs_as_nobody("unprivileged::unknown", (READERS, &inodes));
}

fn as_nobody(readers: &str) {
    assert_eq!(rustix::process::geteuid().as_raw(), NOBODY);
    let inode = |word: &str| skcheck_core::Inode::new(word.parse().expect("a number")).expect("not 0");
    let (stalled, slow) = readers.split_once(' ').expect("two");
    let (stalled, slow) = (inode(stalled), inode(slow));
    let seen = watch_by(None, &here(), || std::thread::sleep(LONG));
    let cause = seen.stalled_by(stalled, CauseCode::Unknown);
    assert_eq!(cause.pid, None, "{cause:#?}");
    assert!(seen.socket(stalled).root.is_none());
    // What would show it is said.
    let gap = seen.now.snapshot.gaps.iter().find(|gap| gap.what == Missing::Processes).expect("it is said");
    assert!(gap.remedy.contains("CAP_SYS_PTRACE"), "{gap:?}");
    // Progress needs no privilege.
    let judged = seen.socket(slow);
    assert_eq!(judged.reading, Reading::Draining, "{judged:#?}");
    // Nothing comes: what there is less of was consumed. A rate is one of whole bytes.
    let unread = |sample: &Sample, place: Option<usize>| {
        sample.snapshot.sockets[place.expect("it is not empty")].socket.recv_q.size().expect("it is told")
    };
    let gone = unread(&seen.before, judged.before) - unread(&seen.now, judged.now);
    let consumed = seen.of_rate(judged.consumed.expect("a rate"), judged);
    assert!(gone > 0 && consumed.abs_diff(gone) <= 20, "{consumed} of {gone} bytes: {judged:#?}");
}
