//! Ping sockets, in a network namespace of the test's own, and what /proc/net says of them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SendFlags, SocketType, ipproto, sendto};

use super::loopback::send_each;
use super::sockets::{inode, socket_of};

/// One of IPv4 and one of IPv6.
pub(crate) fn ping_sockets() -> [OwnedFd; 2] {
    // By default nobody may have one, not even root.
    std::fs::write("/proc/sys/net/ipv4/ping_group_range", "0 2147483647").expect("root may");
    [(AddressFamily::INET, ipproto::ICMP), (AddressFamily::INET6, ipproto::ICMPV6)]
        .map(|(family, protocol)| socket_of(family, SocketType::DGRAM, Some(protocol)))
}

/// Sends so many echo requests of 64 bytes to this host, which answers.
pub(crate) fn ping(socket: &OwnedFd, requests: u64) {
    let is_v4 = rustix::net::sockopt::socket_domain(socket).expect("a socket") == AddressFamily::INET;
    let (kind, to): (u8, IpAddr) = match is_v4 {
        true => (8, Ipv4Addr::LOCALHOST.into()),
        false => (128, Ipv6Addr::LOCALHOST.into()),
    };
    send_each(0..requests, |_| {
        let request = [[kind, 0, 0, 0, 0, 0, 0, 1], [b'x'; 8], [b'x'; 8], [b'x'; 8]].concat();
        sendto(socket, &request, SendFlags::empty(), &SocketAddr::from((to, 0))).expect("loopback takes it");
    });
}

/// What waits in a socket, in bytes of truesize, and how many packets were dropped, by /proc/net/icmp or
/// icmp6.
pub(crate) fn told(socket: &OwnedFd) -> (u64, u32) {
    let files = ["icmp", "icmp6"].map(|name| std::fs::read_to_string(format!("/proc/net/{name}")));
    let lines: Vec<String> =
        files.iter().flatten().flat_map(|file| file.lines()).map(str::to_owned).collect();
    let number = inode(socket).get().to_string();
    let of = |line: &String| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (_, received) =
            words.get(4)?.split_once(':').filter(|_| words.get(9) == Some(&number.as_str()))?;
        Some((u64::from_str_radix(received, 16).ok()?, words.last()?.parse().ok()?))
    };
    lines.iter().find_map(of).expect("it is listed")
}
