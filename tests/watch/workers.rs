//! Real programs whose workers stand still while their first process waits for these.

use std::path::Path;

use nix::libc::{SYS_epoll_pwait, SYS_epoll_wait};
use nix::sys::signal::Signal;
use skcheck_core::watch::Judged;
use skcheck_core::watch::cause::{Cause, CauseCode, Fact, Wait};
use skcheck_core::watch::progress::Reading;
use skcheck_core::{SocketEntry, State};

use crate::kernel;
use crate::look::{SHORT, Seen, watch};
use crate::real::{Family, real, signal};
use crate::role::Role;
use crate::support::netns::in_own_netns;
use crate::support::scan::eventually;
use crate::support::skip::{Skip, skip};

/// The listener, where connections wait at it.
fn listener<'s>(seen: &'s Seen, family: &Family) -> Option<&'s Judged> {
    let is_its = |it: &SocketEntry| it.holders.iter().any(|holder| holder.pid == family.first());
    seen.that(|it| it.socket.state == State::Listen && is_its(it))
}

/// A watch in which nobody accepts, and why not.
fn not_accepted(family: &Family, code: CauseCode) -> (Seen, Cause) {
    eventually("nobody accepts", || {
        let seen = watch(SHORT);
        let judged = listener(&seen, family).filter(|judged| judged.reading == Reading::Stalled)?;
        let cause = judged.cause.clone().filter(|cause| cause.code == code)?;
        Some((seen, cause))
    })
}

/// All that a cause names.
fn named(cause: &Cause) -> Vec<u32> {
    let others = cause.evidence.iter().filter_map(|fact| match fact {
        Fact::AlsoHeld { pid, code } => {
            assert_eq!(*code, cause.code, "{cause:#?}");
            Some(*pid)
        }
        _ => None,
    });
    let mut pids: Vec<u32> = cause.pid.into_iter().chain(others).collect();
    pids.sort_unstable();
    pids
}

/// Clients that ask for a path, and stay.
fn clients(port: u16, number: usize, path: &str) -> Role {
    Role::start(&format!("ask {port} {number} {path}"), Vec::new())
}

/// Nobody stands still at the listener, in several looks.
fn all_are_accepted(family: &Family) {
    for _ in 0..3 {
        let seen = watch(SHORT);
        let judged = listener(&seen, family);
        assert!(judged.is_none_or(|judged| judged.reading != Reading::Stalled), "{judged:#?}");
    }
}

const APPLICATION: &str = "
import time
def answer(environment, start):
    start('200 OK', [('Content-Length', '2')])
    if environment['PATH_INFO'] == '/slow':
        time.sleep(600)
    return [b'ok']
";

/// Two workers sleep in the application: they are the answer, and not the first process, which only waits for
/// them in select.
#[test]
fn gunicorn() {
    const PORT: u16 = 7200;
    let Some(program) = real("gunicorn") else { return skip(Skip::NeedsPackage("gunicorn")) };
    if !in_own_netns("workers::gunicorn") {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("application.py"), APPLICATION).expect("it can be written");
    let address = format!("127.0.0.1:{PORT}");
    let directory = text(directory.path());
    let command =
        [&program, "-w", "2", "-t", "1000", "-b", &address, "--chdir", directory, "application:answer"];
    let family = Family::start(&command, PORT);
    let workers = family.workers::<2>();
    // The innocent: each is answered.
    let _quick = clients(PORT, 3, "/quick");
    all_are_accepted(&family);
    let _slow = clients(PORT, 6, "/slow");
    let (_, cause) = not_accepted(&family, CauseCode::Blocked);
    assert_eq!(named(&cause), workers, "{cause:#?}");
}

const NGINX: &str = "
daemon off;
user root root;
worker_processes 3;
pid nginx.pid;
error_log error.log;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  server { listen 127.0.0.1:7201; location / { return 200 ok; } }
}
";

/// All workers are stopped, and the first process runs; then one of them runs again.
#[test]
fn nginx() {
    const PORT: u16 = 7201;
    let Some(program) = real("nginx") else { return skip(Skip::NeedsPackage("nginx-light")) };
    if !in_own_netns("workers::nginx") {
        return;
    }
    let prefix = tempfile::tempdir().expect("a directory");
    let configuration = prefix.path().join("nginx.conf");
    std::fs::write(&configuration, NGINX).expect("it can be written");
    let family = Family::start(
        &[&program, "-e", "stderr", "-p", text(prefix.path()), "-c", text(&configuration)],
        PORT,
    );
    let workers = family.workers::<3>();
    for pid in workers {
        // It is ready for connections.
        kernel::sleeps_in(pid, &[SYS_epoll_wait, SYS_epoll_pwait]);
        signal(pid, Signal::SIGSTOP);
        kernel::is_in_state(pid, b'T');
    }
    let _clients = clients(PORT, 5, "/");
    let (_, cause) = not_accepted(&family, CauseCode::Stopped);
    assert_eq!(named(&cause), workers, "{cause:#?}");
    signal(workers[1], Signal::SIGCONT);
    eventually("it accepts", || listener(&watch(SHORT), &family).is_none().then_some(()));
    let _more = clients(PORT, 5, "/");
    all_are_accepted(&family);
}

const CLUSTER: &str = "
const cluster = require('cluster');
if (cluster.isPrimary) {
  cluster.fork();
} else {
  require('http').createServer((question, answer) => {
    while (question.url === '/spin') {}
    answer.end('ok');
  }).listen(7202, '127.0.0.1');
}
";

/// The first process accepts for its worker, and sends it the connections through a channel that it does not
/// read: a thread of it spins.
#[test]
fn node() {
    const PORT: u16 = 7202;
    let Some(program) = real("node") else { return skip(Skip::NeedsPackage("nodejs")) };
    if !in_own_netns("workers::node") {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let script = directory.path().join("cluster.js");
    std::fs::write(&script, CLUSTER).expect("it can be written");
    let family = Family::start(&[&program, text(&script)], PORT);
    let [worker] = family.workers();
    // The innocent: the worker takes them all, and answers.
    let _quick = clients(PORT, 3, "/quick");
    let unread = |seen: &Seen| -> Vec<Judged> {
        let is_its = |it: &&SocketEntry| it.holders.iter().any(|holder| holder.pid == family.first());
        let sockets = seen.now.snapshot.sockets.iter().filter(is_its);
        let unread =
            sockets.filter(|it| it.socket.local.port() == Some(PORT) && it.socket.recv_q.size() > Some(0));
        unread.filter_map(|it| Some(seen.socket(it.socket.inode?).clone())).collect()
    };
    let quick = unread(&watch(SHORT));
    assert!(quick.is_empty(), "{quick:#?}");
    let _spins = clients(PORT, 1, "/spin");
    let _waiting = clients(PORT, 3, "/quick");
    let (judged, root) = eventually("what was accepted is not read", || {
        let seen = watch(SHORT);
        let judged = unread(&seen).into_iter().next()?;
        let root = judged.root.clone().filter(|_| judged.reading == Reading::Stalled)?;
        Some((judged, root))
    });
    let reader = root.reader().map(|reader| reader.pid);
    assert_eq!((reader, root.links[0].wait), (Some(worker), Wait::Handed), "{judged:#?}");
    assert_eq!(root.cause().map(|cause| cause.code), Some(CauseCode::Spinning), "{judged:#?}");
}

fn text(path: &Path) -> &str {
    path.to_str().expect("ASCII")
}
