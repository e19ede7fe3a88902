//! Worlds: namespaces with a known number of sockets, held by several processes.
//!
//! This program runs itself inside: once as the first process of fresh pid and network namespaces,
//! which measures, and as its children, which hold the sockets. Each ends when its parent does:
//! its input closes, and with the first process the kernel ends all others.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

use crate::measure::{self, Row};

#[path = "../../crates/skcheck-cli/src/stall.rs"]
#[allow(dead_code, unreachable_pub)] // the command's own file
mod stall;

/// First argument of this program as a world's first process.
pub(crate) const INSIDE: &str = "__inside";
/// First argument of this program as a holder of sockets.
pub(crate) const HOLD: &str = "__hold";

/// Sockets of one holder. Many hosts allow a process no more than 20,000 descriptors.
const PER_HOLDER: usize = 19_000;
/// A world has this many holders at least.
const HOLDERS: usize = 4;
/// Stalled readers of a world, and the unread bytes of each.
const STALLED: (usize, usize) = (3, 16);

/// The name of the world of [`World::quiet`].
pub(crate) const QUIET: &str = "quiet";

/// How many sockets, and how many processes hold them.
pub(crate) struct World {
    name: String,
    sockets: usize,
    holders: usize,
}

impl World {
    pub(crate) fn of(sockets: usize) -> World {
        let holders = sockets.div_ceil(PER_HOLDER).max(HOLDERS);
        World { name: format!("{sockets} sockets"), sockets, holders }
    }

    /// A host on which little goes on.
    pub(crate) fn quiet() -> World {
        World { name: QUIET.to_owned(), sockets: 700, holders: 70 }
    }

    /// Makes the world and measures in it. `None` when this user may make none.
    pub(crate) fn measure(&self, pairs: usize) -> io::Result<Option<Row>> {
        eprintln!("{}: making it ...", self.name);
        let is_root = rustix::process::geteuid().is_root();
        let user: &[&str] = if is_root { &[] } else { &["--user", "--map-root-user"] };
        let mut inside = Command::new("unshare")
            .args(user)
            .args(["--net", "--pid", "--fork", "--kill-child", "--mount-proc"])
            .arg(std::env::current_exe()?)
            .args([INSIDE, &format!("{},{},{}", self.name, self.sockets, self.holders), &pairs.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut answer = String::new();
        inside.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?.read_to_string(&mut answer)?;
        let status = inside.wait()?;
        match Row::parse(&answer) {
            Some(row) if status.success() => Ok(Some(row)),
            _ if is_root || answer.contains(ALIVE) => {
                Err(io::Error::other(format!("{}: {status} {answer}", self.name)))
            }
            _ => {
                println!("skipped: needs root, or a user who may make user and network namespaces");
                Ok(None)
            }
        }
    }

    fn parse(text: &str) -> Option<World> {
        let mut parts = text.split(',');
        let name = parts.next()?.to_owned();
        Some(World { name, sockets: parts.next()?.parse().ok()?, holders: parts.next()?.parse().ok()? })
    }
}

/// What a process inside says first: the namespaces are there.
const ALIVE: &str = "alive";

/// The first process of a world.
pub(crate) fn inside(world: &str, pairs: &str) -> io::Result<()> {
    println!("{ALIVE}");
    let world = World::parse(world).ok_or(io::ErrorKind::InvalidInput)?;
    let pairs = pairs.parse().map_err(io::Error::other)?;
    std::thread::spawn(|| {
        wait_for_end();
        std::process::exit(2)
    });
    run("ip", &["link", "set", "lo", "up"])?;
    std::fs::write("/proc/sys/net/ipv4/ip_local_port_range", "1024 65535")?;
    let held =
        (0..world.holders).map(|index| Holder::start(&world, index)).collect::<io::Result<Vec<_>>>()?;
    for holder in &held {
        holder.wait_until_ready()?;
    }
    let (readers, bytes) = STALLED;
    let stalled = (0..readers).map(|_| stall::StalledReader::make(bytes)).collect::<io::Result<Vec<_>>>()?;
    let row = measure::here(&world.name, pairs)?;
    drop(stalled);
    println!("{}", row.serialize());
    Ok(())
}

/// A child that holds sockets.
struct Holder {
    child: std::cell::RefCell<Child>,
}

impl Holder {
    fn start(world: &World, index: usize) -> io::Result<Holder> {
        // Pairs, so an even number; the first holder takes what is left over.
        let each = world.sockets / world.holders / 2 * 2;
        let sockets = if index == 0 { world.sockets - each * (world.holders - 1) } else { each };
        let child = Command::new(std::env::current_exe()?)
            .args([HOLD, &sockets.to_string(), &index.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        Ok(Holder { child: child.into() })
    }

    fn wait_until_ready(&self) -> io::Result<()> {
        let mut child = self.child.borrow_mut();
        let out = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        if line.trim() == READY { Ok(()) } else { Err(io::Error::other("a holder has no sockets")) }
    }
}

const READY: &str = "ready";

/// A holder: nine in ten of its sockets are ends of TCP connections over loopback, the others UDP
/// and unix. All idle.
pub(crate) fn hold(sockets: &str, index: &str) -> io::Result<()> {
    let sockets: usize = sockets.parse().map_err(io::Error::other)?;
    let index: u8 = index.parse().map_err(io::Error::other)?;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let raised = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, raised)?;
    // An address of its own gives each holder a port range of its own.
    let address = Ipv4Addr::new(127, 0, 1, index);
    let unix_pairs = sockets / 40;
    let udp = sockets / 20 / 2 * 2;
    let tcp_pairs = (sockets - udp) / 2 - unix_pairs;
    let unix = (0..unix_pairs).map(|_| UnixStream::pair()).collect::<io::Result<Vec<_>>>()?;
    let udp = (0..udp).map(|_| UdpSocket::bind((address, 0))).collect::<io::Result<Vec<_>>>()?;
    let listener = TcpListener::bind((address, 0))?;
    let mut tcp = Vec::with_capacity(2 * tcp_pairs);
    for _ in 0..tcp_pairs {
        tcp.push(TcpStream::connect(listener.local_addr()?)?);
        tcp.push(listener.accept()?.0);
    }
    drop(listener);
    println!("{READY}");
    io::stdout().flush()?;
    wait_for_end();
    drop((unix, udp, tcp));
    Ok(())
}

/// Sleeps until the parent is gone.
fn wait_for_end() {
    let _ = io::copy(&mut io::stdin(), &mut io::sink());
}

fn run(program: &str, arguments: &[&str]) -> io::Result<()> {
    let status = Command::new(program).args(arguments).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("{program}: {status}"))) }
}
