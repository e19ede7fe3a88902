//! A mount namespace whose owner lays traps where a network namespace was mounted.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::stat::Mode as Permissions;
use rustix::fs::inotify::{self, WatchFlags};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType};
use skcheck_core::{Missing, Payload, Query, RecvQueue, State};

use crate::support::child::Sleeper;
use crate::support::namespaces::{Running, id, inside};
use crate::support::scan::{self, eventually, get, mine};
use crate::support::skip::{Skip, is_root, skip};
use crate::support::sockets::{inode, socket_of, tcp_pair};

/// Mounts one network namespace at `$1/top/fifo/ns` and `$1/top/link/ns`; when told so, covers both
/// places with a pipe and with a link to a pipe.
const SCRIPT: &str = r#"
    set -e
    mount -t tmpfs none "$1/top"
    cd "$1/top"
    mkdir fifo link
    touch fifo/ns link/ns
    unshare --net=fifo/ns ip link set lo up
    mount --bind fifo/ns link/ns
    echo ready
    read -r go
    mount -t tmpfs none "$1/top/fifo"
    mount -t tmpfs none "$1/top/link"
    mkfifo "$1/top/fifo/ns"
    ln -s "$1/pipe" "$1/top/link/ns"
    exec sleep 300
"#;

/// Any user can mount what he likes at /run/netns of a mount namespace of his own: that names nothing.
/// What his process holds after a reset is of its namespace.
#[test]
fn names_of_mounts_that_are_not_the_hosts() {
    if !is_root() {
        return skip(Skip::NeedsNetns);
    }
    const SCRIPT: &str = r#"
        set -e
        mount -t tmpfs none /run
        mkdir -p /run/netns
        touch /run/netns/kube-system
        mount --bind /proc/self/ns/net /run/netns/kube-system
        echo ready
        exec sleep 300
    "#;
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "--propagation", "private", "sh", "-c", SCRIPT]);
    let fresh = socket_of(AddressFamily::INET, SocketType::STREAM, None);
    let number = inode(&fresh);
    let poser = Running::start(command.stdin(Stdio::from(fresh)));
    assert_eq!(poser.said, "ready");
    drop(command); // it still has the descriptor
    let netns = id(&File::open(format!("/proc/{}/ns/net", poser.pid())).expect("it runs"));
    let snapshot = scan::run(&Query::default());
    let found = snapshot.netns(netns).expect("it is found");
    assert_eq!((&found.name, found.own), (&None, false));
    let closed = get(&snapshot, number);
    assert_eq!((closed.socket.state, closed.netns), (State::ClosedHeld, Some(netns)));
}

/// Who opens a pipe to read waits for a writer, for ever. The namespace can still be entered by a
/// descriptor of a younger process, which a scan tries after the mounts.
#[test]
fn pipes_over_a_mounted_namespace() {
    if !is_root() {
        return skip(Skip::NeedsNetns);
    }
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(dir.path().join("top")).expect("it is writable");
    let pipe = dir.path().join("pipe");
    nix::unistd::mkfifo(&pipe, Permissions::S_IRWXU).expect("it is writable");
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c", SCRIPT, "sh"]).arg(dir.path());
    let (stdin, mut tell) = std::io::pipe().expect("a pipe");
    let keeper = Running::start(command.stdin(Stdio::from(stdin)));
    assert_eq!(keeper.said, "ready");
    let top = format!("/proc/{}/root{}/top", keeper.pid(), dir.path().to_str().expect("plain"));
    let (fifo, link) = (format!("{top}/fifo/ns"), format!("{top}/link/ns"));
    let netns = File::open(&fifo).expect("it is mounted there");
    let id = id(&netns);
    // A descriptor of the mounted file would show as that file's path.
    let (pair, way_in) = inside(&netns, || {
        let mut pair = tcp_pair("127.0.0.1");
        pair.send(888);
        (pair, File::open("/proc/thread-self/ns/net").expect("/proc is mounted"))
    });
    drop(netns);
    // From here on nobody misses the namespace: other scans run at the same time.
    let _way_in = Sleeper::holding(way_in);
    tell.write_all(b"go\n").expect("it waits");
    eventually("both traps are laid", || {
        let kind = |path: &str| Some(std::fs::symlink_metadata(path).ok()?.file_type());
        (kind(&fifo)?.is_fifo() && kind(&link)?.is_symlink()).then_some(())
    });
    let mounts = std::fs::read(format!("/proc/{}/mountinfo", keeper.pid())).expect("it runs");
    let mounts = String::from_utf8_lossy(&mounts);
    let still_listed = mounts.lines().filter(|line| line.contains(&format!("net:[{}]", id.0))).count();
    assert_eq!(still_listed, 2, "{mounts}");
    let traps = [Trap::watch(Path::new(&fifo)), Trap::watch(&pipe)];

    let (done, wait) = std::sync::mpsc::channel();
    std::thread::spawn(move || done.send(Box::new(scan::run(&scan::everything()))).is_ok());
    let snapshot = wait.recv_timeout(Duration::from_secs(60)).expect("the scan returns");
    for trap in &traps {
        trap.assert_untouched();
    }
    let report = get(&snapshot, inode(&pair.server));
    assert_eq!(report.socket.recv_q, RecvQueue::Payload(Payload(888)));
    assert_eq!((report.netns, &report.holders[..]), (Some(id), &[mine(&pair.server)][..]));
    let missed: Vec<_> = snapshot.gaps.iter().filter(|gap| gap.what == Missing::Namespaces).collect();
    assert!(missed.is_empty(), "{missed:?}");
}

/// A pipe that nobody may open.
struct Trap {
    pipe: std::path::PathBuf,
    opened: std::os::fd::OwnedFd,
}

impl Trap {
    fn watch(pipe: &Path) -> Trap {
        let opened = inotify::init(inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC);
        let opened = opened.expect("a free descriptor");
        inotify::add_watch(&opened, pipe, WatchFlags::OPEN).expect("it is there");
        Trap { pipe: pipe.to_owned(), opened }
    }

    /// Nobody waits in an open for a writer, and nobody has opened it and gone.
    fn assert_untouched(&self) {
        let open = |flags| open(&self.pipe, flags | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty());
        assert_eq!(open(OFlags::WRONLY).err(), Some(Errno::NXIO), "somebody reads {:?}", self.pipe);
        assert!(!self.was_opened(), "{:?} was opened", self.pipe);
        // What would have told, tells.
        let reader = open(OFlags::RDONLY).expect("it waits for nobody");
        assert!(self.was_opened() && open(OFlags::WRONLY).is_ok(), "{:?}", self.pipe);
        drop(reader);
    }

    fn was_opened(&self) -> bool {
        match rustix::io::read(&self.opened, &mut [0; 1024]) {
            Ok(bytes) => bytes > 0,
            Err(error) => {
                assert_eq!(error, Errno::AGAIN);
                false
            }
        }
    }
}
