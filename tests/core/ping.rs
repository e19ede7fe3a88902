//! Ping sockets, of which no dump tells.

use skcheck_core::Protocols;
use skcheck_core::{
    Endpoint, Family, Holder, Missing, Payload, Protocol, Query, RecvQueue, State, Truesize, scan,
};

use crate::support::made_up::MadeUp;
use crate::support::netns::in_own_netns;
use crate::support::ping::{ping, ping_sockets, told};
use crate::support::scan::{self, find, get, mine};
use crate::support::sockets::inode;

/// Answers that nobody reads, until there is no room; over both versions of IP.
#[test]
fn answers_that_nobody_reads() {
    if !in_own_netns("ping::answers_that_nobody_reads") {
        return;
    }
    let sockets = ping_sockets();
    let [idle, _] = ping_sockets();
    ping(&sockets[0], 1000);
    ping(&sockets[1], 20);
    let mut query = scan::here();
    query.include_idle = false;
    let snapshot = scan::run(&query);
    for (socket, family) in sockets.iter().zip([Family::Ipv4, Family::Ipv6]) {
        let report = get(&snapshot, inode(socket));
        let found = &report.socket;
        assert_eq!((found.family, found.protocol, found.state), (family, Protocol::Ping, State::Close));
        let (received, drops) = told(socket);
        assert!(received > 10_000, "{received}");
        assert_eq!(found.recv_q, RecvQueue::Truesize(Truesize(received)));
        assert_eq!(found.skmem.drops, Some(drops));
        assert_eq!((drops > 0, family), (family == Family::Ipv4, family), "{drops}");
        let side = &report.footprint.received;
        assert_eq!((side.payload, side.charged), (None, Some(Truesize(received))));
        assert_eq!(report.holders, [mine(socket)]);
        assert_eq!((found.uid, found.cookie), (Some(0), None), "no table gives it one");
        let Endpoint::Ip { port, .. } = found.local else { panic!("{:?}", found.local) };
        assert_ne!(port, 0, "the number of its requests");
    }
    assert!(find(&snapshot, inode(&idle)).is_none(), "it holds nothing");
    let lacks = |what| snapshot.gaps.iter().any(|gap| gap.what == what);
    assert!(!lacks(Missing::Table) && !lacks(Missing::TableDetail), "{:?}", snapshot.gaps);
    query.ipv6 = false;
    assert_eq!(scan::run(&query).sockets.len(), 1);
    query.protocols -= Protocols::RAW;
    assert_eq!(scan::run(&query).sockets.len(), 0);
}

const ICMP: &str = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
  4660: 0100007F:1234 00000000:0000 07 00000300:0057E400 00:00000000 00000000  1000        0 60434 2 000000001ad76ec6 41\n";

#[test]
fn as_the_file_has_them() {
    let host = MadeUp::new().file("/proc/net/icmp", ICMP).process(7, "blackbox_exporter", &[60_434]);
    let query = Query::of(Protocols::RAW);
    let snapshot = scan(&host, &query).expect("it answers");
    let [report] = &snapshot.sockets[..] else { panic!("{:?}", snapshot.sockets) };
    let socket = &report.socket;
    assert_eq!(socket.local, Endpoint::Ip { addr: [127, 0, 0, 1].into(), port: 0x1234 });
    assert_eq!(socket.recv_q, RecvQueue::Truesize(Truesize(5_760_000)));
    assert_eq!((socket.send_q.size(), socket.uid, socket.skmem.drops), (Some(768), Some(1000), Some(41)));
    assert_eq!((&report.holders[..], report.footprint.received.payload), (&[Holder::new(7, 3)][..], None));
    assert_ne!(report.footprint.received.payload, Some(Payload(0)));
}
