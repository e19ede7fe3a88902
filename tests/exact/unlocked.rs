//! No socket's lock is taken: what is stuck is measured, what moves is measured or said to have moved, and
//! what no descriptor refers to is met all the same.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketType};
use skcheck_core::engine::{Counters, Engine, Found, Packet, Queue, QueueEnd, Step, Target};
use skcheck_core::{
    Agreement, Cookie, Direction, Exact, Inode, PageSize, Protocol, RecvQueue, Socket, SocketName, State,
    testing,
};

use crate::measure::{ALL_PACKETS, engine, exact, here, scan, whole};
use crate::stuck::Stuck;
use crate::support::child::no_child_is_born;
use crate::support::scan::eventually;
use crate::support::skip::{Skip, kernel, skip};
use crate::support::sockets::{self, arrived, inode, reset, tcp_pair, tcp_pair_with_window, unix_pair};
use crate::turn;

/// What the engine alone finds of a socket: nothing is asked of the tables, which may wait for its lock.
fn found(inode: Inode) -> Found {
    let _quiet = no_child_is_born();
    let mut found = None;
    let each = &mut |it: Found| {
        if it.socket.inode == Some(inode) {
            found = Some(it);
        }
    };
    engine().find(&here(), each).expect("root may");
    found.expect("a descriptor refers to it")
}

fn name_of(socket: &Socket) -> SocketName {
    socket.name().expect("a descriptor refers to it")
}

/// The packets of one socket, and how the walks of its queues ended; `None` where it was not met.
fn steps(name: SocketName, protocol: Protocol) -> Option<(Vec<Packet>, Vec<QueueEnd>, Counters)> {
    let target = Target::new(name, protocol);
    let (mut packets, mut ends, mut counters) = (Vec::new(), Vec::new(), None::<Counters>);
    let walked = engine().walk(&[target], &ALL_PACKETS, &mut |_, step| match step {
        Step::Packet(packet) => packets.push(packet.clone()),
        Step::Anew => {
            packets.clear();
            ends.clear();
        }
        Step::QueueEnd(end) => ends.push(end),
        Step::End(all) => counters = Some(*all),
        other => panic!("{other:?}"),
    });
    assert!(walked.expect("root may"), "there is time");
    Some((packets, ends, counters?))
}

/// Walks one socket; `None` where it was not met.
fn walk(name: SocketName, protocol: Protocol) -> Option<Exact> {
    let (packets, ends, counters) = steps(name, protocol)?;
    Some(testing::exact(&packets, &ends, counters, PageSize(rustix::param::page_size() as u64)))
}

fn walked(socket: &Socket) -> Exact {
    walk(name_of(socket), socket.protocol).expect("it is there")
}

#[test]
fn a_reader_that_is_stuck_in_the_middle() {
    let Some(_turn) = turn::beside_others("unlocked::a_reader_that_is_stuck_in_the_middle") else { return };
    let mut pair = tcp_pair_with_window(1 << 20);
    pair.send(30_000);
    let (inode, cookie) = (inode(&pair.server), found(inode(&pair.server)).socket.cookie);
    let stuck = Stuck::receiving(&pair.server);
    // What comes now waits until the lock is free.
    (&pair.client).write_all(&[b'x'; 20_000]).expect("the window is open");
    walked(&found(inode).socket);
    let (backlogged, found) = eventually("it arrives", || {
        let found = found(inode);
        let exact = walked(&found.socket);
        // There they have their headers still, and what is not acknowledged comes again: between both looks, too.
        let bytes = exact.queue(Queue::Backlog).map_or(0, |queue| queue.bytes.0);
        let agreement = exact.agreement(&found.socket);
        assert!(matches!(agreement, Agreement::Same | Agreement::Moved), "{agreement:?}: {exact:?}");
        (bytes >= 20_000 && agreement == Agreement::Same).then_some((exact, found))
    });
    assert_eq!(found.socket.cookie, cookie);
    assert_eq!(found.socket.recv_q, RecvQueue::Payload(skcheck_core::Payload(30_000)));
    let info = found.socket.tcp_info.expect("the engine reads it");
    assert_eq!((info.bytes_received, info.rcv_ooopack, info.ooo_span), (Some(30_000), Some(0), Some(0)));
    assert_eq!(whole(&backlogged, Queue::Receive).bytes.0, 30_000);
    whole(&backlogged, Queue::Backlog);
    assert!(stuck.is_stuck(), "it holds the lock all the time");
}

/// So many at least, however long they take.
const WALKS: u32 = 20;

/// Until the time is over, a walk of a socket that is written and read all the time either proves itself, and
/// then adds up, or says that it could not.
fn stays_sane(protocol: Protocol, reader: impl Read + Send, writer: impl Write + Send, inode: Inode) {
    const TIME: Duration = Duration::from_secs(3);
    let over = AtomicBool::new(false);
    let (mut reader, mut writer) = (reader, writer);
    let socket = found(inode).socket;
    let (mut proven, mut approximate, mut wrong) = (0, 0, Vec::new());
    // The first walk loads what it takes.
    walked(&socket);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut sizes = (1..4000).cycle().step_by(37);
            while !over.load(Ordering::Relaxed) {
                let size = sizes.next().unwrap_or(1);
                if writer.write_all(&vec![b'x'; size]).is_err() {
                    return;
                }
            }
            // The reader ends when nothing comes any more.
            drop(writer);
        });
        scope.spawn(|| {
            let mut buffer = vec![0; 3001];
            while reader.read(&mut buffer).is_ok_and(|read| read > 0) {}
        });
        let begun = Instant::now();
        while begun.elapsed() < TIME || proven + approximate < WALKS {
            let exact = walked(&socket);
            match exact.agreement(&socket) {
                Agreement::Differs => wrong.push(exact),
                Agreement::Unknown => approximate += 1,
                _ => proven += 1,
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    // Not before both have ended.
    let all = proven + approximate + u32::try_from(wrong.len()).expect("few");
    assert!(wrong.is_empty(), "of {all}, {} were said to be proven: {:#?}", wrong.len(), wrong.first());
    println!("{protocol:?}: {proven} walks proved themselves, {approximate} did not");
}

#[test]
fn a_connection_in_full_use() {
    let Some(_turn) = turn::beside_others("unlocked::a_connection_in_full_use") else { return };
    let pair = tcp_pair("127.0.0.1");
    let inode = inode(&pair.server);
    stays_sane(Protocol::Tcp, pair.server, pair.client, inode);
}

#[test]
fn a_writer_in_full_use() {
    let Some(_turn) = turn::beside_others("unlocked::a_writer_in_full_use") else { return };
    let pair = tcp_pair("127.0.0.1");
    let inode = inode(&pair.client);
    stays_sane(Protocol::Tcp, pair.server, pair.client, inode);
}

/// Nothing that the kernel counts tells whether the packets of a unix socket are all: but each is one of
/// those that were sent, whole, where its walk has proved itself.
#[test]
fn unix_messages_in_full_use() {
    let Some(_turn) = turn::beside_others("unlocked::unix_messages_in_full_use") else { return };
    const TIME: Duration = Duration::from_secs(3);
    const SIZES: [usize; 2] = [100, 3000];
    let (reader, writer) = unix_pair(SocketType::SEQPACKET);
    SIZES.iter().for_each(|size| sockets::send_unix(&writer, *size));
    let socket = found(inode(&reader)).socket;
    let name = name_of(&socket);
    let shapes = |packets: &[Packet]| -> Vec<(u64, u64)> {
        packets.iter().map(|packet| (packet.len.0, packet.truesize.0)).collect()
    };
    let (at_rest, ..) = steps(name, socket.protocol).expect("it is there");
    let known = shapes(&at_rest);
    assert_eq!(known.iter().map(|(len, _)| *len).collect::<Vec<_>>(), SIZES.map(|size| size as u64));
    let over = AtomicBool::new(false);
    let (mut proven, mut approximate) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let sizes = SIZES.iter().cycle().take_while(|_| !over.load(Ordering::Relaxed));
            sizes.for_each(|size| sockets::send_unix(&writer, *size));
            rustix::net::shutdown(&writer, rustix::net::Shutdown::Write).expect("connected");
        });
        scope.spawn(|| {
            let mut buffer = vec![0; 4096];
            while rustix::io::read(&reader, &mut buffer).is_ok_and(|read| read > 0) {}
        });
        let begun = Instant::now();
        while begun.elapsed() < TIME || proven + approximate < WALKS {
            let (packets, ends, _) = steps(name, socket.protocol).expect("it is there");
            if ends.iter().any(|end| !end.steady || !end.complete) {
                approximate += 1;
                continue;
            }
            proven += 1;
            let strange: Vec<_> = shapes(&packets).into_iter().filter(|it| !known.contains(it)).collect();
            if !strange.is_empty() {
                over.store(true, Ordering::Relaxed);
                panic!("of {known:?} only are these proven: {strange:?}");
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    println!("{proven} walks proved themselves, {approximate} did not");
}

/// A connection that its program has closed: no descriptor, and nobody accepts it.
#[test]
fn an_orphan_with_unsent_data() {
    let Some(_turn) = turn::beside_others("unlocked::an_orphan_with_unsent_data") else { return };
    let pair = tcp_pair("127.0.0.1");
    let written = sockets::fill(&pair.client);
    let port = pair.client.local_addr().expect("bound").port();
    drop(pair.client);
    let received = sockets::unread(&pair.server);
    let snapshot = scan(&here(), &ALL_PACKETS);
    let is_it = |socket: &Socket| socket.local.port() == Some(port) && socket.state == State::FinWait1;
    let report = snapshot.sockets.iter().find(|report| is_it(&report.socket)).expect("it is in the table");
    assert_eq!(report.socket.inode, None);
    let exact = exact(report);
    let sending = exact.queues.iter().filter(|queue| queue.queue.is_sending());
    assert!(sending.clone().all(|queue| queue.complete && !queue.approximate), "{:?}", exact.queues);
    let bytes: u64 = sending.map(|queue| queue.bytes.0).sum();
    assert!(bytes >= written - received, "{bytes} of {written}, of which {received} have arrived");
    assert_eq!(exact.truesize(Direction::Sent), exact.counters.wmem_queued);
    assert!(report.socket.tcp_info.and_then(|info| info.notsent_bytes).is_some_and(|bytes| bytes > 0));
    reset(pair.server);
}

#[test]
fn connections_that_nobody_accepts() {
    let Some(_turn) = turn::beside_others("unlocked::connections_that_nobody_accepts") else { return };
    const CONNECTIONS: usize = 20;
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is up");
    let to = listener.local_addr().expect("bound");
    let clients: Vec<TcpStream> = (1..=CONNECTIONS)
        .map(|number| {
            let mut client = TcpStream::connect(to).expect("it listens");
            client.write_all(&vec![b'x'; number * 1000]).expect("the window is open");
            client
        })
        .collect();
    let mut sizes = eventually("all arrive", || {
        let snapshot = scan(&here(), &ALL_PACKETS);
        let waits =
            |socket: &Socket| socket.local.port() == Some(to.port()) && socket.state == State::Established;
        let waiting = snapshot.sockets.iter().filter(|it| waits(&it.socket) && it.socket.inode.is_none());
        let sizes: Vec<u64> = waiting.filter_map(|it| Some(it.exact.as_ref().ok()?.unread().0)).collect();
        (sizes.len() == CONNECTIONS).then_some(sizes)
    });
    sizes.sort_unstable();
    assert!(sizes.iter().copied().eq((1..=CONNECTIONS as u64).map(|number| number * 1000)), "{sizes:?}");
    drop(clients);
}

/// Nobody waits for a socket that is not there.
#[test]
fn a_socket_that_is_gone() {
    let Some(_turn) = turn::beside_others("unlocked::a_socket_that_is_gone") else { return };
    let pair = tcp_pair("127.0.0.1");
    let name = name_of(&found(inode(&pair.server)).socket);
    assert!(walk(name, Protocol::Tcp).is_some());
    drop(pair);
    let families = [AddressFamily::INET, AddressFamily::INET6];
    let _others = families.map(|family| sockets::socket_of(family, SocketType::DGRAM, None));
    assert_eq!(walk(name, Protocol::Tcp).map(|exact| exact.unread().0).unwrap_or_default(), 0);
    for protocol in [Protocol::Udp, Protocol::UnixStream, Protocol::Netlink] {
        assert_eq!(walk(SocketName::Cookie(Cookie(u64::MAX)), protocol), None);
    }
}

/// The lock can be had for one socket.
#[test]
fn one_socket_locked() {
    if kernel() < [5, 17] {
        return skip(Skip::NeedsKernel([5, 17], "an iterator that locks TCP sockets, and bpf_loop"));
    }
    let Some(_turn) = turn::beside_others("unlocked::one_socket_locked") else { return };
    let mut pair = tcp_pair_with_window(1 << 20);
    pair.send(10_000);
    arrived(&pair.server, 10_000);
    let _quiet = no_child_is_born();
    let mut limits = ALL_PACKETS;
    limits.lock = true;
    let holder = crate::support::scan::mine(&pair.server);
    let listing =
        skcheck_core::packets(&skcheck_core::Live::new(), engine(), holder, &limits).expect("it is there");
    assert!(listing.queues.iter().all(|end| end.complete && end.steady), "{:?}", listing.queues);
    assert_eq!(listing.of_queue(Queue::Receive).map(|packet| packet.len.0).sum::<u64>(), 10_000);
}
