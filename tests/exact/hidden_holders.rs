//! Sockets that no table of a process has, as the engine finds who has them: it knows the tables of threads,
//! and what is in each message.

use std::net::TcpStream;

use skcheck_core::engine::Limits;
use skcheck_core::{Holder, Holding, Inode, Live, Missing, Payload, Query, Snapshot, SocketEntry, packets};

use crate::measure::{self, engine, exact, here};
use crate::support::doing::{self, Doing};
use crate::support::hidden::{to_message, to_ring, to_thread};
use crate::support::scan::{self, find, get, mine};
use crate::support::skip::kernel;
use crate::support::sockets::{inode, tcp_pair};
use crate::turn;

/// Another test's child, which does what it is told.
#[test]
fn a_child() {
    doing::play();
}

const CHILD: &str = "hidden_holders::a_child";

/// Connections whose servers have ten bytes to read.
fn servers<const N: usize>() -> ([TcpStream; N], [TcpStream; N]) {
    let mut clients = Vec::new();
    let servers = std::array::from_fn(|_| {
        let mut pair = tcp_pair("127.0.0.1");
        pair.send(10);
        clients.push(pair.client);
        pair.server
    });
    (clients.try_into().expect("as many"), servers)
}

fn by_default() -> Query {
    let mut query = here();
    query.include_idle = false;
    query
}

fn check(snapshot: &Snapshot, inode: Inode, holding: Holding, holder: Holder) -> SocketEntry {
    let report = get(snapshot, inode);
    assert_eq!((report.holding, &report.holders[..]), (holding, &[holder][..]));
    assert!(snapshot.process(holder.pid).is_some(), "it has a name");
    report.clone()
}

/// Each way on its own, and all at once.
#[test]
fn each_way() {
    let Some(_turn) = turn::beside_others("hidden_holders::each_way") else { return };
    let (clients, [for_thread, for_ring, for_message]) = servers();
    let numbers = [&for_thread, &for_ring, &for_message].map(inode);
    let (by_thread, _child) = to_thread(CHILD, for_thread);
    let (by_ring, _ring) = to_ring(for_ring);
    let (by_message, _message) = to_message(for_message);
    let names_files = kernel() >= [6, 14];
    for query in [by_default(), here()] {
        let snapshot = measure::scan(&query, &Limits::default());
        let report = check(&snapshot, numbers[0], Holding::Descriptors, by_thread);
        assert_eq!(report.footprint.received.payload, Some(Payload(10)));
        assert_eq!(exact(&report).unread(), Payload(10), "it is measured like any other");
        if names_files {
            check(&snapshot, numbers[1], Holding::IoUring, by_ring);
        } else {
            assert_eq!(get(&snapshot, numbers[1]).holding, Holding::Kernel);
            assert!(snapshot.gaps.iter().any(|gap| gap.what == Missing::RingFiles), "{:?}", snapshot.gaps);
        }
        check(&snapshot, numbers[2], Holding::InFlight { ambiguous: false }, by_message);
        let client = find(&snapshot, inode(&clients[0]));
        assert_eq!(client.is_some(), query.include_idle);
        assert!(client.is_none_or(|client| client.peer_holders == [by_thread]));
    }
    // Its packets, by its process and by its thread.
    let thread = Holder::new(by_thread.task(), by_thread.fd);
    for holder in [by_thread, thread] {
        let listing = packets(&Live::new(), engine(), holder, &Limits::default()).expect("it is there");
        assert_eq!((listing.socket.inode, listing.packets.len()), (Some(numbers[0]), 1), "{holder:?}");
    }
    let process = Holder::new(by_thread.pid, by_thread.fd);
    assert!(packets(&Live::new(), engine(), process, &Limits::default()).is_err(), "it is not in its table");
    // The same without the engine; of messages /proc tells less.
    let snapshot = scan::run(&by_default());
    check(&snapshot, numbers[0], Holding::Descriptors, by_thread);
    if names_files {
        check(&snapshot, numbers[1], Holding::IoUring, by_ring);
    }
    check(&snapshot, numbers[2], Holding::InFlight { ambiguous: true }, by_message);
    // By process.
    for (number, holder) in [(numbers[0], by_thread), (numbers[2], by_message)] {
        let mut query = by_default();
        query.pids = vec![holder.pid];
        for snapshot in [scan::run(&query), measure::scan(&query, &Limits::default())] {
            assert_eq!(get(&snapshot, number).holders, [holder]);
            // What may be in a message, for all that such a kernel tells, may be in that one.
            let others =
                numbers.iter().filter(|other| **other != number && (names_files || **other != numbers[1]));
            assert!(
                others.into_iter().all(|other| find(&snapshot, *other).is_none()),
                "others are not asked for"
            );
        }
    }
}

/// A process that has the socket too: each is told once.
#[test]
fn a_process_and_its_thread() {
    let Some(_turn) = turn::beside_others("hidden_holders::a_process_and_its_thread") else { return };
    let (_clients, [server]) = servers();
    let (holder, _child) = to_thread(CHILD, server.try_clone().expect("a free descriptor"));
    let mut query = by_default();
    query.deep = true;
    let mut both = [mine(&server), holder];
    both.sort_unstable();
    for snapshot in [scan::run(&query), measure::scan(&query, &Limits::default())] {
        assert_eq!(get(&snapshot, inode(&server)).holders, both);
    }
}

/// What the engine counts of a namespace is what there is: threads that share a table do not count twice, so
/// that a socket which no descriptor has is looked for in the tables all the same.
#[test]
fn orphans_beside_threads_with_a_table() {
    let Some(_turn) = turn::beside_others("hidden_holders::orphans_beside_threads_with_a_table") else {
        return;
    };
    let (clients, [for_thread, orphan]) = servers();
    let number = inode(&for_thread);
    let (child, tids) = Doing::start_as(CHILD, "shared table", for_thread);
    let [_reader, mut writer] = [&clients[0], &clients[1]];
    let port = orphan.peer_addr().expect("connected").port();
    // Closed with unread data it would be reset: this one has unsent data, and none unread.
    std::io::Read::read_exact(&mut &orphan, &mut [0; 10]).expect("it is there");
    let unsent = crate::support::sockets::fill(&orphan);
    assert!(unsent > 0);
    drop(orphan);
    std::io::Write::flush(&mut writer).expect("a stream");
    let snapshot = measure::scan(&by_default(), &Limits::default());
    let is_orphan =
        |report: &&SocketEntry| report.socket.inode.is_none() && report.socket.peer.port() == Some(port);
    let orphans: Vec<&SocketEntry> = snapshot.sockets.iter().filter(is_orphan).collect();
    let [report] = orphans[..] else { panic!("{orphans:?}") };
    assert_eq!((report.holding, &report.holders[..]), (Holding::Orphan, &[][..]));
    assert!(report.cgroup.is_some() || report.socket.cgroup_id.is_some(), "{report:?}");
    let mut both: Vec<Holder> = tids.iter().map(|tid| Holder::of_thread(child.pid(), *tid, 0)).collect();
    both.sort_unstable();
    assert_eq!(get(&snapshot, number).holders, both);
}
