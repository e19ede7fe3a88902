//! Every way in which a network namespace lives: its sockets are found, named and counted once.

use std::collections::BTreeSet;
use std::fs::File;
use std::process::{Command, Stdio};

use skcheck_core::{
    Family, Holder, Holding, Netns, NetnsId, Payload, Protocols, Query, RecvQueue, Snapshot, State,
};

use crate::support::child::Sleeper;
use crate::support::loopback::settle;
use crate::support::namespaces::{Named, Running, id, inside, nameless, run};
use crate::support::scan::{self, eventually, find, get, mine};
use crate::support::skip::{Skip, is_root, skip};
use crate::support::sockets::{TcpPair, inode, reset, tcp_pair, tcp_pair_on_port, unix_pair};

/// A connection inside a namespace, with this many bytes unread.
fn pair_in(netns: &File, bytes: usize) -> TcpPair {
    inside(netns, || {
        let mut pair = tcp_pair("127.0.0.1");
        pair.send(bytes);
        pair
    })
}

/// The one entry of a namespace.
fn entry(snapshot: &Snapshot, id: NetnsId) -> &Netns {
    let entries: Vec<_> = snapshot.namespaces.iter().filter(|netns| netns.id == Some(id)).collect();
    let [entry] = entries[..] else { panic!("{} entries of {id:?}", entries.len()) };
    entry
}

/// Scans; the connection's unread end is reported once, in its namespace.
fn assert_found(pair: &TcpPair, bytes: u64, id: NetnsId, name: Option<&str>) {
    let snapshot = scan::run(&scan::everything());
    let report = get(&snapshot, inode(&pair.server));
    assert_eq!(report.socket.recv_q, RecvQueue::Payload(Payload(bytes)));
    assert_eq!((report.netns, report.peer_inferred), (Some(id), false));
    assert_eq!(
        (&report.holders[..], &report.peer_holders[..]),
        (&[mine(&pair.server)][..], &[mine(&pair.client)][..])
    );
    let netns = entry(&snapshot, id);
    assert_eq!((netns.name.as_deref(), netns.own), (name.map(str::as_bytes), false));
    let gaps: Vec<_> = snapshot.gaps.iter().filter(|gap| gap.what.name() == "namespaces").collect();
    assert!(gaps.is_empty(), "{gaps:?}");
}

#[test]
fn with_a_name_and_no_process() {
    if !is_root() {
        return skip(Skip::NeedsNetns);
    }
    let netns = Named::new("alone");
    let pair = pair_in(&netns.file(), 111);
    assert_found(&pair, 111, netns.id(), Some(&netns.name));
}

#[test]
fn held_by_a_process_alone() {
    if !is_root() {
        return skip(Skip::NeedsNetns);
    }
    let mut command = Command::new("unshare");
    command.args(["--net", "sh", "-c", "ip link set lo up; echo ready; exec sleep 300"]).stdin(Stdio::null());
    let process = Running::start(&mut command);
    let path = format!("/proc/{}/ns/net", process.pid());
    let file = File::open(&path).expect("it runs");
    let pair = pair_in(&file, 222);
    let id = id(&file);
    drop(file);
    assert_found(&pair, 222, id, None);
}

#[test]
fn held_by_a_descriptor_alone() {
    if !is_root() {
        return skip(Skip::NeedsNetns);
    }
    let file = nameless();
    let (pair, id) = (pair_in(&file, 333), id(&file));
    // Another process has the only descriptor.
    let _keeper = Sleeper::holding(file);
    assert_found(&pair, 333, id, None);
}

#[test]
fn held_by_a_thread_alone() {
    if !is_root() {
        return skip(Skip::NeedsNetns);
    }
    let (made, take) = std::sync::mpsc::channel();
    let (end, wait) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        let file = nameless();
        let inside = rustix::thread::LinkNameSpaceType::Network;
        rustix::thread::move_into_link_name_space(std::os::fd::AsFd::as_fd(&file), Some(inside))
            .expect("root may");
        let (pair, id) = (pair_in(&file, 444), id(&file));
        drop(file);
        made.send((pair, id)).expect("the test waits");
        let _ = wait.recv();
    });
    let (pair, id) = take.recv().expect("it is made");
    assert_found(&pair, 444, id, None);
    drop(end);
    thread.join().expect("it does not panic");
}

/// A bind mount that is not where `ip netns` puts them has no name.
#[test]
fn mounted_elsewhere() {
    if !is_root() {
        return skip(Skip::NeedsNetns);
    }
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("with a blank");
    std::fs::write(&path, "").expect("it is writable");
    let mount = Mounted(path.to_str().expect("plain").to_owned());
    run("unshare", &[&format!("--net={}", mount.0), "ip", "link", "set", "lo", "up"]);
    let file = File::open(&mount.0).expect("it is mounted");
    let (pair, id) = (pair_in(&file, 555), id(&file));
    drop(file);
    assert_found(&pair, 555, id, None);
}

struct Mounted(String);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// Only the process that has the mount sees it.
#[test]
fn mounted_in_another_mount_namespace() {
    if !is_root() {
        return skip(Skip::NeedsNetns);
    }
    let script = "mount -t tmpfs none /mnt; touch /mnt/ns; unshare --net=/mnt/ns ip link set lo up; \
                  echo ready; exec sleep 300";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script]).stdin(Stdio::null());
    let process = Running::start(&mut command);
    let path = format!("/proc/{}/root/mnt/ns", process.pid());
    let file = File::open(path).expect("it is mounted there");
    let (pair, id) = (pair_in(&file, 666), id(&file));
    drop(file);
    assert_found(&pair, 666, id, None);
}

/// A process, a descriptor, a thread and two mounts all lead to one namespace.
#[test]
fn reached_in_many_ways_and_dumped_once() {
    if !is_root() {
        return skip(Skip::NeedsNetns);
    }
    let netns = Named::new("many");
    let file = netns.file();
    let mut pair = pair_in(&file, 777);
    let mut command = Command::new("nsenter");
    command.arg(format!("--net={}", netns.path().display())).args(["sh", "-c", "echo in; exec sleep 300"]);
    let _process = Running::start(command.stdin(Stdio::from(file.try_clone().expect("a descriptor"))));
    let _more: Vec<_> = (0..9).map(|_| netns.file()).collect();
    assert_found(&pair, 777, netns.id(), Some(&netns.name));
    // `scanned` counts records: with the only namespace asked for, two for the pair and no more.
    let mut only = scan::everything();
    // The kernel has some in every namespace.
    only.protocols -= Protocols::NETLINK;
    only.netns = skcheck_core::NetnsChoice::OfFile(netns.path());
    let snapshot = scan::run(&only);
    assert_eq!((snapshot.scanned.sockets, snapshot.sockets.len()), (2, 2));
    pair.send(1);
}

/// A process in namespaces of its own of every kind that matters here.
#[test]
fn of_a_process_in_other_pid_and_user_namespaces() {
    if !is_root() {
        return skip(Skip::NeedsNetns);
    }
    let script = "ip link set lo up; echo $$; sleep 300; true";
    let mut command = Command::new("unshare");
    command.args(["-Urnpf", "--kill-child", "--mount-proc", "sh", "-c", script]).stdin(Stdio::null());
    let process = Running::start(&mut command);
    assert_eq!(process.said, "1", "the shell is the first process of its pid namespace");
    let shell = process.child_pid();
    let file = File::open(format!("/proc/{shell}/ns/net")).expect("it runs");
    let mut pair = pair_in(&file, 888);
    assert_found(&pair, 888, id(&file), None);

    // Held by a process that lives there.
    let mut held = Command::new("nsenter");
    held.args(["--target", &shell.to_string(), "--net", "--pid", "--user", "--preserve-credentials"]);
    held.args(["sh", "-c", "echo $$; exec sleep 300 >/dev/null"]);
    let (server, netns) = (inode(&pair.server), id(&file));
    let holder = Running::start(held.stdin(Stdio::from(std::os::fd::OwnedFd::from(pair.server))));
    drop(held);
    let snapshot = scan::run(&Query::default());
    let report = get(&snapshot, server);
    let pid = holder.child_pid();
    assert!(report.holders.contains(&Holder::new(pid, 0)), "{:?}", report.holders);
    assert_eq!((report.holding, report.netns), (Holding::Descriptors, Some(netns)));
    let described = snapshot.process(pid).expect("it holds a socket");
    assert_eq!(described.ns_pid, holder.said.parse().ok());

    // And reset: closed, and still held there.
    reset(pair.client);
    pair.port = 0;
    let closed = eventually("it is reset", || {
        let snapshot = scan::run(&Query::default());
        find(&snapshot, server).filter(|report| report.socket.state == State::ClosedHeld).cloned()
    });
    assert!(closed.holders.contains(&Holder::new(pid, 0)), "{:?}", closed.holders);
}

/// Two namespaces with the same connection in each: never joined, each counted once. Then each is
/// reset by its peer.
#[test]
fn the_same_connection_in_two() {
    if !is_root() {
        return skip(Skip::NeedsNetns);
    }
    const CLIENT: u16 = 40_001;
    const SERVER: u16 = 40_002;
    let namespaces = [nameless(), nameless()];
    let sizes = [1000u64, 2000];
    let pairs: Vec<TcpPair> = namespaces
        .iter()
        .zip(sizes)
        .map(|(netns, bytes)| {
            inside(netns, || {
                let mut pair = tcp_pair_on_port(CLIENT, SERVER);
                pair.send(bytes.try_into().expect("small"));
                pair
            })
        })
        .collect();
    let keep = |pair: &TcpPair| Sleeper::holding(pair.server.try_clone().expect("a descriptor"));
    let keepers: Vec<Sleeper> = pairs.iter().map(keep).collect();
    let snapshot = scan::run(&scan::port(SERVER));
    let mut cookies = Vec::new();
    for (((netns, pair), keeper), bytes) in namespaces.iter().zip(&pairs).zip(&keepers).zip(sizes) {
        let report = get(&snapshot, inode(&pair.server));
        assert_eq!(report.socket.recv_q, RecvQueue::Payload(Payload(bytes)));
        assert_eq!((report.netns, report.peer_inferred), (Some(id(netns)), false));
        assert_eq!(report.pids().collect::<BTreeSet<u32>>(), [std::process::id(), keeper.pid()].into());
        assert_eq!(report.peer_holders, [mine(&pair.client)]);
        let client = get(&snapshot, inode(&pair.client));
        assert_eq!((client.netns, client.holders.as_slice()), (Some(id(netns)), &[mine(&pair.client)][..]));
        assert!(client.peer_holders.iter().all(|holder| report.holders.contains(holder)));
        assert_eq!(client.peer_holders.len(), 2);
        cookies.push((report.netns, report.socket.cookie));
    }
    cookies.dedup();
    assert_eq!(cookies.len(), 2);
    let unread: u64 =
        snapshot.sockets.iter().filter_map(|report| report.footprint.received.payload).map(|it| it.0).sum();
    assert_eq!((snapshot.sockets.len(), unread), (4, 3000));

    let (servers, clients): (Vec<_>, Vec<_>) =
        pairs.into_iter().map(|pair| (pair.server, pair.client)).unzip();
    clients.into_iter().for_each(reset);
    let snapshot = eventually("both are reset", || {
        let snapshot = scan::run(&Query::default());
        let closed =
            |server| find(&snapshot, inode(server)).is_some_and(|it| it.socket.state == State::ClosedHeld);
        servers.iter().all(closed).then_some(snapshot)
    });
    for (server, keeper) in servers.iter().zip(&keepers) {
        let report = get(&snapshot, inode(server));
        assert_eq!(report.holding, Holding::Descriptors);
        assert_eq!(report.pids().collect::<BTreeSet<u32>>(), [std::process::id(), keeper.pid()].into());
        assert_eq!(report.socket.family, Family::Ipv4);
    }
}

/// IPv6 alone, UDP alone, unix alone: what a namespace's sockstat counts decides what it is asked.
#[test]
fn with_sockets_of_one_kind_alone() {
    if !is_root() {
        return skip(Skip::NeedsNetns);
    }
    let namespaces = [nameless(), nameless(), nameless()];
    let six = inside(&namespaces[0], || {
        let mut pair = tcp_pair("::1");
        pair.send(66);
        pair
    });
    let udp = inside(&namespaces[1], || {
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").expect("loopback is up");
        udp.send_to(b"to itself", udp.local_addr().expect("bound")).expect("loopback takes it");
        settle();
        udp
    });
    let unix = inside(&namespaces[2], || {
        let pair = unix_pair(rustix::net::SocketType::STREAM);
        crate::support::sockets::send_unix(&pair.0, 77);
        pair
    });
    let snapshot = scan::run(&Query::default());
    for (inode, netns) in [inode(&six.server), inode(&udp), inode(&unix.1)].into_iter().zip(&namespaces) {
        assert_eq!(get(&snapshot, inode).netns, Some(id(netns)));
    }
}
