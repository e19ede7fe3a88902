//! Raw, packet, netlink and MPTCP sockets from bytes and files made by hand.

use std::net::IpAddr;

use skcheck_core::testing::decode::Answer;
use skcheck_core::testing::request::{States, dump};
use skcheck_core::{
    Bytes, Connections, Cookie, Endpoint, Holder, Holding, Inode, Missing, Payload, Protocol, Query,
    RecvQueue, Ring, SendQueue, Snapshot, Socket, State, Truesize, scan,
};
use skcheck_core::{IpVersion, Protocols, Table};

use crate::support::made_up::{self, MadeUp};
use crate::support::messages::{
    BY_FAMILY, INFO, Inet, MULTI, NETLINK_MEMINFO, PACKET_INFO, PACKET_MEMINFO, PACKET_RX_RING,
    PACKET_TX_RING, PACKET_UID, SKMEMINFO, attribute, done, message, netlink, packet, words,
};
use crate::support::scan::everything;

const MEMORY: [u32; 9] = [4000, 212_992, 700, 212_992, 96, 0, 0, 40, 7];

fn decoded(table: Table, payload: &[u8]) -> Socket {
    let mut answer = Answer::new(table, 1);
    let mut sockets = Vec::new();
    let datagram = message(BY_FAMILY, MULTI, 1, payload);
    let _ = answer.datagram(&datagram, |record| sockets.push(record.into_socket()));
    assert_eq!((answer.bad_messages, answer.bad_attributes), (0, 0));
    assert_eq!(sockets.len(), 1);
    sockets.remove(0)
}

/// As `struct packet_diag_msg`, `packet_diag_info` and `packet_diag_ring` have it.
#[test]
fn a_packet_socket() {
    let attributes = [
        attribute(PACKET_INFO, &words(&[3, 2, 0, 0, 0, 1])),
        attribute(PACKET_UID, &words(&[1000])),
        attribute(PACKET_RX_RING, &words(&[1 << 18, 16, 2048, 2048, 8, 0, 0])),
        attribute(PACKET_TX_RING, &words(&[12_288, 10, 2048, 60])),
        attribute(PACKET_MEMINFO, &words(&MEMORY)),
    ];
    let socket = decoded(Table::Packet, &packet(0x88cc, 77, &attributes));
    assert_eq!((socket.protocol, socket.state), (Protocol::Packet, State::Close));
    assert_eq!(socket.local, Endpoint::Packet { protocol: 0x88cc });
    assert_eq!((socket.interface, socket.uid), (Some(3), Some(1000)));
    assert_eq!((socket.inode, socket.cookie), (Inode::new(77), Some(Cookie(77))));
    assert_eq!(socket.recv_q, RecvQueue::Truesize(Truesize(4000)));
    assert_eq!(socket.send_q, SendQueue::Truesize(Truesize(700)));
    assert_eq!((socket.skmem.drops, socket.skmem.rcvbuf), (Some(7), Some(212_992)));
    let rings = socket.rings.expect("told");
    assert_eq!(rings.rx, Some(Ring::new(1 << 18, 16, 2048)));
    assert_eq!(rings.tx, Some(Ring::new(12_288, 10, 60)));
    assert_eq!(rings.bytes(), Bytes((16 << 18) + 10 * 16_384), "a block of three pages takes four");

    let bare = decoded(Table::Packet, &packet(3, 0, &[]));
    assert_eq!((bare.inode, bare.recv_q, bare.interface), (None, RecvQueue::Unknown, None));
    assert_eq!(bare.rings.expect("told").bytes(), Bytes(0));
    assert!(!bare.holds_something());
}

/// As `struct netlink_diag_msg` has it.
#[test]
fn a_netlink_socket() {
    let attributes = [attribute(NETLINK_MEMINFO, &words(&MEMORY))];
    let mut bytes = netlink(15, 4711, 78, &attributes);
    let socket = decoded(Table::Netlink, &bytes);
    assert_eq!((socket.protocol, socket.state), (Protocol::Netlink, State::Close));
    assert_eq!(socket.local, Endpoint::Netlink { protocol: 15, portid: 4711 });
    assert_eq!((socket.inode, socket.cookie), (Inode::new(78), Some(Cookie(78))));
    assert_eq!(socket.recv_q, RecvQueue::Truesize(Truesize(4000)));
    assert_eq!(socket.send_q, SendQueue::Truesize(Truesize(700)));
    bytes[3] = 1; // NETLINK_CONNECTED
    let connected = decoded(Table::Netlink, &bytes);
    assert_eq!(connected.state, State::Established);
    assert_eq!(connected.peer, Endpoint::Netlink { protocol: 15, portid: 0 });
}

/// Both ends of the conversation that tells of netlink sockets are among them, and hold its messages.
#[test]
fn the_conversation_itself_is_left_out() {
    const SOCK_DIAG: u8 = 4;
    let all = [(SOCK_DIAG, 0), (SOCK_DIAG, 99), (SOCK_DIAG, 98), (0, 99), (0, 0)];
    let mut answer = Answer::new(Table::Netlink, 1);
    let mut told = Vec::new();
    for (protocol, portid) in all {
        let mut datagram = message(BY_FAMILY, MULTI, 1, &netlink(protocol, portid, 5, &[]));
        datagram[12..16].copy_from_slice(&99u32.to_ne_bytes()); // whose conversation it is
        let _ = answer.datagram(&datagram, |record| told.push(record.into_socket().local));
    }
    let end = |protocol, portid| Endpoint::Netlink { protocol, portid };
    assert_eq!(told, [end(SOCK_DIAG, 98), end(0, 99), end(0, 0)]);
}

/// inet_diag's `struct inet_diag_msg`, where the port is the protocol.
#[test]
fn a_raw_socket() {
    let mut inet = Inet::numbered(5).recv_q(4000).with(SKMEMINFO, &words(&MEMORY));
    (inet.state, inet.local, inet.peer) = (7, (inet.local.0, 1), (IpAddr::from([0, 0, 0, 0]), 0));
    let socket = decoded(Table::Raw(IpVersion::V4), &inet.payload());
    assert_eq!((socket.protocol, socket.state), (Protocol::Raw, State::Close));
    assert_eq!(socket.local, Endpoint::Raw { addr: IpAddr::from([127, 0, 0, 1]), protocol: 1 });
    assert_eq!(socket.local.port(), None, "a protocol is no port");
    assert_eq!(socket.recv_q, RecvQueue::Truesize(Truesize(4000)));
    assert_eq!(socket.skmem.received(), Some(Truesize(4040)));
}

/// The requests that the kernel's headers describe, byte by byte.
#[test]
fn requests() {
    let header = |length: u8| vec![length, 0, 0, 0, 20, 0, 1, 3, 9, 0, 0, 0, 0, 0, 0, 0];
    let any_cookie = [0xff; 8];
    let asked = |table| dump(table, States::Holding, 9);
    let expected = |length, body: &[u8], rest: &[u8]| [&header(length), body, rest].concat();
    let body = [17, 0, 0, 0, 0, 0, 0, 0, 0x15, 0, 0, 0];
    assert_eq!(asked(Table::Packet), expected(36, &body, &any_cookie));
    let body = [16, 0xff, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
    assert_eq!(asked(Table::Netlink), expected(36, &body, &any_cookie));
    let raw = asked(Table::Raw(IpVersion::V6));
    assert_eq!((raw.len(), &raw[16..18]), (16 + 56, &[10, 255][..]));
    // No byte holds its number, 262: an attribute does.
    let mptcp = asked(Table::Mptcp(IpVersion::V4));
    assert_eq!((mptcp[0], mptcp.len(), &mptcp[16..18]), (80, 80, &[2, 0][..]));
    assert_eq!(mptcp[72..], [8, 0, 3, 0, 6, 1, 0, 0]);
}

fn only(protocol: Protocol) -> Query {
    let kin = if protocol == Protocol::Mptcp { Protocols::TCP } else { Protocols::NONE };
    let mut query = Query::of(Protocols::of(&[protocol]) | kin);
    query.include_idle = true;
    query
}

fn detail(snapshot: &Snapshot) -> Vec<(&str, Option<u64>)> {
    let details = snapshot.gaps.iter().filter(|gap| gap.what == Missing::TableDetail);
    details.map(|gap| (crate::support::scan::place(gap), gap.count)).collect()
}

const RAW: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
   171: 0100007F:0001 00000000:0000 07 00000010:00034000 00:00000000 00000000  1000        0 60434 2 000000001ad76ec6 5744\n";

/// A host without raw_diag, as /proc/net/raw shows it.
#[test]
fn raw_sockets_without_their_module() {
    let host =
        MadeUp::new().file("/proc/net/raw", RAW).file("/proc/net/raw6", RAW.lines().next().expect("one"));
    let host = host.file("/proc/net/sockstat", "").process(7, "npd6", &[60_434]);
    let host = host.kernel(|request| (request.protocol == 255).then(|| request.no_module()));
    let snapshot = scan(&host, &only(Protocol::Raw)).expect("it answers");
    assert_eq!(snapshot.sockets.len(), 1);
    let report = &snapshot.sockets[0];
    let socket = &report.socket;
    assert_eq!(socket.local, Endpoint::Raw { addr: IpAddr::from([127, 0, 0, 1]), protocol: 1 });
    assert_eq!(socket.recv_q, RecvQueue::Truesize(Truesize(0x34000)));
    assert_eq!(socket.send_q, SendQueue::Truesize(Truesize(16)));
    assert_eq!((socket.uid, socket.cookie, socket.state), (Some(1000), None, State::Close));
    assert_eq!(report.holders, [Holder::new(7, 3)]);
    assert_eq!(report.footprint.received.charged, Some(Truesize(0x34000)));
    assert_eq!(detail(&snapshot), [("raw over IPv4", Some(1))], "and nothing of raw6, which has none");
}

/// Where the module is there, the kernel tells more, and nothing is missing.
#[test]
fn raw_sockets_with_their_module() {
    let mut inet = Inet::numbered(5).recv_q(4000).with(SKMEMINFO, &words(&MEMORY));
    (inet.state, inet.local.1, inet.peer.1) = (7, 1, 0);
    let host = MadeUp::new().file("/proc/net/raw", RAW).process(7, "ping", &[5]).kernel(move |request| {
        let datagrams = [inet.dumped(request.sequence), done(request.sequence, 0)];
        request.is_dump_of(2, 255).then(|| made_up::Answer::of(datagrams))
    });
    let snapshot = scan(&host, &only(Protocol::Raw)).expect("it answers");
    assert_eq!(snapshot.sockets.len(), 1);
    assert_eq!(snapshot.sockets[0].socket.cookie, Some(Cookie(5)));
    assert_eq!((detail(&snapshot), snapshot.sockets[0].holders[0].pid), (Vec::new(), 7));
}

/// A kernel without a protocol lacks nothing.
#[test]
fn a_kernel_without_these_protocols() {
    let host = MadeUp::new().file("/proc/net/sockstat", "").kernel(|request| {
        let is_other = [16, 17].contains(&request.family) || [0, 255].contains(&request.protocol);
        (is_other && request.family != 1).then(|| request.no_module())
    });
    let snapshot = scan(&host, &everything()).expect("it answers");
    let tables: Vec<_> = snapshot.gaps.iter().filter(|gap| gap.what == Missing::Table).collect();
    assert!(tables.is_empty(), "{tables:?}");
}

#[test]
fn packet_and_netlink_sockets_without_their_modules() {
    let packets = "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n\
                   0000000022e0289d 3      3    0003   2     1 214272 0      60430 \n\
                   00000000eb16f1ee 2      3    88cc   0     0 0      33     60438 \n\
                   nonsense\n";
    let netlink = "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n\
                   000000005d1dd48f 0   0          00000000 0        0        0     2        0        4       \n\
                   000000005d1dd490 15  -4242      00000001 211968   64       0     2        58       60440   \n";
    let host = MadeUp::new().file("/proc/net/packet", packets).file("/proc/net/netlink", netlink);
    let host = host.file("/sys/made-up/interface/2", "veth0").process(7, "sniffer", &[60_430, 60_440]);
    let host = host.kernel(|request| [16, 17].contains(&request.family).then(|| request.no_module()));
    let snapshot = scan(&host, &only(Protocol::Packet)).expect("it answers");
    assert_eq!(snapshot.sockets.len(), 2);
    let first = snapshot.sockets.iter().find(|it| !it.holders.is_empty()).expect("it is held");
    assert_eq!(first.socket.local, Endpoint::Packet { protocol: 3 });
    assert_eq!((first.socket.interface, first.interface_name.as_deref()), (Some(2), Some("veth0")));
    assert_eq!(first.socket.recv_q, RecvQueue::Truesize(Truesize(214_272)));
    assert_eq!((first.socket.rings, first.footprint.rings), (None, None), "nobody tells");
    assert_eq!(snapshot.totals().rings_unknown, 2);
    assert_eq!(detail(&snapshot), [("packet", Some(2))]);
    let bad: Vec<_> = snapshot.gaps.iter().filter(|gap| gap.what == Missing::Messages).collect();
    assert_eq!(bad[0].count, Some(1));

    let snapshot = scan(&host, &only(Protocol::Netlink)).expect("it answers");
    let kernel = snapshot.sockets.iter().find(|it| it.socket.is_of_kernel()).expect("it has one");
    assert_eq!((kernel.holding, kernel.portid_process), (Holding::Kernel, None));
    let program = snapshot.sockets.iter().find(|it| !it.socket.is_of_kernel()).expect("it has one");
    assert_eq!(program.socket.local, Endpoint::Netlink { protocol: 15, portid: 0u32.wrapping_sub(4242) });
    assert_eq!(program.socket.send_q, SendQueue::Truesize(Truesize(64)));
    assert_eq!((program.socket.skmem.drops, program.holders[0].fd), (Some(58), 4));
}

/// What every kernel says in /proc/PID/status, of a process with these ids.
fn status(ids: &str) -> String {
    let zero = "0\t0\t0\t0";
    let masks = ["SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt", "CapInh", "CapPrm", "CapEff"];
    let masks: String = masks.map(|name| format!("{name}:\t0000000000000000\n")).concat();
    format!(
        "Name:\ta\nState:\tS (sleeping)\nTgid:\t8\nPid:\t8\nPPid:\t1\nTracerPid:\t0\nUid:\t{zero}\nGid:\t{zero}\n\
         FDSize:\t64\nGroups:\t\nNSpid:\t{ids}\nThreads:\t1\nSigQ:\t0/1\n{masks}"
    )
}

/// Of a socket whose holder may not be read, its portid tells the process.
#[test]
fn a_portid_names_its_process() {
    let of = |portid: u32, inode: u32| message(BY_FAMILY, MULTI, 0, &netlink(0, portid, inode, &[]));
    let host =
        MadeUp::new().unreadable(7).file("/proc/7/comm", "dhcpcd\n").file("/proc/7/status", status("7"));
    // Inside of a container 8 is called 2, and its portid is 2.
    let host = host.process(8, "inside", &[]).file("/proc/8/status", status("8\t2"));
    let host = host.kernel(move |request| {
        let mut datagrams = vec![of(7, 70), of(8, 80), of(9, 90), of(0, 4), done(request.sequence, 0)];
        datagrams.iter_mut().for_each(|it| it[8..12].copy_from_slice(&request.sequence.to_ne_bytes()));
        request.is_dump_of(16, 0xff).then(|| made_up::Answer::of(datagrams))
    });
    let mut query = only(Protocol::Netlink);
    let snapshot = scan(&host, &query).expect("it answers");
    let named = |inode| {
        let report = snapshot.sockets.iter().find(|it| it.socket.inode == Inode::new(inode)).expect("listed");
        (report.holding, report.portid_process)
    };
    assert_eq!(named(70), (Holding::Hidden, Some(7)));
    assert_eq!(named(80), (Holding::Hidden, None));
    assert_eq!(named(90), (Holding::Hidden, None));
    assert_eq!(named(4), (Holding::Kernel, None));
    assert_eq!(snapshot.process(7).and_then(|it| it.comm.as_deref()), Some(&b"dhcpcd"[..]));
    query.pids = vec![7];
    assert_eq!(scan(&host, &query).expect("it answers").sockets.len(), 1);
}

/// `struct mptcp_info`.
fn mptcp_info(token: u32, write_seq: u64, snd_una: u64) -> Vec<u8> {
    let mut info = vec![1, 0, 0, 2, 0, 0, 0, 0];
    info.extend(words(&[0, token]));
    [write_seq, snd_una, 5].iter().for_each(|number| info.extend(number.to_ne_bytes()));
    info
}

/// `INET_DIAG_ULP_INFO` of a subflow.
fn subflow_info(token: u32) -> Vec<u8> {
    let token = [attribute(1, &words(&[0])), attribute(2, &words(&[token]))].concat();
    [attribute(1, b"mptcp\0"), attribute(0x8003, &token)].concat()
}

/// Two connections, one over two subflows; a listener; and a subflow of a socket that is gone.
fn mptcp_host() -> MadeUp {
    const ULP_INFO: u16 = 0x8000 | 19;
    let memory = |received: u32, queued: u32| words(&[received, 0, 0, 0, 100, queued, 0, 0, 0]);
    let socket = |number| Inet { peer: (IpAddr::from([127, 0, 0, 1]), 9), ..Inet::numbered(number) };
    let first = socket(1).recv_q(9000).with(SKMEMINFO, &memory(9000, 0)).with(INFO, &mptcp_info(70, 0, 0));
    let second = socket(2).with(SKMEMINFO, &memory(0, 50_000)).with(INFO, &mptcp_info(71, 1040, 1000));
    let listener = Inet { state: 10, ..socket(3) };
    let mptcp = [first, second, listener];
    let tcp = |number, inode, received, queued| Inet {
        inode,
        ..socket(number).recv_q(received).with(SKMEMINFO, &memory(received, queued))
    };
    let tcp = [
        tcp(11, 1, 500, 0).with(ULP_INFO, &subflow_info(70)),
        tcp(12, 1, 600, 0).with(ULP_INFO, &subflow_info(70)),
        tcp(13, 2, 0, 30).with(ULP_INFO, &subflow_info(71)),
        Inet { state: 10, ..tcp(14, 3, 0, 0).with(ULP_INFO, &attribute(1, b"mptcp\0")) },
        tcp(15, 9, 40, 0).with(ULP_INFO, &subflow_info(72)),
        tcp(16, 10, 40, 0).with(ULP_INFO, &attribute(1, b"tls\0")),
    ];
    MadeUp::new().process(7, "over-two", &[1, 2, 3]).process(8, "other", &[9, 10]).kernel(move |request| {
        let dumped = |sockets: &[Inet]| -> Vec<Vec<u8>> {
            let dumped = sockets.iter().map(|socket| socket.dumped(request.sequence));
            dumped.chain([done(request.sequence, 0)]).collect()
        };
        let mptcp = request.is_dump_of(2, 0).then(|| made_up::Answer::of(dumped(&mptcp)));
        mptcp.or_else(|| request.is_tcp4().then(|| made_up::Answer::of(dumped(&tcp))))
    })
}

#[test]
fn subflows_are_parts_of_their_socket() {
    let sockstat = "TCP: inuse 6 orphan 0 tw 0 alloc 9 mem 15\n";
    let host = mptcp_host().file("/proc/net/sockstat", sockstat);
    let snapshot = scan(&host, &only(Protocol::Mptcp)).expect("it answers");
    let inodes: Vec<(u32, Protocol)> = snapshot
        .sockets
        .iter()
        .filter(|it| it.socket.state != State::ClosedHeld)
        .map(|it| (it.socket.inode.expect("all have one").get(), it.socket.protocol))
        .collect();
    let (mptcp, tcp) = (Protocol::Mptcp, Protocol::Tcp);
    assert_eq!(inodes, [(9, tcp), (10, tcp), (1, mptcp), (2, mptcp), (3, mptcp)]);
    let get = |number: u32| {
        let is_it = |it: &&skcheck_core::SocketEntry| it.socket.inode == Inode::new(number);
        snapshot.sockets.iter().find(is_it).expect("listed")
    };
    let cookies = |number| {
        let subflows = get(number).socket.subflows().iter();
        subflows.map(|it| it.cookie.expect("told").0).collect::<Vec<_>>()
    };
    assert_eq!((cookies(1), cookies(2), cookies(3)), (vec![11, 12], vec![13], vec![14]));
    let received = &get(1).footprint.received;
    assert_eq!(received.charged, Some(Truesize(9000 + 500 + 600)), "each packet is charged once");
    assert_eq!(get(1).socket.recv_q, RecvQueue::Truesize(Truesize(9000)));
    let sent = &get(2).footprint.sent;
    assert_eq!((sent.payload, sent.charged), (Some(Payload(40)), Some(Truesize(50_000))));
    assert_eq!(get(3).socket.recv_q, RecvQueue::Connections(Connections(0)));
    assert_eq!(get(1).holders, [Holder::new(7, 3)]);
    // All of them have their memory from TCP's.
    let mptcp = 9000 + 50_000 + 2 * 100;
    let tcp = 500 + 600 + 30 + 40 + 40 + 6 * 100;
    assert_eq!(snapshot.unlisted_tcp_mem, Some(15 * 4096 - mptcp - tcp));
}

/// The kernel takes long for an empty table, and tells elsewhere that it is empty.
#[test]
fn mptcp_is_not_asked_for_where_there_is_none() {
    let protocols = |four: u32| {
        format!(
            "protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de sh ss gs se re bi br ha uh gp em\n\
             MPTCPv6   2064      0    1239   no       0   yes  kernel      y  y  y  n  y  y  y  y  y  y  y  y  n  n  y  y  y  n\n\
             MPTCP     1936      {four}    1239   no       0   yes  kernel      y  y  y  n  y  y  y  y  y  y  y  y  n  n  y  y  y  n\n"
        )
    };
    let asked = |host: &MadeUp, family: u8| {
        let asked = host.asked.lock().expect("no panic");
        asked.iter().filter(|request| request.is_dump_of(family, 0)).count()
    };
    let check = |host: MadeUp, found: usize, expected: [usize; 2]| {
        let query = Query::of(Protocols::MPTCP);
        assert_eq!(scan(&host, &query).expect("it answers").sockets.len(), found);
        assert_eq!([asked(&host, 2), asked(&host, 10)], expected);
    };
    check(mptcp_host(), 2, [1, 1]);
    check(mptcp_host().file("/proc/net/protocols", protocols(2)), 2, [1, 0]);
    check(MadeUp::new().file("/proc/net/protocols", protocols(0)), 0, [0, 0]);
    check(mptcp_host().file("/proc/net/protocols", "protocol size memory\n"), 2, [1, 1]);
    // Before Linux 6.3 it counts none.
    let older = mptcp_host().file("/proc/net/protocols", protocols(0));
    check(older.file("/proc/sys/kernel/osrelease", "6.1.0-56-cloud-amd64\n"), 2, [1, 1]);
    let slabs = |active: u32| format!("MPTCPv6 0 0 2112\nMPTCP {active} 32 1984 16 8\n");
    check(MadeUp::new().file("/proc/slabinfo", slabs(0)), 0, [0, 0]);
    check(mptcp_host().file("/proc/slabinfo", slabs(2)), 2, [1, 1]);
}

/// `ss -t` lists them, and so does TCP alone; MPTCP alone asks for them.
#[test]
fn subflows_by_what_is_asked_for() {
    let mut tcp = Query::of(Protocols::TCP);
    tcp.include_idle = true;
    let snapshot = scan(&mptcp_host(), &tcp).expect("it answers");
    assert_eq!(snapshot.sockets.iter().filter(|it| it.socket.state != State::ClosedHeld).count(), 6);
    let mptcp = Query::of(Protocols::MPTCP);
    let snapshot = scan(&mptcp_host(), &mptcp).expect("it answers");
    let found: Vec<(Protocol, usize)> =
        snapshot.sockets.iter().map(|it| (it.socket.protocol, it.socket.subflows().len())).collect();
    assert_eq!(found, [(Protocol::Mptcp, 2), (Protocol::Mptcp, 1)], "the listener holds nothing");
}

/// A packet socket that no descriptor holds: who has it mapped has it. Where that cannot be read, nobody is
/// told to have it, the kernel neither; and nobody is asked where nothing can be mapped.
#[test]
fn a_mapping_holds_a_socket() {
    const RING: [u32; 7] = [1 << 18, 16, 2048, 2048, 8, 0, 0];
    let host = || {
        let ring = attribute(PACKET_RX_RING, &words(&RING));
        let of_packet = packet(3, 77, &[ring]);
        let host = MadeUp::new().process(7, "sniffer", &[]).process(8, "other", &[]);
        let maps = "7f00-7f10 r--p 00000000 fe:00 9    /usr/bin/other socket:[77]\n";
        host.file("/proc/8/maps", maps).kernel(move |request| {
            let message = message(BY_FAMILY, MULTI, request.sequence, &of_packet);
            let datagrams = [message, done(request.sequence, 0)];
            request.is_dump_of(17, 0).then(|| made_up::Answer::of(datagrams))
        })
    };
    let held = |host: &MadeUp| {
        let snapshot = scan(host, &only(Protocol::Packet)).expect("it answers");
        let [report] = &snapshot.sockets[..] else { panic!("{:?}", snapshot.sockets) };
        (report.holding, report.holders.clone())
    };
    let map = "7f0e8c000000-7f0e8c400000 rw-s 00000000 00:08 77     socket:[77]\n";
    assert_eq!(held(&host().file("/proc/7/maps", map)), (Holding::Mapping, vec![Holder::of_mapping(7)]));
    assert_eq!(held(&host()), (Holding::Kernel, Vec::new()));
    assert_eq!(held(&host().hangs("/proc/7/maps")), (Holding::Hidden, Vec::new()));
    let both = host().file("/proc/7/maps", map).file("/proc/8/maps", map);
    assert_eq!(held(&both), (Holding::Mapping, vec![Holder::of_mapping(7), Holder::of_mapping(8)]));
    // A descriptor is enough to know who has it.
    let descriptor = host().process(7, "sniffer", &[77]).file("/proc/8/maps", map);
    assert_eq!(held(&descriptor), (Holding::Descriptors, vec![Holder::new(7, 3)]));
}
