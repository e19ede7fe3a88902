//! Whole scans of hosts that are hard to find: missing modules, vanished processes, the largest numbers.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

use skcheck_core::{
    Bytes, ErrorKind, Holder, Holding, Inode, Missing, Payload, Query, RecvQueue, Snapshot, Source, State,
    Truesize, scan,
};
use skcheck_core::{Place, Protocols, Table};

use crate::support::made_up::{Answer, MadeUp, Request};
use crate::support::messages::{self, Inet, MULTI, SKMEMINFO, done, message, words};
use crate::support::scan::{everything, find, get};

pub(crate) fn inode(number: u32) -> Inode {
    Inode::new(number).expect("not 0")
}

/// Answers dumps of TCP over IPv4 with these datagrams.
pub(crate) fn tcp4(datagrams: impl Fn(u32) -> Vec<Vec<u8>> + Sync + 'static) -> MadeUp {
    MadeUp::new().kernel(move |request| request.is_tcp4().then(|| Answer::of(datagrams(request.sequence))))
}

pub(crate) fn tcp_only() -> Query {
    let mut query = Query::of(Protocols::TCP);
    query.include_idle = true;
    query
}

pub(crate) fn inodes(snapshot: &Snapshot) -> Vec<u32> {
    let inodes = snapshot.sockets.iter().filter(|report| report.socket.state != State::ClosedHeld);
    let mut inodes: Vec<u32> = inodes.filter_map(|report| Some(report.socket.inode?.get())).collect();
    inodes.sort_unstable();
    inodes
}

pub(crate) fn count(snapshot: &Snapshot, what: Missing) -> Option<Option<u64>> {
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
        assert_eq!(gap.place, Place::Table(Table::Unix));
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
    // Whose does not come is named by the host, and by nobody else.
    assert_eq!(count(&snapshot, Missing::CommandLines), None);
}

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
    assert_eq!(count(&snapshot, Missing::CommandLines), None);
    assert!(snapshot.processes.iter().all(|process| process.cmdline.is_none() && process.comm.is_some()));
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

/// A first process that lets nobody look, not even root, is ordinary; another one is not, nor is it where
/// privilege lacks.
#[test]
fn who_may_not_be_read_is_named() {
    let gap = |pid: u32, capabilities: &str| {
        let host = tcp4(|n| vec![Inet::numbered(1).recv_q(5).dumped(n), done(n, 0)]);
        let host = host.process(3, "reader", &[1]).process(pid, "systemd", &[]).unreadable(pid);
        let own = std::fs::read_to_string("/proc/self/status").expect("it is there");
        let lines = own.lines().filter(|line| !line.starts_with("CapEff:"));
        let status = lines.map(|line| format!("{line}\n")).collect::<String>();
        let status = format!("{status}CapEff:\t{capabilities}\n");
        let snapshot = scan(&host.file("/proc/self/status", status), &tcp_only()).expect("it answers");
        let mut gaps = snapshot.gaps.into_iter().filter(|gap| gap.what == Missing::Processes);
        gaps.next().expect("it is said")
    };
    let first = gap(1, "000001ffffffffff");
    let named = first.place.named_processes();
    assert_eq!((named.len(), named[0].pid, named[0].comm.as_deref()), (1, 1, Some(&b"systemd"[..])));
    let text = "1 process whose descriptors and namespaces may not be read: systemd (1)";
    assert_eq!((first.to_string().as_str(), first.is_ordinary), (text, true));
    assert!(!gap(7, "000001ffffffffff").is_ordinary, "another one");
    assert!(!gap(1, "0000000000000000").is_ordinary, "root sees more");
}

/// Threads of the kernel have no descriptors: that they may not be looked at is no gap.
#[test]
fn threads_of_the_kernel_hide_nothing() {
    let status = |pid: u32, parent: u32, kernel: u32| {
        format!(
            "Name:\tx\nState:\tS (sleeping)\nTgid:\t{pid}\nPid:\t{pid}\nPPid:\t{parent}\nTracerPid:\t0\n\
             Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nFDSize:\t64\nGroups:\t \nKthread:\t{kernel}\n\
             Threads:\t1\nSigQ:\t1/63445\nSigPnd:\t0\nShdPnd:\t0\nSigBlk:\t0\nSigIgn:\t0\nSigCgt:\t0\n\
             CapInh:\t0\nCapPrm:\t0\nCapEff:\t0\n"
        )
    };
    let host = tcp4(|n| vec![Inet::numbered(1).recv_q(5).dumped(n), done(n, 0)]);
    let mut host = host.process(30, "reader", &[1]);
    for (pid, parent, kernel) in [(2, 0, 1), (3, 2, 1), (4, 2, 0)] {
        host = host.file(&format!("/proc/{pid}/status"), status(pid, parent, kernel)).unreadable(pid);
    }
    let snapshot = scan(&host, &tcp_only()).expect("it answers");
    let gap =
        snapshot.gaps.iter().find(|gap| gap.what == Missing::Processes).expect("one may hold something");
    let named: Vec<u32> = gap.place.named_processes().iter().map(|process| process.pid).collect();
    assert_eq!((gap.count, named), (Some(1), vec![4]));
    assert_eq!((snapshot.scanned.processes, snapshot.scanned.unreadable), (2, 1));
    let host = host.without_process(4);
    let snapshot = scan(&host, &tcp_only()).expect("it answers");
    assert_eq!(count(&snapshot, Missing::Processes), None);
    assert!(snapshot.scanned.all_processes);
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

/// The largest number everywhere that can be one of bytes: no overflow.
#[test]
fn the_largest_numbers() {
    const MOST: u32 = i32::MAX.cast_unsigned();
    let most = words(&[MOST; 9]);
    let host = MadeUp::new().process(2, "reader", &[65, u32::MAX]).kernel(move |request| {
        let n = request.sequence;
        if request.is_tcp4() {
            let mut socket = Inet::numbered(1).recv_q(MOST).with(SKMEMINFO, &most);
            (socket.send_q, socket.inode) = (MOST, u32::MAX);
            return Some(Answer::of([socket.dumped(n), done(n, 0)]));
        }
        let queue = messages::attribute(messages::UNIX_RQLEN, &words(&[MOST, MOST]));
        let memory = messages::attribute(messages::UNIX_MEMINFO, &most);
        let peer = messages::attribute(messages::UNIX_PEER, &words(&[65]));
        let socket = |number| messages::unix(1, 1, number, &[queue.clone(), memory.clone(), peer.clone()]);
        let both = [66, 65].map(|number| message(messages::BY_FAMILY, MULTI, n, &socket(number))).concat();
        request.is_unix().then(|| Answer::of([both, done(n, 0)]))
    });
    let snapshot = scan(&host, &everything()).expect("it answers");
    let most = u64::from(MOST);
    let tcp = get(&snapshot, inode(u32::MAX));
    assert_eq!(tcp.footprint.received.charged, Some(Truesize(2 * most)), "rmem_alloc and backlog");
    assert_eq!(tcp.footprint.received.payload, Some(Payload(most)));
    assert!(!tcp.footprint.received.worst.expect("known").saturated, "18 chunks a packet fit 64 bits");
    assert_eq!(get(&snapshot, inode(65)).footprint.received.charged, Some(Truesize(2 * most)));
    let totals = snapshot.totals();
    assert_eq!(totals.sockets, 3);
    assert_eq!(totals.unread, Payload(3 * most));
}

/// Numbers with the top bit set are no sizes: unknown, and not 4 GiB.
#[test]
fn numbers_that_can_be_none() {
    let host = tcp4(|n| {
        let mut socket = Inet::numbered(1).recv_q(5).with(SKMEMINFO, &words(&[u32::MAX; 9]));
        (socket.send_q, socket.inode) = (u32::MAX, 65);
        vec![socket.dumped(n), done(n, 0)]
    });
    let snapshot = scan(&host.process(2, "reader", &[65]), &tcp_only()).expect("it answers");
    let tcp = get(&snapshot, inode(65));
    assert_eq!(tcp.footprint.received.payload, Some(Payload(5)));
    assert_eq!((tcp.footprint.received.charged, tcp.footprint.sent.charged), (None, None));
    assert_eq!(tcp.footprint.sent.payload, Some(Payload(0)), "acknowledged between two reads");
    assert_eq!((tcp.socket.skmem.fwd_alloc, tcp.socket.skmem.drops), (Some(-1), Some(u32::MAX)));
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
    let stat = "cpu  2 0 2 2\ncpu0 1 0 1 1\ncpu1 1 0 1 1\nintr 9\nctxt 9\nbtime 9\nprocesses 9\n";
    let host = host.file("/proc/net/sockstat", sockstat).file("/proc/stat", stat);
    let snapshot = scan(&host, &tcp_only()).expect("it answers");
    assert_eq!(snapshot.unlisted_tcp_mem, Some(1000 * 4096 - 96 * 1024));
    assert_eq!(snapshot.unlisted_noise, Bytes(2 << 20));
}

/// A sockmap's socket has used more than it has reserved: taken for 4 GiB, that would hide what belongs to no
/// socket.
#[test]
fn what_is_reserved_may_be_below_nothing() {
    let sockstat = "sockets: used 3\nTCP: inuse 2 orphan 0 tw 0 alloc 32 mem 1000\n";
    let host = tcp4(|n| {
        let memory = words(&[65_536, 0, 0, 0, (-4096i32).cast_unsigned(), 16_384, 0, 0, 0]);
        vec![Inet::numbered(1).with(SKMEMINFO, &memory).dumped(n), done(n, 0)]
    });
    let snapshot = scan(&host.file("/proc/net/sockstat", sockstat), &tcp_only()).expect("it answers");
    assert_eq!(snapshot.unlisted_tcp_mem, Some(1000 * 4096 - 76 * 1024));
}
