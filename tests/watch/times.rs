//! A sample that takes its time: what is measured is the time between two reads of a socket.

use std::io;
use std::sync::Mutex;
use std::time::Duration;

use skcheck_core::host::Diag;
use skcheck_core::watch::progress::Reading;
use skcheck_core::watch::{Probe, Sample};
use skcheck_core::{Host, Live, NetnsFile};

use crate::look::{Moved, Seen, here};
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
    let role = Role::start(&format!("read {RATE}"), vec![pair.reader]);
    let host = Over::<Late>::default();
    let mut probe = Probe::new(&host, here());
    let _quiet = no_child_is_born();
    let mut sample = |before: Option<&Sample>, late| {
        host.differs.is_late(late);
        let begins = role.moved();
        let sample = probe.sample(None, before).expect("the host can be sampled");
        (begins, sample, role.moved())
    };
    let (a_begins, before, a_ends) = sample(None, Duration::ZERO);
    std::thread::sleep(Duration::from_secs(1));
    let (b_begins, now, b_ends) = sample(Some(&before), LATE);
    let moved = Moved { least: b_begins - a_ends, most: b_ends - a_begins };
    let seen = Seen::of(before, now, vec![moved]);
    let judged = seen.socket(reader);
    assert_eq!(judged.reading, Reading::Draining);
    seen.is_rate(judged.consumed, judged, 0);
}
