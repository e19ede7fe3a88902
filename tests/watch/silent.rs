//! Descriptors that do not answer are no descriptors that may not be looked at.

use std::io;
use std::sync::OnceLock;

use skcheck_core::watch::cause::{CauseCode, Fact};
use skcheck_core::watch::evidence::UnreadablePart;
use skcheck_core::watch::{Probe, judge};
use skcheck_core::{Host, Live};

use crate::look::{SHORT, engine, here};
use crate::pairs::Pair;
use crate::role::Role;
use crate::support::child::no_child_is_born;
use crate::support::netns::in_own_netns;
use crate::support::over::{Differs, Over};
use crate::support::sockets::inode;

/// The descriptors of one process cannot be listed, for this reason.
#[derive(Default)]
struct Silent {
    pid: OnceLock<u32>,
    refuses: bool,
}

impl Differs for Silent {
    fn fd_links(&self, live: &Live, pid: u32, on_link: &mut dyn FnMut(u32, &[u8])) -> io::Result<()> {
        if self.pid.get() == Some(&pid) {
            let kind = if self.refuses { io::ErrorKind::PermissionDenied } else { io::ErrorKind::TimedOut };
            return Err(kind.into());
        }
        live.fd_links(pid, on_link)
    }
}

#[test]
fn no_answer() {
    if !in_own_netns("silent::no_answer") || engine().is_none() {
        return;
    }
    for (refuses, unread) in [(false, UnreadablePart::NoAnswer), (true, UnreadablePart::Descriptors)] {
        let pair = Pair::tcp(1 << 20, 1 << 20);
        pair.write(50_000);
        let reader = inode(&pair.reader);
        let role = Role::start("watch-others", vec![pair.reader]);
        let host = Over { differs: Silent { refuses, ..Silent::default() }, ..Over::default() };
        host.differs.pid.set(role.pid()).expect("once");
        let mut probe = Probe::new(&host, here());
        let _quiet = no_child_is_born();
        // The engine knows who holds it.
        let before = probe.sample(engine(), None).expect("the host can be sampled");
        std::thread::sleep(SHORT);
        let now = probe.sample(engine(), Some(&before)).expect("the host can be sampled");
        let judgement = judge(&before, &now);
        let is_it = |at: usize| now.snapshot.sockets[at].socket.inode == Some(reader);
        let judged = judgement.sockets.iter().find(|it| it.now.is_some_and(is_it)).expect("it is unread");
        let cause = judged.cause.as_ref().unwrap_or_else(|| panic!("{judged:#?}"));
        assert_eq!((cause.code, cause.pid), (CauseCode::Unknown, Some(role.pid())), "{judged:#?}");
        assert_eq!(cause.evidence.first(), Some(&Fact::Missing(unread)), "{judged:#?}");
    }
}
