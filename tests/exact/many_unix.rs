//! Very many unix sockets in few buckets of the kernel's table: an iterator that stops in the middle of
//! a bucket goes on with the next, and loses the rest.

use std::os::fd::OwnedFd;

use rustix::net::{SendFlags, SocketAddrUnix, SocketType, sockopt};
use rustix::process::{Resource, Rlimit, setrlimit};
use skcheck_core::engine::Queue;

use crate::measure::{ALL_PACKETS, exact, here, scan, whole};
use crate::support::scan::get;
use crate::support::sockets::{inode, send_unix, unix_pair, unix_socket};
use crate::turn;

const SOCKETS: usize = 6000;

fn allow_descriptors() {
    let limit = Rlimit { current: Some(20_000), maximum: Some(20_000) };
    setrlimit(Resource::Nofile, limit).expect("root may");
}

/// Names that all fall into one bucket: the kernel hashes an abstract name by its Internet checksum
/// (`unix_abstract_hash`), and these have the same.
fn name(number: usize) -> SocketAddrUnix {
    let number = u16::try_from(number).expect("16 bits");
    let mut name = b"skcheck-".to_vec();
    name.extend(number.to_be_bytes());
    name.extend((u16::MAX - number).to_be_bytes());
    SocketAddrUnix::new_abstract_name(&name).expect("short enough")
}

/// How many bytes a datagram to one of them has: no two have the same.
fn length(number: usize) -> usize {
    number + 1
}

fn assert_none_is_lost(readers: &[OwnedFd], packets: u64) {
    let snapshot = scan(&here(), &ALL_PACKETS);
    for (number, reader) in readers.iter().enumerate() {
        let receive = whole(exact(get(&snapshot, inode(reader))), Queue::Receive);
        assert_eq!(
            (receive.packets, receive.bytes.0),
            (packets, length(number) as u64 * packets),
            "{number}"
        );
    }
}

#[test]
fn all_in_one_bucket() {
    let Some(_turn) = turn::alone("many_unix::all_in_one_bucket") else { return };
    allow_descriptors();
    std::fs::write("/proc/sys/net/unix/max_dgram_qlen", "30").expect("the namespace is the test's own");
    let sender = unix_socket(SocketType::DGRAM);
    sockopt::set_socket_send_buffer_size_force(&sender, 512 << 20).expect("root may");
    let readers: Vec<OwnedFd> = (0..SOCKETS)
        .map(|number| {
            let reader = unix_socket(SocketType::DGRAM);
            rustix::net::bind(&reader, &name(number)).expect("the name is free");
            reader
        })
        .collect();
    let bytes = vec![b'x'; length(SOCKETS)];
    // More than the walk's buffer holds at once.
    for _ in 0..10 {
        for number in 0..SOCKETS {
            let bytes = &bytes[..length(number)];
            let sent = rustix::net::sendto(&sender, bytes, SendFlags::empty(), &name(number));
            assert_eq!(sent.expect("bound"), bytes.len());
        }
    }
    assert_none_is_lost(&readers, 10);
}

/// Unbound ones are hashed by where they lie in memory.
#[test]
fn unbound() {
    let Some(_turn) = turn::alone("many_unix::unbound") else { return };
    allow_descriptors();
    let (writers, readers): (Vec<OwnedFd>, Vec<OwnedFd>) = (0..SOCKETS)
        .map(|number| {
            let (writer, reader) = unix_pair(SocketType::DGRAM);
            send_unix(&writer, length(number));
            (writer, reader)
        })
        .unzip();
    assert_none_is_lost(&readers, 1);
    drop(writers);
    assert_none_is_lost(&readers, 1);
}
