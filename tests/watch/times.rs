//! A sample that takes its time: what is measured is the time between two reads of a socket.

use std::io;
use std::sync::Mutex;
use std::time::Duration;

use skcheck_core::Live;
use skcheck_core::NetnsFile;
use skcheck_core::host::{Diag, Host};
use skcheck_core::watch::progress::Reading;
use skcheck_core::watch::{Probe, judge};

use crate::look::{here, is_rate};
use crate::pairs::Pair;
use crate::role::Role;
use crate::support::child::no_child_is_born;
use crate::support::netns::in_own_netns;
use crate::support::over::{Differs, Over};
use crate::support::sockets::inode;

const RATE: u64 = 300_000;
/// As long as a busy host may keep a scan from its sockets.
const LATE: Duration = Duration::from_millis(600);

/// The next scan comes late to its sockets.
#[derive(Default)]
struct Late {
    delay: Mutex<Duration>,
}

impl Late {
    fn is_late(&self, delay: Duration) {
        *self.delay.lock().expect("nobody panics") = delay;
    }
}

impl Differs for Late {
    fn diag<'a>(&self, live: &'a Live, netns: Option<&NetnsFile>) -> io::Result<Box<dyn Diag + 'a>> {
        let delay = std::mem::take(&mut *self.delay.lock().expect("nobody panics"));
        std::thread::sleep(delay);
        live.diag(netns)
    }
}

#[test]
fn a_late_look_changes_no_rate() {
    if !in_own_netns("times::a_late_look_changes_no_rate") {
        return;
    }
    let pair = Pair::tcp(8 << 20, 1 << 20);
    pair.write(2 << 20);
    let reader = inode(&pair.reader);
    let _reader = Role::start(&format!("read {RATE}"), vec![pair.reader]);
    let host = Over::<Late>::default();
    let mut probe = Probe::new(&host, here());
    let _quiet = no_child_is_born();
    let before = probe.sample(None, None).expect("the host can be sampled");
    std::thread::sleep(Duration::from_secs(1));
    host.differs.is_late(LATE);
    let now = probe.sample(None, Some(&before)).expect("the host can be sampled");
    let judgement = judge(&before, &now);
    let is_it = |at: usize| now.snapshot.sockets[at].socket.inode == Some(reader);
    let judged = judgement.sockets.iter().find(|judged| judged.now.is_some_and(is_it)).expect("it is unread");
    assert_eq!(judged.reading, Reading::Draining);
    is_rate(judged.consumed, RATE, judged);
}
