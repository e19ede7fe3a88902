//! What scans of many network namespaces ask, claim, use and leave alone.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketType};
use skcheck_core::{
    Live, Missing, NetnsChoice, Payload, Query, RecvQueue, Snapshot, State, scan as library_scan,
};

use crate::support::child::spawn;
use crate::support::namespaces::{Named, Running, id, inside, nameless};
use crate::support::netns::in_own_netns;
use crate::support::scan::{self, eventually, find, get, mine};
use crate::support::skip::{Skip, is_root, skip};
use crate::support::sockets::{TcpPair, connect_from, inode, reset, socket_of, tcp_pair};

fn of(choice: NetnsChoice) -> Query {
    let mut query = scan::everything();
    query.netns = choice;
    query
}

fn pair_of(bytes: usize) -> TcpPair {
    let mut pair = tcp_pair("127.0.0.1");
    pair.send(bytes);
    pair
}

fn gaps(snapshot: &Snapshot, what: Missing) -> Vec<&skcheck_core::Gap> {
    snapshot.gaps.iter().filter(|gap| gap.what == what).collect()
}

#[test]
fn of_the_namespaces_asked_for() {
    if !is_root() {
        return skip(Skip::NeedsNetns);
    }
    let netns = Named::new("choice");
    let mut command = Command::new("nsenter");
    command.arg(format!("--net={}", netns.path().display())).args(["sh", "-c", "echo in; exec sleep 300"]);
    let process = Running::start(command.stdin(Stdio::null()));
    let there = inside(&netns.file(), || pair_of(10));
    let here = pair_of(20);
    let sees = |choice| {
        let snapshot = scan::run(&of(choice));
        let sees = |pair: &TcpPair| find(&snapshot, inode(&pair.server)).is_some();
        let ids: Vec<_> = snapshot.namespaces.iter().map(|it| (it.id, it.own)).collect();
        assert!(gaps(&snapshot, Missing::Namespaces).is_empty(), "{:?}", snapshot.gaps);
        (sees(&here), sees(&there), ids)
    };
    let own = File::open("/proc/self/ns/net").expect("/proc is mounted");
    let (own, other) = ((Some(id(&own)), true), (Some(netns.id()), false));
    let (of_own, of_other, all) = sees(NetnsChoice::All);
    assert!(of_own && of_other && all.first() == Some(&own) && all.contains(&other));
    assert_eq!(sees(NetnsChoice::Current), (true, false, vec![own]));
    assert_eq!(sees(NetnsChoice::OfProcess(std::process::id())), (true, false, vec![own]));
    assert_eq!(sees(NetnsChoice::OfProcess(process.pid())), (false, true, vec![other]));
    assert_eq!(sees(NetnsChoice::OfFile(netns.path())), (false, true, vec![other]));
    assert_eq!(sees(NetnsChoice::OfFile("/proc/self/ns/net".into())), (true, false, vec![own]));
}

/// A file that stands for no network namespace is said to be that, and is not waited for.
#[test]
fn of_no_namespace() {
    let dir = tempfile::tempdir().expect("a directory");
    let pipe = dir.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRUSR).expect("the directory is writable");
    let files = ["/etc/passwd".into(), "/proc/self/ns/uts".into(), "/no/such/file".into(), pipe];
    for choice in files.map(NetnsChoice::OfFile).into_iter().chain([NetnsChoice::OfProcess(u32::MAX)]) {
        let error = library_scan(&Live::new(), &of(choice.clone())).expect_err("nothing can be asked");
        let [.., gap] = error.gaps() else { panic!("{choice:?}: no gap") };
        assert_eq!((gap.what, gap.count), (Missing::Namespaces, Some(1)), "{choice:?}");
        assert!(gap.remedy.contains("ip netns"), "{choice:?}: {}", gap.remedy);
    }
}

/// Sockets that sockstat does not count: bound and not connected. In another namespace they are
/// what they are in one's own.
#[test]
fn bound_in_another_namespace() {
    if !is_root() {
        return skip(Skip::NeedsNetns);
    }
    let netns = nameless();
    let bound = inside(&netns, || {
        let socket = socket_of(AddressFamily::INET, SocketType::STREAM, None);
        rustix::net::bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        socket
    });
    let snapshot = scan::run(&scan::everything());
    if get(&snapshot, inode(&bound)).socket.state == State::ClosedHeld {
        return skip(Skip::NeedsKernel([6, 8], "bound sockets in its tables"));
    }
    assert_eq!(get(&snapshot, inode(&bound)).socket.state, State::BoundInactive);
    assert_eq!(get(&snapshot, inode(&bound)).netns, Some(id(&netns)));
    // Idle, so by default not reported: least of all as closed.
    assert!(find(&scan::run(&Query::default()), inode(&bound)).is_none());

    // One that chose its port keeps it when its peer resets it, and its data, and stays in the table.
    let (client, server) = inside(&netns, || {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback is up");
        let from = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 45_100).into();
        let client = connect_from(from, listener.local_addr().expect("bound"));
        (client, listener.accept().expect("the client waits").0)
    });
    std::io::Write::write_all(&mut &server, &[b'x'; 999]).expect("the window is open");
    crate::support::sockets::arrived(&client, 999);
    reset(server);
    let report = eventually("it is reset", || {
        let snapshot = scan::run(&Query::default());
        find(&snapshot, inode(&client)).filter(|it| it.socket.state != State::Established).cloned()
    });
    // It still has its peer's address, so the kernel calls it closed; its numbers are all there.
    assert_eq!((report.socket.state, report.netns), (State::Close, Some(id(&netns))));
    assert_eq!(report.socket.recv_q.size().map(|size| size >= 999), Some(true));
    assert!(report.footprint.received.charged.is_some_and(|charge| charge.0 >= 999), "{report:?}");
}

/// An orphan that has not sent everything is in no process, and in its namespace's table.
#[test]
fn an_orphan_in_another_namespace() {
    if !is_root() {
        return skip(Skip::NeedsNetns);
    }
    let netns = nameless();
    let pair = inside(&netns, || tcp_pair("127.0.0.1"));
    let written = crate::support::sockets::fill(&pair.client);
    drop(pair.client);
    let snapshot = scan::run(&scan::port(pair.port));
    let orphan = snapshot.sockets.iter().find(|it| it.socket.inode.is_none()).expect("it is there");
    assert_eq!((orphan.holding, orphan.netns), (skcheck_core::Holding::Orphan, Some(id(&netns))));
    assert_eq!(orphan.socket.state, State::FinWait1);
    let (sent, unread) =
        (orphan.socket.send_q.size(), get(&snapshot, inode(&pair.server)).socket.recv_q.size());
    assert!(sent.zip(unread).is_some_and(|(sent, unread)| sent + unread >= written), "{written}: {orphan:?}");
}

/// A process of this namespace holds live sockets of another: where only this one is asked, no
/// table names them, and yet they are not closed.
#[test]
fn held_here_and_made_elsewhere() {
    if !is_root() {
        return skip(Skip::NeedsNetns);
    }
    let netns = nameless();
    let pair = inside(&netns, || pair_of(10));
    let fresh = inside(&netns, || socket_of(AddressFamily::INET, SocketType::STREAM, None));
    let here = socket_of(AddressFamily::INET, SocketType::STREAM, None);
    let snapshot = scan::run(&of(NetnsChoice::Current));
    for end in [&pair.server, &pair.client] {
        assert!(find(&snapshot, inode(end)).is_none(), "{:?}", find(&snapshot, inode(end)));
    }
    // What is in no table of any namespace is closed, wherever it was made.
    for closed in [&fresh, &here] {
        assert_eq!(get(&snapshot, inode(closed)).socket.state, State::ClosedHeld);
    }
}

/// Namespaces come and go while the host is scanned: that is no error and no gap.
#[test]
fn that_vanish_meanwhile() {
    if !is_root() {
        return skip(Skip::NeedsNetns);
    }
    let end = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let deadline = Instant::now() + Duration::from_secs(60);
            while !end.load(Ordering::Relaxed) && Instant::now() < deadline {
                let netns = nameless();
                let _pair = inside(&netns, || pair_of(1));
            }
        });
        let stay = pair_of(4321);
        let mut seen = std::collections::BTreeSet::new();
        let mut scans = 0;
        while scans < 40 || seen.len() <= 5 {
            scans += 1;
            let snapshot = scan::run(&scan::everything());
            assert!(gaps(&snapshot, Missing::Namespaces).is_empty(), "{:?}", snapshot.gaps);
            assert_eq!(get(&snapshot, inode(&stay.server)).socket.recv_q, RecvQueue::Payload(Payload(4321)));
            seen.extend(snapshot.namespaces.iter().filter_map(|it| it.id));
        }
        end.store(true, Ordering::Relaxed);
    });
}

/// 100 namespaces: descriptors and threads of the scan stay few, and every thread of the process
/// stays where it was.
#[test]
fn of_a_hundred_namespaces() {
    if !in_own_netns("namespace_scans::of_a_hundred_namespaces") {
        return;
    }
    let namespaces: Vec<File> = (0..100).map(|_| nameless()).collect();
    let pairs: Vec<TcpPair> = namespaces.iter().map(|netns| inside(netns, || pair_of(5))).collect();
    let own = std::fs::read_link("/proc/self/ns/net").expect("/proc is mounted");
    let links = || -> BTreeMap<String, std::path::PathBuf> {
        let tasks = std::fs::read_dir("/proc/self/task").expect("/proc is mounted").flatten();
        let link = |task: std::fs::DirEntry| {
            let netns = std::fs::read_link(task.path().join("ns/net")).ok()?;
            Some((task.file_name().into_string().expect("digits"), netns))
        };
        tasks.filter_map(link).collect()
    };
    let count = |dir: &str| std::fs::read_dir(dir).expect("/proc is mounted").count();
    // Threads that have been joined may still show for a moment.
    let before = eventually("those inside namespaces are gone", || {
        Some(links()).filter(|links| links.values().all(|netns| *netns == own))
    });
    let descriptors = count("/proc/self/fd");
    // Room for a few descriptors more and no others.
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let highest = std::fs::read_dir("/proc/self/fd").expect("/proc is mounted").flatten();
    let highest = highest.filter_map(|fd| fd.file_name().to_str()?.parse::<u64>().ok()).max().expect("some");
    let few = rustix::process::Rlimit { current: Some(highest + 40), maximum: limit.maximum };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, few).expect("lower is allowed");
    let end = AtomicBool::new(false);
    let (snapshot, most_fds, most_tasks) = std::thread::scope(|scope| {
        let sampler = scope.spawn(|| {
            let (mut fds, mut tasks) = (0, 0);
            while !end.load(Ordering::Relaxed) {
                fds = fds.max(count("/proc/self/fd"));
                tasks = tasks.max(count("/proc/self/task"));
            }
            (fds, tasks)
        });
        let mut last = None;
        for _ in 0..5 {
            last = Some(scan::run(&scan::everything()));
        }
        end.store(true, Ordering::Relaxed);
        let (fds, tasks) = sampler.join().expect("it only counts");
        (last.expect("it ran"), fds, tasks)
    });
    for (netns, pair) in namespaces.iter().zip(&pairs) {
        let report = get(&snapshot, inode(&pair.server));
        assert_eq!((report.netns, report.holders.as_slice()), (Some(id(netns)), &[mine(&pair.server)][..]));
        assert_eq!(report.peer_holders, [mine(&pair.client)]);
    }
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    // The scan's own workers, the thread that each has a socket made on, the predecessors of both (that
    // thread's, and the worker's of the scan before), which are joined and may still show, and the sampler.
    let tasks_allowed = before.len() + 1 + 4 * processors;
    assert!(most_tasks > before.len() && most_tasks <= tasks_allowed, "{most_tasks} of {tasks_allowed}");
    assert!(most_fds <= descriptors + 12 + 4 * processors, "{most_fds}, {descriptors} before");
    // The sampler may still show for a moment.
    eventually("every thread is where it was", || (links() == before).then_some(()));
    assert_eq!(count("/proc/self/fd"), descriptors);
    assert!(gaps(&snapshot, Missing::Namespaces).is_empty(), "{:?}", snapshot.gaps);
}

const AS_NOBODY: &str = "SKCHECK_TEST_NAMESPACES";

/// Without privilege the others are counted, with a remedy; one's own is reported all the same.
#[test]
fn without_privilege() {
    if let Ok(name) = std::env::var(AS_NOBODY) {
        return as_nobody(&name);
    }
    if !is_root() {
        return skip(Skip::NeedsRoot);
    }
    let netns = Named::new("nobody");
    let dir = tempfile::Builder::new().permissions(public()).tempdir().expect("a directory");
    let program = dir.path().join("core");
    std::fs::copy(std::env::current_exe().expect("it has a path"), &program).expect("it is copied");
    let mut command = Command::new(&program);
    command.args(["--exact", "namespace_scans::without_privilege", "--nocapture"]);
    command.env(AS_NOBODY, &netns.name).uid(65_534).gid(65_534).current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = spawn(&mut command).wait_with_output().expect("it ends");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("1 passed"), "as nobody:\n{out}\n{err}");
}

fn public() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o755)
}

fn as_nobody(name: &str) {
    let pair = pair_of(77);
    // A namespace of a user namespace that this user owns: its processes may be read, and it may not
    // be entered either.
    let mut command = Command::new("unshare");
    command.args(["-Urn", "sh", "-c", "echo ready; exec sleep 300"]).stdin(Stdio::null());
    let theirs = Running::start(&mut command);
    let snapshot = scan::run(&scan::everything());
    let report = get(&snapshot, inode(&pair.server));
    assert_eq!(report.socket.recv_q, RecvQueue::Payload(Payload(77)));
    assert_eq!(report.holders, [mine(&pair.server)]);
    let found: Vec<_> = snapshot.namespaces.iter().filter(|it| !it.own).collect();
    assert!(found.iter().any(|it| it.name.as_deref() == Some(name.as_bytes())), "{found:?}");
    let link = std::fs::metadata(format!("/proc/{}/ns/net", theirs.pid())).expect("one's own process");
    let number = std::os::unix::fs::MetadataExt::ino(&link);
    assert!(found.iter().any(|it| it.id.is_some_and(|id| id.0 == number)), "{found:?}");
    let gaps = gaps(&snapshot, Missing::Namespaces);
    let [gap] = gaps[..] else { panic!("{:?}", snapshot.gaps) };
    // Those of other tests come and go.
    assert!(gap.count >= Some(2) && gap.count <= Some(found.len() as u64), "{gap:?} of {}", found.len());
    assert!(gap.remedy.contains("root") && gap.remedy.contains("CAP_SYS_ADMIN"), "{}", gap.remedy);
    // What was not seen is not claimed to be the host's.
    assert_eq!(snapshot.unlisted_tcp_mem, None);
}
