//! Where a process is named that may have a socket, that is where it is looked for first, and no more than that.

use std::io::Write;
use std::net::{TcpListener, TcpStream};

use rustix::net::SocketType;
use skcheck_core::engine::{Engine, Step, Target};
use skcheck_core::{Protocol, SocketName, State};

use crate::measure::{ALL_PACKETS, engine, exact, here, scan};
use crate::support::child::no_child_is_born;
use crate::support::scan::eventually;
use crate::support::sockets::{arrived, inode, send_unix, tcp_pair, unix_pair};
use crate::turn;

/// The bytes of all packets of each of these, or `None` where it was not met.
fn walk(targets: &[Target<'_>]) -> Vec<Option<u64>> {
    let mut bytes = vec![0; targets.len()];
    let mut met = vec![false; targets.len()];
    let walked = engine().walk(targets, &ALL_PACKETS, &mut |at, step| match step {
        Step::Packet(packet) => bytes[at] += packet.len.0,
        Step::Anew => bytes[at] = 0,
        Step::End(_) => met[at] = true,
        _ => {}
    });
    assert!(walked.expect("root may"), "there is time");
    std::iter::zip(bytes, met).map(|(bytes, met)| met.then_some(bytes)).collect()
}

/// Sockets of this process, one that waits at a listener of its, and one that nobody has: whoever is said to have them,
/// all are found.
#[test]
fn whoever_is_named_all_are_found() {
    let Some(_turn) = turn::beside_others("named_process::whoever_is_named_all_are_found") else { return };
    let mut pair = tcp_pair("127.0.0.1");
    pair.send(5000);
    arrived(&pair.server, 5000);
    let (reader, writer) = unix_pair(SocketType::SEQPACKET);
    send_unix(&writer, 700);
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is up");
    let mut waiting = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
    waiting.write_all(&[b'x'; 300]).expect("the window is open");
    let [held, unix] = [inode(&pair.server), inode(&reader)];
    let names: Vec<(SocketName, Protocol)> = eventually("all arrive", || {
        let snapshot = scan(&here(), &ALL_PACKETS);
        let waits = listener.local_addr().expect("bound").port();
        let sockets = snapshot.sockets.iter().filter(|report| {
            let socket = &report.socket;
            let is_waiting = socket.inode.is_none() && socket.local.port() == Some(waits);
            let has_arrived =
                is_waiting && socket.state == State::Established && exact(report).unread().0 == 300;
            socket.inode == Some(held) || socket.inode == Some(unix) || has_arrived
        });
        let names: Vec<_> = sockets.filter_map(|it| Some((it.socket.name()?, it.socket.protocol))).collect();
        (names.len() == 3).then_some(names)
    });
    let _quiet = no_child_is_born();
    let own = std::process::id();
    let named = |pids: [Option<u32>; 3]| {
        let targets: Vec<Target<'_>> = std::iter::zip(&names, pids)
            .map(|((name, protocol), pid)| {
                let mut target = Target::new(*name, *protocol);
                target.pid = pid;
                target
            })
            .collect();
        let mut bytes = walk(&targets);
        bytes.sort_unstable();
        assert_eq!(bytes, [Some(300), Some(700), Some(5000)], "{pids:?}");
    };
    named([None; 3]);
    named([Some(own); 3]);
    // Another process, none, and some of each.
    named([Some(1); 3]);
    named([Some(u32::MAX >> 1); 3]);
    named([Some(own), Some(1), Some(u32::MAX)]);
    named([Some(own), None, Some(1)]);
}
