//! Vsock sockets: what the kernel tells of them, and when it is asked.

use std::io::ErrorKind;
use std::os::fd::AsRawFd as _;

use rustix::net::{AddressFamily, SocketFlags, SocketType};
use skcheck_core::testing::decode::Answer as Decoder;
use skcheck_core::testing::request::{States, dump};
use skcheck_core::{
    Cookie, Endpoint, Family, Gap, Inode, Missing, Place, Protocol, Protocols, Query, RecvQueue, SendQueue,
    Shutdown, Socket, State, Table, scan,
};

use crate::support::made_up::{Answer, MadeUp};
use crate::support::messages::{BY_FAMILY, MULTI, done, message, vsock, words};
use crate::support::scan::{everything, run};
use crate::support::skip::{Skip, skip};

const STREAM: u8 = 1;
const LISTEN: u8 = 10;
const ANY: u32 = u32::MAX;

fn decoded(payload: &[u8]) -> (Vec<Socket>, u64) {
    let mut decoder = Decoder::new(Table::Vsock, 1);
    let mut sockets = Vec::new();
    let _ = decoder.datagram(&message(BY_FAMILY, MULTI, 1, payload), |it| sockets.push(it.into_socket()));
    assert_eq!(decoder.bad_attributes, 0, "there are none");
    (sockets, decoder.bad_messages)
}

#[test]
fn a_connection() {
    let (sockets, bad) = decoded(&vsock([STREAM, 1, 2], [3, 5000], [2, 1024], 77));
    let [socket] = &sockets[..] else { panic!("{sockets:?} {bad}") };
    assert_eq!((socket.family, socket.protocol), (Family::Vsock, Protocol::VsockStream));
    assert_eq!(socket.local, Endpoint::Vsock { cid: Some(3), port: Some(5000) });
    assert_eq!(socket.peer, Endpoint::Vsock { cid: Some(2), port: Some(1024) });
    assert_eq!((socket.inode, socket.cookie), (Inode::new(77), Some(Cookie(1 << 32 | 77))));
    assert_eq!(socket.shutdown, Some(Shutdown::from_kernel(2)));
    assert_eq!((socket.recv_q, socket.send_q), (RecvQueue::Unknown, SendQueue::Unknown));
    assert!(!socket.holds_something() && socket.skmem.rmem_alloc.is_none());
}

#[test]
fn every_type_and_state() {
    let types = [(1, Protocol::VsockStream), (2, Protocol::VsockDatagram), (5, Protocol::VsockSeqpacket)];
    for (kind, protocol) in types {
        for state in 0..=u8::MAX {
            let (sockets, bad) = decoded(&vsock([kind, state, 0], [ANY, ANY], [ANY, 7], 1));
            let told: Vec<_> = sockets.iter().map(|it| (it.protocol, it.state)).collect();
            assert_eq!((&told[..], bad), (&[(protocol, State::from_kernel(state))][..], 0));
            assert_eq!(sockets[0].local, Endpoint::Vsock { cid: None, port: None }, "any");
            assert_eq!(sockets[0].peer, Endpoint::Vsock { cid: None, port: Some(7) });
        }
    }
    for kind in (0..=u8::MAX).filter(|kind| ![1, 2, 5].contains(kind)) {
        assert_eq!(decoded(&vsock([kind, 1, 0], [1, 1], [1, 1], 1)), (vec![], 1), "{kind}");
    }
}

#[test]
fn what_is_cut_or_of_another_family_is_counted() {
    let whole = vsock([STREAM, LISTEN, 0], [ANY, 9], [ANY, ANY], 1);
    for length in 0..whole.len() {
        assert_eq!(decoded(&whole[..length]), (vec![], 1), "{length}");
    }
    assert_eq!(decoded(&[whole.clone(), vec![7; 9]].concat()).1, 0, "a later kernel may tell more");
    assert_eq!(decoded(&[vec![41], whole[1..].to_vec()].concat()), (vec![], 1));
}

/// `struct vsock_diag_req`: what is reserved is 0.
#[test]
fn the_request() {
    let request = dump(Table::Vsock, States::Holding, 9);
    let body = [vec![40, 0, 0, 0], words(&[!(1 << 6), 0, 0, ANY, ANY])].concat();
    assert_eq!(request[16..], body);
    assert_eq!(u32::from_ne_bytes(request[..4].try_into().unwrap()), 16 + 24);
}

/// A process has a listener and a connection, and another nothing.
fn host() -> MadeUp {
    let host = MadeUp::new().process(7, "agent", &[50, 51]).process(8, "other", &[]);
    host.speaks(50, "AF_VSOCK").speaks(51, "AF_VSOCK").kernel(|request| {
        let listener = vsock([STREAM, LISTEN, 0], [ANY, 1024], [ANY, ANY], 50);
        let connection = vsock([STREAM, 1, 0], [3, 1024], [2, 4000], 51);
        let told = |payload: &[u8]| message(BY_FAMILY, MULTI, request.sequence, payload);
        let datagrams = [told(&listener), told(&connection), done(request.sequence, 0)];
        request.is_dump_of(40, 0).then(|| Answer::of(datagrams))
    })
}

fn without_module(host: MadeUp) -> MadeUp {
    host.kernel(|request| (request.family == 40).then(|| request.no_module()))
}

fn asked(host: &MadeUp) -> usize {
    host.asked.lock().expect("no panic").iter().filter(|request| request.family == 40).count()
}

fn gaps(gaps: &[Gap]) -> Vec<(Missing, Option<u64>)> {
    let is_here = |gap: &&Gap| gap.what == Missing::Families || gap.place == Place::Table(Table::Vsock);
    gaps.iter().filter(is_here).map(|gap| (gap.what, gap.count)).collect()
}

#[test]
fn they_are_found_where_a_descriptor_refers_to_one() {
    let host = host();
    let snapshot = scan(&host, &everything()).expect("tables");
    let all: Vec<_> =
        snapshot.sockets.iter().map(|it| (it.socket.state, it.pids().collect::<Vec<u32>>())).collect();
    assert_eq!(all.len(), 2, "{all:?}");
    assert!(
        snapshot.sockets.iter().all(|it| it.pids().any(|pid| pid == 7) && it.socket.family == Family::Vsock)
    );
    assert_eq!(gaps(&snapshot.gaps), [(Missing::TableDetail, Some(2))], "nothing tells their queues");
    assert_eq!(asked(&host), 1);

    let mut query = Query::default();
    let snapshot = scan(&host, &query).expect("tables");
    assert_eq!((snapshot.sockets.len(), gaps(&snapshot.gaps)), (0, vec![(Missing::TableDetail, Some(2))]));
    assert!(snapshot.gaps.iter().any(Gap::hides_sockets), "data may wait in them");
    query.pids = vec![8];
    assert_eq!(gaps(&scan(&host, &query).expect("tables").gaps), [], "they are another's");
}

#[test]
fn nobody_is_asked_where_there_is_none() {
    let host = MadeUp::new().process(7, "agent", &[50]).speaks(50, "ALG");
    let snapshot = scan(&host, &everything()).expect("tables");
    assert_eq!((asked(&host), gaps(&snapshot.gaps)), (0, vec![(Missing::Families, Some(1))]));
    let named = Query::of(Protocols::VSOCK);
    let snapshot = scan(&host, &named).expect("an empty table");
    assert_eq!((asked(&host), gaps(&snapshot.gaps)), (1, vec![]), "by its name");
}

#[test]
fn by_name_and_by_state() {
    let host = host();
    let mut query = Query::of(Protocols::VSOCK);
    query.include_idle = true;
    assert_eq!(scan(&host, &query).expect("a table").sockets.len(), 2);
    query.states = vec![State::Listen];
    let listening = scan(&host, &query).expect("a table");
    let inodes: Vec<_> = listening.sockets.iter().map(|it| it.socket.inode).collect();
    assert_eq!(inodes, [Inode::new(50)]);
    query.protocols = Protocols::TCP;
    let before = asked(&host);
    assert_eq!(scan(&host, &query).expect("a table").sockets.len(), 0);
    assert_eq!(asked(&host), before);
}

/// A kernel without the module says so where there are such sockets, and where it knows vsock and is asked.
#[test]
fn without_the_module() {
    let host = without_module(host());
    let snapshot = scan(&host, &everything()).expect("other tables");
    assert_eq!((asked(&host), gaps(&snapshot.gaps)), (1, vec![(Missing::Table, None)]));
    let gap = snapshot.gaps.iter().find(|gap| gap.what == Missing::Table).expect("a gap");
    assert!(gap.remedy.contains("modprobe vsock_diag"), "{}", gap.remedy);

    let named = Query::of(Protocols::VSOCK);
    let nowhere = without_module(MadeUp::new())
        .file("/proc/net/sockstat", "sockets: used 3\n")
        .file("/sys/class/misc/fuse/dev", "10:229\n");
    assert_eq!(gaps(&scan(&nowhere, &named).expect("there are none").gaps), []);
    let hidden = without_module(MadeUp::new()).file("/proc/net/sockstat", "sockets: used 3\n");
    let error = scan(&hidden, &named).expect_err("without /sys nothing tells");
    assert!(error.to_string().contains("vsock"), "{error}");
    let known = nowhere.file("/sys/class/misc/vsock/dev", "10:1\n");
    let error = scan(&known, &named).expect_err("nothing could be read");
    assert!(error.to_string().contains("vsock"), "{error}");
}

/// Where the kernel does not answer that question, they are in no table that could be read.
#[test]
fn without_an_answer() {
    let host = host().kernel(|request| {
        let silent = Answer { datagrams: Vec::new(), end: ErrorKind::TimedOut };
        (request.family == 40).then_some(silent)
    });
    let snapshot = scan(&host, &everything()).expect("other tables");
    assert_eq!(gaps(&snapshot.gaps), [(Missing::Families, Some(2))]);
}

/// Two that are bound to nothing: in the table, and this process has them.
#[test]
fn those_of_this_process() {
    let socket = |kind| rustix::net::socket_with(AddressFamily::VSOCK, kind, SocketFlags::CLOEXEC, None);
    let Ok(stream) = socket(SocketType::STREAM) else { return skip(Skip::NeedsModule("vsock")) };
    let Ok(seqpacket) = socket(SocketType::SEQPACKET) else {
        return skip(Skip::NeedsKernel([5, 14], "seqpackets of vsock"));
    };
    let mut query = everything();
    query.pids = vec![std::process::id()];
    let snapshot = run(&query);
    let refused = |gap: &&Gap| (gap.what, &gap.place) == (Missing::Table, &Place::Table(Table::Vsock));
    if let Some(gap) = snapshot.gaps.iter().find(refused) {
        assert!(gap.remedy.contains("modprobe vsock_diag"), "{gap}");
        return skip(Skip::NeedsModule("vsock_diag"));
    }
    for (fd, protocol) in [(&stream, Protocol::VsockStream), (&seqpacket, Protocol::VsockSeqpacket)] {
        let inode = u32::try_from(rustix::fs::fstat(fd).expect("a socket").st_ino).expect("small");
        let entry =
            snapshot.sockets.iter().find(|it| it.socket.inode == Inode::new(inode)).expect("it is told");
        assert_eq!((entry.socket.protocol, entry.socket.state), (protocol, State::Close));
        assert_eq!(entry.socket.local, Endpoint::Vsock { cid: None, port: None });
        assert_eq!(
            entry.holders.iter().map(|it| it.fd).collect::<Vec<_>>(),
            [fd.as_raw_fd().cast_unsigned()]
        );
    }
    assert_eq!(gaps(&snapshot.gaps), [(Missing::TableDetail, Some(2))]);
    query.pids.clear();
    query.protocols = Protocols::VSOCK;
    let named = run(&query);
    assert!(named.sockets.iter().filter(|it| it.pids().any(|pid| pid == std::process::id())).count() == 2);
}
