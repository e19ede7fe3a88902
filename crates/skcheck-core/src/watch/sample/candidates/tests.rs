use std::time::Duration;

use crate::collect::scanned::{Scanned, Source};
use crate::exact::NotMeasured;
use crate::footprint::{Footprint, HostFacts};

use crate::model::holder::Holder;
use crate::model::protocol::{Family, Protocol};
use crate::model::queues::{RecvQueue, SendQueue};
use crate::model::socket::{Cookie, Socket};
use crate::model::state::State;
use crate::model::tcp::TcpInfo;
use crate::model::units::{Bytes, PageSize, Payload, Truesize};
use crate::snapshot::contents::Snapshot;
use crate::snapshot::entry::{Holding, SocketEntry};
use crate::watch::evidence::key::SocketKey;
use crate::watch::evidence::sample::{FirstPacket, Sample};
use crate::watch::sample::candidates::{Chosen, MOST_CLOSELY, candidates};

/// A connection: its number, holders, holders of the other end, unread, received, unsent, acknowledged.
struct Tcp(u64, u32, u32, u64, u64, u64, u64);

fn entry(mut socket: Socket, cookie: u64, holder: u32, peer: u32) -> SocketEntry {
    socket.cookie = Some(Cookie(cookie));
    let holders = |pid: u32| if pid == 0 { Vec::new() } else { vec![Holder::new(pid, 3)] };
    SocketEntry {
        footprint: Footprint::of(&socket, None, &HostFacts::assumed(PageSize(4096))),
        socket,
        read_after: Duration::ZERO,
        exact: Err(NotMeasured::NoEngine),
        holding: Holding::Descriptors,
        holders: holders(holder),
        waiters: Vec::new(),
        peer_holders: holders(peer),
        peer_inferred: false,
        portid_process: None,
        netns: None,
        cgroup: None,
        unit: None,
        container: None,
        interface_name: None,
    }
}

fn tcp(Tcp(cookie, holder, peer, unread, received, unsent, acked): Tcp) -> SocketEntry {
    let mut socket = Socket::unknown(Family::Ipv4, Protocol::Tcp, State::Established);
    socket.recv_q = RecvQueue::Payload(Payload(unread));
    socket.send_q = SendQueue::Payload(Payload(unsent));
    let info = TcpInfo { bytes_received: Some(received), bytes_acked: Some(acked), ..TcpInfo::default() };
    socket.tcp_info = Some(info);
    entry(socket, cookie, holder, peer)
}

fn udp(cookie: u64, holder: u32, charged: u64) -> SocketEntry {
    let mut socket = Socket::unknown(Family::Ipv4, Protocol::Udp, State::Close);
    socket.recv_q = RecvQueue::Truesize(Truesize(charged));
    entry(socket, cookie, holder, 0)
}

fn sample(sockets: Vec<SocketEntry>) -> Sample {
    let snapshot = Snapshot {
        taken_at: std::time::UNIX_EPOCH,
        duration: Duration::ZERO,
        source: Source::SockDiag,
        engine: None,
        host: HostFacts::assumed(PageSize(4096)),
        ledger: None,
        scanned: Scanned::default(),
        sockets,
        pages: Vec::new(),
        processes: Vec::new(),
        unlisted_tcp_mem: None,
        unlisted_noise: Bytes(0),
        namespaces: Vec::new(),
        gaps: Vec::new(),
    };
    let asked_for = snapshot.sockets.len();
    Sample {
        asked_for,
        taken_at: snapshot.taken_at,
        at: Duration::ZERO,
        snapshot,
        drained: Default::default(),
        first_packets: Default::default(),
        processes: Default::default(),
        conduits: Vec::new(),
        awaited: Vec::new(),
        tcp_memory: None,
    }
}

fn check(before: Vec<SocketEntry>, now: Vec<SocketEntry>, closely: &[u32], lightly: &[u32]) {
    let chosen = candidates(Some(&sample(before)), &sample(now));
    assert_eq!(chosen, Chosen { closely: closely.to_vec(), lightly: lightly.to_vec() });
}

#[test]
fn nothing_stands_still_at_first() {
    let sockets =
        vec![tcp(Tcp(1, 10, 0, 5, 5, 0, 0)), tcp(Tcp(2, 20, 0, 9, 9, 0, 0)), tcp(Tcp(3, 30, 0, 0, 9, 7, 0))];
    let chosen = candidates(None, &sample(sockets));
    assert_eq!(chosen, Chosen { closely: vec![], lightly: vec![20, 10] });
}

#[test]
fn readers() {
    // More has come, and nothing was read; the same that was read has come; read in part; new.
    let before = || {
        vec![tcp(Tcp(1, 10, 0, 5, 5, 0, 0)), tcp(Tcp(2, 20, 0, 9, 9, 0, 0)), tcp(Tcp(3, 30, 0, 7, 9, 0, 0))]
    };
    let now = vec![
        tcp(Tcp(1, 10, 0, 50, 50, 0, 0)),
        tcp(Tcp(2, 20, 0, 9, 18, 0, 0)),
        tcp(Tcp(3, 30, 0, 6, 9, 0, 0)),
        tcp(Tcp(4, 40, 0, 1, 1, 0, 0)),
    ];
    check(before(), now, &[10], &[20, 30, 40]);
    // Of UDP the charge alone tells, and the first packet where it is known.
    check(vec![udp(1, 10, 700), udp(2, 20, 700)], vec![udp(1, 10, 700), udp(2, 20, 600)], &[10], &[20]);
    let (mut before, mut now) = (sample(vec![udp(1, 10, 700)]), sample(vec![udp(1, 10, 800)]));
    let key = SocketKey::of(now.snapshot.sockets.first().unwrap()).unwrap();
    let first_packet = |id| FirstPacket { id, stamp: 0, size: (1, 700) };
    (before.first_packets, now.first_packets) =
        ([(key, first_packet(1))].into(), [(key, first_packet(2))].into());
    assert_eq!(candidates(Some(&before), &now).closely, []);
    now.first_packets = [(key, first_packet(1))].into();
    assert_eq!(candidates(Some(&before), &now).closely, [10]);
}

/// 10 does not read because 20 does not take what it writes, and so on to 40. 50 reads, slowly, and keeps
/// 40 waiting.
#[test]
fn chains() {
    let sockets = |moved: u64| {
        vec![
            tcp(Tcp(1, 10, 5, 900, 900, 0, 0)),
            tcp(Tcp(2, 10, 20, 0, 0, 80, 0)),
            tcp(Tcp(3, 20, 30, 0, 0, 80, 0)),
            tcp(Tcp(4, 30, 40, 0, 0, 80, 0)),
            tcp(Tcp(5, 40, 10, 0, 0, 80, 0)),
            tcp(Tcp(6, 40, 50, 0, 0, 80, moved)),
            tcp(Tcp(7, 60, 0, 2, 2, 0, 0)),
        ]
    };
    check(sockets(0), sockets(1), &[10, 20, 30, 40, 50, 60], &[]);
    let many =
        |_| (0..200).map(|n| tcp(Tcp(u64::from(n), 1000 + n, 0, u64::from(n) + 1, 300, 0, 0))).collect();
    let chosen = candidates(Some(&sample(many(0))), &sample(many(1)));
    assert_eq!((chosen.closely.len(), chosen.lightly.len()), (MOST_CLOSELY, 64));
    assert_eq!(chosen.closely.first(), Some(&1199));
}

/// What was asked for comes first, however little it is, with those that keep it waiting.
#[test]
fn what_was_asked_for() {
    let sockets = || {
        let heavy = (0..100).map(|n| tcp(Tcp(100 + u64::from(n), 1000 + n, 0, 5000, 5000, 0, 0)));
        let asked = vec![tcp(Tcp(1, 10, 0, 5, 5, 0, 0)), tcp(Tcp(2, 20, 30, 0, 0, 80, 0))];
        let others = [tcp(Tcp(3, 10, 40, 0, 0, 80, 0)), tcp(Tcp(4, 30, 50, 0, 0, 80, 0))];
        asked.into_iter().chain(others).chain(heavy).collect::<Vec<SocketEntry>>()
    };
    let (before, mut now) = (sample(sockets()), sample(sockets()));
    now.asked_for = 2;
    let chosen = candidates(Some(&before), &now);
    assert!(chosen.closely.starts_with(&[10, 40, 30, 50]), "{chosen:?}");
    assert_eq!(chosen.closely.len(), MOST_CLOSELY);
}

/// One that reads, and has more to write than is taken, may read slowly for that.
#[test]
fn slow_readers_that_cannot_write() {
    let sockets = |moved: u64| {
        let reader = |cookie, pid| tcp(Tcp(cookie, pid, 0, 900, 900 + moved, 0, 0));
        vec![reader(1, 10), tcp(Tcp(2, 10, 20, 0, 0, 80, moved)), reader(3, 30), reader(4, 20)]
    };
    check(sockets(0), sockets(1), &[10, 20], &[30]);
}

/// One that came since, and whose data has waited ever since: it will be judged to stand still.
#[test]
fn readers_that_never_began() {
    let fresh = |milliseconds| {
        let mut entry = tcp(Tcp(1, 10, 0, 900, 900, 0, 0));
        entry.socket.tcp_info.as_mut().unwrap().last_data_recv = Some(Duration::from_millis(milliseconds));
        entry
    };
    let chosen = |milliseconds| {
        let mut now = sample(vec![fresh(milliseconds)]);
        now.at = Duration::from_secs(1);
        (candidates(Some(&sample(Vec::new())), &now), candidates(None, &now))
    };
    let lightly = Chosen { closely: Vec::new(), lightly: vec![10] };
    assert_eq!(chosen(600).0, Chosen { closely: vec![10], lightly: Vec::new() });
    assert_eq!((chosen(600).1, chosen(100).0), (lightly.clone(), lightly));
}
