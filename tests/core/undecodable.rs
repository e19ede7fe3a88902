//! What cannot be decoded is counted, in every table, and costs itself alone.

use skcheck_core::testing::decode::Answer as Decoder;
use skcheck_core::testing::procfs::net;
use skcheck_core::{IpVersion, Missing, Protocols, Query, Socket, Table, scan};

use crate::made_up::{count, tcp_only};
use crate::support::made_up::{Answer, MadeUp, Request};
use crate::support::messages::{
    BY_FAMILY, INFO, Inet, MULTI, NETLINK_MEMINFO, PACKET_INFO, PACKET_MEMINFO, PACKET_RX_RING,
    PACKET_TX_RING, PACKET_UID, SKMEMINFO, SKV6ONLY, UNIX_MEMINFO, UNIX_NAME, UNIX_PEER, UNIX_RQLEN,
    attribute, done, message, netlink, packet, unix,
};
use crate::support::scan::everything;

const SHUTDOWN: u16 = 8;
const ULP_INFO: u16 = 19;
const CGROUP_ID: u16 = 21;
const UNIX_ICONS: u16 = 3;
const UNIX_SHUTDOWN: u16 = 6;
const UNIX_UID: u16 = 7;

const TABLES: [Table; 7] = [
    Table::Tcp(IpVersion::V4),
    Table::Udp(IpVersion::V4),
    Table::Raw(IpVersion::V4),
    Table::Mptcp(IpVersion::V4),
    Table::Unix,
    Table::Packet,
    Table::Netlink,
];

/// A record of a table with one more attribute.
fn record(table: Table, more: &[Vec<u8>]) -> Vec<u8> {
    match table {
        Table::Unix => unix(1, 1, 65, more),
        Table::Packet => packet(3, 65, more),
        Table::Netlink => netlink(0, 65, 65, more),
        _ => [Inet::numbered(65).payload(), more.concat()].concat(),
    }
}

/// The sockets in a message, and how many messages and attributes could not be decoded.
fn decoded(table: Table, payload: &[u8]) -> (Vec<Socket>, u64, u64) {
    let mut answer = Decoder::new(table, 1);
    let mut sockets = Vec::new();
    let datagram = message(BY_FAMILY, MULTI, 1, payload);
    let _ = answer.datagram(&datagram, |record| sockets.push(record.into_socket()));
    (sockets, answer.bad_messages, answer.bad_attributes)
}

/// Each attribute that has a fixed size, cut to every shorter one.
#[test]
fn attributes_that_are_cut() {
    let inet: &[(u16, usize)] = &[(SHUTDOWN, 1), (CGROUP_ID, 8), (SKV6ONLY, 1)];
    let of_unix: &[(u16, usize)] = &[(UNIX_PEER, 4), (UNIX_RQLEN, 8), (UNIX_SHUTDOWN, 1), (UNIX_UID, 4)];
    let of_packet: &[(u16, usize)] =
        &[(PACKET_INFO, 4), (PACKET_RX_RING, 16), (PACKET_TX_RING, 16), (PACKET_UID, 4)];
    for table in TABLES {
        let fixed = match table {
            Table::Unix => of_unix,
            Table::Packet => of_packet,
            Table::Netlink => &[],
            _ => inet,
        };
        for &(kind, size) in fixed {
            for length in 0..=size {
                let payload = record(table, &[attribute(kind, &vec![0; length])]);
                let (sockets, messages, attributes) = decoded(table, &payload);
                let expected = u64::from(length < size);
                assert_eq!(
                    (sockets.len(), messages, attributes),
                    (1, 0, expected),
                    "{table:?} {kind} {length}"
                );
            }
        }
        // Those that grow from one kernel to the next may be of any length, and so may a name.
        let growing: &[u16] = match table {
            Table::Unix => &[UNIX_MEMINFO, UNIX_NAME],
            Table::Packet => &[PACKET_MEMINFO],
            Table::Netlink => &[NETLINK_MEMINFO],
            _ => &[SKMEMINFO, INFO],
        };
        for &kind in growing {
            for length in 0..=40 {
                let (sockets, messages, attributes) =
                    decoded(table, &record(table, &[attribute(kind, &vec![0; length])]));
                assert_eq!((sockets.len(), messages, attributes), (1, 0, 0), "{table:?} {kind} {length}");
            }
        }
        // What says that it is longer than the message.
        let mut lie = attribute(UNIX_UID, &[0; 8]);
        lie[0] = 200;
        let (sockets, messages, attributes) = decoded(table, &record(table, &[lie]));
        assert_eq!((sockets.len(), messages, attributes), (1, 0, 1), "{table:?}");
    }
    let (_, _, attributes) = decoded(Table::Unix, &record(Table::Unix, &[attribute(UNIX_ICONS, &[0; 6])]));
    assert_eq!(attributes, 1, "an inode and a half");
    // A ring that cannot be read is not none.
    let cut = record(Table::Packet, &[attribute(PACKET_RX_RING, &[1; 8])]);
    assert_eq!(decoded(Table::Packet, &cut).0[0].rings, None);
    // The token of a subflow.
    let token = |length: usize| {
        let token = attribute(2, &vec![1; length]);
        let ulp = [attribute(1, b"mptcp\0"), attribute(0x8003, &token)].concat();
        decoded(Table::Tcp(IpVersion::V4), &record(Table::Tcp(IpVersion::V4), &[attribute(ULP_INFO, &ulp)])).2
    };
    assert_eq!((token(4), token(3)), (0, 1));
}

#[test]
fn messages_that_are_cut() {
    for table in TABLES {
        let whole = record(table, &[]);
        for length in 0..whole.len() {
            let (sockets, messages, attributes) = decoded(table, &whole[..length]);
            assert_eq!((sockets.len(), messages, attributes), (0, 1, 0), "{table:?} {length}");
        }
        assert_eq!(decoded(table, &whole).0.len(), 1);
    }
    // Of another family than was asked for, and of a type that unix sockets have not.
    assert_eq!(decoded(Table::Packet, &record(Table::Netlink, &[])).1, 1);
    assert_eq!(decoded(Table::Unix, &unix(9, 1, 65, &[])).1, 1);
}

/// Every table answers with one record that is cut and one that is not.
#[test]
fn each_table_says_how_many() {
    let host = MadeUp::new().process(2, "reader", &[65]).kernel(|request| {
        const LISTENING: u32 = 1 << 10;
        if !request.dump || request.states == LISTENING {
            return None;
        }
        let table = match (request.family, request.protocol) {
            (1, _) => Table::Unix,
            (17, _) => Table::Packet,
            (16, _) => Table::Netlink,
            (2, 6) => Table::Tcp(IpVersion::V4),
            (2, 17) => Table::Udp(IpVersion::V4),
            (2, 255) => Table::Raw(IpVersion::V4),
            _ => return None,
        };
        let n = request.sequence;
        let bad = message(BY_FAMILY, MULTI, n, &record(table, &[])[..9]);
        let good = message(BY_FAMILY, MULTI, n, &record(table, &[]));
        Some(Answer::of([bad, good, done(n, 0)]))
    });
    let mut query = everything();
    query.include_idle = true;
    let snapshot = scan(&host, &query).expect("it answers");
    let mut places: Vec<(&str, Option<u64>)> = snapshot
        .gaps
        .iter()
        .filter(|gap| gap.what == Missing::Messages)
        .map(|gap| (crate::support::scan::place(gap), gap.count))
        .collect();
    places.sort_unstable();
    let tables = ["netlink", "packet", "raw over IPv4", "tcp over IPv4", "udp over IPv4", "unix"];
    assert_eq!(places, tables.map(|name| (name, Some(1))));
    assert!(!snapshot.sockets.is_empty(), "the others are there");
}

/// Answers to questions about one socket count too, where the dump had nothing of the kind.
#[test]
fn answers_about_one_socket() {
    let host = MadeUp::new().process(2, "reader", &[1]).kernel(|request| {
        let n = request.sequence;
        if request.is_tcp4() {
            return Some(Answer::of([Inet::numbered(1).recv_q(5).dumped(n), done(n, 0)]));
        }
        let is_question = !request.dump && request.protocol == Request::TCP;
        is_question.then(|| Answer::of([message(BY_FAMILY, 0, n, &[2; 30])]))
    });
    let snapshot = scan(&host, &tcp_only()).expect("it answers");
    assert_eq!(snapshot.sockets.len(), 1);
    assert!(count(&snapshot, Missing::Messages).flatten().is_some_and(|n| n > 0), "{:?}", snapshot.gaps);
}

/// A line that is not understood, in each file below /proc/net.
#[test]
fn lines_of_proc_net() {
    let tables = [
        Table::Tcp(IpVersion::V4),
        Table::Tcp(IpVersion::V6),
        Table::Udp(IpVersion::V4),
        Table::UdpLite(IpVersion::V6),
        Table::Raw(IpVersion::V4),
        Table::Ping(IpVersion::V4),
        Table::Ping(IpVersion::V6),
        Table::Unix,
        Table::Packet,
        Table::Netlink,
    ];
    for table in tables {
        let Ok(file) = std::fs::read(table.proc_file()) else { continue };
        let header = file.split(|&b| b == b'\n').next().expect("a heading").to_vec();
        for line in ["what is this", "0: 1", "ffff8880 -", "a b c d e f g h i j k l m n"] {
            let file = [&header[..], b"\n", line.as_bytes(), b"\n"].concat();
            let mut sockets = 0;
            let bad = net::parse(table, &file, |_| sockets += 1);
            assert_eq!((bad, sockets), (1, 0), "{table:?} {line}");
        }
        // Those that the kernel itself prints are all understood.
        assert_eq!(net::parse(table, &file, |_| {}), 0, "{table:?}");
    }
    let broken = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\nx\ny\n";
    let query = Query::of(Protocols::TCP);
    let host = MadeUp::new()
        .file("/proc/net/tcp", broken)
        .file("/proc/net/tcp6", "heading\n")
        .kernel(|_| Some(Answer { datagrams: Vec::new(), end: std::io::ErrorKind::PermissionDenied }));
    let snapshot = scan(&host, &query).expect("/proc/net answers");
    assert_eq!(count(&snapshot, Missing::Messages), Some(Some(2)));
}
