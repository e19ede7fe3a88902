//! The memory of a live cgroup whose contents are known.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use skcheck_core::memory::{CgroupMemory, PartKind, cgroup};
use skcheck_core::{Bytes, Live, RecvQueue};

use crate::support::child::spawn;
use crate::support::scan::{self, eventually};
use crate::support::skip::{Skip, is_root, skip};
use crate::support::sockets::tcp_pair_with_window;
use crate::support::unique;

const INSIDE: &str = "SKCHECK_TEST_CGROUP";
const ANONYMOUS: usize = 100 << 20;
const SHARED: usize = 16 << 20;
const UNREAD: usize = 1 << 20;
const THREADS: usize = 100;

/// A cgroup that counts memory, below this process's own where version 1 does that.
struct Group {
    directory: PathBuf,
    path: String,
    version: u8,
}

impl Group {
    fn new() -> Group {
        let own = std::fs::read_to_string("/proc/self/cgroup").expect("there are cgroups");
        let v1 = own.lines().find_map(|line| line.split_once(":memory:")).map(|(_, path)| path);
        let (mount, parent, version) = match v1 {
            Some(path) => ("/sys/fs/cgroup/memory", path.trim_end_matches('/'), 1),
            None => ("/sys/fs/cgroup", "", 2),
        };
        if version == 2 {
            std::fs::write("/sys/fs/cgroup/cgroup.subtree_control", "+memory").expect("root may");
        }
        let path = format!("{parent}/{}", unique::name("memory"));
        let directory = PathBuf::from(format!("{mount}{path}"));
        std::fs::create_dir(&directory).expect("root may");
        Group { directory, path, version }
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.directory.join(file), text).unwrap_or_else(|error| panic!("{file}: {error}"));
    }

    fn memory(&self) -> CgroupMemory {
        cgroup(&Live::new(), self.path.as_bytes()).expect("it is there")
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // A process is in it until its parent has waited for it, and a little longer.
        for _ in 0..100 {
            if std::fs::remove_dir(&self.directory).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        eprintln!("{} is left behind", self.directory.display());
    }
}

/// A process in a cgroup. It ends before the cgroup is removed.
struct Inside {
    child: Child,
    group: Group,
}

impl Drop for Inside {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Inside {
    fn start(group: Group) -> Inside {
        let mut command = Command::new(std::env::current_exe().expect("it has a path"));
        command.args(["--exact", "memory_group::of_known_contents", "--nocapture"]);
        command.env(INSIDE, &group.directory).stdin(Stdio::piped()).stdout(Stdio::piped());
        Inside { child: spawn(&mut command), group }
    }

    /// Waits for a word of the process's; what it says behind that.
    fn says(&mut self, word: &str) -> String {
        let out = self.child.stdout.as_mut().expect("a pipe");
        // Byte by byte, so that nothing is lost between two calls.
        let lines = BufReader::with_capacity(1, out).lines().map(|line| line.expect("text"));
        let mut said = Vec::new();
        for line in lines {
            if let Some(rest) = line.strip_prefix(word) {
                return rest.trim().to_owned();
            }
            said.push(line);
        }
        panic!("no {word} in {said:?}");
    }

    fn go_on(&mut self) {
        self.child.stdin.as_mut().expect("a pipe").write_all(b"\n").expect("it reads");
    }
}

/// What the process in the cgroup does.
fn inside(group: &Path) {
    let wait = || std::io::stdin().read_line(&mut String::new()).map(|_| ()).expect("a pipe");
    std::fs::write(group.join("cgroup.procs"), "0").expect("root may");
    println!("\nentered");
    wait();
    let anonymous = vec![1u8; ANONYMOUS];
    let file = rustix::fs::memfd_create("skcheck-test", rustix::fs::MemfdFlags::CLOEXEC).expect("a file");
    let mut file = std::fs::File::from(file);
    (0..SHARED >> 20).for_each(|_| file.write_all(&vec![1; 1 << 20]).expect("there is memory"));
    let mut pair = tcp_pair_with_window(8 * UNREAD);
    pair.send(UNREAD);
    for _ in 0..THREADS {
        std::thread::Builder::new().stack_size(64 << 10).spawn(std::thread::park).expect("there is room");
    }
    println!("ready {}", pair.port);
    wait();
    drop((anonymous, file, pair));
}

#[test]
fn of_known_contents() {
    if let Some(group) = std::env::var_os(INSIDE) {
        return inside(Path::new(&group));
    }
    if !is_root() {
        return skip(Skip::NeedsRoot);
    }
    let group = Group::new();
    let version = group.version;
    assert_eq!(group.memory().sock.is_some(), version == 2);
    if version == 1 {
        group.write("memory.limit_in_bytes", "1073741824");
        group.write("memory.kmem.tcp.limit_in_bytes", "1073741824");
    } else {
        group.write("memory.max", "1073741824");
    }
    let mut inside = Inside::start(group);
    inside.says("entered");
    let before = inside.group.memory();
    inside.go_on();
    let port = inside.says("ready").parse().expect("a port");
    let charged = eventually("the server's socket is seen", || {
        let snapshot = scan::run(&scan::port(port));
        let reader = snapshot.sockets.iter().find(
            |report| matches!(report.socket.recv_q, RecvQueue::Payload(unread) if unread.0 == UNREAD as u64),
        );
        reader?.footprint.received.charged
    });
    let memory = inside.group.memory();
    println!("{memory:#?}\ncharged {charged:?}");

    assert_eq!((memory.version, memory.path.as_slice()), (version, inside.group.path.as_bytes()));
    assert_eq!((memory.limit, memory.limit_hits, memory.oom_kills), (Some(Bytes(1 << 30)), Some(0), Some(0)));
    // Counters lag by so much (MEMCG_CHARGE_BATCH), and so much is charged ahead.
    let cpus = std::thread::available_parallelism().expect("known").get() as u64;
    let lag = cpus * 64 * 4096;
    let grown = |kind| {
        let of = |memory: &CgroupMemory| memory.ledger.part(kind).map_or(0, |bytes| bytes.0);
        of(&memory) - of(&before)
    };
    for (kind, bytes) in [(PartKind::Anonymous, ANONYMOUS), (PartKind::Shmem, SHARED)] {
        let error = grown(kind).abs_diff(bytes as u64);
        // Threads have stacks of their own as well.
        assert!(error <= lag + (2 << 20), "{kind:?} is off by {error}");
    }
    let sock = memory.sock.expect("it is counted").0;
    assert!(sock + lag >= charged.0 && sock <= charged.0 + lag + (1 << 20), "{sock} and {charged:?}");
    assert_eq!(memory.ledger.part(PartKind::Sockets).is_some(), version == 2);
    if version == 2 {
        // 16 KiB each, and not in vmalloc as well.
        assert!(grown(PartKind::KernelStacks) >= THREADS as u64 * 8192, "{memory:?}");
        assert!(grown(PartKind::Vmalloc) <= 1 << 20, "{memory:?}");
    }
    let owned: u64 = memory.ledger.parts.iter().map(|part| part.bytes.0).sum();
    assert_eq!(memory.ledger.total.0 as i64, owned as i64 + memory.ledger.unaccounted);
    assert!(memory.ledger.unaccounted.unsigned_abs() <= 2 * lag, "{:?}", memory.ledger);

    // What it held goes with it.
    let directory = inside.group.directory.clone();
    inside.go_on();
    drop(inside);
    assert!(!directory.exists());
}
