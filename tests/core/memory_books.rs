//! The network stack's own books and what firmware and kernel reserved, on the live host.

use std::net::UdpSocket;
use std::path::Path;

use skcheck_core::memory::{MemLimits, Memory, Network};
use skcheck_core::testing::procfs::{slabinfo, sockstat};
use skcheck_core::{Bytes, Live, Missing, Pages, memory};

use crate::support::loopback::send_each;
use crate::support::made_up::MadeUp;
use crate::support::netns::in_own_netns;
use crate::support::nobody::{NOBODY, runs_as_nobody};
use crate::support::scan::eventually;
use crate::support::skip::{Skip, is_root, skip};
use crate::support::sockets::tcp_pair;

const AS_NOBODY: &str = "SKCHECK_TEST_BOOKS";

/// Datagrams that a socket takes by default.
const UNREAD: u64 = 200;

fn live() -> Memory {
    memory(&Live::new(), None).expect("/proc is mounted")
}

fn text(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn gaps(memory: &Memory, place: &str) -> usize {
    memory.gaps.iter().filter(|gap| gap.place.to_string().starts_with(place)).count()
}

/// The numbers in a file, whatever separates them.
fn numbers(text: &str) -> Vec<u64> {
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

#[test]
fn the_hosts_books() {
    let mut pair = tcp_pair("127.0.0.1");
    pair.send(50_000);
    // Other tests use sockets meanwhile: a quiet moment comes.
    let (sockstat, network) = eventually("a quiet moment", || {
        let before = text("/proc/net/sockstat");
        let network = live().network;
        (before == text("/proc/net/sockstat")).then_some((before, network))
    });
    let tcp = network.tcp.expect("sockstat has it");
    assert_eq!(Some(tcp.used), sockstat::tcp_memory(sockstat.as_bytes()));
    assert!(network.tcp_allocated >= Some(2), "{network:?}");
    let line = |name: &str| numbers(sockstat.lines().find(|line| line.starts_with(name)).expect("a line"));
    let [_, orphans, time_wait, allocated, used] = line("TCP:")[..] else { panic!("{sockstat}") };
    assert_eq!((network.tcp_orphans, network.tcp_time_wait), (Some(orphans), Some(time_wait)));
    assert_eq!((network.tcp_allocated, tcp.used), (Some(allocated), Pages(used)));
    assert_eq!(network.udp.map(|udp| udp.used), line("UDP:").last().copied().map(Pages));
    assert_eq!(network.sockets_used, line("sockets:").first().copied());
    for (memory, path) in [(network.tcp, "tcp_mem"), (network.udp, "udp_mem")] {
        let memory = memory.expect("sockstat has it");
        // The first network namespace alone has it.
        let Ok(file) = std::fs::read_to_string(format!("/proc/sys/net/ipv4/{path}")) else {
            assert_eq!((memory.limits, memory.share_of_pressure()), (None, None));
            continue;
        };
        let [low, pressure, high] = numbers(&file)[..] else { panic!("three numbers") };
        let limits = MemLimits::new(Pages(low), Pages(pressure), Pages(high));
        assert_eq!(memory.limits, Some(limits));
        let share = memory.share_of_pressure().expect("there are limits");
        assert!((share * pressure as f64 - memory.used.0 as f64).abs() < 1.0);
    }
    assert!(network.under_pressure.is_empty() || tcp.used.0 > 10_000, "{network:?}");
}

#[test]
fn packets_in_use() {
    if !is_root() {
        return skip(Skip::NeedsRoot);
    }
    let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback is up");
    let to = socket.local_addr().expect("bound");
    send_each(0..UNREAD, |_| assert_eq!(socket.send_to(b"x", to).expect("there is room"), 1));
    let slabinfo = std::fs::read("/proc/slabinfo").expect("root may");
    let active = slabinfo::active_objects(&slabinfo, slabinfo::SKB_SLABS[0]).unwrap_or_default();
    let memory = live();
    let objects = memory.network.skb_objects.expect("root may");
    assert!(objects >= UNREAD, "{objects}");
    // Other tests' packets come and go.
    assert!(objects + 5000 >= active, "{objects} and {active}");
    let bound = memory.network.skb_bound.expect("they are known");
    assert_eq!(bound.0 % objects, 0);
    let chunk = (rustix::param::page_size() as u64).max(32 * 1024);
    let pieces = bound.0 / objects / chunk;
    assert!((1 + 16..=1 + 45).contains(&pieces), "{pieces} chunks a packet");
    assert_eq!(gaps(&memory, "/proc/slabinfo"), 0);
}

#[test]
fn what_firmware_and_kernel_reserved() {
    if !is_root() {
        return skip(Skip::NeedsRoot);
    }
    let memory = live();
    let reserved = memory.reserved.expect("root sees addresses");
    assert!(reserved.ram > memory.ledger.total, "{reserved:?}");
    assert_eq!(reserved.kernel.0, reserved.ram.0 - memory.ledger.total.0);
    // The kernel's image and a record for each page, 64 bytes, are the least; more than a fifth is for no
    // kernel.
    let least = reserved.ram.0 / 4096 * 64;
    assert!(
        (least..reserved.ram.0 / 5).contains(&(reserved.kernel.0 - reserved.crash_kernel.0)),
        "{reserved:?}"
    );
    assert_eq!(gaps(&memory, "/proc/iomem"), 0);
}

/// Everything but what root alone sees, and gaps that say so.
#[test]
fn as_an_unprivileged_user() {
    if std::env::var_os(AS_NOBODY).is_none() {
        if !is_root() {
            return skip(Skip::NeedsRoot);
        }
        return runs_as_nobody("memory_books::as_an_unprivileged_user", (AS_NOBODY, "1"));
    }
    assert_eq!(rustix::process::geteuid().as_raw(), NOBODY);
    let memory = live();
    let network = &memory.network;
    let has_limits = network.tcp.expect("sockstat is everywhere").limits.is_some();
    assert_eq!(has_limits, Path::new("/proc/sys/net/ipv4/tcp_mem").exists());
    assert!(network.udp.is_some());
    assert!(network.tcp_allocated.is_some() && network.fragments.is_some());
    assert_eq!((network.skb_objects, network.skb_bound, memory.reserved), (None, None, None));
    assert_eq!((gaps(&memory, "/proc/slabinfo"), gaps(&memory, "/proc/iomem")), (1, 1), "{:?}", memory.gaps);
    for gap in memory.gaps.iter().filter(|gap| gap.place.to_string().starts_with("/proc/iomem")) {
        assert_eq!(gap.what, Missing::Memory);
        assert!(gap.remedy.contains("root"), "{}", gap.remedy);
    }
}

/// Another network namespace than the first shows no limits: what is used is known all the same.
#[test]
fn in_another_network_namespace() {
    if !in_own_netns("memory_books::in_another_network_namespace") {
        return;
    }
    let memory = live();
    let tcp = memory.network.tcp.expect("sockstat is everywhere");
    assert_eq!((tcp.limits, tcp.share_of_pressure()), (None, None));
    assert_eq!((gaps(&memory, "/proc/sys/net/ipv4/tcp_mem"), gaps(&memory, "/proc/net/")), (1, 0));
}

#[test]
fn without_any_of_the_files() {
    let meminfo = std::fs::read("/proc/meminfo").expect("/proc is mounted");
    let memory = memory(&MadeUp::new().file("/proc/meminfo", meminfo), None).expect("it is enough");
    assert_eq!(memory.network, Network::default());
    assert_eq!(memory.reserved, None);
    for place in [
        "/proc/iomem",
        "/proc/slabinfo",
        "/proc/net/sockstat",
        "/proc/net/protocols",
        "/proc/sys/net/ipv4/tcp_mem",
        "/proc/sys/net/ipv4/udp_mem",
    ] {
        assert_eq!(gaps(&memory, place), 1, "{place}: {:?}", memory.gaps);
    }
}

#[test]
fn packets_of_a_made_up_host() {
    let meminfo = std::fs::read("/proc/meminfo").expect("/proc is mounted");
    let host = MadeUp::new()
        .file("/proc/meminfo", meminfo)
        .file("/proc/config.gz", "CONFIG_MAX_SKB_FRAGS=17\n")
        .file("/proc/slabinfo", "skbuff_head_cache 15000 16000 256 16 1\n")
        .file("/sys/kernel/slab/skbuff_fclone_cache/objects", "33 N0=33\n");
    let network = memory(&host, None).expect("it is enough").network;
    assert_eq!(network.skb_objects, Some(15_033));
    assert_eq!(network.skb_bound, Some(Bytes(15_033 * 18 * 32_768)));
}
