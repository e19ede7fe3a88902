//! A sample that takes its time: what is measured is the time between two reads of a socket.

use std::cell::Cell;
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use skcheck_core::host::{Diag, Host, NetnsFile};
use skcheck_core::watch::progress::Reading;
use skcheck_core::watch::{Probe, judge};
use skcheck_core::{Live, PageSize};

use crate::look::{here, is_rate};
use crate::pairs::Pair;
use crate::role::Role;
use crate::support::child::no_child_is_born;
use crate::support::netns::in_own_netns;
use crate::support::sockets::inode;

const RATE: u64 = 300_000;
/// As long as a busy host may keep a scan from its sockets.
const LATE: Duration = Duration::from_millis(600);

/// The kernel, where the next scan comes late to its sockets.
struct Late {
    live: Live,
    delay: Mutex<Cell<Duration>>,
}

impl Late {
    fn is_late(&self, delay: Duration) {
        self.delay.lock().expect("nobody panics").set(delay);
    }
}

impl Host for Late {
    fn diag(&self, netns: Option<&NetnsFile>) -> io::Result<Box<dyn Diag + '_>> {
        let delay = self.delay.lock().expect("nobody panics").take();
        std::thread::sleep(delay);
        self.live.diag(netns)
    }
    fn fd_links(&self, pid: u32, on_link: &mut dyn FnMut(u32, &[u8])) -> io::Result<()> {
        self.live.fd_links(pid, on_link)
    }
    fn read(&self, path: &Path, into: &mut Vec<u8>) -> io::Result<()> {
        self.live.read(path, into)
    }
    fn read_at(&self, path: &Path, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.live.read_at(path, offset, into)
    }
    fn read_within(&self, path: &Path, patience: Duration) -> io::Result<Vec<u8>> {
        self.live.read_within(path, patience)
    }
    fn read_dir(&self, path: &Path, on_entry: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        self.live.read_dir(path, on_entry)
    }
    fn read_link(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.live.read_link(path)
    }
    fn inode(&self, path: &Path) -> io::Result<u64> {
        self.live.inode(path)
    }
    fn xattr(&self, path: &Path, name: &str) -> io::Result<Vec<u8>> {
        self.live.xattr(path, name)
    }
    fn interface_name(&self, index: u32) -> io::Result<String> {
        self.live.interface_name(index)
    }
    fn page_size(&self) -> PageSize {
        self.live.page_size()
    }
    fn now(&self) -> SystemTime {
        self.live.now()
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
    let host = Late { live: Live::new(), delay: Mutex::default() };
    let mut probe = Probe::new(&host, here());
    let _quiet = no_child_is_born();
    let before = probe.sample(None, None).expect("the host can be sampled");
    std::thread::sleep(Duration::from_secs(1));
    host.is_late(LATE);
    let now = probe.sample(None, Some(&before)).expect("the host can be sampled");
    let judgement = judge(&before, &now);
    let is_it = |at: usize| now.snapshot.sockets[at].socket.inode == Some(reader);
    let judged = judgement.sockets.iter().find(|judged| judged.now.is_some_and(is_it)).expect("it is unread");
    assert_eq!(judged.reading, Reading::Draining);
    is_rate(judged.consumed, RATE, judged);
}
