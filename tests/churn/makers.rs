//! Who makes others come and go: processes, each with one kind.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_linger;

use crate::world::{self, Child};

/// What one makes, and how much of it.
struct Kind {
    name: &'static str,
    /// How many it makes at once.
    at_once: u32,
    /// How often a second, where the machine lets it.
    times: u32,
    /// So many are enough for a hundred scans.
    enough: u64,
    /// Makes what makes them.
    maker: fn() -> Box<dyn FnMut()>,
}

const KINDS: [Kind; 3] = [
    Kind { name: "connections", at_once: CONNECTIONS, times: 1000, enough: 5000, maker: connections },
    Kind { name: "forks", at_once: SHELLS * FORKS, times: 50, enough: 500, maker: processes },
    Kind { name: "namespaces", at_once: 1, times: 10, enough: 20, maker: namespaces },
];

/// What a maker says each time.
const DOT: u8 = b'.';

/// A process that makes things; it ends when this is dropped.
pub(crate) struct Maker {
    kind: &'static Kind,
    times: Arc<AtomicU64>,
    _child: Child,
}

/// One of each kind.
pub(crate) fn start() -> Vec<Maker> {
    let start = |kind: &'static Kind| {
        let mut child = Child::start(kind.name);
        let mut said = child.output();
        let times = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&times);
        thread::spawn(move || {
            let mut dots = [0; 4096];
            while let Ok(more @ 1..) = said.read(&mut dots) {
                let more = dots[..more].iter().filter(|byte| **byte == DOT).count();
                counted.fetch_add(more as u64, Ordering::Relaxed);
            }
        });
        Maker { kind, times, _child: child }
    };
    KINDS.iter().map(start).collect()
}

impl Maker {
    /// How many have come and gone so far.
    pub(crate) fn made(&self) -> u64 {
        self.times.load(Ordering::Relaxed) * u64::from(self.kind.at_once)
    }

    pub(crate) fn name(&self) -> &'static str {
        self.kind.name
    }

    /// How many make so many scans worth something.
    pub(crate) fn enough(&self, scans: usize) -> u64 {
        (self.kind.enough * scans as u64).div_ceil(100)
    }
}

/// Makes things of this kind until its parent ends. Says so each time.
pub(crate) fn make(name: &str) {
    let kind = KINDS.iter().find(|kind| kind.name == name).expect("a kind");
    world::end_with_parent();
    let mut make = (kind.maker)();
    let began = Instant::now();
    for times in 1u32.. {
        make();
        std::io::stdout().write_all(&[DOT]).and_then(|()| std::io::stdout().flush()).expect("it is read");
        // Who has fallen behind catches up.
        thread::sleep((Duration::from_secs(1) * times / kind.times).saturating_sub(began.elapsed()));
    }
}

/// How many each call of [`connections`] makes.
const CONNECTIONS: u32 = 10;

/// Connections that carry data which nobody reads, and are reset.
fn connections() -> Box<dyn FnMut()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback is up");
    let address = listener.local_addr().expect("bound");
    Box::new(move || {
        for number in 0..CONNECTIONS {
            let mut client = TcpStream::connect(address).expect("it listens");
            let (server, _) = listener.accept().expect("the client waits");
            if number % 2 == 0 {
                client.write_all(b"never read").expect("there is room");
            }
            // An orderly end would keep the port for a minute.
            set_socket_linger(&client, Some(Duration::ZERO)).expect("a socket");
            drop((client, server));
        }
    })
}

/// How many shells each call of [`processes`] starts, one beside the other.
const SHELLS: u32 = 2;
/// How many processes each of them makes, with itself.
const FORKS: u32 = 10;

/// Processes that hold a socket with data, become another program, and have children that just end.
fn processes() -> Box<dyn FnMut()> {
    let script = format!("{}exec true", (1..FORKS).map(|_| "(:); ").collect::<String>());
    Box::new(move || {
        let start = |_| {
            let (mut here, there) = UnixStream::pair().expect("a unix pair");
            here.write_all(b"never read").expect("there is room");
            let mut shell = Command::new("sh");
            shell.args(["-c", &script]).stdin(Stdio::from(OwnedFd::from(there))).stdout(Stdio::null());
            shell.spawn().expect("there is a shell")
        };
        for mut shell in (0..SHELLS).map(start).collect::<Vec<_>>() {
            assert!(shell.wait().expect("a child").success());
        }
    })
}

/// Network namespaces that end with their only process.
fn namespaces() -> Box<dyn FnMut()> {
    Box::new(|| {
        let mut command = Command::new("unshare");
        command.args(["--net", "true"]).stdin(Stdio::null()).stdout(Stdio::null());
        assert!(command.status().expect("unshare is there").success());
    })
}
