//! Worlds: namespaces with a known number of sockets, held by several processes.
//!
//! This program runs itself inside: once as the first process of fresh pid and network namespaces,
//! which measures, and as its children, which hold the sockets. Each ends when its parent does:
//! its input closes, and with the first process the kernel ends all others.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use crate::holder::{HOLDERS, Holder, PER_HOLDER, run};
use crate::measure::{self, Row};
use crate::namespaces;
use crate::quiet::{self, ASK, Quiet};

#[path = "../../crates/skcheck-cli/src/stall.rs"]
#[allow(dead_code, unreachable_pub)] // the command's own file
mod stall;

/// First argument of this program as a world's first process.
pub(crate) const INSIDE: &str = "__inside";
/// The same, of a world that is not measured by itself.
pub(crate) const KEPT: &str = "__kept";
/// Stalled readers of a world, and the unread bytes of each.
const STALLED: (usize, usize) = (3, 16);

/// Sockets of a process on a quiet host.
const FEW: usize = 10;

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
        World { name: QUIET.to_owned(), sockets: 70 * FEW, holders: 70, others: None }
    }

    /// A host with this many namespaces of a few sockets each, beside its own.
    pub(crate) fn of_namespaces(count: usize) -> World {
        let name = format!("{count} namespace{} of a few sockets", if count == 1 { "" } else { "s" });
        World { name, sockets: 0, holders: 0, others: Some((count, 0)) }
    }

    /// A host with this many sockets in one namespace and 100 others, of which 5 have connections.
    pub(crate) fn crowded(sockets: usize) -> World {
        let name = format!("100 namespaces beside {sockets} sockets");
        World { name, others: Some((5, 95)), ..World::of(sockets) }
    }

    /// Makes the world and measures scans, their floor and their peers in it. `None` when this user may make none.
    pub(crate) fn measure(&self, pairs: usize) -> io::Result<Option<Row>> {
        let Some(mut quiet) = self.quiet_beside().keep()? else { return Ok(None) };
        self.run(pairs, Some(&mut quiet), |text| serde_json::from_str(text.lines().last()?).ok())
    }

    /// Makes the world and measures scans of all its namespaces and of one in it.
    pub(crate) fn measure_namespaces(&self, pairs: usize) -> io::Result<Option<namespaces::Row>> {
        self.run(pairs, None, namespaces::Row::parse)
    }

    /// As many processes, with a few sockets each.
    fn quiet_beside(&self) -> World {
        World { name: QUIET.to_owned(), sockets: FEW * self.holders, holders: self.holders, others: None }
    }

    /// Makes the world and keeps it. `None` when this user may make none.
    fn keep(&self) -> io::Result<Option<Quiet>> {
        Ok(Quiet::wait_for(self.start(KEPT, 0)?)?.or_else(skipped))
    }

    fn run<T>(
        &self,
        pairs: usize,
        mut quiet: Option<&mut Quiet>,
        parse: fn(&str) -> Option<T>,
    ) -> io::Result<Option<T>> {
        eprintln!("{}: making it ...", self.name);
        let mut inside = self.start(INSIDE, pairs)?;
        let pipes = inside.stdin.take().zip(inside.stdout.take());
        let (mut input, output) = pipes.ok_or(io::ErrorKind::BrokenPipe)?;
        let mut answer = String::new();
        for line in BufReader::new(output).lines() {
            match (line?.as_str(), &mut quiet) {
                (ASK, Some(quiet)) => writeln!(input, "{}", quiet.ask()?)?,
                (line, _) => answer.extend([line, "\n"]),
            }
        }
        let status = inside.wait()?;
        match parse(&answer) {
            Some(row) if status.success() => Ok(Some(row)),
            _ if rustix::process::geteuid().is_root() || answer.contains(ALIVE) => {
                Err(io::Error::other(format!("{}: {status} {answer}", self.name)))
            }
            _ => Ok(skipped()),
        }
    }

    /// Starts its first process.
    fn start(&self, what: &str, pairs: usize) -> io::Result<Child> {
        let is_root = rustix::process::geteuid().is_root();
        let user: &[&str] = if is_root { &[] } else { &["--user", "--map-root-user"] };
        Command::new("unshare")
            .args(user)
            .args(["--net", "--pid", "--fork", "--kill-child", "--mount-proc"])
            .arg(std::env::current_exe()?)
            .args([what, &self.serialize(), &pairs.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
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

fn skipped<T>() -> Option<T> {
    println!("skipped: needs root, or a user who may make user and network namespaces");
    None
}

/// What a process inside says first: the namespaces are there.
const ALIVE: &str = "alive";

/// The first process of a world that is measured.
pub(crate) fn inside(world: &str, pairs: &str) -> io::Result<()> {
    println!("{ALIVE}");
    let lines = lines_until_the_end();
    let world = World::parse(world).ok_or(io::ErrorKind::InvalidInput)?;
    let sockets = make(&world)?;
    let pairs = pairs.parse().map_err(io::Error::other)?;
    let row = match world.others {
        Some((with, without)) => {
            let made = (namespaces::make(with, true)?, namespaces::make(without, false)?);
            let row = namespaces::measure(&world.name, pairs)?.serialize();
            drop(made);
            row
        }
        None => {
            let more = world.sockets - world.quiet_beside().sockets;
            let row = measure::here(&world.name, pairs, more, &mut || quiet::ask(&lines))?;
            serde_json::to_string(&row)?
        }
    };
    drop(sockets);
    println!("{row}");
    Ok(())
}

/// The first process of a world that is kept.
pub(crate) fn kept(world: &str) -> io::Result<()> {
    let lines = lines_until_the_end();
    let sockets = make(&World::parse(world).ok_or(io::ErrorKind::InvalidInput)?)?;
    quiet::answer(&lines)?;
    drop(sockets);
    Ok(())
}

/// What the process outside writes. This process ends when that is gone.
fn lines_until_the_end() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        let _ = io::stdin().lines().map_while(Result::ok).try_for_each(|line| sender.send(line));
        std::process::exit(2)
    });
    lines
}

/// The sockets of a world, as long as it lives.
struct Made {
    _held: Vec<Holder>,
    _stalled: Vec<stall::StalledReader>,
}

fn make(world: &World) -> io::Result<Made> {
    run("ip", &["link", "set", "lo", "up"])?;
    std::fs::write("/proc/sys/net/ipv4/ip_local_port_range", "1024 65535")?;
    let held = Holder::start_all(world.sockets, world.holders)?;
    held.iter().try_for_each(Holder::wait_until_ready)?;
    let (readers, bytes) = STALLED;
    let stalled = (0..readers).map(|_| stall::StalledReader::make(bytes)).collect::<io::Result<Vec<_>>>()?;
    Ok(Made { _held: held, _stalled: stalled })
}
