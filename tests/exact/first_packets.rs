//! The first packets of queues, by which a watch tells whether anybody has read.

use std::net::UdpSocket;
use std::os::fd::AsFd;

use rustix::net::{SendFlags, SocketType, send};
use skcheck_core::watch::{FirstPacket, Probe, Sample, SocketKey};
use skcheck_core::{Live, NetnsChoice, Query};

use crate::measure::engine;
use crate::support::child::no_child_is_born;
use crate::support::loopback::settle;
use crate::support::scan::get;
use crate::support::sockets::{inode, unix_pair};
use crate::turn;

fn sample(probe: &mut Probe<'_>, before: Option<&Sample>) -> Sample {
    let _quiet = no_child_is_born();
    probe.sample(Some(engine()), before).expect("the host can be sampled")
}

fn head(sample: &Sample, reader: &impl AsFd) -> FirstPacket {
    let key = SocketKey::of(get(&sample.snapshot, inode(reader))).expect("the kernel gives it a cookie");
    *sample.first_packets.get(&key).expect("it holds something")
}

/// Whether the process of this test is looked at closely: nothing that it holds was read.
fn stands_still(sample: &Sample) -> bool {
    sample.processes.get(&std::process::id()).is_some_and(|process| process.closely)
}

/// The head is the same until somebody reads, and then another, however much arrives meanwhile.
fn check(reader: &impl AsFd, write: &dyn Fn(u8), read: &dyn Fn()) {
    let host = Live::new();
    let mut query = Query::default();
    query.netns = NetnsChoice::Current;
    query.pids = vec![std::process::id()];
    let mut probe = Probe::new(&host, query);
    (0..20).for_each(write);
    let mut before = sample(&mut probe, None);
    for round in 0..5 {
        (0..20).for_each(write);
        let now = sample(&mut probe, Some(&before));
        assert_eq!(head(&now, reader), head(&before, reader), "round {round}");
        assert!(stands_still(&now), "round {round}");
        // What a reader of UDP takes off the queue that others fill, it takes off whole.
        read();
        (0..20).for_each(write);
        let later = sample(&mut probe, Some(&now));
        assert_ne!(head(&later, reader), head(&now, reader), "round {round}");
        assert!(!stands_still(&later), "round {round}");
        before = later;
    }
}

#[test]
fn of_udp() {
    let Some(_turn) = turn::beside_others("first_packets::of_udp") else { return };
    let [reader, sender] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").expect("loopback is up"));
    sender.connect(reader.local_addr().expect("bound")).expect("loopback");
    let write = |at: u8| {
        sender.send(&[0; 100][..usize::from(at) + 1]).expect("there is room");
        settle();
    };
    let read = || {
        reader.recv(&mut [0; 100]).expect("they wait");
    };
    check(&reader, &write, &read);
}

#[test]
fn of_unix_sockets() {
    let Some(_turn) = turn::beside_others("first_packets::of_unix_sockets") else { return };
    for kind in [SocketType::STREAM, SocketType::DGRAM, SocketType::SEQPACKET] {
        let (reader, writer) = unix_pair(kind);
        // A datagram socket takes ten at most unless somebody reads.
        let write = |_| {
            let _ = send(&writer, &[0; 100], SendFlags::DONTWAIT);
        };
        // A part of a stream's packet is enough.
        let read = || {
            rustix::io::read(&reader, &mut [0; 50]).expect("they wait");
        };
        check(&reader, &write, &read);
    }
}
