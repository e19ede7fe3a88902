//! Worlds: namespaces with a known number of sockets, held by several processes.
//!
//! This program runs itself inside: once as the first process of fresh pid and network namespaces,
//! which measures, and as its children, which hold the sockets. Each ends when its parent does:
//! its input closes, and with the first process the kernel ends all others.

use std::io::{self, Read};
use std::process::{Command, Stdio};

use crate::holder::{HOLDERS, Holder, PER_HOLDER, run, wait_for_end};
use crate::measure::{self, Row};
use crate::namespaces;

#[path = "../../crates/skcheck-cli/src/stall.rs"]
#[allow(dead_code, unreachable_pub)] // the command's own file
mod stall;

/// First argument of this program as a world's first process.
pub(crate) const INSIDE: &str = "__inside";
/// Stalled readers of a world, and the unread bytes of each.
const STALLED: (usize, usize) = (3, 16);

/// The name of the world of [`World::quiet`].
pub(crate) const QUIET: &str = "quiet";

/// How many sockets, and how many processes hold them.
pub(crate) struct World {
    name: String,
    sockets: usize,
    holders: usize,
    /// Other namespaces: how many with connections, and how many without.
    others: Option<(usize, usize)>,
}

impl World {
    pub(crate) fn of(sockets: usize) -> World {
        let holders = sockets.div_ceil(PER_HOLDER).max(HOLDERS);
        World { name: format!("{sockets} sockets"), sockets, holders, others: None }
    }

    /// A host on which little goes on.
    pub(crate) fn quiet() -> World {
        World { name: QUIET.to_owned(), sockets: 700, holders: 70, others: None }
    }

    /// A host with this many namespaces of a few sockets each, beside its own.
    pub(crate) fn of_namespaces(count: usize) -> World {
        let name = format!("{count} namespaces of a few sockets");
        World { name, sockets: 0, holders: 0, others: Some((count, 0)) }
    }

    /// A host with this many sockets in one namespace and 100 others, of which 5 have connections.
    pub(crate) fn crowded(sockets: usize) -> World {
        let name = format!("100 namespaces beside {sockets} sockets");
        World { name, others: Some((5, 95)), ..World::of(sockets) }
    }

    /// Makes the world and measures scans, their floor and their peers in it. `None` when this user may make none.
    pub(crate) fn measure(&self, pairs: usize) -> io::Result<Option<Row>> {
        self.run(pairs, |text| serde_json::from_str(text.lines().last()?).ok())
    }

    /// Makes the world and measures scans of all its namespaces and of one in it.
    pub(crate) fn measure_namespaces(&self, pairs: usize) -> io::Result<Option<namespaces::Row>> {
        self.run(pairs, namespaces::Row::parse)
    }

    fn run<T>(&self, pairs: usize, parse: fn(&str) -> Option<T>) -> io::Result<Option<T>> {
        eprintln!("{}: making it ...", self.name);
        let is_root = rustix::process::geteuid().is_root();
        let user: &[&str] = if is_root { &[] } else { &["--user", "--map-root-user"] };
        let mut inside = Command::new("unshare")
            .args(user)
            .args(["--net", "--pid", "--fork", "--kill-child", "--mount-proc"])
            .arg(std::env::current_exe()?)
            .args([INSIDE, &self.serialize(), &pairs.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut answer = String::new();
        inside.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?.read_to_string(&mut answer)?;
        let status = inside.wait()?;
        match parse(&answer) {
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

    fn serialize(&self) -> String {
        let World { name, sockets, holders, others } = self;
        let (with, without) = others.unwrap_or_default();
        format!("{name},{sockets},{holders},{with},{without}")
    }

    fn parse(text: &str) -> Option<World> {
        let mut parts = text.split(',');
        let name = parts.next()?.to_owned();
        let mut number = || parts.next()?.parse().ok();
        let (sockets, holders) = (number()?, number()?);
        let others = Some((number()?, number()?)).filter(|(with, without)| with + without > 0);
        Some(World { name, sockets, holders, others })
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
    let held = Holder::start_all(world.sockets, world.holders)?;
    for holder in &held {
        holder.wait_until_ready()?;
    }
    let (readers, bytes) = STALLED;
    let stalled = (0..readers).map(|_| stall::StalledReader::make(bytes)).collect::<io::Result<Vec<_>>>()?;
    let row = match world.others {
        Some((with, without)) => {
            let made = (namespaces::make(with, true)?, namespaces::make(without, false)?);
            let row = namespaces::measure(&world.name, pairs)?.serialize();
            drop(made);
            row
        }
        None => serde_json::to_string(&measure::here(&world.name, pairs)?)?,
    };
    drop(stalled);
    println!("{row}");
    Ok(())
}
