//! A real nginx between a client that uploads and an upstream that does not read.

use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::time::Duration;

use nix::libc::{SYS_epoll_pwait, SYS_epoll_wait};
use skcheck_core::watch::cause::{CauseCode, Fact};
use skcheck_core::watch::evidence::Interest;
use skcheck_core::watch::progress::Writing;
use skcheck_core::{Holder, SocketEntry};

use crate::kernel;
use crate::look::{SHORT, Seen, ends_at, engine, here, stands_on, watch, watch_by};
use crate::real::real;
use crate::role::Role;
use crate::support::netns::in_own_netns;
use crate::support::scan::eventually;
use crate::support::skip::{Skip, skip};
use crate::support::sockets::{fill, inode};

/// Where nginx listens, and where its upstream does.
const FRONT: u16 = 7003;
const UPSTREAM: u16 = 7004;

const CONFIGURATION: &str = "
daemon off;
user root root;
master_process off;
pid nginx.pid;
error_log error.log;
events { worker_connections 64; }
http {
  access_log off;
  client_max_body_size 0;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  server {
    listen 127.0.0.1:7003;
    location / {
      proxy_pass http://127.0.0.1:7004;
      proxy_request_buffering off;
      proxy_http_version 1.1;
    }
  }
}
";

/// The client cannot write because nginx does not read because it cannot write because the upstream does
/// not read: the upstream is the root.
#[test]
fn unbuffered_upload() {
    let Some(program) = real("nginx") else { return skip(Skip::NeedsPackage("nginx-light")) };
    if !in_own_netns("nginx::unbuffered_upload") {
        return;
    }
    let prefix = tempfile::tempdir().expect("a directory");
    let configuration = prefix.path().join("nginx.conf");
    std::fs::write(&configuration, CONFIGURATION).expect("it can be written");
    let upstream = Role::start(&format!("accept-one {UPSTREAM}"), Vec::new());
    let words = [program.as_str(), "-e", "stderr", "-p", path(prefix.path()), "-c", path(&configuration)];
    let nginx = Role::start(&format!("become {}", words.join(" ")), Vec::new());
    let mut client = eventually("nginx listens", || TcpStream::connect((Ipv4Addr::LOCALHOST, FRONT)).ok());
    let port = client.local_addr().expect("connected").port();
    client
        .write_all(b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000000\r\n\r\n")
        .expect("it reads");
    upstream.wait();
    client.set_write_timeout(Some(Duration::from_secs(60))).expect("a socket");
    assert!(fill(&client) > 1 << 17);

    // nginx waits in its only epoll set, in which the client's socket is with all events.
    kernel::sleeps_in(nginx.pid(), &[SYS_epoll_wait, SYS_epoll_pwait]);
    let sockets = || kernel::sockets(upstream.pid());
    // Its channel to this test, its listener, and what it has accepted.
    let [_, _, accepted] = sockets()[..] else { panic!("three sockets: {:?}", sockets()) };
    let seen = watch(SHORT);
    assert_eq!(seen.writing(inode(&client)), Writing::Stalled);
    let is_it = |report: &SocketEntry| {
        report.socket.local.port() == Some(FRONT) && report.socket.peer.port() == Some(port)
    };
    let judged = seen.that(is_it).expect("nginx has unread data");
    let report = &seen.now.snapshot.sockets[judged.now.expect("it still has")];
    let reader = report.socket.inode.expect("nginx has accepted it");
    let [(_, events)] = kernel::epoll_events(nginx.pid(), nginx.holder(reader).fd)[..] else {
        panic!("the client's socket is in one epoll set")
    };
    let all = Interest::IN | Interest::EDGE;
    assert_eq!(events & all, all, "{events:x}");

    let to_upstream = |holder: &Holder| holder.pid == nginx.pid() && *holder != nginx.holder(reader);
    let check = |seen: &Seen| {
        let cause = seen.stalled_by(reader, CauseCode::Backpressure);
        stands_on(
            cause,
            nginx.pid(),
            |fact| matches!(fact, Fact::UnsentAt(at, unsent) if to_upstream(at) && unsent.0 > 0),
        );
        let root = seen.root(reader);
        ends_at(root, Holder::new(upstream.pid(), accepted), CauseCode::Blocked);
        let [link] = &root.links[..] else { panic!("one link: {root:#?}") };
        assert!(to_upstream(&link.writer) && link.unsent.is_some_and(|unsent| unsent.0 > 0), "{root:#?}");
        assert_eq!(link.reader, root.reader());
    };
    check(&seen);
    // Whoever asks for nginx alone is told no less.
    let mut query = here();
    query.pids = vec![nginx.pid()];
    let seen = watch_by(engine(), &query, || std::thread::sleep(SHORT));
    let is_its = |report: &SocketEntry| report.holders.iter().all(|holder| holder.pid == nginx.pid());
    assert!(seen.now.asked_for().len() == 2 && seen.now.asked_for().iter().all(is_its));
    check(&seen);
}

fn path(path: &Path) -> &str {
    path.to_str().expect("ASCII")
}
