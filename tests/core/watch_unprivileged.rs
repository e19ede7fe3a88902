//! What the probe tells of a process that may not be looked at.

use std::io;

use skcheck_core::watch::Probe;
use skcheck_core::watch::evidence::UnreadablePart;
use skcheck_core::{Host, Live};

use crate::support::child::{Sleeper, no_child_is_born};
use crate::support::nobody::runs_as_nobody;
use crate::support::over::{Differs, Over};
use crate::support::scan;
use crate::support::skip::{Skip, is_root, skip};
use crate::support::sockets::{inode, tcp_pair};

const WHO: &str = "SKCHECK_TEST_ROOTS_PROCESS";

/// Somebody tells who holds a socket, as an engine can: /proc does not tell nobody.
struct Told {
    pid: u32,
    links: Vec<(u32, String)>,
}

impl Differs for Told {
    fn fd_links(&self, live: &Live, pid: u32, on_link: &mut dyn FnMut(u32, &[u8])) -> io::Result<()> {
        if pid != self.pid {
            return live.fd_links(pid, on_link);
        }
        self.links.iter().for_each(|(fd, target)| on_link(*fd, target.as_bytes()));
        Ok(())
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
    let host = Over { live: Live::new(), differs: Told { pid, links } };
    let _quiet = no_child_is_born();
    let mut probe = Probe::new(&host, scan::port(port));
    let before = probe.sample(None, None).expect("anyone may");
    // What anyone may read is enough to compare with.
    let light = &before.processes[&pid];
    assert!(light.threads[0].ticks.is_some() && light.missing.is_empty(), "{light:?}");
    let now = probe.sample(None, Some(&before)).expect("anyone may");
    let found = &now.processes[&pid];
    assert!(found.closely, "{found:?}");
    assert_eq!(found.missing, [UnreadablePart::Threads, UnreadablePart::Descriptors]);
    assert_eq!((found.state, found.comm.as_deref()), (Some(b'S'), Some(&b"sleep"[..])));
    let [thread] = &found.threads[..] else { panic!("{found:?}") };
    assert_eq!((thread.state, thread.syscall, &thread.wchan), (Some(b'S'), None, &None));
    assert!(found.epolls.is_empty());
}
