//! Raw, packet and netlink sockets, as a user sees them.

use std::fs::File;
use std::net::SocketAddr;
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::Command;

use rustix::net::{AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, ipproto};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::Value;

use crate::run::{json, run, skcheck};

/// A network namespace of `ip netns` in which this process does not read a raw socket and a packet socket.
struct Sniffed {
    netns: String,
    raw: OwnedFd,
    packet: OwnedFd,
}

impl Sniffed {
    /// `None` where this user may not.
    fn make(label: &str) -> Option<Sniffed> {
        if !rustix::process::geteuid().is_root() {
            println!("skipped: needs root");
            return None;
        }
        let netns = format!("skc{}-{label}", std::process::id());
        ip(&format!("netns add {netns}"));
        ip(&format!("-n {netns} link set lo up"));
        let file = File::open(format!("/run/netns/{netns}")).unwrap();
        let make = || {
            move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            const ETH_P_ALL: u16 = 3;
            let all = Protocol::from_raw(u32::from(ETH_P_ALL.to_be()).try_into().unwrap());
            let packet = socket(AddressFamily::PACKET, all);
            let raw = socket(AddressFamily::INET, ipproto::ICMP);
            let to = SocketAddr::from(([127, 0, 0, 1], 0));
            // An answer to nobody: nothing comes back.
            for _ in 0..2000 {
                rustix::net::sendto(&raw, &[0, 0, 0xff, 0xff, 0, 0, 0, 0], SendFlags::empty(), &to).unwrap();
            }
            (raw, packet)
        };
        let (raw, packet) = std::thread::scope(|scope| scope.spawn(make).join().unwrap());
        Some(Sniffed { netns, raw, packet })
    }

    fn sockets(&self, arguments: &str) -> Vec<Value> {
        let report = json(&format!("{arguments} --netns {} --engine proc", self.netns));
        report["sockets"].as_array().unwrap().clone()
    }
}

impl Drop for Sniffed {
    fn drop(&mut self) {
        ip(&format!("netns del {}", self.netns));
    }
}

fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split_whitespace()).status().unwrap();
    assert!(status.success(), "ip {arguments}");
}

fn socket(family: AddressFamily, protocol: Protocol) -> OwnedFd {
    rustix::net::socket_with(family, SocketType::RAW, SocketFlags::CLOEXEC, Some(protocol)).unwrap()
}

fn inode(socket: &OwnedFd) -> u64 {
    rustix::fs::fstat(socket).unwrap().st_ino
}

/// Nobody has to ask for them.
#[test]
fn they_stand_in_the_default_report() {
    let Some(sniffed) = Sniffed::make("default") else { return };
    let ran = run(&mut skcheck(&format!("--netns {} --engine proc --by socket", sniffed.netns)));
    assert_eq!(ran.code, Some(0));
    let first = ran.out.lines().next().unwrap();
    let me = format!("({})", std::process::id());
    assert!(first.contains(&me) && first.contains("sits on unread data of unknown length"), "{first}");
    let row =
        |protocol: &str| ran.out.lines().find(|line| line.contains(&format!("  {protocol}  "))).unwrap();
    assert!(row("packet").contains(" *:* ") || row("packet").ends_with(" *:*"), "{}", row("packet"));
    assert!(row("raw").contains("0.0.0.0:icmp"), "{}", row("raw"));
    assert!(!ran.out.contains("rtnl"), "no netlink socket holds anything: {}", ran.out);
}

#[test]
fn each_has_a_flag_and_says_what_it_is() {
    let Some(sniffed) = Sniffed::make("flags") else { return };
    let raw = sniffed.sockets("--raw");
    assert_eq!((raw.len(), &raw[0]["inode"]), (1, &inode(&sniffed.raw).into()));
    assert_eq!((&raw[0]["family"], &raw[0]["protocol"]), (&"inet".into(), &"raw".into()));
    let local = serde_json::json!({"addr": "0.0.0.0", "ip_protocol": 1, "name": "icmp", "scope": null});
    assert_eq!(raw[0]["local"], local);
    assert_eq!((&raw[0]["recv_q"], &raw[0]["recv_q_unit"]), (&raw[0]["charged"], &"truesize".into()));
    assert!(raw[0]["charged"].as_u64().unwrap() > 100_000 && raw[0]["unread"].is_null());

    let packet = sniffed.sockets("--packet");
    assert_eq!((packet.len(), &packet[0]["inode"]), (1, &inode(&sniffed.packet).into()));
    assert_eq!(packet[0]["local"], serde_json::json!({"ethernet_protocol": 3, "name": "*"}));
    assert_eq!((&packet[0]["ring_bytes"], packet[0]["interface"].is_null()), (&0.into(), true));
    assert_eq!(packet[0]["rings"], serde_json::json!({"rx": null, "tx": null}));

    assert!(sniffed.sockets("--netlink").is_empty(), "the kernel's own hold nothing");
    let all = sniffed.sockets("--netlink --all");
    assert!(!all.is_empty());
    for socket in &all {
        assert_eq!((&socket["protocol"], &socket["local"]["portid"]), (&"netlink".into(), &0.into()));
        assert_eq!((&socket["holding"], socket["portid_pid"].is_null()), (&"kernel".into(), true));
    }
    assert!(sniffed.sockets("-tux --mptcp --all").is_empty());
    assert_eq!(sniffed.sockets("--raw --packet").len(), 2);
}

/// What has arrived is in the queue or was dropped: each of both by the kernel's own count.
#[test]
fn full_ones_say_so_and_what_they_dropped() {
    let Some(sniffed) = Sniffed::make("full") else { return };
    let ran = run(&mut skcheck(&format!("--netns {} --engine proc --by socket", sniffed.netns)));
    let row =
        |protocol: &str| ran.out.lines().find(|line| line.contains(&format!("  {protocol}  "))).unwrap();
    assert!(
        row("packet").contains("buffer full (") && row("packet").ends_with(" dropped"),
        "{}",
        row("packet")
    );
    let packet = sniffed.sockets("--packet").remove(0);
    assert_eq!(packet["full"], true);
    assert!(ran.out.contains("its buffer is full (") && ran.out.contains("Full: "), "{}", ran.out);
    let raw = sniffed.sockets("--raw").remove(0);
    // Where the kernel's module for them is missing nothing tells the limit.
    assert!(raw["full"] == true || raw["skmem"]["rcvbuf"].is_null(), "{raw:#}");
    let drops = raw["skmem"]["drops"].as_u64().unwrap();
    assert!(row("raw").contains(&format!("{drops} dropped")), "{}", row("raw"));
    let mut waited = 0;
    let mut packet = [0; 100];
    while rustix::net::recv(&sniffed.raw, &mut packet, RecvFlags::DONTWAIT).is_ok() {
        waited += 1;
    }
    assert_eq!(waited + drops, 2000);
    // Both of them are empty now, or almost.
    let raw = sniffed.sockets("--raw --all").remove(0);
    assert_ne!(raw["full"], true, "{raw:#}");
}

/// A program that is told of each change of an interface, and reads nothing: what has no room is dropped.
#[test]
fn a_netlink_socket_that_missed_something() {
    if !rustix::process::geteuid().is_root() {
        return println!("skipped: needs root");
    }
    const CHANGES: u64 = 12;
    const LINKS: u32 = 1; // RTMGRP_LINK
    let netns = format!("skc{}-rtnl", std::process::id());
    ip(&format!("netns add {netns}"));
    let file = File::open(format!("/run/netns/{netns}")).unwrap();
    let make = || {
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        // NETLINK_ROUTE is 0.
        let (family, kind) = (AddressFamily::NETLINK, SocketType::RAW);
        let netlink = rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, None).unwrap();
        rustix::net::sockopt::set_socket_recv_buffer_size(&netlink, 4000).unwrap();
        rustix::net::bind(&netlink, &rustix::net::netlink::SocketAddrNetlink::new(0, LINKS)).unwrap();
        netlink
    };
    let netlink = std::thread::scope(|scope| scope.spawn(make).join().unwrap());
    (0..CHANGES).for_each(|change| ip(&format!("-n {netns} link set lo mtu {}", 10_000 + change)));
    let report = json(&format!("--netlink --netns {netns} --engine proc"));
    let ran = run(&mut skcheck(&format!("--netlink --netns {netns} --engine proc")));
    ip(&format!("netns del {netns}"));
    let socket = &report["sockets"][0];
    assert_eq!(socket["inode"], inode(&netlink), "{socket:#}");
    let mut waited = 0;
    let mut message = vec![0; 1 << 16];
    loop {
        match rustix::net::recv(&netlink, &mut message[..], RecvFlags::DONTWAIT) {
            Ok(_) => waited += 1,
            // It is told once that it missed something.
            Err(rustix::io::Errno::NOBUFS) => {}
            Err(_) => break,
        }
    }
    assert!(waited > 0 && waited < CHANGES, "{waited}");
    let drops = CHANGES - waited;
    assert_eq!((&socket["full"], &socket["skmem"]["drops"]), (&true.into(), &drops.into()), "{socket:#}");
    assert!(ran.out.contains(&format!("), and {drops} packets were dropped so far.")), "{}", ran.out);
    assert!(ran.out.contains(&format!("), {drops} dropped")), "{}", ran.out);
}

/// A ping socket that is full, in a row and in JSON; and beside it one of a family that no table tells of.
#[test]
fn ping_sockets_and_what_has_no_table() {
    let Some(sniffed) = Sniffed::make("ping") else { return };
    let file = File::open(format!("/run/netns/{}", sniffed.netns)).unwrap();
    let make = || {
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        std::fs::write("/proc/sys/net/ipv4/ping_group_range", "0 0").unwrap();
        let kind = (SocketType::DGRAM, SocketFlags::CLOEXEC);
        let ping =
            rustix::net::socket_with(AddressFamily::INET, kind.0, kind.1, Some(ipproto::ICMP)).unwrap();
        let to = SocketAddr::from(([127, 0, 0, 1], 0));
        for _ in 0..2000 {
            rustix::net::sendto(&ping, &[8, 0, 0, 0, 0, 0, 0, 0], SendFlags::empty(), &to).unwrap();
        }
        ping
    };
    let ping = std::thread::scope(|scope| scope.spawn(make).join().unwrap());
    for engine in ["proc", "bpf"] {
        let report = json(&format!("--netns {} --engine {engine}", sniffed.netns));
        let sockets = report["sockets"].as_array().unwrap();
        let found = sockets.iter().find(|socket| socket["inode"] == inode(&ping)).unwrap();
        assert_eq!((&found["family"], &found["protocol"]), (&"inet".into(), &"ping".into()));
        assert_eq!((&found["recv_q"], &found["recv_q_unit"]), (&found["charged"], &"truesize".into()));
        assert!(
            found["charged"].as_u64().unwrap() > 100_000 && found["skmem"]["drops"].as_u64().unwrap() > 0
        );
        assert_eq!(found["holders"][0]["pid"], std::process::id());
        let out = run(&mut skcheck(&format!("--netns {} --engine {engine} --by socket", sniffed.netns))).out;
        assert!(out.lines().any(|line| line.contains("  ping  ")), "{out}");
    }

    let protocols = std::fs::read_to_string("/proc/net/protocols").unwrap();
    if !protocols.lines().any(|line| line.starts_with("XDP ")) {
        return; // this kernel says that it has none
    }
    let family = AddressFamily::from_raw(44);
    let _xdp = rustix::net::socket_with(family, SocketType::RAW, SocketFlags::CLOEXEC, None).unwrap();
    for engine in ["proc", "bpf"] {
        let only_mine = format!("--pid {} --netns {} --engine {engine}", std::process::id(), sniffed.netns);
        let report = json(&only_mine);
        let gaps = report["gaps"].as_array().unwrap();
        let gap = gaps.iter().find(|gap| gap["what"] == "families").unwrap();
        assert_eq!((&gap["count"], &gap["where"]), (&1.into(), &"1 XDP".into()));
        let sockets = serde_json::json!([{"name": "XDP", "sockets": 1}]);
        assert_eq!(gap["place"], serde_json::json!({"kind": "protocols", "protocols": sockets}));
        let out = run(&mut skcheck(&only_mine)).out;
        let told = "Not seen: 1 socket of a protocol that is in no table (1 XDP)";
        assert!(out.contains(told), "{out}");
        assert!(!run(&mut skcheck(&format!("{only_mine} --tcp"))).out.contains("XDP"));
    }
}

/// What the kernel of this machine tells of them, or why it tells nothing.
#[test]
fn a_vsock_socket_is_told_or_missed() {
    let socket =
        rustix::net::socket_with(AddressFamily::VSOCK, SocketType::STREAM, SocketFlags::CLOEXEC, None);
    let Ok(socket) = socket else { return println!("skipped: needs a kernel that was built with vsock") };
    let report = json(&format!("--all --pid {} --engine proc", std::process::id()));
    let of_vsock = |gap: &&Value| gap["where"] == "vsock";
    let gap = report["gaps"].as_array().unwrap().iter().find(of_vsock).unwrap();
    if gap["what"] == "table" {
        assert!(gap["remedy"].as_str().unwrap().contains("vsock_diag"), "{gap}");
        return println!("skipped: needs a kernel that was built with vsock_diag");
    }
    assert_eq!(gap["what"], "table_detail");
    let is_it = |it: &&Value| it["inode"] == inode(&socket);
    let told = report["sockets"].as_array().unwrap().iter().find(is_it).unwrap();
    assert_eq!((&told["family"], &told["protocol"]), (&"vsock".into(), &"vsock_stream".into()));
    assert_eq!(told["local"], serde_json::json!({"cid": null, "name": null, "port": null}));
    assert!(told["recv_q"].is_null() && told["unread"].is_null() && told["charged"].is_null(), "{told:#}");
}
