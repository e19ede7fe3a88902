//! A host that changes while it is scanned.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::net::SocketType;
use skcheck_core::{Payload, RecvQueue};

use crate::support::child::{Sleeper, spawn};
use crate::support::scan::{self, get, mine};
use crate::support::sockets::{self, inode, send_unix, tcp_pair, unix_pair};

/// Sockets that stay, with data, are each reported once and with their holder in every scan, while
/// others come and go.
#[test]
fn stable_sockets_stay() {
    let mut pairs: Vec<_> = (0..20).map(|_| tcp_pair("127.0.0.1")).collect();
    pairs.iter_mut().for_each(|pair| pair.send(500));
    let unix: Vec<_> = (0..20).map(|_| unix_pair(SocketType::STREAM)).collect();
    unix.iter().for_each(|(writer, _)| send_unix(writer, 500));
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| come_and_go(&stop));
        }
        let scans = std::panic::catch_unwind(|| {
            for _ in 0..30 {
                let snapshot = scan::run(&scan::everything());
                for pair in &pairs {
                    let report = get(&snapshot, inode(&pair.server));
                    assert_eq!(report.socket.recv_q, RecvQueue::Payload(Payload(500)));
                    // A child that another test starts has all of them until it executes its program.
                    assert!(report.holders.contains(&mine(&pair.server)), "{report:?}");
                    assert!(report.peer_holders.contains(&mine(&pair.client)), "{report:?}");
                }
                for (_, reader) in &unix {
                    assert!(get(&snapshot, inode(reader)).holders.contains(&mine(reader)));
                }
            }
        });
        stop.store(true, Ordering::Relaxed);
        if let Err(panic) = scans {
            std::panic::resume_unwind(panic);
        }
    });
}

/// A few sockets at a time: connected, written to, accepted or not, closed or reset.
fn come_and_go(stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let mut clients: Vec<TcpStream> =
            (0..8).map(|_| TcpStream::connect(address).expect("it listens")).collect();
        let _ = clients[0].write_all(b"never accepted");
        let accepted = listener.accept();
        clients.drain(..4).for_each(sockets::reset);
        let (writer, reader) = unix_pair(SocketType::DGRAM);
        send_unix(&writer, 10);
        drop((clients, accepted, writer, reader));
    }
}

/// Processes that end between the look at their descriptors and the look at their names.
#[test]
fn processes_that_end_during_the_scan() {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let (here, there) = unix_pair(SocketType::STREAM);
                send_unix(&here, 10);
                let mut command = Command::new("true");
                command.stdin(Stdio::from(there)).stdout(Stdio::null());
                spawn(&mut command).wait().expect("it ends");
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let scans = std::panic::catch_unwind(|| {
            for _ in 0..30 {
                let snapshot = scan::run(&scan::unix_only());
                // A process that is gone keeps its pid; nobody is described twice.
                let pids: Vec<u32> = snapshot.processes.iter().map(|process| process.pid).collect();
                assert!(pids.is_sorted_by(|a, b| a < b), "{pids:?}");
                let own = snapshot.process(std::process::id());
                assert!(own.is_none_or(|process| process.comm.is_some()));
                let holders = snapshot.sockets.iter().flat_map(|report| &report.holders);
                assert!(holders.into_iter().all(|holder| snapshot.process(holder.pid).is_some()));
            }
        });
        stop.store(true, Ordering::Relaxed);
        if let Err(panic) = scans {
            std::panic::resume_unwind(panic);
        }
    });
}

/// A zombie holds nothing any more; its socket is closed, and the peer's end says so.
#[test]
fn a_process_that_has_ended() {
    let (here, there) = unix_pair(SocketType::STREAM);
    send_unix(&here, 10);
    let gone = inode(&there);
    drop(Sleeper::holding(there));
    let snapshot = scan::run(&scan::unix_only());
    assert!(scan::find(&snapshot, gone).is_none());
    assert_eq!(get(&snapshot, inode(&here)).peer_holders, []);
}
