//! Packet sockets on a veth pair: a full queue, and rings.

use std::net::UdpSocket;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::libc;
use rustix::net::{AddressFamily, SocketType};
use skcheck_core::{
    Bytes, Endpoint, Fill, Holder, Holding, Missing, NotMeasured, Payload, Protocol, Protocols, Query,
    RecvQueue, Ring, State, Truesize, Unit,
};

use crate::measure::{exact, listing, measured, whole};
use crate::support::child::Sleeper;
use crate::support::loopback::send_each;
use crate::support::namespaces::run;
use crate::support::netns::in_own_netns;
use crate::support::scan::{self, eventually, get, mine};
use crate::support::sockets::{inode, socket_of};
use crate::support::ss;

/// ETH_P_ALL.
const ALL: u16 = 3;

/// A veth pair of which one end has an address, and the other's frames go to nobody else.
pub(crate) fn veth() {
    run("ip", &["link", "add", "near", "type", "veth", "peer", "name", "far"]);
    run("ip", &["addr", "add", "10.77.0.1/24", "dev", "near"]);
    // Without it the first datagram would wait for an answer that never comes.
    run("ip", &["neigh", "add", "10.77.0.2", "lladdr", "02:00:00:00:00:02", "dev", "near"]);
    ["near", "far"].iter().for_each(|link| run("ip", &["link", "set", link, "up"]));
}

/// Nothing goes over the pair but what the test sends: IPv6 says of itself that it is there.
fn without_ipv6() {
    let conf = std::path::Path::new("/proc/sys/net/ipv6/conf");
    if conf.exists() {
        std::fs::write(conf.join("default/disable_ipv6"), "1").expect("root may");
    }
}

/// Sends so many datagrams of 1000 bytes to where nobody is.
pub(crate) fn send(datagrams: u64) {
    let socket = UdpSocket::bind("10.77.0.1:0").expect("the address is there");
    send_each(0..datagrams, |_| {
        socket.send_to(&[b'x'; 1000], "10.77.0.2:9").expect("the interface takes it");
    });
}

/// A packet socket for all frames of an interface.
pub(crate) fn packet_socket(interface: &str) -> OwnedFd {
    let protocol = u32::from(ALL.to_be()).try_into().expect("not 0");
    let protocol = rustix::net::Protocol::from_raw(protocol);
    let socket = socket_of(AddressFamily::PACKET, SocketType::RAW, Some(protocol));
    let index = std::fs::read_to_string(format!("/sys/class/net/{interface}/ifindex"));
    let index = index.ok().and_then(|text| text.trim().parse().ok());
    let index = index.unwrap_or_else(|| {
        rustix::net::netdevice::name_to_index(&socket, interface).expect("it is there").cast_signed()
    });
    bind(&socket, index);
    socket
}

#[allow(unsafe_code)] // no library that the tests have knows sockaddr_ll
fn bind(socket: &OwnedFd, interface: i32) {
    let address = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET.try_into().expect("a small number"),
        sll_protocol: ALL.to_be(),
        sll_ifindex: interface,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    let length = size_of_val(&address).try_into().expect("small");
    // SAFETY: the address is whole, and as long as is said.
    let bound = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) };
    assert_eq!(bound, 0, "{}", std::io::Error::last_os_error());
}

#[allow(unsafe_code)] // nor these options
fn set(socket: &OwnedFd, option: i32, value: &[u32]) {
    let length = size_of_val(value).try_into().expect("small");
    // SAFETY: the value is as long as is said.
    let set = unsafe {
        libc::setsockopt(socket.as_raw_fd(), libc::SOL_PACKET, option, value.as_ptr().cast(), length)
    };
    assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
}

/// TPACKET_V2 and V3 (`enum tpacket_versions`).
const V2: u32 = 1;
const V3: u32 = 2;

/// `struct tpacket_req`, and what `tpacket_req3` adds.
fn ring(version: u32, block_size: u32, blocks: u32) -> Vec<u32> {
    let frames = block_size / 2048 * blocks;
    let mut request = vec![block_size, blocks, 2048, frames];
    if version == V3 {
        request.extend([0; 3]);
    }
    request
}

fn packets_only() -> Query {
    let mut query = Query::of(Protocols::PACKET);
    query.netns = skcheck_core::NetnsChoice::Current;
    query
}

#[test]
fn a_full_queue() {
    if !in_own_netns("packet_sockets::a_full_queue") {
        return;
    }
    veth();
    let socket = packet_socket("far");
    send(1000);
    let (report, exact) = measured(&socket);
    let found = &report.socket;
    assert_eq!((found.protocol, found.state), (Protocol::Packet, State::Close));
    assert_eq!(found.local, Endpoint::Packet { protocol: ALL });
    assert_eq!(report.interface_name.as_deref(), Some("far"));
    assert_eq!((&report.holders[..], report.footprint.rings), (&[mine(&socket)][..], Some(Bytes(0))));
    let charged = report.footprint.received.charged.expect("told");
    let limit = found.skmem.rcvbuf.expect("told");
    assert!(charged.0 > u64::from(limit) / 10 * 9, "{charged:?} of {limit} is not full");
    assert!(found.skmem.drops > Some(0), "and what came then was dropped");
    assert_eq!(found.recv_q, RecvQueue::Truesize(charged));
    ss::assert_queues(&report, &["-f", "link"], "*:far");

    // Packet by packet it is the same; the frames' length is known now.
    let queue = whole(&exact, skcheck_core::engine::Queue::Receive);
    assert_eq!(queue.truesize, charged);
    let datagrams = queue.bytes.0 / 1042;
    assert!(datagrams > 50 && queue.packets >= datagrams, "{queue:?}");
    assert_eq!(report.footprint.received.payload, Some(queue.bytes));
    assert!(report.footprint.received.worst.expect("bounded").bytes >= exact.pinned);
    assert_eq!(exact.agreement(found), skcheck_core::Agreement::Same);
    let listing = listing(&socket);
    assert_eq!((listing.packets.len() as u64, listing.socket.cookie), (queue.packets, found.cookie));
}

/// What rings take is in no queue, and there whatever is in them.
#[test]
fn rings() {
    if !in_own_netns("packet_sockets::rings") {
        return;
    }
    veth();
    let third = packet_socket("far");
    set(&third, libc::PACKET_VERSION, &[V3]);
    set(&third, libc::PACKET_RX_RING, &ring(V3, 1 << 18, 16));
    let second = packet_socket("near");
    set(&second, libc::PACKET_VERSION, &[V2]);
    set(&second, libc::PACKET_RX_RING, &ring(V2, 3 * 4096, 10));
    set(&second, libc::PACKET_TX_RING, &ring(V2, 1 << 16, 8));
    let bare = packet_socket("far");
    send(100);
    let snapshot = scan::run(&packets_only());
    assert_eq!(snapshot.sockets.len(), 3, "rings hold something, and so does a queue");
    let report = get(&snapshot, inode(&third));
    let rings = report.socket.rings.expect("told");
    assert_eq!((rings.rx, rings.tx), (Some(Ring::new(1 << 18, 16, 2048)), None));
    assert_eq!(report.footprint.rings, Some(Bytes(4 << 20)));
    // The frames are in the ring, and in no queue.
    let received = &report.footprint.received;
    assert_eq!((received.payload, received.charged), (Some(Payload(0)), Some(Truesize(0))));
    assert_eq!(report.holders, [mine(&third)]);
    ss::assert_queues(get(&snapshot, inode(&second)), &["-f", "link"], "*:near");
    let rings = get(&snapshot, inode(&second)).socket.rings.expect("told");
    assert_eq!(rings.rx, Some(Ring::new(3 * 4096, 10, 60)));
    assert_eq!(rings.tx, Some(Ring::new(1 << 16, 8, 256)));
    assert_eq!(rings.bytes(), Bytes((10 << 14) + (8 << 16)));
    let totals = snapshot.totals();
    assert_eq!((totals.rings, totals.rings_unknown), (Bytes((4 << 20) + (10 << 14) + (8 << 16)), 0));
    assert_eq!(totals.charged, get(&snapshot, inode(&bare)).footprint.received.charged.expect("told"));

    // Sizes that are asked for are sizes of rings too.
    let mut query = packets_only();
    query.min_charged = Some(4 << 20);
    let large = scan::run(&query);
    assert_eq!(large.sockets.len(), 1);
    assert_eq!(large.sockets[0].socket.inode, Some(inode(&third)));

    // Nothing in them can be walked, and nothing has to be: they say how full they are.
    let walked = crate::measure::scan(&packets_only(), &crate::measure::ALL_PACKETS);
    assert_eq!(get(&walked, inode(&third)).exact, Err(NotMeasured::Empty));
    assert!(exact(get(&walked, inode(&bare))).is_complete());
}

/// A mapping of a ring, until it is dropped.
struct Mapping {
    at: *mut libc::c_void,
    length: usize,
}

impl Mapping {
    #[allow(unsafe_code)] // no library that the tests have maps a file without it
    fn of(socket: &OwnedFd, length: usize) -> Mapping {
        let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
        // SAFETY: the kernel chooses where, and nobody else knows of it.
        let at =
            unsafe { libc::mmap(std::ptr::null_mut(), length, protection, flags, socket.as_raw_fd(), 0) };
        assert_ne!(at, libc::MAP_FAILED, "{}", std::io::Error::last_os_error());
        Mapping { at, length }
    }
}

impl Mapping {
    /// A word of the ring, as it is now.
    #[allow(unsafe_code)]
    fn word(&self, at: usize) -> u32 {
        assert!(at + 4 <= self.length && at.is_multiple_of(4));
        // SAFETY: it lies inside, and the kernel writes whole words.
        unsafe { self.at.cast::<u8>().add(at).cast::<u32>().read_volatile() }
    }

    /// Gives a block or frame back to the kernel.
    #[allow(unsafe_code)]
    fn give_back(&self, at: usize) {
        assert!(at + 4 <= self.length && at.is_multiple_of(4));
        // SAFETY: as above.
        unsafe { self.at.cast::<u8>().add(at).cast::<u32>().write_volatile(0) }
    }
}

impl Drop for Mapping {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: it was mapped like that, and nothing points into it.
        assert_eq!(unsafe { libc::munmap(self.at, self.length) }, 0);
    }
}

/// The descriptor is closed, and the mapping keeps socket and ring: they are its process's, and not those of
/// another one that has a like one, or of one that may not be read.
#[test]
fn a_ring_that_only_a_mapping_holds() {
    if !in_own_netns("packet_sockets::a_ring_that_only_a_mapping_holds") {
        return;
    }
    veth();
    let ringed = || {
        let socket = packet_socket("far");
        set(&socket, libc::PACKET_VERSION, &[V3]);
        set(&socket, libc::PACKET_RX_RING, &ring(V3, 1 << 18, 16));
        socket
    };
    let (mapped, open) = (ringed(), ringed());
    let number = inode(&mapped);
    let mapping = Mapping::of(&mapped, 16 << 18);
    let of_open = Mapping::of(&open, 16 << 18);
    let sleeper = Sleeper::holding(ringed());
    drop(mapped);
    for by_engine in [false, true] {
        let snapshot = || match by_engine {
            true => crate::measure::scan(&packets_only(), &crate::measure::ALL_PACKETS),
            false => scan::run(&packets_only()),
        };
        let found = snapshot();
        assert_eq!(found.sockets.len(), 3);
        let report = get(&found, number);
        assert_eq!(report.footprint.rings, Some(Bytes(4 << 20)));
        assert_eq!((report.holding, report.holding.name()), (Holding::Mapping, "mapping"));
        let me = Holder::of_mapping(std::process::id());
        assert_eq!(report.holders, [me], "by the engine: {by_engine}");
        assert_eq!((me.number(), me.via.name()), (None, "map"));
        // Its blocks are found by the table of packet sockets, whoever holds it.
        let fill = report.socket.rings.expect("told").fill;
        assert_eq!(fill.map(|fill| (fill.by, fill.units)), by_engine.then_some((Unit::Block, 16)));
        let report = get(&found, inode(&open));
        assert_eq!((report.holding, &report.holders[..]), (Holding::Descriptors, &[mine(&open)][..]));
        let theirs = found.sockets.iter().find(|report| report.pids().any(|pid| pid == sleeper.pid()));
        assert_eq!(theirs.expect("it holds one").holding, Holding::Descriptors);
        let hidden = found.gaps.iter().any(|gap| gap.what == Missing::Holders);
        assert!(!hidden, "{:?}", found.gaps);
    }
    let mut query = packets_only();
    query.pids = vec![std::process::id()];
    assert_eq!(scan::run(&query).sockets.len(), 2, "asked for by its process");
    drop(mapping);
    assert!(scan::find(&scan::run(&packets_only()), number).is_none(), "it is gone with its mapping");
    drop(of_open);
}

/// `PACKET_STATISTICS`: how many packets found no room; the kernel counts anew from here.
fn dropped(socket: &OwnedFd) -> u32 {
    let mut numbers = [0u32; 3];
    let mut length: libc::socklen_t = size_of_val(&numbers).try_into().expect("small");
    #[allow(unsafe_code)] // no library that the tests have knows the option
    // SAFETY: there is as much room as is said.
    let got = unsafe {
        let into = numbers.as_mut_ptr().cast();
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_PACKET, libc::PACKET_STATISTICS, into, &raw mut length)
    };
    assert_eq!(got, 0, "{}", std::io::Error::last_os_error());
    numbers[1]
}

/// What a ring says of itself where its program sees it: how many blocks or frames that one has, and how many
/// packets are in them.
type Seen = (u32, u64);

fn check_fill(socket: &OwnedFd, unit: Unit, units: u32, seen: &dyn Fn() -> Seen) -> Fill {
    // A block is handed over after some time, too, if it is not full.
    eventually("the ring stands still while it is looked at", || {
        let before = seen();
        let snapshot = crate::measure::scan(&packets_only(), &crate::measure::ALL_PACKETS);
        let report = get(&snapshot, inode(socket));
        let listed = listing(socket).counters.ring;
        if seen() != before {
            return None;
        }
        let fill = report.socket.rings.expect("told").fill.expect("the engine looks");
        assert_eq!((fill.by, fill.units, (fill.full, fill.packets)), (unit, units, before));
        assert_eq!(fill.oldest.is_some(), fill.full > 0);
        assert_eq!(report.exact, Err(NotMeasured::Empty), "a ring is no queue");
        assert_eq!(listed, Some(fill), "and `packets` says the same");
        Some(fill)
    })
}

#[test]
fn how_full_a_ring_of_blocks_is() {
    if !in_own_netns("packet_sockets::how_full_a_ring_of_blocks_is") {
        return;
    }
    without_ipv6();
    veth();
    const BLOCK: usize = 1 << 14;
    const BLOCKS: u32 = 8;
    let socket = packet_socket("far");
    set(&socket, libc::PACKET_VERSION, &[V3]);
    set(&socket, libc::PACKET_RX_RING, &ring(V3, 1 << 14, BLOCKS));
    let mapping = Mapping::of(&socket, BLOCK * 8);
    // `struct tpacket_block_desc`: the status behind two words, then the number of packets.
    let seen = || {
        let own = (0..8).map(|block| block * BLOCK).filter(|at| mapping.word(at + 8) & 1 != 0);
        own.fold((0, 0), |(full, packets), at| (full + 1, packets + u64::from(mapping.word(at + 12))))
    };
    check_fill(&socket, Unit::Block, BLOCKS, &seen);
    send(1000);
    let full = check_fill(&socket, Unit::Block, BLOCKS, &seen);
    assert!(full.full == BLOCKS && full.has_no_room() && full.packets > 50, "{full:?}");
    assert!(full.drops > Some(0), "{full:?}");
    assert_eq!(full.drops, Some(dropped(&socket)));
    let same = check_fill(&socket, Unit::Block, BLOCKS, &seen);
    assert_eq!((same.oldest, same.drops), (full.oldest, Some(0)), "nothing was given back");
    // The kernel begins with the first block, and so does the program.
    mapping.give_back(8);
    mapping.give_back(BLOCK + 8);
    let less = check_fill(&socket, Unit::Block, BLOCKS, &seen);
    assert!(less.oldest != full.oldest && less.full <= full.full, "{less:?} after {full:?}");
    // Without an engine nobody can tell.
    let report = get(&scan::run(&packets_only()), inode(&socket)).clone();
    assert_eq!(report.socket.rings.expect("told").fill, None);
}

#[test]
fn how_full_a_ring_of_frames_is() {
    if !in_own_netns("packet_sockets::how_full_a_ring_of_frames_is") {
        return;
    }
    without_ipv6();
    veth();
    // Blocks of three pages lie in the mapping one behind the other, six frames each.
    const BLOCK: usize = 3 * 4096;
    let socket = packet_socket("far");
    set(&socket, libc::PACKET_VERSION, &[V2]);
    set(&socket, libc::PACKET_RX_RING, &ring(V2, 3 * 4096, 10));
    let mapping = Mapping::of(&socket, BLOCK * 10);
    let frame = |number: usize| number / 6 * BLOCK + number % 6 * 2048;
    let seen = || {
        let full = (0..60).filter(|number| mapping.word(frame(*number)) & 1 != 0).count();
        (full.try_into().expect("few"), full as u64)
    };
    check_fill(&socket, Unit::Frame, 60, &seen);
    send(20);
    let some = check_fill(&socket, Unit::Frame, 60, &seen);
    assert!(some.full >= 20 && !some.has_no_room(), "{some:?}");
    send(1000);
    let full = check_fill(&socket, Unit::Frame, 60, &seen);
    assert!(full.full == 60 && full.has_no_room(), "{full:?}");
    assert_eq!(full.oldest, some.oldest, "nothing was given back");
    assert_eq!(full.drops, Some(dropped(&socket)));
    (0..3).for_each(|number| mapping.give_back(frame(number)));
    let less = check_fill(&socket, Unit::Frame, 60, &seen);
    assert!(less.oldest != full.oldest && less.full >= 57, "{less:?}");
}

/// Netlink sockets lie in no table that an engine walks: they are met at their descriptors.
#[test]
fn a_netlink_queue_is_walked() {
    if !in_own_netns("packet_sockets::a_netlink_queue_is_walked") {
        return;
    }
    let mut socket = netlink_sys::Socket::new(netlink_sys::protocols::NETLINK_ROUTE).expect("a socket");
    socket.bind_auto().expect("any address");
    socket.add_membership(1).expect("RTNLGRP_LINK");
    veth();
    let (report, exact) = measured(&socket);
    assert_eq!(report.socket.protocol, Protocol::Netlink);
    let queue = whole(&exact, skcheck_core::engine::Queue::Receive);
    assert_eq!(Some(queue.truesize), report.footprint.received.charged);
    assert!(queue.packets >= 4 && queue.bytes > Payload(1000), "{queue:?}");
    assert_eq!(exact.agreement(&report.socket), skcheck_core::Agreement::Same);
}
