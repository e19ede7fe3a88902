//! What the probe tells of a process that may not be looked at.

use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use skcheck_core::watch::Probe;
use skcheck_core::watch::evidence::Unread;
use skcheck_core::{Diag, Host, Live, NetnsFile, PageSize};

use crate::support::child::{Sleeper, no_child_is_born};
use crate::support::nobody::runs_as_nobody;
use crate::support::scan;
use crate::support::skip::{Skip, is_root, skip};
use crate::support::sockets::{inode, tcp_pair};

const WHO: &str = "SKCHECK_TEST_ROOTS_PROCESS";

/// The live host, where somebody tells who holds a socket, as an engine can: /proc does not tell nobody.
struct Told {
    live: Live,
    pid: u32,
    links: Vec<(u32, String)>,
}

impl Host for Told {
    fn diag(&self, netns: Option<&NetnsFile>) -> io::Result<Box<dyn Diag + '_>> {
        self.live.diag(netns)
    }

    fn fd_links(&self, pid: u32, on_link: &mut dyn FnMut(u32, &[u8])) -> io::Result<()> {
        if pid != self.pid {
            return self.live.fd_links(pid, on_link);
        }
        self.links.iter().for_each(|(fd, target)| on_link(*fd, target.as_bytes()));
        Ok(())
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
fn a_process_of_another_user() {
    if let Ok(who) = std::env::var(WHO) {
        let numbers: Vec<u32> = who.split(' ').map(|word| word.parse().expect("a number")).collect();
        let [pid, inode, port] = numbers[..] else { panic!("{who}") };
        return as_nobody(pid, inode, port.try_into().expect("a port"));
    }
    if !is_root() {
        return skip(Skip::NeedsRoot);
    }
    let mut pair = tcp_pair("127.0.0.1");
    pair.send(777);
    let inode = inode(&pair.server);
    let child = Sleeper::holding(pair.server);
    let who = format!("{} {} {}", child.pid(), inode.get(), pair.port);
    runs_as_nobody("watch_unprivileged::a_process_of_another_user", (WHO, &who));
}

fn as_nobody(pid: u32, inode: u32, port: u16) {
    let links = vec![(0, format!("socket:[{inode}]")), (9, "anon_inode:[eventpoll]".to_owned())];
    let host = Told { live: Live::new(), pid, links };
    let _quiet = no_child_is_born();
    let mut probe = Probe::new(&host, scan::port(port));
    let before = probe.sample(None, None).expect("anyone may");
    // What anyone may read is enough to compare with.
    let light = &before.processes[&pid];
    assert!(light.threads[0].ticks.is_some() && light.missing.is_empty(), "{light:?}");
    let now = probe.sample(None, Some(&before)).expect("anyone may");
    let found = &now.processes[&pid];
    assert!(found.closely, "{found:?}");
    assert_eq!(found.missing, [Unread::Threads, Unread::Descriptors]);
    assert_eq!((found.state, found.comm.as_deref()), (Some(b'S'), Some(&b"sleep"[..])));
    let [thread] = &found.threads[..] else { panic!("{found:?}") };
    assert_eq!((thread.state, thread.syscall, &thread.wchan), (Some(b'S'), None, &None));
    assert!(found.epolls.is_empty());
}
