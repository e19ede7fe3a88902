//! Real proxies with two clients, one of which does not read: which of them keeps which connection waiting.

use std::path::Path;

use skcheck_core::watch::Judged;
use skcheck_core::watch::cause::{End, Root};
use skcheck_core::watch::progress::Reading;
use skcheck_core::{Holder, SocketEntry};

use crate::kernel;
use crate::look::{SHORT, Seen, watch};
use crate::real::{Family, real};
use crate::role::Role;
use crate::support::netns::in_own_netns;
use crate::support::scan::eventually;
use crate::support::skip::{Skip, skip};

const FRONT: u16 = 7100;
const BACK: u16 = 7101;

const HAPROXY: &str = "
global
  nbthread 1
defaults
  mode tcp
  timeout connect 60s
  timeout client 600s
  timeout server 600s
frontend front
  bind 127.0.0.1:7100
  default_backend back
backend back
  server back 127.0.0.1:7101
";

const NGINX: &str = "
daemon off;
user root root;
master_process off;
pid nginx.pid;
error_log error.log;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  server {
    listen 127.0.0.1:7100;
    location / { proxy_pass http://127.0.0.1:7101; proxy_buffering off; proxy_http_version 1.1; }
  }
}
";

const CADDY: &str = "
{
  admin off
  auto_https off
  storage file_system data
}
http://:7100 {
  reverse_proxy 127.0.0.1:7101
}
";

#[test]
fn haproxy() {
    let Some(program) = real("haproxy") else { return skip(Skip::NeedsPackage("haproxy")) };
    if in_own_netns("proxies::haproxy") {
        all(HAPROXY, |file, _| vec![program.clone(), "-q".into(), "-db".into(), "-f".into(), file]);
    }
}

#[test]
fn nginx() {
    let Some(program) = real("nginx") else { return skip(Skip::NeedsPackage("nginx-light")) };
    if in_own_netns("proxies::nginx") {
        all(NGINX, |file, prefix| {
            let words = [&program, "-e", "stderr", "-p", prefix, "-c", &file];
            words.map(str::to_owned).to_vec()
        });
    }
}

#[test]
fn caddy() {
    let Some(program) = real("caddy") else { return skip(Skip::NeedsPackage("caddy")) };
    if in_own_netns("proxies::caddy") {
        all(CADDY, |file, prefix| {
            let words = ["/usr/bin/env", "-C", prefix, "HOME=.", &program, "run", "--config", &file];
            words.into_iter().chain(["--adapter", "caddyfile"]).map(str::to_owned).collect()
        });
    }
}

/// Each situation with a proxy of its own; `command` starts it with a configuration and a directory.
fn all(configuration: &str, command: impl Fn(String, &str) -> Vec<String>) {
    let prefix = tempfile::tempdir().expect("a directory");
    let file = prefix.path().join("configuration");
    std::fs::write(&file, configuration).expect("it can be written");
    let words = command(path(&file).to_owned(), path(prefix.path()));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let situation = |clients: [(u64, u64); 2]| {
        let server = Role::start(&format!("serve {BACK}"), Vec::new());
        let proxy = Family::start(&words, FRONT);
        // Each has its own connection to the server before the next one comes.
        let client = |(first, rate)| Role::start(&format!("fetch {FRONT} {first} {rate}"), Vec::new());
        let clients = clients.map(client);
        Situation { server, proxy, clients }
    };
    let both = situation([(100_000, 0), (8_000_000, 0)]);
    both.both_stand_still();
    drop(both);
    let slow = situation([(100_000, 0), (200_000, 20_000)]);
    slow.one_is_slow();
    drop(slow);
    situation([(100_000, 0), (100_000, 200_000_000)]).one_is_innocent();
}

struct Situation {
    server: Role,
    proxy: Family,
    clients: [Role; 2],
}

impl Situation {
    /// What the proxy reads from the server for this client: the connections of the server are in the order
    /// of the clients.
    fn reader<'s>(&self, seen: &'s Seen, client: usize) -> Option<(&'s Judged, Holder)> {
        // Its channel to this test, and its listener.
        let fd = *kernel::sockets(self.server.pid()).get(2 + client)?;
        let at_server = Holder::new(self.server.pid(), fd);
        let report = seen.now.snapshot.sockets.iter().find(|it| it.holders.contains(&at_server))?;
        let reader = *report.peer_holders.iter().find(|it| it.pid == self.proxy.first())?;
        Some((seen.that(|it| it.holders.contains(&reader))?, reader))
    }

    /// What the proxy writes to this client.
    fn writer(&self, seen: &Seen, client: usize) -> Option<Holder> {
        let pid = self.clients[client].pid();
        let report = seen.now.snapshot.sockets.iter().find(|it| {
            holds(it, self.proxy.first()) && it.peer_holders.iter().any(|holder| holder.pid == pid)
        })?;
        report.holders.iter().copied().find(|it| it.pid == self.proxy.first())
    }

    /// Whether this reader is known to wait for its own client.
    ///
    /// # Panics
    /// When it is said to wait for the other one.
    fn waits_for_its_client(&self, seen: &Seen, client: usize) -> Option<bool> {
        let (judged, _) = self.reader(seen, client)?;
        let Some(root) = &judged.root else { return Some(false) };
        let reader = root.reader().map(|reader| reader.pid);
        let is_own = reader == Some(self.clients[client].pid());
        if root.is_unsure() {
            return Some(false);
        }
        if let Root { end: End::OneOf(links), .. } = root {
            let writer = self.writer(seen, client)?;
            assert!(links.iter().any(|link| link.writer == writer), "its own is among them: {judged:#?}");
            return Some(false);
        }
        assert!(is_own, "another is blamed: {judged:#?}");
        Some(is_own)
    }

    /// What was read and what was written tells the two apart.
    fn both_stand_still(&self) {
        eventually("both are told apart", || {
            let seen = watch(SHORT);
            let told = [0, 1].map(|client| self.waits_for_its_client(&seen, client));
            let stand = [0, 1].map(|client| Some(self.reader(&seen, client)?.0.reading));
            (told == [Some(true); 2] && stand == [Some(Reading::Stalled); 2]).then_some(())
        });
    }

    /// The slow one is not explained by the one that takes nothing.
    fn one_is_slow(&self) {
        for _ in 0..4 {
            let seen = watch(SHORT);
            for client in [0, 1] {
                self.waits_for_its_client(&seen, client);
            }
        }
    }

    /// What is read all the time waits for nobody; what is not, for its own client alone.
    fn one_is_innocent(&self) {
        eventually("the one stands still", || {
            let seen = watch(SHORT);
            let innocent = self.clients[1].pid();
            let accused = |judged: &Judged| {
                let root = judged.root.as_ref().filter(|root| !root.is_unsure());
                root.and_then(Root::reader).is_some_and(|reader| reader.pid == innocent)
            };
            if let Some((judged, _)) = self.reader(&seen, 1) {
                assert_ne!(judged.reading, Reading::Stalled, "{judged:#?}");
            }
            self.waits_for_its_client(&seen, 1);
            let (judged, _) = self.reader(&seen, 0)?;
            assert!(!accused(judged), "{judged:#?}");
            self.waits_for_its_client(&seen, 0)?.then_some(())
        });
    }
}

fn holds(report: &SocketEntry, pid: u32) -> bool {
    report.holders.iter().any(|holder| holder.pid == pid)
}

fn path(path: &Path) -> &str {
    path.to_str().expect("ASCII")
}
