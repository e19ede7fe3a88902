//! Whole scans of hosts that are hard to find: broken answers, missing modules, vanished processes.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

use skcheck_core::{
    Bytes, ErrorKind, Holder, Holding, Inode, Missing, Payload, Query, RecvQueue, Snapshot, Source, State,
    Truesize, scan,
};

use crate::support::made_up::{Answer, MadeUp, Request};
use crate::support::messages::{self, DUMP_INTR, INFO, Inet, MULTI, SKMEMINFO, done, message, words};
use crate::support::scan::{everything, find, get};

fn inode(number: u32) -> Inode {
    Inode::new(number).expect("not 0")
}

/// Answers dumps of TCP over IPv4 with these datagrams.
fn tcp4(datagrams: impl Fn(u32) -> Vec<Vec<u8>> + Sync + 'static) -> MadeUp {
    MadeUp::new().kernel(move |request| request.is_tcp4().then(|| Answer::of(datagrams(request.sequence))))
}

fn tcp_only() -> Query {
    let mut query = Query::of_no_protocol();
    (query.tcp, query.include_idle) = (true, true);
    query
}

fn inodes(snapshot: &Snapshot) -> Vec<u32> {
    let inodes = snapshot.sockets.iter().filter(|report| report.socket.state != State::ClosedHeld);
    let mut inodes: Vec<u32> = inodes.filter_map(|report| Some(report.socket.inode?.get())).collect();
    inodes.sort_unstable();
    inodes
}

fn count(snapshot: &Snapshot, what: Missing) -> Option<Option<u64>> {
    let mut gaps = snapshot.gaps.iter().filter(|gap| gap.what == what);
    let first = gaps.next().map(|gap| gap.count);
    assert!(gaps.next().is_none(), "{:?}", snapshot.gaps);
    first
}

#[test]
fn an_empty_host() {
    let snapshot = scan(&MadeUp::new(), &everything()).expect("empty tables are tables");
    assert_eq!((snapshot.source, &snapshot.sockets[..]), (Source::SockDiag, &[][..]));
    let gaps: Vec<Missing> = snapshot.gaps.iter().map(|gap| gap.what).collect();
    assert_eq!(gaps, [Missing::HostFact], "the kernel's configuration is not there");
    assert_eq!(snapshot.unlisted_tcp_mem, None);
}

/// A module is missing: the kernel says so in an error, or at the end of an empty dump.
#[test]
fn a_missing_module_costs_its_family_alone() {
    let refusals: [fn(u32) -> Vec<u8>; 2] = [|n| messages::refused(n, 2), |n| done(n, -2)];
    for refusal in refusals {
        let host = MadeUp::new().process(3, "reader", &[1]).kernel(move |request| {
            if request.family == 1 {
                return Some(Answer::of([refusal(request.sequence)]));
            }
            let socket = Inet::numbered(1).recv_q(10).dumped(request.sequence);
            request.is_tcp4().then(|| Answer::of([socket, done(request.sequence, 0)]))
        });
        let snapshot = scan(&host, &everything()).expect("the other families answer");
        assert_eq!(inodes(&snapshot), [1]);
        let gap = snapshot.gaps.iter().find(|gap| gap.what == Missing::Table).expect("a gap");
        assert_eq!(gap.place, "unix");
        assert!(gap.remedy.contains("unix_diag"), "{}", gap.remedy);
        // Asked once: nothing disturbed the answer.
        assert_eq!(
            host.asked.lock().expect("no panic").iter().filter(|request| request.is_unix()).count(),
            1
        );
    }
}

#[test]
fn without_the_tcp_module_nothing_is_called_closed() {
    let host = MadeUp::new().process(7, "holder", &[70]).kernel(|request| {
        (request.protocol == Request::TCP).then(|| Answer::of([messages::refused(request.sequence, 2)]))
    });
    let snapshot = scan(&host, &everything()).expect("udp answers");
    assert_eq!(snapshot.sockets, []);
    assert_eq!(count(&snapshot, Missing::ClosedHeldUnknown), Some(None));
    let modules = snapshot.gaps.iter().filter(|gap| gap.remedy.contains("tcp_diag")).count();
    assert_eq!(modules, 2, "{:?}", snapshot.gaps);
    assert_eq!(snapshot.unlisted_tcp_mem, None);
}

#[test]
fn no_family_answers() {
    let host = MadeUp::new().kernel(|request| Some(Answer::of([messages::refused(request.sequence, 1)])));
    let error = scan(&host, &everything()).expect_err("there is nothing to report");
    assert_eq!(error.kind(), ErrorKind::NoTables);
    assert!(!error.gaps().is_empty());
}

/// NETLINK_SOCK_DIAG is refused, and /proc/net is there.
#[test]
fn the_fallback_reads_what_proc_net_has() {
    let header =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
    let line = "   0: 0100007F:1F90 0200007F:0050 01 00000007:0000002A 00:00000000 00000000  1000        0 4242 1 0 20 4 30 10 -1\n";
    let no_inode = line.replace(" 4242 ", " 0 ");
    let host = MadeUp::new()
        .process(9, "reader", &[4242])
        .file("/proc/net/tcp", format!("{header}   0: broken\n{line}{line}{no_inode}{line}{no_inode}"))
        .file("/proc/net/tcp6", header)
        .kernel(|_| Some(Answer { datagrams: Vec::new(), end: io::ErrorKind::PermissionDenied }));
    let snapshot = scan(&host, &tcp_only()).expect("/proc/net answers");
    assert_eq!(snapshot.source, Source::ProcNet);
    assert_eq!(snapshot.sockets.len(), 2, "the file repeats sockets when it changes under the read");
    let report = get(&snapshot, inode(4242));
    assert_eq!(report.socket.recv_q, RecvQueue::Payload(Payload(42)));
    assert_eq!(report.socket.send_q.size(), Some(7));
    assert_eq!((report.socket.local.port(), report.socket.peer.port()), (Some(8080), Some(80)));
    assert_eq!(report.socket.uid, Some(1000));
    assert_eq!(report.holders, [Holder::new(9, 3)]);
    assert_eq!(report.footprint.received.charged, None);
    assert_eq!(count(&snapshot, Missing::SockDiag), Some(None));
    assert_eq!(count(&snapshot, Missing::Messages), Some(Some(1)));
}

/// The kernel marks a dump that a change disturbed: once is asked again, always is a gap.
#[test]
fn interrupted_dumps() {
    for disturbed in [1, u32::MAX] {
        let dumps = AtomicU32::new(0);
        let host = tcp4(move |sequence| {
            dumps.fetch_add(1, Ordering::Relaxed);
            let flags = if dumps.load(Ordering::Relaxed) <= disturbed { MULTI | DUMP_INTR } else { MULTI };
            let socket = Inet::numbered(1).recv_q(10).payload();
            vec![message(messages::BY_FAMILY, flags, sequence, &socket), done(sequence, 0)]
        });
        let snapshot = scan(&host, &tcp_only()).expect("it answers");
        assert_eq!(inodes(&snapshot), [1], "counted once");
        let expected = (disturbed == u32::MAX).then_some(None);
        assert_eq!(count(&snapshot, Missing::Consistency), expected);
        assert!(host.asked.lock().expect("no panic").iter().filter(|request| request.is_tcp4()).count() <= 6);
    }
}

/// A datagram that was larger than the buffer ends the answer: asked again, and then a gap.
#[test]
fn cut_answers() {
    let host = MadeUp::new().kernel(|request| {
        let datagrams = vec![Inet::numbered(1).recv_q(10).dumped(request.sequence)];
        request.is_tcp4().then_some(Answer { datagrams, end: io::ErrorKind::InvalidData })
    });
    let snapshot = scan(&host, &tcp_only()).expect("what came is reported");
    assert_eq!(inodes(&snapshot), [1], "counted once");
    assert_eq!(count(&snapshot, Missing::Consistency), Some(None));
    assert_eq!(count(&snapshot, Missing::ClosedHeldUnknown), Some(None));
    assert_eq!(snapshot.unlisted_tcp_mem, None);
    assert_eq!(host.asked.lock().expect("no panic").iter().filter(|request| request.is_tcp4()).count(), 3);
}

/// A kernel that falls silent in one table costs that table.
#[test]
fn silent_answers() {
    let host = MadeUp::new().kernel(|request| {
        let n = request.sequence;
        if request.is_unix() {
            return Some(Answer::of([message(messages::BY_FAMILY, MULTI, n, &messages::unix(1, 1, 5, &[]))]));
        }
        request.is_tcp4().then(|| Answer::of([Inet::numbered(1).recv_q(10).dumped(n), done(n, 0)]))
    });
    let snapshot = scan(&host, &everything()).expect("tcp answers");
    assert!(inodes(&snapshot).contains(&1));
    let gap = snapshot.gaps.iter().find(|gap| gap.what == Missing::Table).expect("a gap");
    assert_eq!(gap.place, "unix");
    // Silent in the very first: there is no table, and nothing to fall back to.
    let host = MadeUp::new().kernel(|_| Some(Answer::of([])));
    assert_eq!(scan(&host, &everything()).expect_err("no table").kind(), ErrorKind::NoTables);
    assert!(
        host.asked.lock().expect("no panic").len() <= 3,
        "asked {} times",
        host.asked.lock().expect("no panic").len()
    );
}

/// One message of a wrong family and one that is too short, between good ones.
#[test]
fn bad_messages_cost_themselves_alone() {
    let host = tcp4(|n| {
        let mut foreign = Inet::numbered(3).payload();
        foreign[0] = 77;
        let bad = [
            message(messages::BY_FAMILY, MULTI, n, &foreign),
            message(messages::BY_FAMILY, MULTI, n, &[2, 1]),
        ];
        let unknown = message(99, MULTI, n, b"what is this");
        let good = |number| Inet::numbered(number).dumped(n);
        let first = [good(1), bad[0].clone(), good(2), bad[1].clone(), unknown, good(4)].concat();
        vec![first, good(5), done(n, 0)]
    });
    let snapshot = scan(&host, &tcp_only()).expect("it answers");
    assert_eq!(inodes(&snapshot), [1, 2, 4, 5]);
    assert_eq!(count(&snapshot, Missing::Messages), Some(Some(3)));
}

/// A datagram is cut in its last message: what stands before it and behind it is read.
#[test]
fn a_cut_datagram_costs_its_last_message() {
    let host = tcp4(|n| {
        let mut cut = [Inet::numbered(1).dumped(n), Inet::numbered(2).dumped(n)].concat();
        cut.truncate(cut.len() - 8);
        vec![cut, Inet::numbered(3).dumped(n), done(n, 0)]
    });
    let snapshot = scan(&host, &tcp_only()).expect("it answers");
    assert_eq!(inodes(&snapshot), [1, 3]);
    assert_eq!(count(&snapshot, Missing::Messages), Some(Some(1)));
}

#[test]
fn a_bad_attribute_costs_itself_alone() {
    let host = tcp4(|n| {
        let memory = words(&[4096, 1, 2, 3, 4, 5, 6, 7, 8]);
        let mut socket = Inet::numbered(1).recv_q(9).with(SKMEMINFO, &memory);
        socket.attributes.extend([0xff, 0xff, 7, 0]); // a length beyond the message
        vec![socket.dumped(n), Inet::numbered(2).dumped(n), done(n, 0)]
    });
    let snapshot = scan(&host, &tcp_only()).expect("it answers");
    assert_eq!(get(&snapshot, inode(1)).socket.skmem.drops, Some(8));
    assert_eq!(inodes(&snapshot), [1, 2]);
    assert_eq!(count(&snapshot, Missing::Attributes), Some(Some(1)));
}

#[test]
fn repeats_are_counted_once() {
    let host = tcp4(|n| {
        let one = Inet::numbered(1).recv_q(5).dumped(n);
        vec![[one.clone(), Inet::numbered(2).recv_q(5).dumped(n), one.clone()].concat(), one, done(n, 0)]
    });
    let snapshot = scan(&host, &tcp_only()).expect("it answers");
    assert_eq!(inodes(&snapshot), [1, 2]);
    assert_eq!(snapshot.totals().unread, Payload(10));
}

/// A unix writer that is dumped twice is charged once.
#[test]
fn repeated_writers_are_charged_once() {
    let host = MadeUp::new().kernel(|request| {
        let n = request.sequence;
        let memory =
            |charge| messages::attribute(messages::UNIX_MEMINFO, &words(&[0, 1, charge, 1, 0, 0, 0, 0, 0]));
        let peer = |number| messages::attribute(messages::UNIX_PEER, &words(&[number]));
        let queue = |bytes| messages::attribute(messages::UNIX_RQLEN, &words(&[bytes, 0]));
        let writer = messages::unix(1, 1, 10, &[memory(768), peer(11), queue(0)]);
        let reader = messages::unix(1, 1, 11, &[memory(0), peer(10), queue(5)]);
        let dumped =
            [&writer, &reader, &writer].map(|payload| message(messages::BY_FAMILY, MULTI, n, payload));
        request.is_unix().then(|| Answer::of([dumped.concat(), done(n, 0)]))
    });
    let snapshot = scan(&host, &Query::default()).expect("it answers");
    assert_eq!(inodes(&snapshot), [11]);
    assert_eq!(get(&snapshot, inode(11)).footprint.received.charged, Some(Truesize(768)));
}

/// Accepted between the look at descriptors and the dump: one more look finds the holder.
#[test]
fn a_socket_that_was_opened_during_the_scan() {
    let host = tcp4(|n| vec![Inet::numbered(1).recv_q(5).dumped(n), done(n, 0)]);
    let snapshot = scan(&host.late_process(6, "late", &[1]), &Query::default()).expect("it answers");
    let report = get(&snapshot, inode(1));
    assert_eq!((report.holding, &report.holders[..]), (Holding::Descriptors, &[Holder::new(6, 3)][..]));
}

/// A half-open connection over IPv4 at a dual-stack listener shows as IPv4; it waits all the same.
#[test]
fn a_half_open_connection_waits_at_a_dual_stack_listener() {
    use std::net::{IpAddr, Ipv6Addr};
    for (v6only, state, holding) in [
        (0, 12, Holding::AwaitingAccept { ambiguous: false }),
        (0, 3, Holding::AwaitingAccept { ambiguous: false }),
        (1, 12, Holding::Orphan),
        (0, 4, Holding::Orphan),
    ] {
        let host = MadeUp::new().process(5, "server", &[70]).kernel(move |request| {
            let n = request.sequence;
            let any = IpAddr::from(Ipv6Addr::UNSPECIFIED);
            let mut listener = Inet::numbered(70).with(messages::SKV6ONLY, &[v6only]);
            (listener.state, listener.local, listener.peer) = (10, (any, 1001), (any, 0));
            let mut half_open = Inet::numbered(1).recv_q(1);
            (half_open.state, half_open.inode) = (state, 0);
            let socket = if request.family == 10 { listener } else { half_open };
            let asked = request.dump && request.protocol == Request::TCP;
            let is_for_listeners = request.states == 1 << 10;
            let found = (request.family == 10 || !is_for_listeners).then(|| socket.dumped(n));
            asked.then(|| Answer::of(found.into_iter().chain([done(n, 0)])))
        });
        let snapshot = scan(&host, &tcp_only()).expect("it answers");
        let report = snapshot.sockets.iter().find(|report| report.socket.inode.is_none()).expect("reported");
        assert_eq!(report.holding, holding, "v6only {v6only}, state {state}");
    }
}

/// An older kernel sends seven memory numbers, a newer one eleven.
#[test]
fn short_and_long_memory_numbers() {
    let host = tcp4(|n| {
        let numbers: Vec<u32> = (1..=11).map(|number| number * 1000).collect();
        let with = |number, count: usize| Inet::numbered(number).with(SKMEMINFO, &words(&numbers[..count]));
        vec![with(1, 7).dumped(n), with(2, 11).dumped(n), done(n, 0)]
    });
    let snapshot = scan(&host, &tcp_only()).expect("it answers");
    let old = get(&snapshot, inode(1));
    assert_eq!(
        (old.socket.skmem.optmem, old.socket.skmem.backlog, old.socket.skmem.drops),
        (Some(7000), None, None)
    );
    assert_eq!(old.footprint.received.charged, Some(Truesize(1000)));
    let new = get(&snapshot, inode(2));
    assert_eq!((new.socket.skmem.backlog, new.socket.skmem.drops), (Some(8000), Some(9000)));
    assert_eq!(new.footprint.received.charged, Some(Truesize(9000)));
}

#[test]
fn answers_to_somebody_else_are_passed_over() {
    let host = tcp4(|n| {
        let stale = n.wrapping_sub(1);
        let late = [Inet::numbered(9).dumped(stale), done(stale, 0), messages::refused(stale, 2)].concat();
        vec![late, Inet::numbered(1).dumped(n), done(n, 0)]
    });
    assert_eq!(inodes(&scan(&host, &tcp_only()).expect("it answers")), [1]);
}

/// Asked for a connection that is gone, the kernel answers with the listener on its address; and a
/// new connection can have the same addresses.
#[test]
fn an_exact_answer_of_another_socket_is_ignored() {
    let mut listener = Inet::numbered(50).recv_q(3);
    (listener.state, listener.local, listener.peer.1) = (10, Inet::numbered(1).local, 0);
    let mut successor = Inet::numbered(1).recv_q(7777);
    (successor.cookie, successor.inode) = (99, 99);
    for other in [listener, successor] {
        let host = MadeUp::new().process(5, "reader", &[1]).kernel(move |request| {
            let n = request.sequence;
            if request.is_tcp4() {
                return Some(Answer::of([Inet::numbered(1).recv_q(5).dumped(n), done(n, 0)]));
            }
            (!request.dump && request.port == 1001).then(|| Answer::of([other.exact(n)]))
        });
        let snapshot = scan(&host, &tcp_only()).expect("it answers");
        let report = get(&snapshot, inode(1));
        assert_eq!(report.socket.recv_q, RecvQueue::Payload(Payload(5)));
        assert_eq!(report.holders, [Holder::new(5, 3)]);
        assert_eq!(report.peer_holders, []);
        assert_eq!(inodes(&snapshot), [1]);
    }
}

/// The exact answer is the socket itself, a moment later: all numbers are of that moment.
#[test]
fn an_exact_answer_renews_the_record() {
    let host = MadeUp::new().kernel(|request| {
        let n = request.sequence;
        if request.is_tcp4() {
            return Some(Answer::of([Inet::numbered(1).recv_q(5).dumped(n), done(n, 0)]));
        }
        let info = [vec![0; 224], words(&[0])].concat();
        let memory = words(&[5760, 0, 0, 0, 0, 0, 0, 0, 0]);
        let now = Inet::numbered(1).recv_q(2).with(SKMEMINFO, &memory).with(INFO, &info);
        (!request.dump && request.port == 1001).then(|| Answer::of([now.exact(n)]))
    });
    let snapshot = scan(&host, &tcp_only()).expect("it answers");
    let report = get(&snapshot, inode(1));
    assert_eq!(report.footprint.received.payload, Some(Payload(2)));
    // R + (n + f) · C: 10 packets by truesize, but 3 by payload, and 2 + 17 fragments.
    let worst = report.footprint.received.worst.expect("known");
    assert_eq!(worst.bytes, Bytes(5760 + (3 + 19) * 32_768));
    assert_eq!(report.holding, Holding::Kernel, "every process was read");
}

#[test]
fn a_command_line_that_hangs_costs_itself_alone() {
    let host = tcp4(|n| {
        let sockets = (1..=3).map(|number| Inet::numbered(number).recv_q(5).dumped(n));
        sockets.chain([done(n, 0)]).collect()
    });
    let host = host.process(11, "first", &[1]).process(12, "stuck", &[2]).process(13, "last", &[3]);
    let snapshot = scan(&host.hangs("/proc/12/cmdline"), &tcp_only()).expect("it answers");
    let line = |pid| snapshot.process(pid).expect("a holder").cmdline.clone();
    assert_eq!(line(12), None);
    assert_eq!(snapshot.process(12).and_then(|process| process.comm.clone()), Some(b"stuck".to_vec()));
    for (pid, name) in [(11, "/bin/first"), (13, "/bin/last")] {
        assert_eq!(line(pid), Some(vec![name.into(), b"--flag".to_vec()]));
    }
    assert_eq!(count(&snapshot, Missing::CommandLines), Some(Some(1)));
}

/// Many that hang do not add up: after a few nobody is asked any more, and all are counted.
#[test]
fn many_command_lines_that_hang() {
    let mut host = tcp4(|n| {
        let sockets = (1..=40).map(|number| Inet::numbered(number).recv_q(5).dumped(n));
        sockets.chain([done(n, 0)]).collect()
    });
    for number in 1..=40 {
        host =
            host.process(100 + number, "stuck", &[number]).hangs(&format!("/proc/{}/cmdline", 100 + number));
    }
    let snapshot = scan(&host, &tcp_only()).expect("it answers");
    assert_eq!(snapshot.sockets.len(), 40);
    assert_eq!(count(&snapshot, Missing::CommandLines), Some(Some(40)));
    let waited = host.waited_for.lock().expect("not poisoned").len();
    assert!(waited <= 5, "waited {waited} times");
}

#[test]
fn vanished_and_unreadable_processes() {
    let host = tcp4(|n| vec![Inet::numbered(1).recv_q(5).dumped(n), done(n, 0)]);
    let host = host.process(3, "reader", &[1]).vanished(20).vanished(21).unreadable(30);
    let snapshot = scan(&host, &tcp_only()).expect("it answers");
    assert_eq!(get(&snapshot, inode(1)).holders, [Holder::new(3, 3)]);
    assert_eq!(count(&snapshot, Missing::Processes), Some(Some(1)), "who has ended is no gap");
    assert_eq!((snapshot.scanned.processes, snapshot.scanned.unreadable), (2, 1));
}

/// With hidepid other users' processes are not even listed: who holds a socket cannot be told.
#[test]
fn hidden_processes() {
    let host = tcp4(|n| vec![Inet::numbered(1).recv_q(5).dumped(n), done(n, 0)]);
    let host = host.process(400, "own", &[]).without_process(1);
    let snapshot = scan(&host, &tcp_only()).expect("it answers");
    assert_eq!(get(&snapshot, inode(1)).holding, Holding::Hidden);
    assert_eq!(count(&snapshot, Missing::Processes), Some(None));
}

/// The largest number everywhere: no overflow, and the bound says where it is cut off.
#[test]
fn the_largest_numbers() {
    let most = words(&[u32::MAX; 9]);
    let host = MadeUp::new().process(2, "reader", &[65, u32::MAX]).kernel(move |request| {
        let n = request.sequence;
        if request.is_tcp4() {
            let mut socket = Inet::numbered(1).recv_q(u32::MAX).with(SKMEMINFO, &most);
            (socket.send_q, socket.inode) = (u32::MAX, u32::MAX);
            return Some(Answer::of([socket.dumped(n), done(n, 0)]));
        }
        let queue = messages::attribute(messages::UNIX_RQLEN, &words(&[u32::MAX, u32::MAX]));
        let memory = messages::attribute(messages::UNIX_MEMINFO, &most);
        let peer = messages::attribute(messages::UNIX_PEER, &words(&[65]));
        let socket = |number| messages::unix(1, 1, number, &[queue.clone(), memory.clone(), peer.clone()]);
        let both = [66, 65].map(|number| message(messages::BY_FAMILY, MULTI, n, &socket(number))).concat();
        request.is_unix().then(|| Answer::of([both, done(n, 0)]))
    });
    let snapshot = scan(&host, &everything()).expect("it answers");
    let most = u64::from(u32::MAX);
    let tcp = get(&snapshot, inode(u32::MAX));
    assert_eq!(tcp.footprint.received.charged, Some(Truesize(2 * most)), "rmem_alloc and backlog");
    assert_eq!(tcp.footprint.received.payload, Some(Payload(most)));
    assert!(!tcp.footprint.received.worst.expect("known").saturated, "18 chunks a packet fit 64 bits");
    assert_eq!(get(&snapshot, inode(65)).footprint.received.charged, Some(Truesize(2 * most)));
    let totals = snapshot.totals();
    assert_eq!(totals.sockets, 3);
    assert_eq!(totals.unread, Payload(3 * most));
}

#[test]
fn states_of_newer_kernels() {
    let host = tcp4(|n| {
        let mut socket = Inet::numbered(1).recv_q(5);
        socket.state = 200;
        vec![socket.dumped(n), done(n, 0)]
    });
    let snapshot = scan(&host, &tcp_only()).expect("it answers");
    let report = get(&snapshot, inode(1));
    assert_eq!((report.socket.state, report.socket.state.name()), (State::Other(200), "unknown"));
    assert_eq!(report.footprint.received.payload, Some(Payload(5)));
}

/// A unix name with a NUL behind it (older kernels), with any bytes, and none at all.
#[test]
fn unix_names() {
    use skcheck_core::Endpoint;
    let names: [(&[u8], Endpoint); 5] = [
        (b"/run/a\0", Endpoint::Path(b"/run/a".to_vec())),
        (b"/run/\xff", Endpoint::Path(b"/run/\xff".to_vec())),
        (b"\0a\0b\0", Endpoint::Abstract(b"a\0b\0".to_vec())),
        (b"\0", Endpoint::Abstract(Vec::new())),
        (b"", Endpoint::Unnamed),
    ];
    let given = names.clone().map(|(name, _)| name);
    let host = MadeUp::new().kernel(move |request| {
        let n = request.sequence;
        let socket = |(number, name): (u32, &&[u8])| {
            let attributes = [messages::attribute(messages::UNIX_NAME, name)];
            message(messages::BY_FAMILY, MULTI, n, &messages::unix(2, 7, number, &attributes))
        };
        let sockets = (1..).zip(&given).map(socket);
        request.is_unix().then(|| Answer::of(sockets.chain([done(n, 0)])))
    });
    let snapshot = scan(&host, &everything()).expect("it answers");
    for (number, (name, expected)) in (1..).zip(names) {
        assert_eq!(get(&snapshot, inode(number)).socket.local, expected, "{}", name.escape_ascii());
    }
}

/// A descriptor that held a socket before the dump and holds another one after it is no proof.
#[test]
fn closed_and_still_held() {
    let host = tcp4(|n| vec![Inet::numbered(1).dumped(n), done(n, 0)]).process(8, "holder", &[1, 80]);
    let snapshot = scan(&host, &Query::default()).expect("it answers");
    let report = find(&snapshot, inode(80)).expect("no table knows it");
    assert_eq!(report.socket.state, State::ClosedHeld);
    assert_eq!(report.holders, [Holder::new(8, 4)]);
    assert!(find(&snapshot, inode(1)).is_none());
}

/// The first dump lost a socket, the second has it: it was never closed.
#[test]
fn a_socket_that_a_dump_lost_is_not_closed() {
    let dumps = AtomicU32::new(0);
    let host = tcp4(move |n| {
        dumps.fetch_add(1, Ordering::Relaxed);
        let found = (dumps.load(Ordering::Relaxed) > 1).then(|| Inet::numbered(1).dumped(n));
        found.into_iter().chain([done(n, 0)]).collect()
    });
    let snapshot = scan(&host.process(8, "holder", &[1]), &Query::default()).expect("it answers");
    assert_eq!(snapshot.sockets, []);
}

/// TCP memory that no socket in the tables accounts for.
#[test]
fn unlisted_memory() {
    let sockstat = "sockets: used 3\nTCP: inuse 2 orphan 0 tw 0 alloc 32 mem 1000\n";
    let host = tcp4(|n| {
        // rmem_alloc, ..., fwd_alloc, wmem_queued: 96 KiB in all
        let memory = words(&[65_536, 0, 9_999, 0, 16_384, 16_384, 0, 0, 0]);
        vec![Inet::numbered(1).with(SKMEMINFO, &memory).dumped(n), done(n, 0)]
    });
    let host =
        host.file("/proc/net/sockstat", sockstat).file("/proc/stat", "cpu  1\ncpu0 1\ncpu1 1\nintr 5\n");
    let snapshot = scan(&host, &tcp_only()).expect("it answers");
    assert_eq!(snapshot.unlisted_tcp_mem, Some(1000 * 4096 - 96 * 1024));
    assert_eq!(snapshot.unlisted_noise, Bytes(2 << 20));
}
